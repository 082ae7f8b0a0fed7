// What the service can be asked, as its OpenAPI document says it. (The document is held against the handlers, and against what the binary
// serves, by tests of its own.)

import { readFileSync } from "node:fs";

const document = JSON.parse(readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8"));
const METHODS = ["get", "post", "delete"];

/** Every route as `METHOD /path/{}`; parameters have no name, and `/compat/t/{ticket}/…` is the second way into `/compat/…`. */
export function routes() {
  const found = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => patternOf(method.toUpperCase(), path)),
  );
  return [...new Set(found)].sort();
}

/** The route that a request takes, if there is one; of several the one with the most words, as the service chooses. */
export function routeOf(known, method, path) {
  const asked = patternOf(method, path).split("/");
  const takes = (route) => route.length === asked.length && route.every((segment, index) => segment === "{}" || segment === asked[index]);
  const parameters = (route) => route.filter((segment) => segment === "{}").length;
  const fitting = known.map((route) => route.split("/")).filter(takes);
  return fitting.sort((one, other) => parameters(one) - parameters(other))[0]?.join("/");
}

/** What a page is made of, and what leads to it: the document does not tell of it. */
export const isPartOfAPage = (path) => path === "/" || /^\/(demo|docs)\//.test(path);

/** `METHOD /path/{}`, of a path with `{id}` or `{{variable}}` in it. */
function patternOf(method, path) {
  const plain = path.replace(/\?.*$/, "").replace(/\{+[^}]*\}+/g, "{}");
  return `${method} ${plain.replace(/^\/compat\/t\/\{\}/, "/compat")}`;
}

/** Every error code that the document has an example of: `[code, status]`. */
export function errorCodes() {
  return Object.values(document.components.examples).map(({ value }) => [value.code, value.status]);
}
