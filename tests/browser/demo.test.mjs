import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { answer, dev, item, launch, ledger, openDemo, paper, picture, reaches, slowDown } from "./page.mjs";
import { failCallbacks } from "./simulator.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const REFUSED = /status of 422/;

test("a dropped file is completed, with the callback's answer and the ledger's record", async (t) => {
  const page = await openDemo(t, browser);
  const transfer = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(["not much of a picture"], "dropped.png", { type: "image/png" }));
    return data;
  });
  await page.dispatchEvent("#drop", "dragenter", { dataTransfer: transfer });
  assert.match(await page.locator("#drop").getAttribute("class"), /over/);
  await page.dispatchEvent("#drop", "drop", { dataTransfer: transfer });
  await reaches(page, "dropped.png", "done");
  const [said, recorded] = [await answer(page, "dropped.png"), await ledger(page, "dropped.png")];
  assert.equal(said.id, recorded.id);
  assert.equal(said.state, "completed");
  assert.equal(recorded.state, "completed");
  assert.equal(recorded.completion.size, 21);
  assert.equal(recorded.completion.source, "callback");
  await item(page, "dropped.png").locator("summary").click();
});

test("the bar moves while the bytes leave", async (t) => {
  const page = await openDemo(t, browser);
  await page.selectOption("#profile", "document");
  const network = await slowDown(page, 400_000);
  await page.evaluate(() => {
    window.seen = [];
    new MutationObserver((changes) => {
      for (const { target } of changes) if (target.tagName === "PROGRESS") window.seen.push(target.value);
    }).observe(document.getElementById("list"), { subtree: true, attributes: true, attributeFilter: ["value"] });
  });
  await page.setInputFiles("#files", [paper("slow.pdf", 600_000)]);
  await page.waitForFunction(() => window.seen.some((value) => value > 0 && value < 1));
  await network.fullSpeed();
  await reaches(page, "slow.pdf", "done");
  const seen = await page.evaluate(() => window.seen);
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b), "the bar never goes back");
});

test("put uploads too, and the variables reach the ledger", async (t) => {
  const page = await openDemo(t, browser);
  await page.selectOption("#profile", "document");
  await page.getByLabel("Presigned PUT").check();
  await page.getByLabel("album").fill("相册 & <b>42</b>");
  await page.setInputFiles("#files", [paper("put.pdf", 4_000)]);
  await reaches(page, "put.pdf", "done");
  const recorded = await ledger(page, "put.pdf");
  assert.equal(recorded.method, "put");
  assert.deepEqual(recorded.vars, { album: "相册 & <b>42</b>" });
  assert.equal(recorded.completion.content_type, "application/pdf");
});

test("several files at once all arrive", async (t) => {
  const page = await openDemo(t, browser);
  const names = ["a.png", "b.png", "c.png", "d.png", "e.png"];
  await page.setInputFiles("#files", names.map((name, i) => picture(name, i * 1000)));
  for (const name of names) await reaches(page, name, "done");
  const keys = new Set();
  for (const name of names) keys.add((await ledger(page, name)).key);
  assert.equal(keys.size, names.length);
  await page.locator("#clear").click();
  assert.equal(await page.locator("#list > li").count(), 0);
});

test("a failed callback is recovered: the page says so and the ledger knows", async (t) => {
  const page = await openDemo(t, browser);
  await failCallbacks("drop");
  await page.setInputFiles("#files", [picture("recovered.png")]);
  await reaches(page, "recovered.png", "recovered");
  const recorded = await ledger(page, "recovered.png");
  assert.equal(recorded.state, "completed");
  assert.equal(recorded.completion.source, "complete");
  assert.match(await item(page, "recovered.png").locator(".message").textContent(), /callback failed/);
});

test("a callback whose answer was lost is known to the ledger already", async (t) => {
  const page = await openDemo(t, browser);
  await failCallbacks("lose_answer");
  await page.setInputFiles("#files", [picture("lost.png")]);
  await reaches(page, "lost.png", "recovered");
  assert.equal((await ledger(page, "lost.png")).completion.source, "callback");
});

test("a cancelled upload withdraws its grant, and can be tried again", async (t) => {
  const page = await openDemo(t, browser);
  await page.selectOption("#profile", "document");
  const network = await slowDown(page, 50_000);
  await page.setInputFiles("#files", [paper("cancelled.pdf", 3_000_000)]);
  await reaches(page, "cancelled.pdf", "sending");
  await item(page, "cancelled.pdf").getByRole("button", { name: "Cancel" }).click();
  await reaches(page, "cancelled.pdf", "cancelled");
  const first = await ledger(page, "cancelled.pdf");
  assert.equal(first.state, "cancelled");
  await network.fullSpeed();
  await item(page, "cancelled.pdf").getByRole("button", { name: "Try again" }).click();
  await reaches(page, "cancelled.pdf", "done");
  const second = await ledger(page, "cancelled.pdf");
  assert.equal(second.state, "completed");
  assert.notEqual(second.id, first.id);
});

test("after a broken connection, trying again goes on with the same grant", async (t) => {
  const page = await openDemo(t, browser, { expectErrors: /ERR_FAILED|status of 409/ });
  const bucket = /\/dev-media\//;
  await page.route(bucket, (route) => route.abort());
  await page.setInputFiles("#files", [picture("broken.png")]);
  await reaches(page, "broken.png", "failed");
  assert.match(await item(page, "broken.png").locator(".message").textContent(), /network_error/);
  const first = await ledger(page, "broken.png");
  assert.equal(first.state, "issued");
  await page.unroute(bucket);
  await item(page, "broken.png").getByRole("button", { name: "Try again" }).click();
  await reaches(page, "broken.png", "done");
  assert.equal((await ledger(page, "broken.png")).id, first.id);
});

test("a file of the wrong type is refused with the service's reason", async (t) => {
  const page = await openDemo(t, browser, { expectErrors: REFUSED });
  await page.selectOption("#profile", "avatar");
  await page.setInputFiles("#files", [paper("wrong.pdf", 10)]);
  await reaches(page, "wrong.pdf", "failed");
  assert.match(await item(page, "wrong.pdf").locator(".message").textContent(), /content_type_not_allowed/);
});

test("a name full of markup is shown as text", async (t) => {
  const page = await openDemo(t, browser);
  const name = "<img src=x onerror=alert(1)>.png";
  await page.setInputFiles("#files", [picture(name)]);
  await reaches(page, name, "done");
  assert.equal(await page.locator("#list .file").textContent(), name);
});

test("nothing scrolls sideways at phone width", async (t) => {
  const page = await openDemo(t, browser, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, expectErrors: REFUSED });
  await page.setInputFiles("#files", [picture("a portrait with a name that is far too long for any phone there is.png"), paper("wrong.pdf", 10)]);
  await reaches(page, "portrait", "done");
  await reaches(page, "wrong.pdf", "failed");
  await item(page, "portrait").locator("summary").click();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(width, 360);
});

test("Chinese readers get Chinese, and can switch", async (t) => {
  const page = await openDemo(t, browser, { locale: "zh-CN", colorScheme: "dark" });
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  await page.getByText("将文件拖到这里").waitFor();
  await page.setInputFiles("#files", [picture("头像.png")]);
  await reaches(page, "头像.png", "done");
  assert.equal(await item(page, "头像.png").locator(".state").textContent(), "已完成");
  await page.getByRole("button", { name: "English" }).click();
  assert.equal(await item(page, "头像.png").locator(".state").textContent(), "completed");
  await page.reload();
  await page.getByText("Drop files here").waitFor();
});

test("the token leaves the address bar and stays in the tab", async (t) => {
  const page = await openDemo(t, browser);
  assert.equal(page.url(), `${dev.service}/demo`);
  await page.reload();
  await page.locator("#settings").waitFor();
  assert.equal(await page.locator("#sign-in").isVisible(), false);
});

test("a token that is not accepted leads back to the sign-in", async (t) => {
  const page = await openDemo(t, browser, { expectErrors: /status of 401/ });
  await page.evaluate(() => sessionStorage.clear());
  await page.goto(`${dev.service}/demo#token=nonsense`);
  await page.reload();
  await page.locator("#sign-in").waitFor();
  await page.getByLabel("Bearer token (JWT)").fill("nonsense");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("was not accepted").waitFor();
  await page.getByLabel("Bearer token (JWT)").fill(dev.token);
  await page.keyboard.press("Enter");
  await page.locator("#settings").waitFor();
});

test("everything can be reached by keyboard", async (t) => {
  const page = await openDemo(t, browser);
  await page.selectOption("#profile", "document");
  await page.setInputFiles("#files", [picture("keyboard.png")]);
  await reaches(page, "keyboard.png", "done");
  await page.locator("#language").focus();
  const reached = [];
  for (let i = 0; i < 7; i += 1) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.name || document.activeElement.tagName));
  }
  assert.deepEqual(reached, ["profile", "method", "var-album", "var-note", "files", "clear", "SUMMARY"]);
});

test("the page is served under a policy that forbids inline and foreign scripts", async () => {
  const response = await fetch(`${dev.service}/demo`);
  const policy = response.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'(;|$)/);
});
