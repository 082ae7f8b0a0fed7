// A check that can't fail is worth nothing: each is shown a copy of the files with one thing spoilt, and must object.

import { CHECKS } from "./checks.mjs";

const firstRequest = (files) => files.collection.item[0].item[0];

const SPOILT = {
  "the committed files are what the sources make": [(files) => (firstRequest(files).name += "!")],
  "every request and folder is described, tested, shown": [
    (files) => (firstRequest(files).request.description = ""),
    (files) => (firstRequest(files).event = []),
    (files) => (firstRequest(files).response = []),
    (files) => (files.collection.item[0].description = ""),
  ],
  "ids and names are unique": [(files) => files.collection.item[0].item.push(firstRequest(files))],
  "every variable is declared": [(files) => (firstRequest(files).request.url.raw += "/{{nobody_knows}}")],
  "no secret is in the files": [
    (files) => (files.environments.dev.values.find(({ type }) => type === "secret").value = "x"),
    (files) => (firstRequest(files).response[0].body = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1LWRldiJ9.c2ln"),
    (files) => (firstRequest(files).response[0].body = "LTAI5tAbCdEfGhIjKlMnOpQr"),
  ],
  "every route has a request, every request a route": [
    (files) => files.routes.push("GET /v1/new"),
    (files) => (files.routes = files.routes.filter((route) => route !== "GET /v1/profiles")),
  ],
  "both ways into the drop-in shapes are shown": [
    (files) => {
      files.routes.push("GET /compat/new");
      files.collection.item = files.collection.item.slice(0, 1);
    },
  ],
  "every error code is met, or it is said why not": [
    (files) => files.codes.push(["brand_new", 418]),
    (files) => (files.unreachable["401 unauthorized"] = "it is not"),
    (files) => (files.codes = files.codes.filter(([code]) => code !== "unauthorized")),
  ],
};

/** The checks that let a spoilt copy pass, and those that nobody tries. */
export function toothless(files) {
  return Object.keys(CHECKS).flatMap((name) => {
    const spoilers = SPOILT[name] ?? [];
    const passed = spoilers.filter((spoil) => {
      const copy = structuredClone(files);
      const before = CHECKS[name](copy).length;
      spoil(copy);
      return CHECKS[name](copy).length <= before;
    });
    return [...(spoilers.length === 0 ? [`nothing tries “${name}”`] : []), ...passed.map((spoil) => `“${name}” lets this pass: ${spoil}`)];
  });
}
