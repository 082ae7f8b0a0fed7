// The running service and simulator, as the tests see them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";

export const dev = JSON.parse(process.env.OSS_VALET_DEV);

async function ask(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** What the ledger knows of a grant. */
export const ledger = (id) => ask(`${dev.service}/v1/uploads/${id}`, { headers: { Authorization: `Bearer ${dev.token}` } });

const faults = `${dev.simulator}/-/faults`;

const setFaults = (...rules) => ask(faults, { method: "PUT", body: JSON.stringify(rules) });
export const noFaults = () => setFaults();
export const faultsLeft = () => ask(faults);
/** Makes the next callback fail: it is not sent, and the uploader gets a 203. */
export const failCallback = () => setFaults({ on: { operation: "Callback" }, do: "drop" });
/** Lets OSS refuse every upload from now on. */
export const refuseUploads = () => setFaults(...["PutObject", "PostObject"].map((operation) => (
  { on: { operation }, times: null, do: { refuse: { status: 403, code: "AccessDenied", message: "Request has expired." } } })));

/** The grant is completed from `source`, with exactly these bytes and the variables of the recipes. */
export async function assertCompleted(id, bytes, source) {
  const known = await ledger(id);
  assert.equal(known.state, "completed");
  assert.equal(known.completion.source, source);
  assert.equal(known.completion.size, bytes.length);
  assert.equal(known.completion.content_type, "application/pdf");
  assert.equal(known.completion.etag.replaceAll('"', ""), createHash("md5").update(bytes).digest("hex").toUpperCase());
  assert.deepEqual(known.vars, { album: "42" });
}

/** A service between the recipe and the service, that changes the text of every grant issued; it counts the renewals. */
export async function between(change) {
  let renewed = 0;
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length ? Buffer.concat(chunks) : undefined;
    const answer = await fetch(dev.service + request.url, { method: request.method, headers: without(request.headers), body });
    const text = await answer.text();
    const issued = request.method === "POST" && request.url === "/v1/uploads" && answer.ok;
    if (request.method === "POST" && request.url.endsWith("/renew")) renewed += 1;
    response.writeHead(answer.status, without(Object.fromEntries(answer.headers)));
    response.end(issued ? change(text) : text);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    renewals: () => renewed,
    close: () => new Promise((closed) => server.close(closed).closeAllConnections()),
  };
}

/** Headers without those of the single connection. */
function without(headers) {
  const own = ["host", "connection", "keep-alive", "content-length", "transfer-encoding", "expect", "upgrade", "http2-settings"];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !own.includes(name)));
}

/** The signature with another last digit. */
export function spoiled(text) {
  const changed = text.replace(/(x-oss-signature(?:=|":\s*")[0-9a-f]*)([0-9a-f])/, (_, head, digit) => head + (digit === "0" ? "1" : "0"));
  assert.notEqual(changed, text, "there is a signature to spoil");
  return changed;
}

/** The endpoint as a name, as OSS's are: a browser can put the bucket before a name, but not before an address. */
export function byName(text) {
  const grant = JSON.parse(text);
  return JSON.stringify({ ...grant, endpoint: grant.endpoint.replace("127.0.0.1", "localhost") });
}
