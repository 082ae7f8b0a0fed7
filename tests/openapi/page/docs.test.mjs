// `/docs` in a real browser: under its policy, without a word to anybody else, also behind a path prefix.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { launch } from "../../browser/chromium.mjs";

const dev = JSON.parse(process.env.OSS_VALET_DEV);
let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Opens a page; collects what the policy forbids and who is asked. */
async function open(url) {
  const page = await browser.newPage();
  const faults = [];
  const asked = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(url);
  await page.locator("#operations-Uploads-issueUpload").waitFor();
  return { page, faults, asked };
}

test("it shows every operation, breaks no policy, and asks nobody else", async () => {
  const { page, faults, asked } = await open(`${dev.service}/docs`);
  const { paths } = await (await fetch(`${dev.service}/openapi.json`)).json();
  const operations = Object.values(paths).flatMap((item) => Object.keys(item).filter((key) => ["get", "post", "delete"].includes(key)));
  assert.equal(await page.locator(".opblock").count(), operations.length + 5, "and five webhooks");
  await page.locator("#operations-Uploads-issueUpload .opblock-summary-control").click();
  await page.locator("#operations-Uploads-issueUpload .responses-table").first().waitFor();
  assert.deepEqual(faults, []);
  assert.deepEqual(
    asked.filter((url) => !url.startsWith(dev.service) && !url.startsWith("data:")),
    [],
  );
});

test("a call can be tried with a token", async () => {
  const { page } = await open(`${dev.service}/docs`);
  await page.locator(".auth-wrapper .authorize").first().click();
  await page.locator(".modal-ux input").first().fill(dev.token);
  await page.locator(".modal-ux .authorize").first().click();
  await page.locator(".modal-ux .btn-done").first().click();
  const operation = page.locator("#operations-Uploads-listProfiles");
  await operation.locator(".opblock-summary-control").click();
  const answer = page.waitForResponse(`${dev.service}/v1/profiles`);
  await operation.locator(".execute").click();
  assert.equal((await answer).status(), 200);
});

test("it is the same below a path prefix", async () => {
  const proxy = http.createServer(async (request, response) => {
    const answer = await fetch(dev.service + request.url.replace(/^\/valet/, ""));
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise((ready) => proxy.listen(0, "127.0.0.1", ready));
  const { faults, asked } = await open(`http://127.0.0.1:${proxy.address().port}/valet/docs`);
  assert.deepEqual(faults, []);
  assert.ok(asked.every((url) => url.includes("/valet/") || url.startsWith("data:")), asked.join(" "));
  proxy.close();
  proxy.closeAllConnections();
});
