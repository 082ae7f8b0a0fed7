// Typings of client.js. What the fields of a grant mean is said in the service's OpenAPI document (`/openapi.json`).

export type Method = "post" | "put" | "multipart" | "sts";
export type State = "issued" | "completed" | "rejected" | "expired" | "cancelled";

/** What the client sends to OSS, exactly as it stands. In a form, the file part, named `file`, comes last. */
export interface UploadRequest {
  method: "POST" | "PUT";
  url: string;
  headers: Record<string, string>;
  fields: Record<string, string>;
}

/** What SDKs send as `x-oss-callback` and `x-oss-callback-var`, and the structured form for SDKs that build it themselves. */
export interface Callback {
  callback: string;
  callback_var: string;
  url: string;
  body: string;
  body_type: string;
  sni: boolean;
  vars: Record<string, string>;
}

/** The recorded fact that the object exists in OSS. */
export interface Completion {
  size: number;
  etag: string;
  content_type: string | null;
  crc64: string | null;
  version_id: string | null;
  image: { width: number; height: number; format: string } | null;
  completed_at: string;
  source: "callback" | "complete" | "reconciled";
  late: boolean;
}

export interface Grant {
  id: string;
  profile: string;
  method: Method;
  state: State;
  user_id: string;
  bucket: string;
  region: string;
  endpoint: string | null;
  key: string;
  content_type: string;
  max_size: number;
  filename?: string;
  vars: Record<string, string>;
  issued_at: string;
  expires_at: string;
  /** What OSS enforces before it stores anything; the rest is judged at completion. */
  enforced?: string[];
  /** Present only where the grant has just been issued or renewed. */
  request?: UploadRequest | null;
  callback?: Callback;
  completion?: Completion | null;
  /** Why the grant was rejected. */
  reason?: string | null;
}

export interface Profile {
  name: string;
  methods: Method[];
  min_size: number;
  max_size: number;
  content_types: string[];
  /** For `<input type="file" accept>`. */
  accept: string;
  vars: string[];
  /** Seconds. */
  expires_in: number;
}

export type Phase =
  /** asking for leave */
  | "issuing"
  /** the bytes are on their way to OSS */
  | "sending"
  /** OSS has answered, or its answer was lost: the ledger is asked */
  | "confirming"
  /** a pause before the next attempt */
  | "waiting"
  | "done";

export interface Progress {
  phase: Phase;
  /** Bytes of the file that have left. Counted in browsers; under `fetch` it jumps from 0 to `total`. */
  loaded: number;
  total: number;
}

export interface RetryOptions {
  /** How often one step is tried in all. Default 4. */
  attempts?: number;
  /** First pause; it doubles each time, with jitter. Default 500. */
  baseDelayMs?: number;
  /** Default 15 000. */
  maxDelayMs?: number;
  /** A longer `Retry-After` is not waited for, it is the caller's to decide. Default 60 000. */
  maxRetryAfterMs?: number;
}

export interface ClientOptions {
  /** Where the service lives, without `/v1`. Default: this origin. */
  baseUrl?: string | URL;
  /** The user's JWT. It goes to the service only, never to OSS. */
  token?: string;
  /** Asked before every call, instead of `token`; `refresh` is true after a 401. */
  getToken?: (what: { refresh: boolean }) => string | Promise<string>;
  fetch?: typeof globalThis.fetch;
  /** What sends the bytes; where there is none (Node), `fetch` does, without progress. */
  XMLHttpRequest?: typeof globalThis.XMLHttpRequest;
  retry?: RetryOptions;
  /** The pause between attempts; for tests. It must end early when the signal aborts. */
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** For one call to the service. Default 30 000. */
  timeoutMs?: number;
  /** A transfer without progress for that long counts as broken. Default 60 000. */
  stallTimeoutMs?: number;
}

export interface UploadOptions {
  profile: string;
  /** Default: the profile's first. */
  method?: "post" | "put";
  vars?: Record<string, string>;
  /** Default: `file.name`. It gives the extension and metadata, never a path. */
  filename?: string;
  /** Default: `file.type`. */
  contentType?: string;
  /** One wish to upload, however often it is sent. Default: random for each call of `upload`. */
  idempotencyKey?: string;
  onProgress?: (progress: Progress) => void;
  /** The grant, as soon as there is one, and again when it has been renewed. */
  onGrant?: (grant: Grant) => void;
  /** Stops the upload and withdraws the grant; an upload that had already arrived resolves all the same. */
  signal?: AbortSignal;
}

export interface UploadResult {
  /** The completed grant. */
  grant: Grant;
  /** What the callback's receiver answered, as OSS passed it on: JSON where it is JSON. Null where `recovered`. */
  answer: unknown;
  completion: Completion | null;
  /** The callback did not do it (203, lost answer): `POST …/complete` did. */
  recovered: boolean;
  /** What OSS said about the failed callback, where it said something. */
  callbackError: string | null;
}

interface CallOptions {
  signal?: AbortSignal;
}

export interface Client {
  /** @throws {ValetError} */
  upload(file: Blob | File, options: UploadOptions): Promise<UploadResult>;
  /** `POST /v1/uploads` alone, for those who send the bytes in another way. */
  issue(body: Record<string, unknown>, options?: CallOptions & { idempotencyKey?: string }): Promise<Grant>;
  profiles(options?: CallOptions): Promise<Profile[]>;
  /** `wait` (seconds, at most 30) holds the answer until the state changes. */
  get(id: string, options?: CallOptions & { wait?: number }): Promise<Grant>;
  complete(id: string, options?: CallOptions): Promise<Grant>;
  renew(id: string, options?: CallOptions): Promise<Grant>;
  cancel(id: string, options?: CallOptions): Promise<null>;
}

export function createClient(options?: ClientOptions): Client;

/** 128 random bits, also where `crypto.randomUUID` is not to be had (plain http). */
export function newIdempotencyKey(): string;

/**
 * `code` is the service's problem code (`size_too_large`, `rate_limited` …) or one of the client's own:
 * `aborted` (then `name` is `AbortError`), `network_error`, `oss_refused` (see `ossCode`), `not_uploaded`, `upload_rejected`,
 * `grant_expired`, `grant_cancelled`, `method_not_supported`, `malformed_answer`, `http_<status>`.
 */
export class ValetError extends Error {
  constructor(code: string, what?: { status?: number; detail?: string; requestId?: string | null; cause?: unknown });
  readonly code: string;
  /** HTTP status, 0 where there was no answer. */
  readonly status: number;
  readonly detail: string;
  readonly requestId: string | null;
  readonly cause?: unknown;
  readonly retryAfterMs: number | null;
  readonly errors: { field: string; code: string; message: string }[];
  /** OSS's own code, e.g. `EntityTooLarge`, where `code` is `oss_refused`. */
  readonly ossCode?: string | null;
  readonly ossMessage?: string;
  /** The grant in its final state, where that is the trouble. */
  readonly grant?: Grant;
  /** Why the grant could not be withdrawn, where `code` is `aborted`. */
  readonly cancelError?: ValetError;
  readonly retryable: boolean;
}
