import assert from "node:assert/strict";
import { test } from "node:test";

import { ValetError, callbackFailed, file, hangUp, json, policyExpired, problem, sentButSilent, standIn, xml } from "./stand_in.mjs";

const avatar = { profile: "avatar", filename: "me.png" };
const ISSUE = "POST /v1/uploads";
const SEND = "POST /bucket/";
const LOOK = "GET /v1/uploads/g1";
const COMPLETE = "POST /v1/uploads/g1/complete";
const RENEW = "POST /v1/uploads/g1/renew";
const CANCEL = "DELETE /v1/uploads/g1";

const code = (expected) => (error) => error instanceof ValetError && (assert.equal(error.code, expected), true);

test("an upload is issued, sent and confirmed, and hands over the callback's answer", async (t) => {
  const at = await standIn(t);
  const result = await at.client().upload(file(), { ...avatar, vars: { album: "42" }, idempotencyKey: "k1" });
  assert.deepEqual(at.names(), [ISSUE, SEND, LOOK]);
  assert.deepEqual(result.answer, { id: "g1", state: "completed" });
  assert.equal(result.completion.etag, '"E"');
  assert.equal(result.recovered, false);
  assert.deepEqual(JSON.parse(at.seen[0].body), {
    profile: "avatar", filename: "me.png", content_type: "image/png", size: 5, vars: { album: "42" },
  });
  assert.equal(at.seen[0].headers["idempotency-key"], "k1");
  assert.equal(at.seen[0].headers.authorization, "Bearer jwt");
});

test("the token never goes to OSS", async (t) => {
  const at = await standIn(t);
  await at.client().upload(file(), avatar);
  assert.equal(at.seen[1].name, SEND);
  assert.equal(at.seen[1].headers.authorization, undefined);
});

test("a form holds the fields in their order and the file last", async (t) => {
  const at = await standIn(t);
  await at.client().upload(file(), avatar);
  const names = [...at.seen[1].body.matchAll(/; name="([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual(names, ["key", "policy", "x:seal", "file"]);
});

test("put sends the bare bytes with exactly the signed headers", async (t) => {
  const at = await standIn(t, ({ origin, grant }) => ({
    [ISSUE]: json(201, grant({
      method: "put",
      request: { method: "PUT", url: `${origin}/bucket/avatars/u/g1.png?sig=1`, headers: { "Content-Type": "image/webp" }, fields: {} },
    })),
  }));
  await at.client().upload(file(), { ...avatar, method: "put" });
  const sent = at.seen[1];
  assert.equal(sent.name, "PUT /bucket/avatars/u/g1.png?sig=1");
  assert.equal(sent.headers["content-type"], "image/webp");
  assert.equal(sent.body, "bytes");
});

test("put without a signed type does not send the file's own", async (t) => {
  const at = await standIn(t, ({ origin, grant }) => ({
    [ISSUE]: json(201, grant({ request: { method: "PUT", url: `${origin}/bucket/avatars/u/g1.png?sig=1`, headers: {}, fields: {} } })),
  }));
  await at.client().upload(file(), avatar);
  assert.equal(at.seen[1].headers["content-type"], undefined);
});

test("203 is a failed callback: the ledger is told by complete", async (t) => {
  const at = await standIn(t, { [SEND]: xml(203, callbackFailed) });
  const result = await at.client().upload(file(), avatar);
  assert.deepEqual(at.names(), [ISSUE, SEND, COMPLETE]);
  assert.equal(result.recovered, true);
  assert.equal(result.answer, null);
  assert.equal(result.callbackError, "Error status : 502.");
  assert.equal(result.grant.state, "completed");
});

test("a 200 that no callback stands behind is completed by hand", async (t) => {
  const at = await standIn(t, ({ grant }) => ({ [LOOK]: json(200, grant({ request: undefined })) }));
  const result = await at.client().upload(file(), avatar);
  assert.deepEqual(at.names(), [ISSUE, SEND, LOOK, COMPLETE]);
  assert.equal(result.recovered, true);
});

test("a lost answer is looked up instead of sent again", async (t) => {
  const at = await standIn(t, { [SEND]: hangUp });
  const result = await at.client().upload(file(), avatar);
  assert.deepEqual(at.names(), [ISSUE, SEND, COMPLETE]);
  assert.equal(result.recovered, true);
});

test("what did not arrive is sent again", async (t) => {
  const at = await standIn(t, {
    [SEND]: [hangUp, json(200, { ok: true })],
    [COMPLETE]: problem(409, "not_uploaded"),
  });
  const result = await at.client().upload(file(), avatar);
  assert.deepEqual(at.names(), [ISSUE, SEND, COMPLETE, SEND, LOOK]);
  assert.equal(result.recovered, false);
});

test("sending is given up after the agreed number of attempts, with the network's error", async (t) => {
  const at = await standIn(t, { [SEND]: hangUp, [COMPLETE]: problem(409, "not_uploaded") });
  await assert.rejects(at.client({ retry: { attempts: 3 } }).upload(file(), avatar), code("network_error"));
  assert.equal(at.names().filter((name) => name === SEND).length, 3);
});

test("an object that exists already is one of ours whose answer was lost", async (t) => {
  const at = await standIn(t, { [SEND]: xml(409, "<Error><Code>FileAlreadyExists</Code><Message>m</Message></Error>") });
  assert.equal((await at.client().upload(file(), avatar)).recovered, true);
  assert.deepEqual(at.names(), [ISSUE, SEND, COMPLETE]);
});

test("503 is tried again after the time that Retry-After names", async (t) => {
  const at = await standIn(t, ({ grant }) => ({
    [ISSUE]: [problem(503, "store_unavailable", { "retry-after": "7" }), json(201, grant())],
  }));
  await at.client().upload(file(), { ...avatar, idempotencyKey: "same" });
  assert.deepEqual(at.pauses, [7000]);
  assert.deepEqual(at.seen.slice(0, 2).map((call) => call.headers["idempotency-key"]), ["same", "same"]);
});

test("the pauses between attempts grow and stay bounded", async (t) => {
  const at = await standIn(t, { [ISSUE]: problem(503, "store_unavailable") });
  const retry = { attempts: 6, baseDelayMs: 100, maxDelayMs: 400 };
  await assert.rejects(at.client({ retry }).upload(file(), avatar), code("store_unavailable"));
  assert.equal(at.pauses.length, 5);
  const ceilings = [100, 200, 400, 400, 400];
  at.pauses.forEach((pause, i) => assert.ok(pause >= ceilings[i] / 2 && pause <= ceilings[i], `pause ${i}: ${pause}`));
});

test("a Retry-After beyond the limit is the caller's to decide", async (t) => {
  const at = await standIn(t, { [ISSUE]: problem(429, "rate_limited", { "retry-after": "3600" }) });
  await assert.rejects(at.client().upload(file(), avatar), code("rate_limited"));
  assert.deepEqual(at.pauses, []);
});

test("refusals are not tried again", async (t) => {
  for (const [status, name] of [[422, "content_type_not_allowed"], [403, "profile_not_allowed"], [409, "idempotency_conflict"], [429, "quota_exceeded"]]) {
    const at = await standIn(t, { [ISSUE]: problem(status, name) });
    await assert.rejects(at.client().upload(file(), avatar), (error) => {
      assert.equal(error.code, name);
      assert.equal(error.status, status);
      assert.equal(error.detail, `detail of ${name}`);
      assert.equal(error.requestId, "req-1");
      return true;
    });
    assert.deepEqual(at.names(), [ISSUE], name);
  }
});

test("what OSS refuses is not sent again, and its own code is handed on", async (t) => {
  const at = await standIn(t, {
    [SEND]: xml(400, "<Error><Code>EntityTooLarge</Code><Message>too big</Message><RequestId>R9</RequestId></Error>"),
  });
  await assert.rejects(at.client().upload(file(), avatar), (error) => {
    assert.equal(error.code, "oss_refused");
    assert.equal(error.ossCode, "EntityTooLarge");
    assert.equal(error.detail, "EntityTooLarge: too big");
    assert.equal(error.requestId, "R9");
    return true;
  });
  assert.deepEqual(at.names(), [ISSUE, SEND]);
});

test("an expired signature is renewed and the upload goes on at once", async (t) => {
  const at = await standIn(t, { [SEND]: [xml(403, policyExpired), json(200, { ok: true })] });
  await at.client().upload(file(), avatar);
  assert.deepEqual(at.names(), [ISSUE, SEND, RENEW, SEND, LOOK]);
  assert.deepEqual(at.pauses, []);
});

test("a grant that has run out by the service's clock is renewed before the bytes leave", async (t) => {
  const at = await standIn(t, ({ grant }) => ({
    [ISSUE]: json(201, grant({ expires_at: "2999-01-01T00:00:00Z" }), { date: "Fri, 01 Jan 2999 00:00:05 GMT" }),
    [RENEW]: json(200, grant({ expires_at: "2999-01-01T01:00:00Z" }), { date: "Fri, 01 Jan 2999 00:00:06 GMT" }),
  }));
  await at.client().upload(file(), avatar);
  assert.deepEqual(at.names(), [ISSUE, RENEW, SEND, LOOK]);
});

test("401 asks for a fresh token once", async (t) => {
  const at = await standIn(t, ({ grant }) => ({ [ISSUE]: [problem(401, "unauthorized"), json(201, grant())] }));
  const asked = [];
  const getToken = ({ refresh }) => (asked.push(refresh), refresh ? "new" : "old");
  await at.client({ token: undefined, getToken }).upload(file(), avatar);
  assert.deepEqual(at.seen.slice(0, 2).map((call) => call.headers.authorization), ["Bearer old", "Bearer new"]);
  assert.deepEqual(asked.slice(0, 2), [false, true]);
});

test("401 with a fresh token, or with a fixed one, is final", async (t) => {
  const at = await standIn(t, { [ISSUE]: problem(401, "unauthorized") });
  await assert.rejects(at.client({ getToken: () => "t" }).upload(file(), avatar), code("unauthorized"));
  await assert.rejects(at.client().upload(file(), avatar), code("unauthorized"));
  assert.deepEqual(at.names(), [ISSUE, ISSUE, ISSUE]);
});

test("an abort while the bytes are leaving withdraws the grant", async (t) => {
  const stop = new AbortController();
  const at = await standIn(t, { [SEND]: { hold: () => stop.abort() } });
  await assert.rejects(at.client().upload(file(), { ...avatar, signal: stop.signal }), (error) => {
    assert.equal(error.code, "aborted");
    assert.equal(error.name, "AbortError");
    return true;
  });
  assert.deepEqual(at.names(), [ISSUE, SEND, CANCEL]);
});

test("an abort after the last byte asks first: what has arrived counts", async (t) => {
  const stop = new AbortController();
  const at = await standIn(t);
  const seen = [];
  const result = await at.client({ XMLHttpRequest: sentButSilent(() => stop.abort()) }).upload(file(), {
    ...avatar, signal: stop.signal, onProgress: (progress) => seen.push(`${progress.phase} ${progress.loaded}/${progress.total}`),
  });
  assert.equal(result.recovered, true);
  assert.deepEqual(at.names(), [ISSUE, COMPLETE]);
  assert.deepEqual(seen, ["issuing 0/5", "sending 0/5", "sending 3/5", "sending 5/5", "done 5/5"]);
});

test("an abort after the last byte withdraws the grant where nothing arrived", async (t) => {
  const stop = new AbortController();
  const at = await standIn(t, { [COMPLETE]: problem(409, "not_uploaded") });
  const client = at.client({ XMLHttpRequest: sentButSilent(() => stop.abort()) });
  await assert.rejects(client.upload(file(), { ...avatar, signal: stop.signal }), code("aborted"));
  assert.deepEqual(at.names(), [ISSUE, COMPLETE, CANCEL]);
});

test("an abort that comes too late to withdraw the grant is an upload", async (t) => {
  const stop = new AbortController();
  const at = await standIn(t, { [SEND]: { hold: () => stop.abort() }, [CANCEL]: problem(409, "grant_ended") });
  const result = await at.client().upload(file(), { ...avatar, signal: stop.signal });
  assert.equal(result.grant.state, "completed");
});

test("a signal that is aborted already sends nothing at all", async (t) => {
  const at = await standIn(t);
  await assert.rejects(at.client().upload(file(), { ...avatar, signal: AbortSignal.abort() }), code("aborted"));
  assert.deepEqual(at.names(), []);
});

test("a transfer that stands still is broken off and looked up", async (t) => {
  const at = await standIn(t);
  const XMLHttpRequest = sentButSilent(() => {});
  const result = await at.client({ XMLHttpRequest, stallTimeoutMs: 1 }).upload(file(), avatar);
  assert.equal(result.recovered, true);
});

test("a file that breaks the rules after all is an error with the ledger's reason", async (t) => {
  const at = await standIn(t, ({ grant }) => ({
    [SEND]: xml(203, callbackFailed),
    [COMPLETE]: json(200, grant({ state: "rejected", reason: "size_too_large" })),
  }));
  await assert.rejects(at.client().upload(file(), avatar), (error) => {
    assert.equal(error.code, "upload_rejected");
    assert.equal(error.detail, "size_too_large");
    return true;
  });
});

test("a replayed key whose upload is done already is that upload", async (t) => {
  const at = await standIn(t, ({ completed }) => ({ [ISSUE]: json(201, { ...completed, request: null }) }));
  const result = await at.client().upload(file(), avatar);
  assert.equal(result.grant.state, "completed");
  assert.deepEqual(at.names(), [ISSUE]);
});

test("methods that need an SDK are refused by name", async (t) => {
  const at = await standIn(t, ({ grant }) => ({ [ISSUE]: json(201, grant({ method: "sts", request: null })) }));
  await assert.rejects(at.client().upload(file(), avatar), code("method_not_supported"));
});

test("profiles come without their wrapping", async (t) => {
  const at = await standIn(t, { "GET /v1/profiles": json(200, { profiles: [{ name: "avatar" }] }) });
  assert.deepEqual(await at.client().profiles(), [{ name: "avatar" }]);
});
