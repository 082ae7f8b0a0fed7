// What every recipe must show, whatever its language.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { read } from "./page.mjs";
import { assertCompleted, between, byName, dev, failCallback, faultsLeft, noFaults, refuseUploads, spoiled } from "./service.mjs";

const work = mkdtempSync(join(tmpdir(), "oss-valet-recipes."));
after(() => rmSync(work, { recursive: true }));

/** A document of its own for each run. */
function document() {
  const file = join(work, "scan.pdf");
  const bytes = randomBytes(70_001);
  writeFileSync(file, bytes);
  return { file, bytes };
}

/**
 * Proves each program of the page, run by `runner`. `blind`: the program can't see what OSS answered.
 * `namedEndpoint`: its SDK needs an endpoint that is a name.
 */
export function prove(name, runner, { blind = false, namedEndpoint = false } = {}) {
  const { programs } = read(name);
  assert.ok(Object.keys(programs).length > 0, `${name} has something to run`);
  for (const [program, code] of Object.entries(programs)) {
    const run = ({ file, url = dev.service }) => runner(code, { url, token: dev.token, file }, work);
    const signsItself = program === "sdk"; // with credentials of its own

    /** Runs it with a service between, that changes the grants. */
    async function runBehind(change, file) {
      const service = await between(change);
      try {
        return { shown: await run({ file, url: service.url }), renewals: service.renewals() };
      } finally {
        await service.close();
      }
    }
    const runPlainly = async (file) => (namedEndpoint && signsItself ? (await runBehind(byName, file)).shown : run({ file }));

    test(`${name}, ${program}: the callback completes the upload, and the program shows its answer`, async () => {
      const { file, bytes } = document();
      await noFaults();
      const shown = await runPlainly(file);
      assert.equal(shown.state, "completed");
      await assertCompleted(shown.id, bytes, "callback");
      if (!blind) {
        assert.equal(shown.size, bytes.length); // the callback's answer has it at the top, a grant has not
        assert.deepEqual(shown.vars, { album: "42" });
      }
    });

    test(`${name}, ${program}: a 203 ends in a completed upload`, async () => {
      const { file, bytes } = document();
      await failCallback();
      const shown = await runPlainly(file);
      assert.deepEqual(await faultsLeft(), [], "the callback did fail");
      assert.equal(shown.state, "completed");
      await assertCompleted(shown.id, bytes, "complete");
    });

    test(`${name}, ${program}: what OSS refuses for good is no success`, async () => {
      const { file } = document();
      await refuseUploads();
      try {
        if (blind) assert.equal((await runPlainly(file)).code, "not_uploaded");
        else await assert.rejects(runPlainly(file), (error) => !(error instanceof SyntaxError)); // it failed; it did not print nonsense
      } finally {
        await noFaults();
      }
    });

    if (signsItself) continue; // nothing to renew

    test(`${name}, ${program}: a refused signature is renewed`, async () => {
      const { file, bytes } = document();
      const { shown, renewals } = await runBehind(spoiled, file);
      assert.equal(renewals, 1);
      assert.equal(shown.state, "completed");
      await assertCompleted(shown.id, bytes, "callback");
    });
  }
}
