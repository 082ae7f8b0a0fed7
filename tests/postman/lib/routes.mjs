// What the service can be asked, as its sources say it.
//
// Here is the place to switch once the service has an OpenAPI document: `routes()` then is what `/openapi.json` lists under
// `paths`, and the rest of this file goes.

import { readFileSync, readdirSync } from "node:fs";

const SRC = new URL("../../../src/", import.meta.url);
const METHODS = { get: "GET", post: "POST", delete: "DELETE" };

/** Every route as `METHOD /path/{}`; parameters have no name, and `/compat/t/{ticket}/…` is the second way into `/compat/…`. */
export function routes() {
  const found = rustFiles("http/").flatMap(routesOfFile);
  const assets = [...source("demo/mod.rs").matchAll(/Asset \{ path: "([^"]+)"/g)].map(([, path]) => `GET ${path}`);
  return [...new Set([...found, ...assets])].sort();
}

/** The route that a request takes, if there is one; of several the one with the most words, as the service chooses. */
export function routeOf(known, method, path) {
  const asked = patternOf(method, path).split("/");
  const takes = (route) => route.length === asked.length && route.every((segment, index) => segment === "{}" || segment === asked[index]);
  const parameters = (route) => route.filter((segment) => segment === "{}").length;
  const fitting = known.map((route) => route.split("/")).filter(takes);
  return fitting.sort((one, other) => parameters(one) - parameters(other))[0]?.join("/");
}

/** `METHOD /path/{}`, of a path with `{id}` or `{{variable}}` in it. */
function patternOf(method, path) {
  const plain = path.replace(/\?.*$/, "").replace(/\{+[^}]*\}+/g, "{}");
  return `${method} ${plain.replace(/^\/compat\/t\/\{\}/, "/compat")}`;
}

function routesOfFile(file) {
  const text = source(file).replace(/^\s*\/\/.*$/gm, "");
  const declared = [...text.matchAll(/\bresource\(\s*"([^"]+)",\s*vec!\[((?:[^\[\]]|\[[^\]]*\])*)\]\s*\)/g)];
  const mentioned =
    [...text.matchAll(/\bresource\(/g)].length - [...text.matchAll(/fn resource\(|resource\(asset\.path|web::resource\(/g)].length;
  const otherwise = text.match(/web::resource\("(?!\/-\/static")|\.route\("|#\[(?:get|post|put|delete)\(/);
  if (declared.length !== mentioned || otherwise) {
    throw new Error(`src/${file} has routes that are not understood here: ${otherwise?.[0] ?? "resource(…)"}`);
  }
  return declared.flatMap(({ 1: path, 2: methods, index }) => {
    const named = [...methods.matchAll(/\b(\w+)\(/g)].map(([, name]) => METHODS[name]).filter(Boolean);
    return named.map((method) => patternOf(method, scopeAt(file, text, index) + path));
  });
}

/** What stands before the path that is written there: the scopes are few. */
function scopeAt(file, text, index) {
  if (file.startsWith("http/compat/")) {
    return "/compat";
  }
  const begin = text.lastIndexOf("web::scope(", index);
  // A scope ends with its answer to what it does not know.
  const isInside = begin >= 0 && !text.slice(begin, index).includes(".default_service(");
  return isInside ? text.slice(begin).match(/^web::scope\("([^"]+)"\)/)[1] : "";
}

function rustFiles(folder) {
  return readdirSync(new URL(folder, SRC), { recursive: true })
    .filter((name) => name.endsWith(".rs"))
    .map((name) => folder + name);
}

const source = (file) => readFileSync(new URL(file, SRC), "utf8");

/** The table of error codes: `[code, status]`. */
export function errorCodes() {
  const table = source("http/problem.rs").match(/^codes! \{\n([\s\S]*?)^\}/m)?.[1] ?? "";
  const rows = [...table.matchAll(/^\s+\w+\s+"(\w+)"\s+(\d{3})\s+"/gm)].map(([, code, status]) => [code, Number(status)]);
  if (rows.length === 0) {
    throw new Error("src/http/problem.rs: no table of codes is understood: tests/postman/lib/routes.mjs");
  }
  return rows;
}
