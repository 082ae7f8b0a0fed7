// The simulator's switch for callbacks that go wrong.

import { dev } from "./page.mjs";

/** What happens to the next callbacks, one word each: `drop` (never sent), `lose_answer` (sent, but its answer counts as lost) … */
export async function failCallbacks(...faults) {
  const rules = faults.map((fault) => ({ on: { operation: "Callback" }, do: fault }));
  const response = await fetch(`${dev.simulator}/-/faults`, { method: "PUT", body: JSON.stringify(rules) });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}
