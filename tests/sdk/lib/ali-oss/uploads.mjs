// Whole objects under a grant; the ledger proves that the callback has come.

import { refused, same } from "../expect.mjs";
import { parsed, send, structured } from "./client.mjs";
import { expiration, postForm, signedForm } from "./forms.mjs";

/** The URL that the SDK presigns for a grant, and the headers to send with it. */
async function presigned(client, grant, t, { inHeaders }) {
  const { callback, callback_var } = grant.callback;
  const headers = { "Content-Type": grant.content_type };
  if (inHeaders) Object.assign(headers, { "x-oss-callback": callback, "x-oss-callback-var": callback_var });
  if (t.v4) {
    const queries = inHeaders ? {} : { callback, "callback-var": callback_var };
    return { url: await client.signatureUrlV4("PUT", 300, { headers, queries }, grant.key), headers };
  }
  const own = inHeaders ? {} : { callback: structured(grant) };
  return { url: client.signatureUrl(grant.key, { method: "PUT", expires: 300, ...headers, ...own }), headers };
}

async function byPresignedUrl(t, options) {
  const { grant, file } = await t.granted();
  const client = await t.client(grant.key);
  const { url, headers } = await presigned(client, grant, t, options);
  const result = await send(client, url, { headers, content: file.bytes });
  t.valet.answered(parsed(result), grant);
  await t.valet.recorded(grant, file);
}

export const uploads = {
  async put(t) {
    const { grant, file } = await t.granted();
    const client = await t.client(grant.key);
    const result = await client.put(grant.key, t.body(file), { mime: grant.content_type, callback: structured(grant) });
    t.valet.answered(result.data, grant);
    await t.valet.recorded(grant, file);
  },

  async "put-ready-callback"(t) {
    const { grant, file } = await t.granted();
    const client = await t.client(grant.key);
    const headers = { "x-oss-callback": grant.callback.callback, "x-oss-callback-var": grant.callback.callback_var };
    const result = await client.put(grant.key, t.body(file), { mime: grant.content_type, headers });
    t.valet.answered(result.data, grant);
    await t.valet.recorded(grant, file);
  },

  async "put-stream"(t) {
    const { grant, file } = await t.granted();
    const client = await t.client(grant.key);
    const options = { mime: grant.content_type, callback: structured(grant) };
    const result = await client.putStream(grant.key, t.platform.stream(file.bytes), options);
    same("sent in chunks", options.headers["Transfer-Encoding"], "chunked");
    t.valet.answered(result.data, grant);
    await t.valet.recorded(grant, file);
  },

  async "put-callback-fails"(t) {
    const { grant, file } = await t.granted();
    const client = await t.client(grant.key);
    const callback = { ...structured(grant), url: `${t.dev.service}/nowhere` };
    const put = () => client.put(grant.key, t.body(file), { mime: grant.content_type, callback });
    await refused(put, { status: 203, code: "CallbackFailed", ec: "0007-00000203", message: /^Error status : 404\./ });
    same("state after all", (await t.valet.complete(grant.id)).state, "completed");
    await t.valet.recorded(grant, file, { source: "complete" });
  },

  "presigned-callback-in-query": (t) => byPresignedUrl(t, { inHeaders: false }),

  "presigned-callback-in-headers": (t) => byPresignedUrl(t, { inHeaders: true }),

  /** `host` among the signed headers binds the URL to that one domain. */
  async "presigned-for-host"(t) {
    const { grant, file } = await t.granted();
    const client = await t.client(grant.key);
    const { host, port } = client.options.endpoint;
    const headers = { "Content-Type": grant.content_type };
    const queries = { callback: grant.callback.callback, "callback-var": grant.callback.callback_var };
    const signed = { headers: { ...headers, host }, queries };
    const url = await client.signatureUrlV4("PUT", 300, signed, grant.key, ["host"]);
    const elsewhere = url.replace(`//${host}/`, `//127.0.0.1:${port}/${grant.bucket}/`);
    const content = file.bytes;
    await refused(() => send(client, elsewhere, { headers, content }), { status: 403, code: "SignatureDoesNotMatch" });
    t.valet.answered(parsed(await send(client, url, { headers, content })), grant);
    await t.valet.recorded(grant, file);
  },

  async form(t) {
    const { grant, file } = await t.granted();
    const fields = { callback: grant.callback.callback, ...grant.callback.vars, "x-oss-content-type": grant.content_type };
    const client = await t.client(grant.key);
    const form = signedForm(t, client, { key: grant.key, fields, size: file.size, until: expiration(300) });
    t.valet.answered(parsed(await postForm(t, client, form, file)), grant);
    await t.valet.recorded(grant, file);
  },

  /** What the service has signed; the SDK's HTTP client sends it. */
  async "grant-url"(t) {
    const { grant, file } = await t.granted("put");
    same("signed V4", grant.request.url.includes("OSS4-HMAC-SHA256"), t.v4);
    const { url, method, headers } = grant.request;
    const result = await send(await t.client(grant.key), url, { method, headers, content: file.bytes });
    t.valet.answered(parsed(result), grant);
    await t.valet.recorded(grant, file);
  },

  async "grant-form"(t) {
    const { grant, file } = await t.granted("post");
    same("signed V4", grant.request.fields["x-oss-signature-version"] === "OSS4-HMAC-SHA256", t.v4);
    const result = await postForm(t, await t.client(grant.key), grant.request.fields, file, grant.request.url);
    t.valet.answered(parsed(result), grant);
    await t.valet.recorded(grant, file);
  },
};
