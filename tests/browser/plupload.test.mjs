// The code of docs/app-server.md with the real plupload, and its V4 form, in Chromium.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { object } from "./bucket.mjs";
import { dev, launch } from "./page.mjs";
import { program, serve } from "./recipe.mjs";
import { failCallbacks } from "./simulator.mjs";

const authorization = { Authorization: `Bearer ${dev.token}` };
const PLUPLOAD = new URL("plupload/node_modules/plupload/js/plupload.full.min.js", import.meta.url);

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function openTicket() {
  const response = await fetch(`${dev.service}/v1/tickets`, {
    method: "POST", headers: { ...authorization, "Content-Type": "application/json" }, body: JSON.stringify({ profile: "document" }),
  });
  assert.equal(response.status, 201);
  return (await response.json()).ticket;
}

const show = async (id) => (await fetch(`${dev.service}/v1/uploads/${id}`, { headers: authorization })).json();

async function open(t, site) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(site.url);
  return page;
}

describe("plupload", () => {
  let site;
  before(async () => (site = await serve(program("app-server", "plupload"), "plupload/", [PLUPLOAD])));
  after(() => site.close());

  /** Uploads files of these names and contents; what became of each. */
  async function upload(page, serverUrl, files) {
    const button = await page.evaluate(() => {
      document.body.innerHTML = `<div><button id="select">select</button></div>`;
      return "select";
    });
    await page.evaluate(({ serverUrl, button }) => {
      window.uploader = window.recipe.createUploader({ serverUrl, button });
      window.uploaded = new Promise((resolve, reject) => {
        window.uploader.bind("UploadComplete", (up, files) => resolve(files.map((file) => ({ name: file.name, recorded: file.recorded }))));
        window.uploader.bind("Error", (up, error) => reject(new Error(`${error.code} ${error.message} ${error.response}`)));
        window.uploader.bind("FilesAdded", (up, added) => added.length === window.expected && up.start());
      });
    }, { serverUrl, button });
    await page.evaluate((count) => { window.expected = count; }, files.length);
    await page.locator("input[type=file]").setInputFiles(files.map(([name, content]) => ({ name, mimeType: "text/plain", buffer: Buffer.from(content) })));
    return page.evaluate(() => window.uploaded);
  }

  test("uploads several files under one directory, each recorded by its callback", async (t) => {
    const page = await open(t, site);
    const asked = [];
    page.on("request", (request) => request.url().startsWith(`${dev.service}/compat/`) && asked.push(request.url()));
    const files = [["a.txt", "first"], ["报告 1&2.txt", "second"]];

    const uploaded = await upload(page, `${dev.service}/compat/t/${await openTicket()}/appserver`, files);

    assert.equal(asked.length, 1, "one policy does for both");
    for (const [index, [name, content]] of files.entries()) {
      const { recorded } = uploaded[index];
      assert.equal(recorded.state, "completed");
      assert.ok(recorded.key.startsWith("documents/u-dev/") && recorded.key.endsWith(`/${name}`), recorded.key);
      assert.equal(recorded.content_type, "text/plain");
      if (index === 0) assert.equal((await object(recorded.key)).toString(), content);
    }
    const grant = await show(uploaded[0].recorded.id);
    assert.deepEqual([grant.kind, grant.state, grant.method], ["directory", "issued", "post"]);
    assert.deepEqual(grant.objects.map(({ size }) => size), [6, 5], "newest first");
  });

  test("a 203 is noticed", async (t) => {
    const page = await open(t, site);
    await failCallbacks("drop");
    const [one] = await upload(page, `${dev.service}/compat/t/${await openTicket()}/appserver`, [["lost.txt", "lost"]]);
    assert.equal(one.recorded, null);
  });
});

describe("the V4 form", () => {
  let site;
  before(async () => (site = await serve(program("app-server", "form"), "plupload/")));
  after(() => site.close());

  for (const way of ["a ticket", "a token"]) {
    test(`uploads with ${way}`, async (t) => {
      const page = await open(t, site);
      const query = "profile=document";
      const serverUrl = way === "a ticket" ? `${dev.service}/compat/t/${await openTicket()}/appserver/v4` : `${dev.service}/compat/appserver/v4?${query}`;
      const { status, recorded } = await page.evaluate(async ({ serverUrl, token }) => {
        if (token) {
          const plain = window.fetch;
          window.fetch = (url, options = {}) => plain(url, url === serverUrl ? { ...options, headers: { Authorization: token } } : options);
        }
        return window.recipe.upload({ serverUrl, file: new File(["hello"], "a b.txt", { type: "text/plain" }) });
      }, { serverUrl, token: way === "a token" ? authorization.Authorization : null });
      assert.deepEqual([status, recorded.state, recorded.size, recorded.user_id], [200, "completed", 5, "u-dev"]);
      assert.ok(recorded.key.endsWith("/a b.txt"), recorded.key);
    });
  }

  test("a page that sends the token whatever it holds works as it is", async (t) => {
    const page = await open(t, site);
    const serverUrl = `${dev.service}/compat/t/${await openTicket()}/appserver/v4`;
    const status = await page.evaluate(async (serverUrl) => {
      const data = await (await fetch(serverUrl)).json();
      const form = new FormData();
      form.append("success_action_status", "200");
      form.append("policy", data.policy);
      form.append("x-oss-signature", data.signature);
      form.append("x-oss-signature-version", "OSS4-HMAC-SHA256");
      form.append("x-oss-credential", data.x_oss_credential);
      form.append("x-oss-date", data.x_oss_date);
      form.append("key", `${data.dir}official.txt`);
      form.append("x-oss-security-token", data.security_token);
      form.append("callback", data.callback);
      form.append("file", new File(["hello"], "official.txt", { type: "text/plain" }));
      return (await fetch(data.host, { method: "POST", body: form })).status;
    }, serverUrl);
    assert.equal(status, 200);
  });
});
