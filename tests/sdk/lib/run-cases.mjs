// Runs the expected cases of one ali-oss build. Runs in Node and in a page.

import { AliOss } from "./ali-oss/client.mjs";
import { multipart } from "./ali-oss/multipart.mjs";
import { reading } from "./ali-oss/reading.mjs";
import { refusals } from "./ali-oss/refusals.mjs";
import { temporary } from "./ali-oss/temporary.mjs";
import { uploads } from "./ali-oss/uploads.mjs";

const CASES = { ...uploads, ...multipart, ...reading, ...refusals, ...temporary };

/** One after the other: a case may set the clock back. `report` gets a row for each. */
export async function runCases({ expected, signature, ...surroundings }, report) {
  for (const { method, credentials } of expected.filter((row) => row.signature === signature)) {
    let problem = null;
    const start = performance.now();
    try {
      if (!CASES[method]) throw new Error("nobody has written this case");
      await CASES[method](new AliOss({ signature, credentials, ...surroundings }));
    } catch (error) {
      problem = `${error.name}: ${error.message}`;
    }
    await report({ method, signature, credentials, problem, milliseconds: Math.round(performance.now() - start) });
  }
}
