// What a case gets: clients of ali-oss as its users make them, and the service. Runs in Node and in a page.

import { Valet } from "../valet.mjs";

/** Uploads, reads and clears up one object, as the service's own session policies do it. */
const ACTIONS = ["PutObject", "GetObject", "DeleteObject", "AbortMultipartUpload", "ListParts"].map((action) => `oss:${action}`);

export class AliOss {
  constructor({ OSS, dev, signature, credentials, platform }) {
    Object.assign(this, { OSS, dev, signature, credentials, platform, valet: new Valet(dev), v4: signature === "v4" });
  }

  sample(size = 70_001) {
    return this.platform.sample(size);
  }

  /** The file as this platform's users hold it: a Buffer in Node, a File in a page. */
  body(file) {
    return this.platform.body(file.bytes);
  }

  /** A file, and a grant for it. */
  async granted(method = "put", size = 70_001) {
    const file = await this.sample(size);
    return { file, grant: await this.valet.grant(method, file) };
  }

  /** A key that no grant has. */
  key(name = "object.bin") {
    return `sdk/${this.platform.name}/${this.signature}-${this.credentials}/${crypto.randomUUID()}/${name}`;
  }

  /** A client that may do everything (static keys), or everything with this key (temporary credentials for it). */
  async client(key, options = {}) {
    const identity = this.credentials === "sts" ? await this.temporary(key) : this.owner();
    return new this.OSS({
      // As a CNAME on `localhost`: against an IP address this SDK would put the bucket into the Host header only.
      endpoint: this.dev.simulator.replace("127.0.0.1", "localhost"),
      cname: true,
      bucket: this.dev.bucket,
      region: this.dev.region,
      authorizationV4: this.v4,
      ...this.platform.options,
      ...identity,
      ...options,
    });
  }

  owner() {
    return { accessKeyId: this.dev.access_key_id, accessKeySecret: this.dev.access_key_secret };
  }

  /** Temporary credentials, limited to the key, as an application's server gets them by `OSS.STS#assumeRole`. */
  async temporary(key) {
    const Resource = [`acs:oss:*:*:${this.dev.bucket}/${key}`];
    const policy = { Version: "1", Statement: [{ Effect: "Allow", Action: ACTIONS, Resource }] };
    const { AccessKeyId, AccessKeySecret, SecurityToken } = await this.platform.assumeRole(policy);
    return { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, stsToken: SecurityToken, refreshSTSTokenInterval: 3_600_000 };
  }
}

/** The grant's callback in ali-oss's own form. */
export function structured({ callback: { url, body, body_type, sni, vars } }) {
  const customValue = Object.fromEntries(Object.entries(vars).map(([name, value]) => [name.replace(/^x:/, ""), value]));
  return { url, body, contentType: body_type, callbackSNI: sni, customValue };
}

/** A request by the SDK's HTTP client, for a URL that is signed already. A refusal becomes the SDK's error. */
export async function send(client, url, { method = "PUT", headers = {}, content } = {}) {
  const result = await client.urllib.request(url, { method, headers, content });
  if (result.status !== 200) throw await client.requestError(result);
  return result;
}

/** The SDK's HTTP client does `before` (url, parameters) with each request that it sends from now on. */
export function tap(client, before) {
  const http = client.urllib;
  client.urllib = {
    request(url, parameters) {
      before(url, parameters);
      return http.request(url, parameters);
    },
  };
}

export const parsed = (result) => JSON.parse(result.data.toString());
