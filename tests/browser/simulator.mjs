// The simulator's switch for callbacks that go wrong.

import { dev } from "./page.mjs";

/** What happens to the next callbacks, one word each: `drop` (never sent), `lose_answer` (sent, but its answer counts as lost) … */
export async function failCallbacks(...faults) {
  const response = await fetch(`${dev.simulator}/-/callback-faults`, { method: "PUT", body: JSON.stringify(faults) });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}
