// The languages that a machine for the everyday run need not have, and a parser's look at the blocks that nothing runs.

import { spawnSync } from "node:child_process";
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { FULL } from "./machines.mjs";
import { pages, read } from "./page.mjs";
import { prove } from "./proof.mjs";

for (const [page, { runner, ...options }] of Object.entries(FULL)) prove(page, runner, options);

/** Each reads the code from its standard input. */
const PARSERS = {
  go: ["gofmt", "-e"],
  java: ["java", fileURLToPath(new URL("Parse.java", import.meta.url))],
  js: ["node", "--check", "--input-type=module", "-"],
  php: ["php", "-l"],
  ruby: ["ruby", "-c"],
};

for (const page of pages()) {
  for (const { language, code } of read(page).checks) {
    test(`${page}: the ${language} block that is not run can be parsed`, () => {
      const [program, ...args] = PARSERS[language];
      const { status, stderr, stdout } = spawnSync(program, args, { input: language === "php" ? `<?php\n${code}` : code, encoding: "utf8" });
      assert.equal(status, 0, stderr || stdout);
      if (language === "go") assert.equal(stdout, code, "as gofmt writes it");
    });
  }
}

test("the parsers find faults", () => {
  for (const [language, [program, ...args]] of Object.entries(PARSERS)) {
    const { status } = spawnSync(program, args, { input: language === "php" ? "<?php f(((;" : "f(((;" });
    assert.notEqual(status, 0, language);
  }
});
