// Makes an answer fit to be shown to everybody: what is secret becomes obviously fake, what differs from run to run becomes
// fixed. So a saved example never opens anything, and changes only when the service does.

const RUN_BEGAN = Date.parse("2026-01-01T12:00:00Z");
/** No run takes so long, and every lifetime is a multiple of it. */
const STEP = 5 * 60_000;
/** Times are cut to seconds, and clocks differ a little. */
const SLACK = 5_000;
const LENT = 15 * 60_000;

/** What stands instead of secrets, by the name of the field, form field, header or query parameter. */
const FAKES = {
  signature: "not-a-real-signature",
  "x-oss-signature": "not-a-real-signature",
  security_token: "not-a-real-security-token",
  securitytoken: "not-a-real-security-token",
  "x-oss-security-token": "not-a-real-security-token",
  access_key_secret: "not-a-real-secret",
  accesskeysecret: "not-a-real-secret",
  access_key_id: "STS.not-a-real-key",
  accesskeyid: "STS.not-a-real-key",
  accessid: "LTAI-not-a-real-key",
  ossaccesskeyid: "LTAI-not-a-real-key",
  ticket: "not-a-real-ticket",
  token: "not-a-real-token",
  "x:seal": "v1.dev.000000.not-a-real-seal-------",
  seal: "v1.dev.000000.not-a-real-seal-------",
  oss_upload_id: "0000NOTAREALUPLOADID000000000000",
  next_cursor: "AZNtLnwAcACAAAAAAAAAAQ",
};
const SEAL = /v1\.[A-Za-z0-9_-]{1,16}\.[0-9a-z]+\.[A-Za-z0-9_-]{22}/g;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

export class Scrubber {
  #addresses;
  #began;
  #ids = new Map();
  /** Every secret that was replaced, to see that none is left. */
  secrets = new Set();

  /** `addresses`: pairs of a run's URL and what stands for it; `began`: when the run began, in milliseconds. */
  constructor(addresses, began) {
    this.#addresses = addresses.flatMap(([from, to]) => [
      [from, to],
      [from.replace(/^https?:\/\//, ""), to.replace(/^https?:\/\//, "")],
    ]);
    this.#began = began;
  }

  /** Any JSON value; `name` is that of the field it stands in. */
  value(value, name = "") {
    if (Array.isArray(value)) {
      // A condition of a policy: ["eq", "$x:seal", "…"].
      const field = value.length === 3 && typeof value[1] === "string" && value[1].startsWith("$") ? value[1].slice(1) : name;
      return value.map((inner) => this.value(inner, field));
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [this.#text(key), this.value(inner, key)]));
    }
    if (typeof value === "number") {
      return this.#number(value, name);
    }
    return typeof value === "string" ? this.text(value, name) : value;
  }

  /** A text, which may be a URL, or Base64 of JSON. */
  text(text, name = "") {
    const fake = FAKES[name.toLowerCase()];
    if (fake !== undefined && text !== "") {
      if (!text.startsWith("$")) {
        this.secrets.add(text);
        return fake;
      }
      return text;
    }
    if (name === "Expiration") {
      // Mobile SDKs are lent the same credentials again while they last: how long they have lasted must not show.
      return this.#date(this.#began + LENT, false);
    }
    const decoded = jsonOfBase64(text);
    if (decoded !== undefined) {
      return Buffer.from(JSON.stringify(this.value(decoded))).toString("base64");
    }
    if (/^https?:\/\/[^\s?]+\?/.test(text)) {
      return this.#url(text);
    }
    if (/^x[-_]oss[-_]credential$/i.test(name)) {
      return this.#credential(text);
    }
    return this.#text(text);
  }

  /** A body: JSON is made readable, anything else stays as it is. */
  body(text) {
    const json = parse(text);
    return json === undefined ? this.#text(text) : JSON.stringify(this.value(json), null, 2);
  }

  #url(text) {
    const [address, query] = text.split(/\?(.*)/s);
    const pairs = query.split("&").map((pair) => {
      const [name, value] = pair.split(/=(.*)/s);
      if (value === undefined) {
        return pair;
      }
      const scrubbed = name === "uploadId" ? this.#uploadId(value) : this.text(decodeURIComponent(value), name);
      return `${name}=${encodeURIComponent(scrubbed)}`;
    });
    return `${this.#text(address)}?${pairs.join("&")}`;
  }

  /** OSS's own, or a grant's, which is a UUID. */
  #uploadId(value) {
    return value.match(UUID) ? this.#text(value) : this.text(value, "oss_upload_id");
  }

  #credential(text) {
    const [key, , ...scope] = text.split("/");
    this.secrets.add(key);
    return ["LTAI-not-a-real-key", "20260101", ...scope].join("/");
  }

  #number(value, name) {
    if (name === "expire") {
      return this.#moment(value * 1000) / 1000;
    }
    // What is left of a lifetime: a second more or less is of no interest.
    return name === "expires" ? Math.ceil(value / 60) * 60 : value;
  }

  #text(text) {
    let result = text;
    for (const [from, to] of this.#addresses) {
      result = result.replaceAll(from, to).replaceAll(encodeURIComponent(from), encodeURIComponent(to));
    }
    return result
      .replace(SEAL, FAKES.seal)
      .replace(UUID, (id) => this.#id(id))
      .replace(/<(RequestId|HostId)>[^<]*</g, "<$1>not-a-real-id<")
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (date) => this.#date(Date.parse(date), date.includes(".")))
      .replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/g, (_, ...[y, mo, d, h, mi, s]) =>
        this.#date(Date.UTC(y, mo - 1, d, h, mi, s), false).replace(/[-:]/g, ""),
      );
  }

  /** The same id is the same within one example. */
  #id(id) {
    if (!this.#ids.has(id)) {
      this.#ids.set(id, `01936d2e-7c00-7000-8000-${String(this.#ids.size + 1).padStart(12, "0")}`);
    }
    return this.#ids.get(id);
  }

  /** Whole steps after the run began: how long a run takes must not show. */
  #moment(time) {
    return RUN_BEGAN + Math.floor((time - this.#began + SLACK) / STEP) * STEP;
  }

  #date(time, withFraction) {
    const text = new Date(this.#moment(time)).toISOString();
    return withFraction ? text : text.replace(".000Z", "Z");
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The object that a Base64 text holds, if it holds one. */
function jsonOfBase64(text) {
  if (!/^eyJ[A-Za-z0-9+/]+=*$/.test(text)) {
    return undefined;
  }
  const value = parse(Buffer.from(text, "base64").toString());
  return value !== null && typeof value === "object" ? value : undefined;
}
