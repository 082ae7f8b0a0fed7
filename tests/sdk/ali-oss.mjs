// The official Node SDK as a client of issued grants. Prints one JSON line per case; see ./run.

import { createHash, randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import OSS from "ali-oss";

const SDK = `ali-oss ${createRequire(import.meta.url)("ali-oss/package.json").version}`;
const dev = JSON.parse(process.env.OSS_VALET_DEV);
const version = process.env.OSS_VALET_SIGNATURE; // what the service signs with; the SDK shall too

const ways = { "PutObject, structured callback": structured, "PutObject, callback headers": blobs, "presigned URL": presigned, "form": form };

for (const [way, upload] of Object.entries(ways)) {
  const row = { sdk: SDK, way, version, problem: null };
  try {
    await check(upload);
  } catch (error) {
    row.problem = `${error.name}: ${error.message}`;
  }
  console.log(JSON.stringify(row));
}

async function check(upload) {
  const bytes = randomBytes(70_001);
  const method = upload === form ? "post" : "put";
  const grant = await api("POST", "/v1/uploads", {
    profile: "document", method, filename: "scan.pdf", content_type: "application/pdf", size: bytes.length, vars: { album: "ein Bild & 相册" },
  });
  expect("signed V4", JSON.stringify(grant.request).includes("OSS4-HMAC-SHA256"), version === "v4");
  const answer = await upload(grant, bytes);
  expect("callback's answer: id", answer.id, grant.id);
  expect("callback's answer: state", answer.state, "completed");
  const known = await api("GET", `/v1/uploads/${grant.id}`);
  expect("state", known.state, "completed");
  expect("source", known.completion.source, "callback");
  expect("size", known.completion.size, bytes.length);
  expect("type", known.completion.content_type, "application/pdf");
  expect("etag", known.completion.etag.replaceAll('"', ""), createHash("md5").update(bytes).digest("hex").toUpperCase());
}

function client(grant) {
  return new OSS({
    // As a CNAME on `localhost`: against an IP address this SDK would put the bucket into the Host header only.
    endpoint: dev.simulator.replace("127.0.0.1", "localhost"),
    cname: true,
    bucket: grant.bucket,
    region: grant.region,
    accessKeyId: dev.access_key_id,
    accessKeySecret: dev.access_key_secret,
    authorizationV4: version === "v4",
  });
}

async function structured(grant, bytes) {
  const { url, body, body_type, sni, vars } = grant.callback;
  const customValue = Object.fromEntries(Object.entries(vars).map(([name, value]) => [name.replace(/^x:/, ""), value]));
  const callback = { url, body, contentType: body_type, callbackSNI: sni, customValue };
  const result = await client(grant).put(grant.key, bytes, { mime: grant.content_type, callback });
  return result.data;
}

async function blobs(grant, bytes) {
  const headers = { "x-oss-callback": grant.callback.callback, "x-oss-callback-var": grant.callback.callback_var };
  const result = await client(grant).put(grant.key, bytes, { mime: grant.content_type, headers });
  return result.data;
}

/** The SDK has no call for somebody else's URL; its HTTP client has. */
async function presigned(grant, bytes) {
  const { url, method, headers } = grant.request;
  const result = await client(grant).urllib.request(url, { method, headers, content: bytes });
  if (result.status !== 200) throw new Error(`${result.status} ${result.data}`);
  return JSON.parse(result.data.toString());
}

async function form(grant, bytes) {
  const body = new FormData();
  for (const [name, value] of Object.entries(grant.request.fields)) body.append(name, value);
  body.append("file", new Blob([bytes]), "scan.pdf");
  const response = await fetch(grant.request.url, { method: "POST", body });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return response.json();
}

async function api(method, path, body) {
  const response = await fetch(dev.service + path, {
    method,
    headers: { Authorization: `Bearer ${dev.token}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

function expect(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}
