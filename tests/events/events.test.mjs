// What is sent, judged by libraries that others wrote.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CloudEvent, HTTP } from "cloudevents";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

import { cancel, issue, startDev, startSink, upload } from "./sink.mjs";

const NAME = "Bild – 图片 😀.txt";

test("an event verifies and parses", async (t) => {
  const sink = await startSink(t);
  const dev = await startDev(t, { sink: sink.url });
  const grant = await issue(dev, { profile: "document", filename: NAME, vars: { album: "42", note: "ä\u00a0\"'\\😀" } });
  assert.equal(await upload(grant, "hello"), 200);
  const { headers, body } = await sink.next();

  const verified = new Webhook(dev.sink_secret).verify(body, headers);
  const event = HTTP.toEvent({ headers, body });
  assert.ok(event instanceof CloudEvent && event.validate());
  assert.deepEqual(event.data, verified.data);
  assert.equal(event.specversion, "1.0");
  assert.equal(event.type, "com.oss-valet.upload.completed");
  assert.equal(event.id, headers["webhook-id"]);
  assert.equal(event.source, `${dev.service}/`);
  assert.equal(event.subject, grant.key);
  assert.equal(event.datacontenttype, "application/json");
  assert.ok(Math.abs(Date.parse(event.time) - Date.now()) < 3_600_000);
  const { data } = event;
  assert.deepEqual(
    Object.keys(data).sort(),
    [
      "bucket", "completed_at", "content_type", "crc64", "etag", "filename", "image", "issued_at", "key", "late", "method", "profile",
      "reason", "region", "size", "source", "upload_id", "user_id", "vars", "version_id",
    ],
  );
  assert.deepEqual(
    [data.upload_id, data.user_id, data.profile, data.method, data.bucket, data.region, data.key, data.size],
    [grant.id, "u-dev", "document", "post", "dev-media", "cn-hangzhou", grant.key, 5],
  );
  assert.deepEqual([data.filename, data.vars.note, data.source, data.late], [NAME, "ä\u00a0\"'\\😀", "callback", false]);
});

test("what is changed on the way, too old, or another's does not verify", async (t) => {
  const sink = await startSink(t);
  const dev = await startDev(t, { sink: sink.url });
  assert.equal(await upload(await issue(dev, { profile: "document", filename: "a.txt" }), "hello"), 200);
  const { headers, body } = await sink.next();
  const webhook = new Webhook(dev.sink_secret);
  webhook.verify(body, headers);
  const hourAgo = String(Number(headers["webhook-timestamp"]) - 3600);
  for (const [what, tryIt] of Object.entries({
    body: () => webhook.verify(body.replace("\"size\":5", "\"size\":6"), headers),
    id: () => webhook.verify(body, { ...headers, "webhook-id": "019aa3c5-0000-7000-8000-000000000000" }),
    time: () => webhook.verify(body, { ...headers, "webhook-timestamp": hourAgo }),
    secret: () => new Webhook("whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhlLXRlc3Rz").verify(body, headers),
  })) {
    assert.throws(tryIt, WebhookVerificationError, what);
  }
});

test("a refused event comes again under its id, and verifies again", async (t) => {
  const sink = await startSink(t, [500]);
  const dev = await startDev(t, { sink: sink.url });
  assert.equal(await upload(await issue(dev, { profile: "document", filename: "a.txt" }), "hello"), 200);
  const [first, second] = [await sink.next(), await sink.next()];
  assert.equal(second.headers["webhook-id"], first.headers["webhook-id"]);
  assert.equal(second.body, first.body);
  assert.ok(Number(second.headers["webhook-timestamp"]) > Number(first.headers["webhook-timestamp"]));
  new Webhook(dev.sink_secret).verify(second.body, second.headers);
});

test("while a secret is exchanged, holders of either verify; a rejection parses, too", async (t) => {
  const sink = await startSink(t);
  const secrets = ["whsec_bmV3LXNlY3JldC1vZi10aGUtZXZlbnQtdGVzdA==", "whsec_b2xkLXNlY3JldC1vZi10aGUtZXZlbnQtdGVzdA=="];
  const config = `[[sinks]]\nurl = "${sink.url}?token=1"\nsecrets = ${JSON.stringify(secrets)}\nevents = ["upload.rejected"]\nallow_private = true\n`;
  const dev = await startDev(t, { config });
  assert.equal(dev.sink_secret, undefined);
  assert.equal(await upload(await issue(dev, { profile: "document", filename: "a.txt" }), "hello"), 200);
  const grant = await issue(dev, { profile: "document", filename: "b.txt" });
  await cancel(dev, grant);
  assert.equal(await upload(grant, "hello"), 203, "OSS stores it, and its callback is refused");
  const { headers, body, path } = await sink.next();
  assert.equal(path, "/events?token=1");
  for (const secret of secrets) new Webhook(secret).verify(body, headers);
  const event = HTTP.toEvent({ headers, body });
  assert.ok(event.validate());
  assert.equal(event.type, "com.oss-valet.upload.rejected");
  assert.deepEqual([event.data.upload_id, event.data.reason], [grant.id, "cancelled"]);
});
