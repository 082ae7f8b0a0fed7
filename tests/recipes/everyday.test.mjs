import { after } from "node:test";

import { EVERYDAY } from "./machines.mjs";
import { prove } from "./proof.mjs";
import { closeBrowser } from "./runners.mjs";

after(closeBrowser);

for (const [page, { runner, ...options }] of Object.entries(EVERYDAY)) prove(page, runner, options);
