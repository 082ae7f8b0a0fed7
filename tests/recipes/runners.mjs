// How a recipe's program is run. A runner takes the code, unchanged, and `{url, token, file}`, and gives back what the program showed at its end:
// the callback's answer, or the completed grant.

import { execFile } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

import { dev } from "./service.mjs";
import { standIn } from "./stand_in.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
let serial = 0;

/** A runner for programs of a command line: written to `file` and run; the last line on stdout is JSON. */
export function command(file, ...steps) {
  return async (code, { url, token, file: upload }, work) => {
    serial += 1;
    const path = join(work, `${serial}-${file}`);
    writeFileSync(path, code);
    const env = {
      ...process.env, OSS_VALET_URL: url, OSS_VALET_TOKEN: token, FILE: upload,
      OSS_ACCESS_KEY_ID: dev.access_key_id, OSS_ACCESS_KEY_SECRET: dev.access_key_secret,
    };
    let stdout;
    for (const step of steps) {
      const [program, ...args] = step.map((word) => word.replaceAll("FILE", path));
      ({ stdout } = await promisify(execFile)(program, args, { env, cwd: work, timeout: 120_000 }));
    }
    return JSON.parse(stdout.trim().split("\n").at(-1));
  };
}

export const bash = command("recipe.sh", ["bash", "FILE"]);
export const python = command("recipe.py", [process.env.PYTHON ?? "python3", "FILE"]);

const script = command("recipe.mjs", ["node", "--no-warnings", "FILE"]);

/** Node, with the packages of this folder in reach. */
export function node(code, options, work) {
  try {
    symlinkSync(join(HERE, "node_modules"), join(work, "node_modules"));
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  return script(code, options, work);
}

/** A mini-program's CommonJS module, with a stand-in for `wx`. */
export async function wechat(code, { url, token, file }) {
  const module = { exports: {} };
  new Function("wx", "module", code)(standIn, module);
  return module.exports.upload(file, { valet: url, token });
}

/** uni-app's ES module, with a stand-in for `uni`. */
export async function uniApp(code, { url, token, file }, work) {
  serial += 1;
  const path = join(work, `${serial}-upload.mjs`);
  writeFileSync(path, code);
  globalThis.uni = standIn;
  const { upload } = await import(pathToFileURL(path));
  return upload(file, { valet: url, token });
}

let browser;
export const closeBrowser = () => browser?.close();

/** A page of somebody's site (an origin of its own), made of `files`; `use` gets it opened. */
async function open(files, hash, use) {
  const site = createServer((request, response) => {
    const [contentType, body] = files[request.url] ?? ["text/plain", ""];
    response.setHeader("content-type", contentType).end(body);
  });
  await new Promise((listening) => site.listen(0, "127.0.0.1", listening));
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  try {
    await page.goto(`http://127.0.0.1:${site.address().port}/#${hash}`);
    return await use(page);
  } finally {
    await page.close();
    await new Promise((closed) => site.close(closed).closeAllConnections());
  }
}

/** The page's module, imported by a page that has little more than an input. */
export function browserModule(code, { url, token, file }) {
  const shell = `<!doctype html><meta charset="utf-8"><input type="file"><script src="sdk.js"></script>`;
  const files = {
    "/": ["text/html", shell],
    "/recipe.mjs": ["text/javascript", code],
    "/sdk.js": ["text/javascript", readFileSync(join(HERE, "node_modules/ali-oss/dist/aliyun-oss-sdk.min.js"))],
  };
  return open(files, "", async (page) => {
    await page.setInputFiles("input", file);
    const keys = { accessKeyId: dev.access_key_id, accessKeySecret: dev.access_key_secret };
    return page.evaluate(async ([service, credentials]) => {
      const { upload } = await import("/recipe.mjs");
      return upload(document.querySelector("input").files[0], service, credentials);
    }, [{ valet: url, token }, keys]);
  });
}

/** The page itself: a file is chosen, the button pressed. */
export function browserPage(code, { url, token, file }) {
  return open({ "/": ["text/html", code] }, new URLSearchParams({ valet: url, token }), async (page) => {
    await page.setInputFiles("input[type=file]", file);
    await page.click("button");
    const output = page.locator("output", { hasText: "{" });
    return JSON.parse(await output.textContent());
  });
}
