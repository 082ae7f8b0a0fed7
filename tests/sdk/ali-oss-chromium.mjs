// `ali-oss`'s browser build in Chromium. Prints a line of JSON per case; see ./run.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "../browser/chromium.mjs";
import { assumeRole } from "./lib/assume-role.mjs";
import { sample } from "./lib/digest.mjs";
import { dev, expectedOf, signature, storedKeys, tell } from "./lib/given.mjs";

const sdk = "ali-oss-chromium";
const LIB = fileURLToPath(new URL("lib", import.meta.url));
const BUILD = path.join(path.dirname(createRequire(import.meta.url).resolve("ali-oss/package.json")), "dist/aliyun-oss-sdk.js");
const PAGE = `<!doctype html><meta charset="utf-8"><title>ali-oss</title><script src="/sdk.js"></script>`;

/** The application's own server: the page, bytes to upload, temporary credentials. */
const roles = assumeRole(dev);
const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const send = (type, body, headers = {}) => response.writeHead(200, { "Content-Type": type, ...headers }).end(body);
  try {
    if (pathname === "/") send("text/html", PAGE);
    else if (pathname === "/sdk.js") send("text/javascript", await readFile(BUILD));
    else if (pathname === "/sample") {
      const { bytes, md5, crc64 } = sample(Number(searchParams.get("size")));
      send("application/octet-stream", bytes, { "x-md5": md5, "x-crc64": crc64 });
    } else if (pathname === "/assume-role") send("application/json", JSON.stringify(await roles(searchParams.get("policy"))));
    else if (pathname === "/stored-keys") send("application/json", await storedKeys());
    else send("text/javascript", await readFile(path.join(LIB, path.normalize(pathname))));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});

/** In the page: runs the cases with what the page has. */
async function inPage(given) {
  const platform = {
    name: "chromium",
    correctsClock: true,
    async sample(size) {
      const answer = await fetch(`/sample?size=${size}`);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      return { bytes, size, md5: answer.headers.get("x-md5"), crc64: answer.headers.get("x-crc64") };
    },
    body: (bytes) => new File([bytes], "scan.pdf"),
    async assumeRole(policy) {
      const answer = await fetch(`/assume-role?policy=${encodeURIComponent(JSON.stringify(policy))}`);
      if (!answer.ok) throw new Error(await answer.text());
      return answer.json();
    },
    storedKeys: async () => (await fetch("/stored-keys")).text(),
  };
  const { runCases } = await import("/run-cases.mjs");
  await runCases({ OSS: window.OSS, platform, ...given }, window.report);
}

await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const browser = await launch();
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const version = await page.evaluate(() => window.OSS.version);
  tell({ sdks: { "`ali-oss`, browser build": version }, runtimes: { Chromium: browser.version() } });
  await page.exposeFunction("report", (row) => tell({ sdk, ...row }));
  await page.evaluate(inPage, { dev, signature, expected: expectedOf(sdk) });
} finally {
  await browser.close();
  server.close();
}
