// Saved answers: made of a real run, scrubbed, and compared with the next run by their shape.

import { stableId } from "./item.mjs";
import { requestsOf } from "./render.mjs";
import { Scrubber } from "./scrub.mjs";
import { ENVIRONMENTS, readJson } from "./story.mjs";

/** Headers that say something; the rest is transport. */
const SHOWN = [
  "Allow",
  "Cache-Control",
  "Content-Type",
  "ETag",
  "Idempotency-Replayed",
  "Location",
  "Retry-After",
  "WWW-Authenticate",
  "x-request-id",
];

/**
 * The examples of a run: by request id, a list of one. `began`: when the run began.
 * `leaks` names the examples in which a secret of the run is left.
 */
export function examplesOf(executions, dev, began) {
  const examples = new Map();
  const secrets = new Set([dev.token, dev.access_key_id, dev.access_key_secret]);
  for (const execution of executions) {
    if (execution.response) {
      const scrubber = new Scrubber(addresses(dev), began);
      examples.set(execution.item.id, [example(execution, scrubber)]);
      scrubber.secrets.forEach((secret) => secrets.add(secret));
    }
  }
  const texts = [...examples].map(([id, saved]) => [id, JSON.stringify(saved)]);
  const isLeft = (text) => [...secrets].some((secret) => secret.length >= 8 && text.includes(secret));
  const leaks = texts.filter(([, text]) => isLeft(text)).map(([id]) => `${id}: a secret of this run is left in its example`);
  return { examples, leaks };
}

/** What the dev environment says is what examples show. */
function addresses(dev) {
  const shown = Object.fromEntries(readJson(ENVIRONMENTS.dev).values.map(({ key, value }) => [key, value]));
  return ["service", "ops", "simulator"].map((name) => [dev[name], shown[name]]);
}

function example({ item, request, response }, scrubber) {
  const header = SHOWN.flatMap((key) => {
    const value = response.headers.get(key);
    return value === undefined ? [] : [{ key, value: scrubber.text(value, key) }];
  });
  const type = response.headers.get("Content-Type") ?? "";
  return {
    id: stableId(item.id, "example"),
    name: `${response.code} ${response.status}`,
    originalRequest: sentRequest(item, request, scrubber),
    status: response.status,
    code: response.code,
    _postman_previewlanguage: /json/.test(type) ? "json" : /xml/.test(type) ? "xml" : /html/.test(type) ? "html" : "text",
    header,
    cookie: [],
    body: shown(type, response, scrubber),
  };
}

/** A page or a program is not worth repeating here. */
function shown(type, response, scrubber) {
  const text = response.stream?.toString() ?? "";
  return /html|javascript|css|version=0\.0\.4/.test(type) || text.length > 20_000 ? `${text.slice(0, 200)}…` : scrubber.body(text);
}

/** As it stands in the collection, but with the URL and the form that the scripts made. */
function sentRequest(item, sent, scrubber) {
  const request = item.request.toJSON();
  const raw = item.request.url.toString();
  const url = /^\{\{(service|ops|simulator)\}\}/.test(raw) ? raw : scrubber.text(sent.url.toString());
  const body = request.body && { ...request.body };
  if (body?.mode === "formdata") {
    body.formdata = sent.body.toJSON().formdata.map((field) => plainField(field, scrubber));
  }
  return {
    method: request.method,
    header: (request.header ?? []).map(({ key, value }) => ({ key, value })),
    ...(body && { body }),
    url,
  };
}

function plainField({ key, type, src, value }, scrubber) {
  return type === "file" ? { key, type, src } : { key, type: "text", value: scrubber.text(value, key) };
}

/** Which examples of two runs differ: something in them is neither fixed nor replaced. */
export function restlessExamples(one, other) {
  return [...one.entries()]
    .filter(([id, saved]) => JSON.stringify(saved) !== JSON.stringify(other.get(id)))
    .map(([id, [saved]]) => `${id}: ${saved.name}: ${firstDifference(JSON.stringify(saved), JSON.stringify(other.get(id)?.[0] ?? null))}`);
}

function firstDifference(one, other) {
  const at = [...one].findIndex((character, index) => character !== other[index]);
  return `…${one.slice(Math.max(0, at - 30), at + 30)}… is now …${other.slice(Math.max(0, at - 30), at + 30)}…`;
}

/** Which saved examples no longer look like what the service answers. */
export function staleExamples(collection, fresh) {
  return [...requestsOf(collection)].flatMap(({ item }) => {
    const [saved] = item.response;
    const [now] = fresh.get(item.id) ?? [];
    if (!now) {
      return [`${item.name}: the run brought no answer to compare its example with`];
    }
    if (!saved) {
      return [];
    }
    const [was, is] = [lookOf(saved), lookOf(now)];
    return was === is
      ? []
      : [`${item.name}: its example is stale (--write-examples renews it)\n         saved ${was}\n         now   ${is}`];
  });
}

function lookOf({ code, header, body, _postman_previewlanguage: language }) {
  const headers = header.map(({ key }) => key).join(" ");
  return `${code} ${headers} ${language === "json" && body && !body.endsWith("…") ? JSON.stringify(shapeOf(JSON.parse(body))) : language}`;
}

/** Names and types; of a list its first element. */
function shapeOf(value) {
  if (Array.isArray(value)) {
    return value.slice(0, 1).map(shapeOf);
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
  }
  return value === null ? "null" : typeof value;
}
