// What is in the bucket, as its owner sees it: requests signed by hand (V1), so that nothing under test has a part in it.

import { createHmac } from "node:crypto";

import { dev } from "./page.mjs";

async function get(key, subresource = "") {
  const expires = Math.floor(Date.now() / 1000) + 60;
  const resource = `/${dev.bucket}/${key}${subresource && `?${subresource}`}`;
  const signature = createHmac("sha1", dev.access_key_secret).update(`GET\n\n\n${expires}\n${resource}`).digest("base64");
  const query = new URLSearchParams({ OSSAccessKeyId: dev.access_key_id, Expires: expires, Signature: signature });
  const response = await fetch(`${dev.simulator}${resource}${subresource ? "&" : "?"}${query}`);
  if (!response.ok) throw new Error(`${resource}: ${response.status} ${await response.text()}`);
  return response;
}

/** An object's bytes. */
export const object = async (key) => Buffer.from(await (await get(key)).arrayBuffer());

/** Whether an upload in parts is under way for the key. */
export const isUnfinished = async (key) => (await (await get("", "uploads")).text()).includes(`<Key>${key}</Key>`);

/** What became of each request about the key, oldest first: `["UploadPart 200", …]`. */
export async function requests(key) {
  const log = await (await fetch(`${dev.simulator}/-/log`)).json();
  return log.filter((entry) => entry.key === key).map((entry) => `${entry.operation} ${entry.status}`);
}
