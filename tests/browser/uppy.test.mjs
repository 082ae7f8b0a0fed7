// The code of docs/uppy.md with the real Uppy, in Chromium.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { isUnfinished, object, requests } from "./bucket.mjs";
import { dev, launch } from "./page.mjs";
import { program, serve } from "./recipe.mjs";
import { failCallbacks } from "./simulator.mjs";

const MIB = 1024 * 1024;
const authorization = { Authorization: `Bearer ${dev.token}` };

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function openTicket(profile) {
  const response = await fetch(`${dev.service}/v1/tickets`, {
    method: "POST", headers: { ...authorization, "Content-Type": "application/json" }, body: JSON.stringify({ profile }),
  });
  assert.equal(response.status, 201);
  return (await response.json()).ticket;
}

/** The user's grant for that file name, as the ledger knows it. */
async function grantOf(filename) {
  const { uploads } = await (await fetch(`${dev.service}/v1/uploads?limit=200`, { headers: authorization })).json();
  const found = uploads.filter((upload) => upload.filename === filename);
  assert.equal(found.length, 1, `one grant for ${filename}`);
  return found[0];
}

/** `size` bytes that no two parts have alike, made the same way here and in the page. */
const makeBytes = (size) => {
  const words = new Uint32Array(size / 4);
  for (let i = 0; i < words.length; i += 1) words[i] = Math.imul(i + 1, 2654435761);
  return words;
};

const VERSIONS = {
  v5: { folder: "uppy/v5/", options: async () => ({ token: dev.token, profile: "document" }), login: /^Bearer / },
  v6: { folder: "uppy/v6/", options: async () => ({ ticket: await openTicket("document") }), login: /^$/ },
};

for (const [version, { folder, options, login }] of Object.entries(VERSIONS)) {
  describe(`Uppy ${version}`, () => {
    let site;
    before(async () => (site = await serve(program("uppy", version), folder)));
    after(() => site.close());

    /** The page with its uploader in `window.uppy`, and what Uppy says in `window.said`. */
    async function open(t) {
      const context = await browser.newContext();
      const page = await context.newPage();
      const complaints = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      t.after(async () => {
        await context.close();
        assert.deepEqual(complaints, []);
      });
      page.calls = [];
      page.on("request", (request) => {
        if (request.url().startsWith(`${dev.service}/compat/`)) page.calls.push(request);
      });
      await page.goto(site.url);
      await page.evaluate(({ given, makeBytes }) => {
        window.makeBytes = eval(makeBytes);
        window.uppy = window.recipe.createUploader(given);
        window.said = [];
        for (const event of ["upload-success", "s3-multipart:part-uploaded"]) {
          window.uppy.on(event, (file, what) => window.said.push([event, what.PartNumber ?? what.status]));
        }
        window.add = (name, type, data, meta) => window.uppy.addFile({ name, type, data: new Blob([data], { type }), meta });
      }, { given: { valet: dev.service, ...(await options()) }, makeBytes: makeBytes.toString() });
      return page;
    }

    /** Adds a file of `size` bytes and begins to upload; ends with what Uppy says of it. */
    const upload = (page, name, size, meta = {}) => page.evaluate(async ({ name, size, meta }) => {
      window.add(name, "application/pdf", window.makeBytes(size), meta);
      const { successful, failed } = await window.uppy.upload();
      return { successful: successful.length, failed: failed.map((file) => file.error), body: successful[0]?.response.body };
    }, { name, size, meta });

    /** Begins to upload, with part 2 held back until `letGo`; ends when part 1 has been sent. */
    async function uploadHalf(page, name, size) {
      const isPart2 = (url) => url.searchParams.get("partNumber") === "2" && url.origin === dev.simulator;
      const held = page.waitForRequest((request) => isPart2(new URL(request.url())) && request.method() === "PUT");
      await page.route(isPart2, () => {}); // neither sent on nor refused
      await page.evaluate(({ name, size }) => {
        window.add(name, "application/pdf", window.makeBytes(size), {});
        window.ended = window.uppy.upload();
      }, { name, size });
      await held;
      await page.waitForFunction(() => window.said.some(([event, part]) => event === "s3-multipart:part-uploaded" && part === 1));
      return { letGo: () => page.unroute(isPart2) };
    }

    test("a small file is one form, completed by the callback", async (t) => {
      const page = await open(t);
      const name = `small-${version}.pdf`;
      const result = await upload(page, name, 40_000, { album: "相册 & 42", tags: "whatever" });
      assert.deepEqual([result.successful, result.failed], [1, []]);
      const grant = await grantOf(name);
      assert.deepEqual([grant.state, grant.method, grant.key], ["completed", "post", result.body.key]);
      assert.equal(grant.completion.source, "callback");
      assert.deepEqual(grant.vars, { album: "相册 & 42" });
      assert.equal(grant.content_type, "application/pdf");
      assert.ok((await object(grant.key)).equals(Buffer.from(makeBytes(40_000).buffer)));
      for (const call of page.calls.filter((call) => call.method() !== "OPTIONS")) assert.match((await call.allHeaders()).authorization ?? "", login);
    });

    test("a large file travels in parts, and every byte arrives", async (t) => {
      const page = await open(t);
      const [name, size] = [`large-${version}.pdf`, 17 * MIB];
      const result = await upload(page, name, size, { note: "in parts" });
      assert.deepEqual([result.successful, result.failed], [1, []]);
      const grant = await grantOf(name);
      assert.deepEqual([grant.state, grant.method, grant.key], ["completed", "multipart", result.body.key]);
      assert.deepEqual([grant.completion.size, grant.vars], [size, { note: "in parts" }]);
      assert.ok((await object(grant.key)).equals(Buffer.from(makeBytes(size).buffer)));
      assert.equal((await requests(grant.key)).filter((line) => line === "UploadPart 200").length, 4, "5, 5, 5 and 2 MiB");
    });

    test("as many parts as the largest file of the profile needs are signed", async (t) => {
      const page = await open(t);
      const [name, size] = [`largest-${version}.pdf`, 100 * MIB];
      const result = await upload(page, name, size);
      assert.deepEqual([result.successful, result.failed], [1, []]);
      assert.equal((await grantOf(name)).completion.size, size);
    });

    test("what was sent before a pause is not sent again", async (t) => {
      const page = await open(t);
      const [name, size] = [`paused-${version}.pdf`, 12 * MIB];
      const { letGo } = await uploadHalf(page, name, size);
      await page.evaluate(() => window.uppy.pauseAll());
      const { key, id } = await grantOf(name);
      assert.ok(await isUnfinished(key));
      await letGo();
      const lists = (request) => request.method() === "GET" && new URL(request.url()).pathname.endsWith(`/s3/multipart/${id}`);
      const listed = page.waitForResponse((response) => lists(response.request()));
      await page.evaluate(() => window.uppy.resumeAll());
      assert.equal((await (await listed).json())[0].PartNumber, 1);
      assert.deepEqual(await page.evaluate(async () => (await window.ended).failed), []);
      assert.equal((await grantOf(name)).state, "completed");
      assert.ok((await object(key)).equals(Buffer.from(makeBytes(size).buffer)));
      const sent = page.calls.filter((call) => /\/s3\/multipart\/[^/]+\/1$/.test(new URL(call.url()).pathname) && call.method() === "GET");
      assert.equal(sent.length, 1, "part 1 was signed once");
    });

    test("a cancelled upload leaves nothing at OSS, and its grant is cancelled", async (t) => {
      const page = await open(t);
      const name = `cancelled-${version}.pdf`;
      await uploadHalf(page, name, 12 * MIB);
      const { key } = await grantOf(name);
      assert.ok(await isUnfinished(key));
      const aborted = page.waitForResponse((response) => response.request().method() === "DELETE");
      await page.evaluate(() => window.uppy.cancelAll());
      assert.equal((await aborted).status(), 200);
      assert.equal((await grantOf(name)).state, "cancelled");
      assert.equal(await isUnfinished(key), false);
    });

    test("a 203 is noticed: Uppy takes it for success, and the file is recorded all the same", async (t) => {
      const page = await open(t);
      const name = `unheard-${version}.pdf`;
      await failCallbacks("drop");
      const result = await upload(page, name, 4_000);
      assert.deepEqual([result.successful, result.failed], [1, []]);
      const grant = await grantOf(name);
      assert.deepEqual(await requests(grant.key).then((lines) => lines.filter((line) => line.startsWith("PostObject"))), ["PostObject 203"]);
      const told = await page.evaluate(() => window.said.find(([event]) => event === "upload-success"));
      assert.deepEqual(told, ["upload-success", 200], "this is why the page has to ask");
      assert.deepEqual([grant.state, grant.completion.source], ["completed", "complete"]);
    });

    test("a file that is not recorded is no success", async (t) => {
      const page = await open(t);
      await page.route(/\/s3\/complete\?/, (route) => route.fulfill({
        status: 409, contentType: "application/problem+json", headers: { "access-control-allow-origin": "*" }, body: JSON.stringify({ detail: "nothing is there" }),
      }));
      const result = await upload(page, `unrecorded-${version}.pdf`, 4_000);
      assert.equal(result.successful, 0);
      assert.deepEqual(result.failed, ["nothing is there"]);
    });
  });
}

test("Uppy v6: with a new ticket an upload goes on where it was", async (t) => {
  const site = await serve(program("uppy", "v6"), "uppy/v6/");
  t.after(() => site.close());
  const page = await browser.newPage();
  t.after(() => page.close());
  await page.goto(site.url);
  const [name, size] = ["ticket.pdf", 12 * MIB];
  const [old, fresh] = [await openTicket("document"), await openTicket("document")];
  // From the second part on the old ticket counts as expired.
  await page.route((url) => url.pathname.includes(old) && /\/2$/.test(url.pathname), (route) => route.fulfill({
    status: 401, contentType: "application/problem+json", headers: { "access-control-allow-origin": "*" }, body: "{}",
  }));
  const first = await page.evaluate(async ({ makeBytes, name, size, valet, ticket }) => {
    window.uppy = window.recipe.createUploader({ valet, ticket });
    window.uppy.addFile({ name, type: "application/pdf", data: new Blob([eval(makeBytes)(size)], { type: "application/pdf" }) });
    return (await window.uppy.upload()).failed.length;
  }, { makeBytes: makeBytes.toString(), name, size, valet: dev.service, ticket: old });
  assert.equal(first, 1);
  const { key, state } = await grantOf(name);
  assert.equal(state, "issued");
  const second = await page.evaluate(async (given) => (await window.recipe.goOn(window.uppy, given)).failed.length, { valet: dev.service, ticket: fresh });
  assert.equal(second, 0);
  assert.equal((await grantOf(name)).state, "completed");
  assert.ok((await object(key)).equals(Buffer.from(makeBytes(size).buffer)));
  assert.equal((await requests(key)).filter((line) => line === "UploadPart 200").length, 3, "each part once");
});
