// The committed document, without a service: the linters find nothing, examples are what their schemas say, and so are the answers that the
// Postman collection has saved.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DOCUMENT, document, faultsOf, operationOf, operations, resolve } from "./lib/document.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = promisify(execFile);

/** Runs one of the linters; its findings are the failure. */
async function lint(tool, ...args) {
  await run(here(`node_modules/.bin/${tool}`), ["lint", fileURLToPath(DOCUMENT), ...args], { cwd: here(".") }).catch((error) => {
    assert.fail(`${error.stdout}\n${error.stderr}`);
  });
}

test("redocly finds nothing", () => lint("redocly", "--config", here("redocly.yaml")));

test("spectral finds nothing", () => lint("spectral", "--ruleset", here(".spectral.yaml"), "--fail-severity", "hint"));

test("the binary prints the committed document", async () => {
  const { stdout } = await run(process.env.BINARY, ["openapi"], { maxBuffer: 1 << 24 });
  assert.ok(stdout === readFileSync(DOCUMENT, "utf8"), "run `cargo run -- openapi > docs/openapi.json`");
});

test("every example is what its schema says, and has no field that it does not know", () => {
  let examples = 0;
  for (const { method, path, operation } of operations) {
    const bodies = Object.entries(operation.responses).map(([status, response]) => [status, resolve(response)]);
    for (const [place, body] of [...bodies, ["request", resolve(operation.requestBody)]]) {
      for (const [type, content] of Object.entries(body?.content ?? {})) {
        for (const [name, example] of Object.entries(content.examples ?? {})) {
          examples += 1;
          const where = `${method} ${path ?? operation.operationId} ${place} ${type} “${name}”`;
          assert.deepEqual(faultsOf(resolve(example).value, content.schema), [], where);
        }
      }
    }
  }
  assert.ok(examples > 500, `${examples} examples`);
});

test("the answers in the Postman collection are documented, with their codes", () => {
  const collection = JSON.parse(readFileSync(new URL("../../deploy/postman/oss-valet.postman_collection.json", import.meta.url)));
  const seen = new Set();
  for (const item of requestsOf(collection)) {
    const to = item.request.url.raw.match(/^\{\{(?:service|ops)\}\}([^?]*)/);
    const found = to && operationOf(item.request.method, to[1]);
    for (const { code: status, body, header } of found ? item.response : []) {
      const where = `“${item.name}”: ${item.request.method} ${found.path} ${status}`;
      const response = resolve(found.operation.responses[status]);
      assert.ok(response, `${where} is not documented`);
      const type = header.find(({ key }) => key.toLowerCase() === "content-type")?.value;
      const content = response.content?.[type];
      assert.ok(content || !body, `${where} is ${type}, which is not documented`);
      // A long answer is saved as its beginning.
      if (/json/.test(type) && !body.endsWith("…")) {
        const value = JSON.parse(body);
        assert.deepEqual(faultsOf(value, content.schema), [], where);
        assert.ok(status < 400 || content.examples?.[value.code] || found.path === "/readyz", `${where}: ${value.code} is not documented`);
      }
      seen.add(found.operation.operationId);
    }
  }
  assert.ok(seen.size > 25, `only ${seen.size} operations have saved answers`);
});

test("an unknown field, a missing one, a wrong word are noticed", () => {
  const upload = document.paths["/v1/uploads"].post.responses[201].content["application/json"];
  const good = upload.examples.form.value;
  assert.deepEqual(faultsOf(good, upload.schema), []);
  for (const [what, change] of Object.entries({
    "an unknown field": { secret: 1 },
    "an unknown field further in": { callback: { ...good.callback, more: 1 } },
    "a wrong word": { state: "finished" },
    "a wrong type": { max_size: "large" },
    "a missing field": { key: undefined },
  })) {
    assert.notDeepEqual(faultsOf(JSON.parse(JSON.stringify({ ...good, ...change })), upload.schema), [], what);
  }
});

function requestsOf(node) {
  return node.item ? node.item.flatMap(requestsOf) : [node];
}
