// What OSS must refuse, as ali-oss tells it.

import { withClock } from "../clock.mjs";
import { refused, same } from "../expect.mjs";
import { send, tap } from "./client.mjs";
import { expiration, postForm, signedForm } from "./forms.mjs";

const MISMATCH = { status: 403, code: "SignatureDoesNotMatch", ec: "0002-00000040" };
const HOUR = 3_600_000;

/** A key, a client for it, and bytes. */
async function prepared(t, options) {
  const [key, file] = [t.key(), await t.sample(1_000)];
  return { key, file, client: await t.client(key, options) };
}

/** A PUT that the SDK presigns for five minutes. */
async function presigned(t, client, key) {
  if (t.v4) return client.signatureUrlV4("PUT", 300, {}, key);
  return client.signatureUrl(key, { method: "PUT", expires: 300 });
}

async function sendsForm(t, { alter = (fields) => fields, extra = 0, until = 300 }) {
  const { key, file, client } = await prepared(t);
  const fields = signedForm(t, client, { key, size: file.size - extra, until: expiration(until) });
  return postForm(t, client, alter(fields), file);
}

export const refusals = {
  async "altered-header"(t) {
    const { key, file, client } = await prepared(t);
    tap(client, (_, { headers }) => {
      headers["x-oss-meta-added"] = "after signing";
    });
    await refused(() => client.put(key, t.body(file)), MISMATCH);
  },

  async "altered-type"(t) {
    const { key, file, client } = await prepared(t);
    tap(client, (_, { headers }) => {
      headers["Content-Type"] = "text/html";
    });
    await refused(() => client.put(key, t.body(file), { mime: "image/png" }), MISMATCH);
  },

  async "altered-url-key"(t) {
    const { key, file, client } = await prepared(t);
    const url = (await presigned(t, client, key)).replace("object.bin", "object.bim");
    await refused(() => send(client, url, { content: file.bytes }), MISMATCH);
  },

  async "altered-url-query"(t) {
    const { key, file, client } = await prepared(t);
    const url = await presigned(t, client, key);
    const longer = t.v4 ? url.replace("x-oss-expires=300", "x-oss-expires=3000") : url.replace(/Expires=(\d)/, "Expires=2$1");
    same("altered", longer === url, false);
    await refused(() => send(client, longer, { content: file.bytes }), MISMATCH);
  },

  async "expired-url"(t) {
    const { key, file, client } = await prepared(t);
    const url = await withClock(-HOUR, () => presigned(t, client, key));
    const expired = { status: 403, code: "AccessDenied", message: /Request has expired/ };
    await refused(() => send(client, url, { content: file.bytes }), expired);
  },

  async "wrong-secret"(t) {
    const { key, file, client } = await prepared(t, { accessKeySecret: "Other30CharactersLongSecretKey" });
    await refused(() => client.put(key, t.body(file)), MISMATCH);
  },

  async "unknown-key"(t) {
    const { key, file, client } = await prepared(t, { accessKeyId: "LTAI5tNobodyHasThisKeyId" });
    await refused(() => client.put(key, t.body(file)), { status: 403, code: "InvalidAccessKeyId", ec: "0002-00000902" });
  },

  async "wrong-region"(t) {
    const { key, file, client } = await prepared(t, { region: "cn-beijing" });
    await refused(() => client.put(key, t.body(file)), { status: 400, code: "InvalidArgument", ec: "0002-00000226" });
  },

  /** An hour slow. In a page ali-oss takes the server's time out of the refusal and tries again; in Node it does not. */
  async "clock-off"(t) {
    const { key, file, client } = await prepared(t);
    const put = () => withClock(-HOUR, () => client.put(key, t.body(file)));
    if (t.platform.correctsClock) {
      same("status", (await put()).res.status, 200);
    } else {
      await refused(put, { status: 403, code: "RequestTimeTooSkewed", ec: "0002-00000504" });
    }
  },

  async "form-other-key"(t) {
    const other = (fields) => ({ ...fields, key: t.key() });
    const failed = { status: 403, code: "AccessDenied", message: /Policy Condition failed.*\$key/ };
    await refused(() => sendsForm(t, { alter: other }), failed);
  },

  async "form-too-large"(t) {
    await refused(() => sendsForm(t, { extra: 1 }), { status: 400, code: "EntityTooLarge" });
  },

  async "form-expired"(t) {
    await refused(() => sendsForm(t, { until: -1 }), { status: 403, code: "AccessDenied", message: /Policy expired/ });
  },

  async "form-altered-policy"(t) {
    const widened = ({ policy, ...fields }) => {
      const text = atob(policy).replace(/"content-length-range",1,\d+/, '"content-length-range",1,99999');
      return { ...fields, policy: btoa(text) };
    };
    await refused(() => sendsForm(t, { alter: widened }), MISMATCH);
  },
};
