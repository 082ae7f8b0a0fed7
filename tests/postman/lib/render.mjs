// From the words of item.mjs to the JSON that Postman imports.

import { script, stableId } from "./item.mjs";

const SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

/** The collection; `examples` maps request ids to saved answers. */
export function renderCollection({ name, about, tests, folders }, examples = new Map()) {
  return {
    info: { _postman_id: stableId(name), name, description: about, schema: SCHEMA },
    item: folders.map((item) => renderItem(item, [name], examples)),
    auth: { type: "bearer", bearer: [{ key: "token", value: "{{token}}", type: "string" }] },
    event: events(undefined, tests, [name]),
    variable: variablesOf(folders).map((key) => ({ key, value: "", type: "string" })),
  };
}

/** What the scripts hand from one request to the next. */
function variablesOf(items) {
  const set = /\bpm\.(?:collectionVariables|variables)\.set\(["`]([^"`]+)["`]/g;
  const scripts = (item) => (item.kind === "folder" ? item.items.flatMap(scripts) : [item.before, item.tests].flatMap(script));
  const names = items.flatMap(scripts).flatMap((line) => [...line.matchAll(set)].map(([, name]) => name));
  return [...new Set(names)].sort();
}

function renderItem(item, path, examples) {
  const own = [...path, item.name];
  if (item.kind === "folder") {
    return {
      name: item.name,
      id: stableId(...own),
      description: item.about,
      item: item.items.map((inner) => renderItem(inner, own, examples)),
      ...optional("event", events(item.before, undefined, own)),
    };
  }
  const id = stableId(...own);
  return {
    name: item.name,
    id,
    ...optional("protocolProfileBehavior", behaviour(item)),
    event: events(item.before, item.tests, own),
    request: renderRequest(item),
    response: examples.get(id) ?? [],
  };
}

function renderRequest({ about, method, to, query, headers = {}, signedIn, ...payload }) {
  const { contentType, body } = renderBody(payload);
  const all = { ...(contentType && { "Content-Type": contentType }), ...headers };
  return {
    ...(signedIn === false && { auth: { type: "noauth" } }),
    method,
    header: Object.entries(all).map(([key, value]) => ({ key, value })),
    ...(body && { body }),
    url: renderUrl(to, query),
    description: about,
  };
}

function renderBody({ json, text, file, form }) {
  if (json !== undefined) {
    const raw = typeof json === "string" ? json : JSON.stringify(json, null, 2);
    return { contentType: "application/json", body: { mode: "raw", raw, options: { raw: { language: "json" } } } };
  }
  if (text !== undefined) {
    return { body: { mode: "raw", raw: text, options: { raw: { language: "text" } } } };
  }
  if (file !== undefined) {
    return { body: { mode: "file", file: { src: file } } };
  }
  if (form !== undefined) {
    return { body: { mode: "formdata", formdata: [{ key: "file", type: "file", src: form }] } };
  }
  return {};
}

function renderUrl(to, query) {
  const pairs = Object.entries(query ?? {});
  const search = pairs.map(([key, value]) => `${key}=${value}`).join("&");
  const raw = search ? `${to}?${search}` : to;
  const [host, ...path] = to.split("/");
  return {
    raw,
    host: [host],
    ...optional("path", path),
    ...optional(
      "query",
      pairs.map(([key, value]) => ({ key, value })),
    ),
  };
}

function behaviour({ bare }) {
  return bare ? { disabledSystemHeaders: { "content-type": true } } : {};
}

function events(before, tests, path) {
  const event = (listen, parts) =>
    parts && { listen, script: { id: stableId(...path, listen), type: "text/javascript", exec: script(parts) } };
  return [event("prerequest", before), event("test", tests)].filter(Boolean);
}

function optional(key, value) {
  return Object.keys(value).length > 0 ? { [key]: value } : {};
}

/** An environment; a value of `null` is a secret that everybody fills in. */
export function renderEnvironment(name, values) {
  return {
    id: stableId(name),
    name,
    values: Object.entries(values).map(([key, value]) => ({
      key,
      value: value ?? "",
      type: value === null ? "secret" : "default",
      enabled: true,
    })),
    _postman_variable_scope: "environment",
  };
}

/** Every request of a rendered collection, with the names of its folders. */
export function* requestsOf(collection, folders = []) {
  for (const item of collection.item) {
    if (item.item) {
      yield* requestsOf(item, [...folders, item]);
    } else {
      yield { item, folders };
    }
  }
}
