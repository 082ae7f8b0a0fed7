import assert from "node:assert/strict";
import { test } from "node:test";

import { EVERYDAY, FULL } from "./machines.mjs";
import { index, pages, read } from "./page.mjs";

const SAYS = { everyday: /^yes/, full: /^in full/, no: /^no: \w/ };

test("the index lists every page, and every page listed exists", () => {
  assert.deepEqual(Object.keys(index()).sort(), pages());
});

for (const page of pages()) {
  test(`${page} is run as it claims, and the index says the same`, () => {
    const { claim } = read(page);
    assert.equal(claim, page in EVERYDAY ? "everyday" : page in FULL ? "full" : "no");
    assert.match(index()[page], SAYS[claim]);
  });

  test(`${page} is short, and tells what each recipe must`, () => {
    const { text, claim, programs } = read(page);
    assert.ok(text.split("\n").length <= 130, "a page, not a book");
    for (const word of ["/v1/uploads", "/renew", "/complete", "203"]) assert.ok(text.includes(word), word);
    if (claim === "no") assert.deepEqual(programs, {}, "nothing is marked to be run");
  });
}
