// The words that the folders under collection/ are written in: each makes a piece of a Postman collection (v2.1).
// Scripts are written as functions, so that editors and `node --check` read them; what lies between their braces is what Postman runs.

import { createHash } from "node:crypto";

/** A folder: `about` is shown in Postman, `before` runs before each of its requests. */
export function folder(name, about, items, { before } = {}) {
  return { kind: "folder", name, about, items, before };
}

/**
 * A request.
 * `to`: the URL, with variables; `query`: parameters; `headers`; one of `json` (an object, or text as it is), `text`, `file`
 * (a path under deploy/postman) and `form` (the file's path; its fields come from `before`); `signedIn: false` for no bearer token;
 * `bare: true` for a request without the Content-Type that Postman would add; `before` and `tests`: functions, or lists of them.
 */
export function call(name, about, request) {
  return { kind: "call", name, about, ...request };
}

/** Asserts a problem document. */
export function problem(status, code) {
  return {
    code,
    lines: [
      `pm.test("it is refused: ${status} ${code}", () => {`,
      `  pm.response.to.have.status(${status});`,
      `  pm.expect(pm.response.headers.get("Content-Type")).to.equal("application/problem+json");`,
      `  pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");`,
      `  const problem = pm.response.json();`,
      `  pm.expect(problem).to.include({ type: "urn:oss-valet:problem:${code}", status: ${status}, code: "${code}" });`,
      `  pm.expect(problem.title).to.be.a("string").and.not.empty;`,
      `  pm.expect(problem.detail).to.be.a("string").and.not.empty;`,
      `  pm.expect(problem.request_id).to.equal(pm.response.headers.get("x-request-id"));`,
      `});`,
    ],
  };
}

/** Asserts which field a 422 blames, and with which code. */
export function blames(field, code) {
  return {
    lines: [
      `pm.test("it blames ${field}", () => {`,
      `  const faults = pm.response.json().errors.map(({ field, code }) => ({ field, code }));`,
      `  pm.expect(faults).to.deep.include({ field: ${JSON.stringify(field)}, code: ${JSON.stringify(code)} });`,
      `});`,
    ],
  };
}

/** A request that is refused: the problem, the blamed field, and whatever else is to be said. */
export function refused(status, code, ...more) {
  return [problem(status, code), ...more];
}

/** The script's lines: a function's body, or what a word above has made. */
export function script(parts) {
  return [parts ?? []].flat().flatMap((part, index) => [...(index > 0 ? [""] : []), ...(part.lines ?? body(part))]);
}

function body(fn) {
  const inner = fn.toString().split("\n").slice(1, -1);
  if (inner.length === 0) {
    throw new Error(`a script stands on lines of its own, between its braces: ${fn}`);
  }
  const indent = Math.min(...inner.filter((line) => line.trim()).map((line) => line.match(/^ */)[0].length));
  return inner.map((line) => line.slice(indent));
}

/** An id that stays the same as long as the name does. */
export function stableId(...names) {
  const hex = createHash("sha256").update(names.join("\n")).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
