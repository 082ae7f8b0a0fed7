// A receiver of events, and an `oss-valet dev` that sends them there.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Answers the scripted statuses, and then always 204; `next()` waits for what arrives. */
export async function startSink(t, statuses = []) {
  const arrived = [];
  const waiting = [];
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(statuses.shift() ?? 204).end();
    const received = { headers: request.headers, body: Buffer.concat(chunks).toString("utf8"), path: request.url };
    const waiter = waiting.shift();
    if (waiter) waiter(received);
    else arrived.push(received);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const next = () => (arrived.length > 0 ? arrived.shift() : new Promise((resolve) => waiting.push(resolve)));
  return { url: `http://127.0.0.1:${server.address().port}/events`, next };
}

/** `oss-valet dev` on free ports; `config` is the text of a development.toml. */
export async function startDev(t, { sink, config } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "oss-valet-events."));
  const address = "127.0.0.1:0";
  const args = ["dev", "--json", "--listen", address, "--ops-listen", address, "--simulator-listen", address, "--data", join(folder, "data")];
  if (sink) args.push("--sink", sink);
  if (config) {
    writeFileSync(join(folder, "development.toml"), config);
    args.push("--config", folder);
  }
  const child = spawn(process.env.OSS_VALET_BINARY, args, { stdio: ["ignore", "pipe", "ignore"] });
  t.after(async () => {
    if (child.exitCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    rmSync(folder, { recursive: true });
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return JSON.parse(line);
}

const call = async (dev, method, path, body) => {
  const headers = { authorization: `Bearer ${dev.token}`, "content-type": "application/json" };
  const response = await fetch(dev.service + path, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response.status === 204 ? null : response.json();
};

export const issue = (dev, ask) => call(dev, "POST", "/v1/uploads", ask);
export const cancel = (dev, grant) => call(dev, "DELETE", `/v1/uploads/${grant.id}`);

/** Uploads as a browser would; OSS's status. */
export async function upload(grant, bytes) {
  const form = new FormData();
  for (const [name, value] of Object.entries(grant.request.fields)) form.append(name, value);
  form.append("file", new Blob([bytes]), grant.filename ?? "file.bin");
  const response = await fetch(grant.request.url, { method: "POST", body: form });
  await response.arrayBuffer();
  return response.status;
}
