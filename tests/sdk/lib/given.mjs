// What ./run gives to a client's process, and what it wants to hear. Node only.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export const dev = JSON.parse(process.env.OSS_VALET_DEV);

/** What the service signs with; the SDK shall too. */
export const signature = process.env.OSS_VALET_SIGNATURE;

export const expectedOf = (sdk) =>
  JSON.parse(readFileSync(process.env.OSS_VALET_SDK_EXPECTED, "utf8")).filter((row) => row.sdk === sdk);

export const versionOf = (name) => createRequire(import.meta.url)(`${name}/package.json`).version;

export const tell = (line) => console.log(JSON.stringify(line));

/** Every key in the simulator's bucket. */
export async function storedKeys() {
  const response = await fetch(`${dev.simulator}/-/objects/${dev.bucket}`);
  return JSON.stringify(await response.json());
}
