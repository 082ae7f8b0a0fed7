// PostObject: policies that ali-oss signs, and sending a form.

/** An instant as a policy writes it. */
export const expiration = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** A form for one key; `fields` are pinned. By `signPostObjectPolicyV4`, or for V1 by `calculatePostSignature`. */
export function signedForm(t, client, { key, fields = {}, size, until }) {
  const { accessKeyId, stsToken } = client.options;
  const pinned = { key, success_action_status: "200", ...fields };
  if (stsToken) pinned["x-oss-security-token"] = stsToken;
  const date = new Date();
  if (t.v4) {
    const stamp = date.toISOString().replace(/[-:]|\.\d+/g, "");
    pinned["x-oss-signature-version"] = "OSS4-HMAC-SHA256";
    pinned["x-oss-credential"] = `${accessKeyId}/${stamp.slice(0, 8)}/${t.dev.region}/oss/aliyun_v4_request`;
    pinned["x-oss-date"] = stamp;
  }
  const conditions = [{ bucket: t.dev.bucket }, ["content-length-range", 1, size]];
  conditions.push(...Object.entries(pinned).map(([name, value]) => ["eq", `$${name}`, value]));
  const policy = { expiration: until, conditions };
  if (!t.v4) return { ...pinned, ...client.calculatePostSignature(policy) };
  return { ...pinned, policy: base64(JSON.stringify(policy)), "x-oss-signature": client.signPostObjectPolicyV4(policy, date) };
}

/** Sends the form as a page does it. A refusal becomes the SDK's error. */
export async function postForm(t, client, fields, file, url = `${t.dev.simulator}/${t.dev.bucket}/`) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", new Blob([file.bytes]), "scan.pdf");
  const response = await fetch(url, { method: "POST", body });
  const result = { status: response.status, headers: Object.fromEntries(response.headers), data: await response.text() };
  if (result.status !== 200) throw await client.requestError(result);
  return result;
}
