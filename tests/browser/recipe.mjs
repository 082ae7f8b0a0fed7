// A page of the documentation as a module in the browser: its marked blocks, unchanged, bundled with real packages, on a page of their own.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const BLOCK = /<!-- run: ([a-z0-9, ]+) -->\n```js\n([\s\S]*?)^```$/gm;

/** The program of that name in `docs/{page}.md`: all its blocks, in the page's order. */
export function program(page, name) {
  const text = readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), "utf8");
  const blocks = [...text.matchAll(BLOCK)].filter(([, names]) => names.split(", ").includes(name));
  if (!blocks.length) throw new Error(`${page}.md has no block marked for ${name}`);
  return blocks.map(([, , code]) => code).join("\n");
}

/** Bundles the module with the packages of `folder`; what it exports is `window.recipe`. */
async function bundle(code, folder) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL(folder, import.meta.url)), sourcefile: "recipe.js" },
    bundle: true, format: "iife", globalName: "recipe", platform: "browser", write: false, logLevel: "silent",
  });
  return outputFiles[0].text;
}

/** A web server with one page that has nothing but the module, and before it these classic scripts (files); `{url, close}`. */
export async function serve(code, folder, scripts = []) {
  const script = await bundle(code, folder);
  const classic = scripts.map((file, index) => [`/classic-${index}.js`, readFileSync(file)]);
  const tags = classic.map(([path]) => `<script src="${path}"></script>`).join("");
  const server = createServer((request, response) => {
    const [, text] = classic.find(([path]) => path === request.url) ?? [];
    if (text) return response.setHeader("Content-Type", "text/javascript").end(text);
    const isScript = request.url === "/recipe.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html; charset=utf-8");
    response.end(isScript ? script : `<!doctype html><link rel="icon" href="data:,"><title>recipe</title><body></body>${tags}<script src="/recipe.js"></script>`);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => new Promise((closed) => server.close(closed).closeAllConnections()),
  };
}
