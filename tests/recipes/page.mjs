// A recipe: what its page claims, and the programs in it.
//
// `<!-- run: NAME, NAME -->` before a fenced block makes it a part of these programs; a program is all its parts in the page's order, unchanged.
// `<!-- check -->` before a block has it looked over by its language's own parser (./full).

import { readdirSync, readFileSync } from "node:fs";

const DOCS = new URL("../../docs/recipes/", import.meta.url);
const BLOCK = /(?:<!-- (run: [a-z, ]+|check) -->\n)?```(\w+)\n([\s\S]*?)^```$/gm;

/** The names of all pages, without `.md`. */
export const pages = () => readdirSync(DOCS).filter((name) => name.endsWith(".md") && name !== "README.md").map((name) => name.slice(0, -3)).sort();

/** `{name, claim, programs: {name: code}, checks: [{language, code}]}` */
export function read(name) {
  const text = readFileSync(new URL(`${name}.md`, DOCS), "utf8");
  const programs = {};
  const checks = [];
  for (const [, mark, language, code] of text.matchAll(BLOCK)) {
    if (mark === "check") checks.push({ language, code });
    for (const program of mark?.startsWith("run: ") ? mark.slice(5).split(", ") : []) programs[program] = (programs[program] ?? "") + code;
  }
  return { name, text, claim: claimOf(text), programs, checks };
}

/** The index: `{page: what its column says of running}`. */
export function index() {
  const text = readFileSync(new URL("README.md", DOCS), "utf8");
  return Object.fromEntries([...text.matchAll(/^\| \[.+?\]\((.+?)\.md\) \| .+? \| (.+?) \|$/gm)].map(([, page, says]) => [page, says]));
}

/** `everyday`, `full`, `no`, or nothing, by the page's one line about it. */
function claimOf(text) {
  const lines = text.split("\n").filter((line) => /^(Run|Not run) by our tests: /.test(line));
  if (lines.length !== 1) return undefined;
  if (/^Not run by our tests: \w/.test(lines[0])) return "no";
  if (/^Run by our tests: yes, from this page, with `tests\/run full`/.test(lines[0])) return "full";
  return /^Run by our tests: yes, from this page/.test(lines[0]) ? "everyday" : undefined;
}
