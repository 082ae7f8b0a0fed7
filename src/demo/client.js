// oss-valet client: asks leave to upload, sends the bytes straight to OSS, makes sure that the ledger knows.
//
// An ES module without dependencies, for browsers and for Node 18 or later. Typings: client.d.ts; manual: docs/client.md.

const RETRY = { attempts: 4, baseDelayMs: 500, maxDelayMs: 15_000, maxRetryAfterMs: 60_000 };
const API_TIMEOUT_MS = 30_000;
const STALL_TIMEOUT_MS = 60_000;

/** OSS stored the object, but the callback failed: the ledger may not know. `response.ok` is true for it all the same. */
const STORED_BUT_CALLBACK_FAILED = 203;

/** What went wrong, under a code that programs can rely on; `detail` is for people. */
export class ValetError extends Error {
  constructor(code, { status = 0, detail = code, requestId = null, cause, ...rest } = {}) {
    super(detail, cause === undefined ? undefined : { cause });
    this.name = code === "aborted" ? "AbortError" : "ValetError";
    Object.assign(this, { code, status, detail, requestId, retryAfterMs: null, errors: [], ...rest });
  }

  /** Whether the same call may well succeed a little later. */
  get retryable() {
    if (this.status === 429) return this.retryAfterMs !== null;
    return this.code === "network_error" || this.status === 408 || this.status >= 500;
  }
}

export function createClient(options = {}) {
  const api = new Api(options);
  return {
    upload: (file, what) => new Upload(api, file, what).run(),
    issue: (body, { idempotencyKey = newIdempotencyKey(), signal } = {}) => api.issue(body, idempotencyKey, signal),
    profiles: ({ signal } = {}) => api.call("GET", "/v1/profiles", { signal }).then((body) => body.profiles ?? body),
    get: (id, { wait, signal } = {}) => api.get(id, wait, signal),
    complete: (id, { signal } = {}) => api.complete(id, signal),
    renew: (id, { signal } = {}) => api.renew(id, signal),
    cancel: (id, { signal } = {}) => api.cancel(id, signal),
  };
}

/** One file on its way: issue → send → (recover) → confirmed. */
class Upload {
  constructor(api, file, { profile, method, vars, filename, contentType, idempotencyKey, ...hooks } = {}) {
    this.api = api;
    this.file = file;
    this.filename = filename ?? file.name;
    this.hooks = hooks;
    this.signal = hooks.signal;
    this.idempotencyKey = idempotencyKey ?? newIdempotencyKey();
    this.bodySent = false;
    const type = contentType ?? file.type;
    this.wanted = {
      profile,
      filename: this.filename,
      content_type: type === "" ? undefined : type,
      size: file.size,
      method,
      vars: vars && Object.keys(vars).length > 0 ? vars : undefined,
    };
  }

  async run() {
    this.report("issuing", 0);
    this.grant = await this.api.issue(this.wanted, this.idempotencyKey, this.signal);
    this.hooks.onGrant?.(this.grant);
    if (this.grant.state !== "issued") return this.finish(this.grant, null, true);
    if (!this.grant.request) {
      const detail = `method "${this.grant.method}" is for an OSS SDK; this client sends "post" and "put"`;
      throw new ValetError("method_not_supported", { detail });
    }
    try {
      return await this.sendUntilStored();
    } catch (error) {
      if (error.code !== "aborted") throw error;
      return await this.giveUp(error);
    }
  }

  async sendUntilStored() {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.sendOnce();
      const done = await this.settle(outcome);
      if (done) return done;
      if (attempt >= this.api.retry.attempts) throw outcome.error ?? new ValetError("not_uploaded");
      if (outcome.error?.expired) continue;
      this.report("waiting", 0);
      await this.api.pause(attempt, outcome.error, this.signal);
    }
  }

  async sendOnce() {
    if (this.api.now() >= Date.parse(this.grant.expires_at)) await this.renew();
    this.report("sending", 0);
    this.bodySent = false;
    const progress = (share) => {
      this.bodySent = share >= 1;
      this.report("sending", Math.round(share * this.file.size));
    };
    try {
      const answer = await this.api.send(outgoing(this.grant.request, this.file, this.filename), progress, this.signal);
      this.bodySent = true;
      return answer.status >= 200 && answer.status < 300 ? { answer } : { error: ossError(answer) };
    } catch (error) {
      return { error: asValetError(error, this.signal) };
    }
  }

  /** Turns what the wire said into a result, an error, or null: "not stored, send it again". */
  async settle({ answer, error }) {
    if (error && !error.expired && !error.maybeStored && !error.retryable) throw error;
    if (error?.expired) {
      await this.renew();
      return null;
    }
    if (error?.status === 429) return null;
    this.report("confirming", this.file.size);
    if (!answer || answer.status === STORED_BUT_CALLBACK_FAILED) return this.recover(answer);
    const known = await this.api.get(this.grant.id, undefined, this.signal);
    if (known.state !== "issued") return this.finish(known, parseAnswer(answer.text), false);
    return this.recover(); // OSS is content, but no callback came: the region may have none
  }

  /** 203, a lost answer, "the file exists already": the object may be there, so let the service look. */
  async recover(answer) {
    try {
      const grant = await this.api.complete(this.grant.id, this.signal);
      return this.finish(grant, null, true, answer ? ossError(answer).ossMessage : null);
    } catch (error) {
      if (error.code === "not_uploaded") return null;
      throw error;
    }
  }

  finish(grant, answer, recovered, callbackError = null) {
    if (grant.state !== "completed") {
      const code = grant.state === "rejected" ? "upload_rejected" : `grant_${grant.state}`;
      throw new ValetError(code, { detail: grant.reason ?? `the grant is ${grant.state}`, grant });
    }
    this.report("done", this.file.size);
    return { grant, answer, completion: grant.completion ?? null, recovered, callbackError };
  }

  async renew() {
    this.grant = await this.api.renew(this.grant.id, this.signal);
    this.hooks.onGrant?.(this.grant);
  }

  /** Aborted. If every byte had left, it may have arrived, and what arrived counts; otherwise the grant is withdrawn. */
  async giveUp(aborted) {
    try {
      if (this.bodySent) {
        this.signal = undefined;
        const done = await this.recover();
        if (done) return done;
      }
      await this.api.cancel(this.grant.id);
    } catch (error) {
      const known = error.status === 409 ? await this.api.get(this.grant.id).catch(() => null) : null;
      if (known?.state === "completed") return this.finish(known, null, true);
      aborted.cancelError = error; // the grant ends by itself; the caller still learns that the abort happened
    }
    throw aborted;
  }

  report(phase, loaded) {
    this.hooks.onProgress?.({ phase, loaded, total: this.file.size });
  }
}

/** The service's API: bearer token, problem+json, bounded retries. */
class Api {
  constructor({ baseUrl = "", token, getToken, fetch, XMLHttpRequest, retry, sleep, timeoutMs, stallTimeoutMs }) {
    this.baseUrl = String(baseUrl).replace(/\/+$/, "");
    this.getToken = getToken ?? (() => token);
    this.canRefresh = getToken !== undefined;
    this.fetch = fetch ?? globalThis.fetch.bind(globalThis);
    this.xhr = XMLHttpRequest ?? globalThis.XMLHttpRequest;
    this.retry = { ...RETRY, ...retry };
    this.sleep = sleep ?? sleepFor;
    this.timeoutMs = timeoutMs ?? API_TIMEOUT_MS;
    this.stallTimeoutMs = stallTimeoutMs ?? STALL_TIMEOUT_MS;
    this.skewMs = 0;
  }

  /** The service's clock as far as its `Date` headers tell: a wrong clock on this device must not matter. */
  now() {
    return Date.now() + this.skewMs;
  }

  issue(body, idempotencyKey, signal) {
    return this.call("POST", "/v1/uploads", { body, signal, headers: { "Idempotency-Key": idempotencyKey } });
  }

  get(id, wait, signal) {
    const query = wait === undefined ? "" : `?wait=${encodeURIComponent(wait)}`;
    return this.call("GET", `${uploadPath(id)}${query}`, { signal, extraMs: (wait ?? 0) * 1000 });
  }

  complete(id, signal) {
    return this.call("POST", `${uploadPath(id)}/complete`, { body: {}, signal });
  }

  renew(id, signal) {
    return this.call("POST", `${uploadPath(id)}/renew`, { body: {}, signal });
  }

  cancel(id, signal) {
    return this.call("DELETE", uploadPath(id), { signal });
  }

  send(request, progress, signal) {
    throwIfAborted(signal);
    return this.xhr
      ? sendByXhr(new this.xhr(), request, progress, signal, this.stallTimeoutMs)
      : sendByFetch(this.fetch, request, signal);
  }

  /** Every call of ours may be repeated: issuing carries an idempotency key, the rest is idempotent by contract. */
  async call(method, path, what) {
    for (let attempt = 1, refreshed = false; ; attempt += 1) {
      try {
        return await this.callOnce(method, path, what, refreshed);
      } catch (error) {
        if (error.status === 401 && this.canRefresh && !refreshed) refreshed = true;
        else if (!error.retryable || attempt >= this.retry.attempts) throw error;
        else await this.pause(attempt, error, what.signal);
      }
    }
  }

  async callOnce(method, path, { body, headers, signal, extraMs = 0 }, refresh) {
    throwIfAborted(signal);
    const token = await this.getToken({ refresh });
    const limit = new Deadline(this.timeoutMs + extraMs, signal);
    try {
      const response = await this.fetch(this.baseUrl + path, {
        method,
        credentials: "omit",
        signal: limit.signal,
        headers: {
          Accept: "application/json",
          ...(body ? { "Content-Type": "application/json" } : {}),
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
          ...headers,
        },
        body: body ? JSON.stringify(body) : undefined,
      });
      const text = await response.text();
      this.learnTime(response);
      if (!response.ok) throw problemError(response, text);
      return text === "" ? null : JSON.parse(text);
    } catch (error) {
      throw asValetError(error, signal);
    } finally {
      limit.clear();
    }
  }

  learnTime(response) {
    const theirs = Date.parse(response.headers.get("date") ?? "");
    if (!Number.isNaN(theirs)) this.skewMs = theirs - Date.now();
  }

  async pause(attempt, error, signal) {
    const { baseDelayMs, maxDelayMs, maxRetryAfterMs } = this.retry;
    const asked = error?.retryAfterMs ?? null;
    if (asked !== null && asked > maxRetryAfterMs) throw error;
    const backoff = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1));
    await this.sleep(asked ?? backoff * (0.5 + Math.random() / 2), signal);
    throwIfAborted(signal);
  }
}

/** A time limit joined with the caller's signal (`AbortSignal.any` is younger than the runtimes we serve). */
class Deadline {
  constructor(ms, outer) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.outer = outer;
    this.onOuter = () => controller.abort(outer.reason);
    this.timer = setTimeout(() => controller.abort(new Error(`no answer within ${ms} ms`)), ms);
    outer?.addEventListener("abort", this.onOuter);
  }

  clear() {
    clearTimeout(this.timer);
    this.outer?.removeEventListener("abort", this.onOuter);
  }
}

/** The grant's request with the file in it. `slice` drops the file's own type: only signed headers may be sent. */
function outgoing({ method, url, headers, fields }, file, filename) {
  if (method !== "POST") return { method, url, headers, body: file.slice(0, file.size) };
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file, filename ?? "file"); // last: OSS ignores whatever follows it
  return { method, url, headers, body: form };
}

function sendByXhr(xhr, { method, url, headers, body }, progress, signal, stallMs) {
  return new Promise((resolve, reject) => {
    let timer;
    const abort = () => xhr.abort();
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(abort, stallMs);
    };
    const settled = (settle) => () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      settle();
    };
    const lost = (what) => settled(() => reject(new ValetError("network_error", { detail: what, maybeStored: true })));
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => {
      alive();
      if (event.lengthComputable && event.total > 0) progress(event.loaded / event.total);
    };
    xhr.upload.onload = () => progress(1);
    xhr.onload = settled(() => resolve(wireAnswer(xhr.status, xhr.responseText, exposedHeader(xhr))));
    xhr.onerror = lost("the connection to OSS failed, or the bucket's CORS rule does not allow this page");
    xhr.onabort = lost("the transfer stood still");
    signal?.addEventListener("abort", abort);
    alive();
    xhr.send(body);
  });
}

/** Asking `getResponseHeader` for a header that CORS hides litters the console; the list holds only what is exposed. */
function exposedHeader(xhr) {
  const all = xhr.getAllResponseHeaders();
  return (name) => new RegExp(`^${name}: *(.*)$`, "im").exec(all)?.[1].trim() ?? null;
}

async function sendByFetch(fetch, { method, url, headers, body }, signal) {
  const response = await fetch(url, { method, headers, body, signal, credentials: "omit" });
  return wireAnswer(response.status, await response.text(), (name) => response.headers.get(name));
}

function wireAnswer(status, text, header) {
  return { status, text, requestId: header("x-oss-request-id"), retryAfter: header("retry-after") };
}

function problemError(response, text) {
  const problem = parseJson(text) ?? {};
  return new ValetError(problem.code ?? `http_${response.status}`, {
    status: response.status,
    detail: problem.detail ?? problem.title ?? response.statusText,
    requestId: problem.request_id ?? response.headers.get("x-request-id"),
    retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
    errors: problem.errors ?? [],
  });
}

/** OSS says no, in XML. Re-sending helps only where the signature has run out or OSS itself is in trouble. */
function ossError({ status, text, requestId, retryAfter }) {
  const tag = (name) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  const [ossCode, message] = [tag("Code") ?? null, tag("Message") ?? ""];
  return new ValetError("oss_refused", {
    status,
    detail: ossCode ? `${ossCode}: ${message}` : `OSS answered ${status}`,
    requestId: tag("RequestId") ?? requestId,
    retryAfterMs: retryAfterMs(retryAfter),
    ossCode,
    ossMessage: message,
    expired: status === 403 && (/expired/i.test(message) || ossCode === "SecurityTokenExpired"),
    maybeStored: ossCode === "FileAlreadyExists",
  });
}

function asValetError(error, signal) {
  if (signal?.aborted) return new ValetError("aborted", { detail: "the upload was cancelled", cause: signal.reason });
  if (error instanceof ValetError) return error;
  if (error instanceof SyntaxError) return new ValetError("malformed_answer", { detail: error.message, cause: error });
  return new ValetError("network_error", { detail: error.message, cause: error, maybeStored: true });
}

function throwIfAborted(signal) {
  if (signal?.aborted) throw asValetError(null, signal);
}

/** `Retry-After` in milliseconds: seconds or an HTTP date; null when there is none. */
function retryAfterMs(header) {
  if (!header) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

function parseAnswer(text) {
  return parseJson(text) ?? (text === "" ? null : text);
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function uploadPath(id) {
  return `/v1/uploads/${encodeURIComponent(id)}`;
}

function sleepFor(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}

/** Names one wish to upload. `crypto.randomUUID` exists only in secure contexts, a page on plain http is none. */
export function newIdempotencyKey() {
  const bytes = new Uint8Array(16);
  if (globalThis.crypto?.getRandomValues) globalThis.crypto.getRandomValues(bytes);
  else bytes.forEach((_, i) => (bytes[i] = Math.floor(Math.random() * 256)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
