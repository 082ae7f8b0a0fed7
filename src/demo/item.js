// One file in the list: its upload, its row.

import { newIdempotencyKey } from "../client.js";
import { say, sayBytes, translate } from "./words.js";

const LOOKS = { queued: "idle", done: "good", recovered: "good", failed: "bad", cancelled: "idle" };
const FINISHED = ["done", "recovered", "failed", "cancelled"];

export class Item {
  constructor(template, client, file, wanted, { changed, again }) {
    Object.assign(this, { client, file, wanted, changed, again });
    this.node = template.content.cloneNode(true).firstElementChild;
    this.part(".file").textContent = file.name;
    this.part(".cancel").addEventListener("click", () => this.cancel());
    this.part(".retry").addEventListener("click", () => this.retry());
    this.showThumb();
    this.idempotencyKey = newIdempotencyKey();
    this.reset();
  }

  get isQueued() {
    return this.state === "queued";
  }

  get isFinished() {
    return FINISHED.includes(this.state);
  }

  get stateText() {
    return say(this.state);
  }

  reset() {
    this.abort = new AbortController();
    this.loaded = 0;
    this.grant = null;
    this.answer = undefined;
    this.ledger = null;
    this.become("queued");
  }

  async run() {
    try {
      const result = await this.client.upload(this.file, {
        ...this.wanted,
        idempotencyKey: this.idempotencyKey,
        signal: this.abort.signal,
        onGrant: (grant) => (this.grant = grant),
        onProgress: (progress) => this.progress(progress),
      });
      this.answer = result.answer;
      this.ledger = await this.look();
      this.become(result.recovered ? "recovered" : "done", () => this.whyRecovered(result));
    } catch (error) {
      await this.failed(error);
    }
  }

  async failed(error) {
    if (this.grant) this.ledger = await this.look();
    // After a broken connection the next attempt goes on with the same grant; after a refusal or a cancel it is a new wish.
    if (!error.retryable) this.idempotencyKey = newIdempotencyKey();
    if (error.code === "aborted") return this.become("cancelled", () => say("cancelledWhy"));
    const request = error.requestId ? ` [${error.requestId}]` : "";
    this.become("failed", () => `${error.detail ?? error.message} (${error.code ?? error.name})${request}`);
  }

  whyRecovered({ recovered, callbackError }) {
    if (!recovered) return "";
    return callbackError ? say("recoveredWhy", { why: callbackError.replace(/\.$/, "") }) : say("recoveredLost");
  }

  look() {
    return this.client.get(this.grant.id).catch(() => null);
  }

  progress({ phase, loaded }) {
    this.loaded = loaded;
    if (phase !== "done") this.become(phase);
  }

  cancel() {
    if (this.isQueued) this.become("cancelled", () => "");
    else this.abort.abort();
  }

  retry() {
    this.reset();
    this.again();
  }

  remove() {
    if (this.thumbUrl) URL.revokeObjectURL(this.thumbUrl);
    this.node.remove();
  }

  become(state, message = () => "") {
    Object.assign(this, { state, message });
    this.render();
    this.changed?.(this);
  }

  render() {
    translate(this.node);
    this.node.dataset.look = LOOKS[this.state] ?? "busy";
    this.node.dataset.state = this.state;
    this.part(".about").textContent = [sayBytes(this.file.size), this.wanted.profile, this.wanted.method].join(" · ");
    this.part(".state").textContent = this.stateText;
    this.part(".message").textContent = this.message();
    this.part(".cancel").hidden = this.isFinished;
    this.part(".retry").hidden = !["failed", "cancelled"].includes(this.state);
    this.part(".cancel").setAttribute("aria-label", `${say("cancel")}: ${this.file.name}`);
    this.part(".retry").setAttribute("aria-label", `${say("retry")}: ${this.file.name}`);
    this.renderBar();
    this.renderFacts();
    this.renderPapers();
  }

  renderBar() {
    const bar = this.part("progress");
    const good = LOOKS[this.state] === "good";
    bar.value = good ? 1 : this.file.size > 0 ? this.loaded / this.file.size : 0;
    bar.setAttribute("aria-label", say("progressOf", { file: this.file.name }));
    if (this.state !== "sending") return;
    this.part(".state").textContent = bar.value < 1 ? `${Math.floor(bar.value * 100)} %` : say("confirming");
  }

  renderFacts() {
    const done = this.ledger?.completion;
    this.part(".facts").hidden = !done;
    if (!done) return;
    const rows = [
      ["factKey", this.ledger.key],
      ["factSize", say("bytes", { n: done.size })],
      ["factType", done.content_type],
      ["factEtag", done.etag],
      ["factSource", done.source],
    ];
    this.part(".facts").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", say(name)), element("dd", String(value ?? ""))]));
  }

  renderPapers() {
    this.part("details").hidden = !this.ledger;
    if (!this.ledger) return;
    const answer = this.answer;
    this.part(".answer pre").textContent = answer === undefined || answer === null ? say("noAnswer") : pretty(answer);
    this.part(".ledger pre").textContent = pretty(this.ledger);
  }

  showThumb() {
    const thumb = this.part(".thumb");
    thumb.textContent = /\.([a-z0-9]{1,4})$/i.exec(this.file.name)?.[1] ?? "file";
    if (!/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(this.file.type)) return;
    this.thumbUrl = URL.createObjectURL(this.file);
    const image = element("img", "");
    image.alt = "";
    image.onload = () => thumb.replaceChildren(image);
    image.src = this.thumbUrl;
  }

  part(selector) {
    return this.node.querySelector(selector);
  }
}

function element(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}

function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
