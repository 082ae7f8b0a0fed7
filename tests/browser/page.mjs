// A Chromium, the demo page in it, and the running service and simulator behind it.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";

export { launch } from "./chromium.mjs";

export const dev = JSON.parse(process.env.OSS_VALET_DEV);
const SHOTS = process.env.OSS_VALET_SCREENSHOTS;

mkdirSync(SHOTS, { recursive: true });

/** The demo page, signed in. At the test's end it is photographed, and whatever it complained about fails the test. */
export async function openDemo(t, browser, { url = dev.demo, expectErrors = /^$/, ...options } = {}) {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 900, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !expectErrors.test(message.text())) complaints.push(message.text());
  });
  t.after(async () => {
    await page.screenshot({ path: `${SHOTS}/${t.name.replaceAll(/[^a-z0-9]+/gi, "-")}.png`, fullPage: true });
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(url);
  await page.locator("#settings").waitFor();
  return page;
}

export const item = (page, name) => page.locator("#list > li").filter({ has: page.locator(".file", { hasText: name }) });

export async function reaches(page, name, state) {
  await item(page, name).and(page.locator(`[data-state="${state}"]`)).waitFor();
}

/** What the ledger says of the item's upload, read from the page's own papers. */
export async function ledger(page, name) {
  return JSON.parse(await item(page, name).locator(".ledger pre").textContent());
}

export const answer = async (page, name) => JSON.parse(await item(page, name).locator(".answer pre").textContent());

/** Lets the page send at `bytesPerSecond` at most, so that there is a time in which an upload is under way. */
export async function slowDown(page, bytesPerSecond) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const set = (uploadThroughput) =>
    session.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
  await set(bytesPerSecond);
  return { fullSpeed: () => set(-1) };
}

/** A picture that decoders accept: one red pixel, then as much padding as wanted. */
export function picture(name, padding = 0) {
  const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
  return { name, mimeType: "image/png", buffer: Buffer.concat([Buffer.from(pixel, "base64"), Buffer.alloc(padding)]) };
}

export const paper = (name, size) => ({ name, mimeType: "application/pdf", buffer: Buffer.alloc(size, "paper ") });
