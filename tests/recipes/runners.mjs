// How a recipe's program is run. A runner takes the code, unchanged, and `{url, token, file}`, and gives back what the program showed at its end:
// the callback's answer, or the completed grant.

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

import { dev } from "./service.mjs";
import { standIn } from "./stand_in.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const exec = promisify(execFile);

/**
 * A runner for programs of a command line: written to `file`, built where need be, run; the last line on stdout is JSON.
 * `FILE` stands for the file's path, `DIR` for its folder.
 */
export function command(file, run, { build, beside = {} } = {}) {
  const built = new Map(); // by code, so that nothing is built twice
  return async (code, { url, token, file: upload }, work) => {
    const env = {
      ...process.env, OSS_VALET_URL: url, OSS_VALET_TOKEN: token, FILE: upload,
      OSS_ACCESS_KEY_ID: dev.access_key_id, OSS_ACCESS_KEY_SECRET: dev.access_key_secret,
    };
    let dir = built.get(code);
    const fill = (words) => words.map((word) => word.replaceAll("FILE", join(dir, file)).replaceAll("DIR", dir));
    if (dir === undefined) {
      dir = mkdtempSync(join(work, "program."));
      for (const [name, text] of Object.entries({ [file]: code, ...beside })) writeFileSync(join(dir, name), text);
      if (build) await exec(...split(fill(build)), { env });
      built.set(code, dir);
    }
    const { stdout } = await exec(...split(fill(run)), { env, cwd: dir, timeout: 120_000 });
    return JSON.parse(stdout.trim().split("\n").at(-1));
  };
}

const split = ([program, ...args]) => [program, args];

export const bash = command("recipe.sh", ["bash", "FILE"]);
export const python = command("recipe.py", [process.env.PYTHON ?? "python3", "FILE"]);
export const php = command("recipe.php", ["php", "FILE"]);
export const ruby = command("recipe.rb", ["ruby", "FILE"]);
export const go = command("recipe.go", ["DIR/recipe"], { build: ["go", "build", "-o", "DIR/recipe", "FILE"] });
export const c = command("recipe.c", ["DIR/recipe"], { build: ["cc", "-Wall", "-Wextra", "-Werror", "-o", "DIR/recipe", "FILE", "-lcurl", "-lcjson"] });
export const cpp = command("recipe.cpp", ["DIR/recipe"], { build: ["c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-o", "DIR/recipe", "FILE", "-lcurl"] });

const GSON = "/usr/share/java/gson.jar";
export const java = command("Upload.java", ["java", "-cp", `${GSON}:DIR`, "Upload"], { build: ["javac", "-Xlint:all", "-cp", GSON, "-d", "DIR", "FILE"] });

/** The class of an app, and a `main` that does what the app would. */
const ANDROID = ["okhttp", "okio", "com.android.json"].map((jar) => `/usr/share/java/${jar}.jar`).join(":");
const MAIN = `class Main {
  public static void main(String[] args) throws Exception {
    System.out.println(new Upload(System.getenv("OSS_VALET_URL"), System.getenv("OSS_VALET_TOKEN")).upload(new java.io.File(System.getenv("FILE"))));
    System.exit(0); // OkHttp's threads would linger
  }
}`;
export const android = command("Upload.java", ["java", "-cp", `${ANDROID}:DIR`, "Main"], {
  build: ["javac", "-cp", ANDROID, "-d", "DIR", "FILE", "DIR/Main.java"], beside: { "Main.java": MAIN },
});

const script = command("recipe.mjs", ["node", "--no-warnings", "FILE"]);

/** Node, with the packages of this folder in reach. */
export function node(code, options, work) {
  const packages = join(work, "node_modules");
  if (!existsSync(packages)) symlinkSync(join(HERE, "node_modules"), packages);
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
  const path = join(mkdtempSync(join(work, "program.")), "upload.mjs");
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
