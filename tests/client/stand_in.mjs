// A service and an OSS in one small HTTP server: it answers what the test has scripted and remembers what it was asked.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";

const source = readFileSync(new URL("../../src/demo/client.js", import.meta.url));
/** The library as the service serves it: a module whatever its file is called, on every Node from 18 on. */
export const { createClient, ValetError } = await import(`data:text/javascript;base64,${source.toString("base64")}`);

export const callbackFailed =
  "<?xml version=\"1.0\"?><Error><Code>CallbackFailed</Code><Message>Error status : 502.</Message><RequestId>R1</RequestId></Error>";
export const policyExpired =
  "<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message></Error>";

export const json = (status, body, headers = {}) => ({ status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
export const problem = (status, code, headers) => json(status, { code, detail: `detail of ${code}`, request_id: "req-1", errors: [] }, headers);
export const xml = (status, body, headers) => ({ status, headers: { "content-type": "application/xml", ...headers }, body });
/** The connection breaks before an answer. */
export const hangUp = { hangUp: true };

/** Starts the stand-in; `script` maps "POST /v1/uploads" and the like to one answer or a list (the last one stays). */
export async function standIn(t, script = {}) {
  const seen = [];
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const call = { name: `${request.method} ${request.url}`, headers: request.headers, body: Buffer.concat(chunks).toString("latin1") };
    seen.push(call);
    answer(response, pick(call.name));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${server.address().port}`;

  const grant = (changes = {}) => ({
    id: "g1", profile: "avatar", method: "post", state: "issued", key: "avatars/u/g1.png", expires_at: "2999-01-01T00:00:00Z",
    request: { method: "POST", url: `${origin}/bucket/`, headers: {}, fields: { key: "avatars/u/g1.png", policy: "p", "x:seal": "s" } },
    ...changes,
  });
  const completed = { ...grant(), state: "completed", request: undefined, completion: { size: 5, etag: "\"E\"", source: "callback" } };
  const script_ = {
    "POST /v1/uploads": json(201, grant()),
    "POST /bucket/": json(200, { id: "g1", state: "completed" }),
    "PUT /bucket/avatars/u/g1.png?sig=1": json(200, { id: "g1", state: "completed" }),
    "GET /v1/uploads/g1": json(200, completed),
    "POST /v1/uploads/g1/complete": json(200, completed),
    "POST /v1/uploads/g1/renew": json(200, grant({ renewed: true })),
    "DELETE /v1/uploads/g1": { status: 204, headers: {}, body: "" },
    ...(typeof script === "function" ? script({ origin, grant, completed }) : script),
  };

  function pick(name) {
    const planned = script_[name];
    if (planned === undefined) return problem(404, "not_found");
    if (!Array.isArray(planned)) return planned;
    return planned.length > 1 ? planned.shift() : planned[0];
  }

  const pauses = [];
  const client = (options = {}) =>
    createClient({ baseUrl: `${origin}/`, token: "jwt", sleep: async (ms) => void pauses.push(ms), ...options });
  return { origin, seen, pauses, client, names: () => seen.map((call) => call.name) };
}

function answer(response, planned) {
  if (planned.hangUp) return response.socket.destroy();
  if (planned.hold) return planned.hold();
  response.writeHead(planned.status, planned.headers);
  response.end(planned.body);
}

/** An XMLHttpRequest that says every byte has left, calls `onSent`, and never gets an answer. */
export const sentButSilent = (onSent) =>
  class {
    upload = {};
    open() {}
    setRequestHeader() {}
    send() {
      this.upload.onprogress({ lengthComputable: true, loaded: 50, total: 100 });
      this.upload.onload();
      onSent();
    }
    abort() {
      this.onabort();
    }
  };

export const file = () => new Blob(["bytes"], { type: "image/png" });
