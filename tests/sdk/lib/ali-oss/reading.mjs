// Reading back what was uploaded, and the few other things that applications do with it.

import { holds, refused, same } from "../expect.mjs";

export const reading = {
  async append(t) {
    const [key, first, second] = [t.key(), await t.sample(1_000), await t.sample(2_000)];
    const client = await t.client(key);
    const { nextAppendPosition } = await client.append(key, t.body(first));
    same("next position", Number(nextAppendPosition ?? first.size), first.size); // a page sees it only where CORS exposes it
    await client.append(key, t.body(second), { position: first.size });
    const whole = t.OSS.Buffer.concat([t.OSS.Buffer.from(first.bytes), t.OSS.Buffer.from(second.bytes)]);
    same("bytes", t.OSS.Buffer.compare((await client.get(key)).content, whole), 0);
    const again = () => client.append(key, t.body(second), { position: first.size });
    await refused(again, { status: 409, code: "PositionNotEqualToLength" });
  },

  async copy(t) {
    const [key, file] = [t.key(), await t.sample()];
    const client = await t.client(`${key}*`);
    await client.put(key, t.body(file), { mime: "application/pdf" });
    const { data } = await client.copy(`${key}.copy`, key);
    same("ETag", data.etag, `"${file.md5}"`);
    const copied = await client.get(`${key}.copy`);
    same("bytes", t.OSS.Buffer.compare(copied.content, t.OSS.Buffer.from(file.bytes)), 0);
    same("type", copied.res.headers["content-type"], "application/pdf");
    await refused(() => client.copy(`${key}.copy`, `${key}.none`), { status: 404, code: "NoSuchKey" });
  },

  async head(t) {
    const [key, file] = [t.key("scan.pdf"), await t.sample()];
    const client = await t.client(key);
    await client.put(key, t.body(file), { mime: "application/pdf", meta: { album: "42" } });
    const { status, meta, res } = await client.head(key);
    same("status", status, 200);
    same("type", res.headers["content-type"], "application/pdf");
    if (t.platform.name === "chromium") return; // a page sees only the headers that the bucket's CORS rule exposes
    same("meta", meta.album, "42");
    same("kind", res.headers["x-oss-object-type"], "Normal");
  },

  async "object-meta"(t) {
    const [key, file] = [t.key(), await t.sample()];
    const client = await t.client(key);
    await client.put(key, t.body(file));
    const { status, res } = await client.getObjectMeta(key);
    same("status", status, 200);
    same("size", res.headers["content-length"], String(file.size));
    same("ETag", res.headers.etag, `"${file.md5}"`);
  },

  async get(t) {
    const [key, file] = [t.key(), await t.sample()];
    const client = await t.client(key);
    await client.put(key, t.body(file));
    const whole = await client.get(key);
    same("bytes", t.OSS.Buffer.compare(whole.content, t.OSS.Buffer.from(file.bytes)), 0);
    same("CRC64", whole.res.headers["x-oss-hash-crc64ecma"], file.crc64);
    const range = await client.get(key, { headers: { Range: "bytes=100-199" } });
    same("status of a range", range.res.status, 206);
    same("bytes of a range", t.OSS.Buffer.compare(range.content, t.OSS.Buffer.from(file.bytes.slice(100, 200))), 0);
  },

  async "content-md5"(t) {
    const [key, file] = [t.key(), await t.sample()];
    const client = await t.client(key);
    const { res } = await client.put(key, t.body(file), { disabledMD5: false });
    same("ETag", res.headers.etag, `"${file.md5}"`);
    const wrong = { "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==" };
    const put = () => client.put(key, t.body(file), { disabledMD5: false, headers: wrong });
    await refused(put, { status: 400, code: "InvalidDigest" });
  },

  async "odd-key"(t) {
    const [key, file] = [t.key("ä b+c&d=e?f#g%2F'(h)*!~ 相册.bin"), await t.sample()];
    const client = await t.client(key);
    await client.put(key, t.body(file));
    const { content } = await client.get(key);
    same("size", content.length, file.size);
    holds("stored under that key", (await t.platform.storedKeys()).includes(JSON.stringify(key)));
  },

  async "forbid-overwrite"(t) {
    const [key, file] = [t.key(), await t.sample()];
    const client = await t.client(key);
    const put = () => client.put(key, t.body(file), { headers: { "x-oss-forbid-overwrite": "true" } });
    await put();
    await refused(put, { status: 409, code: "FileAlreadyExists" });
  },

  async "delete-and-missing"(t) {
    const [key, file] = [t.key(), await t.sample()];
    const client = await t.client(key);
    await client.put(key, t.body(file));
    same("status", (await client.delete(key)).res.status, 204);
    await refused(() => client.get(key), { status: 404, code: "NoSuchKey" });
    await refused(() => client.head(key), { status: 404, code: "NoSuchKey" });
  },
};
