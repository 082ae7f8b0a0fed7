// The running service, as an application sees it. Runs in Node and in a page.

import { same } from "./expect.mjs";

/** What every grant of this suite carries beside its own: neither plain ASCII nor free of the characters that encodings fight over. */
const ALBUM = "ein Bild & 相册 +50%";

export class Valet {
  constructor(dev) {
    this.dev = dev;
  }

  /** A grant of profile `document` for the file. */
  grant(method, file) {
    const wanted = { profile: "document", method, filename: "scan.pdf", content_type: "application/pdf", size: file.size };
    return this.call("POST", "/v1/uploads", { ...wanted, vars: { album: ALBUM } });
  }

  /** "I am done": for a client whose callback failed. */
  complete(id, parts) {
    return this.call("POST", `/v1/uploads/${id}/complete`, parts ? { parts } : {});
  }

  /** The ledger holds the upload, by that way, as these bytes. */
  async recorded(grant, file, { source = "callback", etag = file.md5 } = {}) {
    const { state, completion } = await this.call("GET", `/v1/uploads/${grant.id}`);
    same("state", state, "completed");
    same("source", completion.source, source);
    same("size", completion.size, file.size);
    same("type", completion.content_type, "application/pdf");
    same("CRC64", completion.crc64, file.crc64);
    if (etag) same("ETag", completion.etag.replaceAll('"', ""), etag);
  }

  /** The callback's answer has reached the uploader. */
  answered(answer, grant) {
    same("callback's answer: id", answer.id, grant.id);
    same("callback's answer: state", answer.state, "completed");
    same("callback's answer: album", answer.vars.album, ALBUM);
  }

  async call(method, path, body) {
    const headers = { Authorization: `Bearer ${this.dev.token}`, "Content-Type": "application/json" };
    const send = () => fetch(this.dev.service + path, { method, headers, body: body && JSON.stringify(body) });
    // `fetch` fails when an idle connection is closed just as it is used again; a second grant does no harm.
    const response = await send().catch(send);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}
