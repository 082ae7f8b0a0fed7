// `ali-oss` in Node. Prints a line of JSON per case; see ./run.

import { Agent } from "node:http";
import { Readable } from "node:stream";
import OSS from "ali-oss";
import { assumeRole } from "./lib/assume-role.mjs";
import { sample } from "./lib/digest.mjs";
import { dev, expectedOf, signature, storedKeys, tell, versionOf } from "./lib/given.mjs";
import { runCases } from "./lib/run-cases.mjs";

const sdk = "ali-oss";
const platform = {
  name: "node",
  correctsClock: false,
  sample,
  body: (bytes) => Buffer.from(bytes),
  stream: (bytes) => Readable.from([bytes.subarray(0, 10_000), bytes.subarray(10_000)]),
  assumeRole: assumeRole(dev),
  storedKeys,
  // The simulator closes idle connections after a while; on a busy machine that may be just when this SDK uses one again.
  options: { agent: new Agent({ keepAlive: false }) },
};

OSS.Buffer = Buffer; // as the browser's build has it
tell({ sdks: { "`ali-oss`": versionOf("ali-oss") }, runtimes: { Node: process.versions.node } });
await runCases({ OSS, dev, signature, platform, expected: expectedOf(sdk) }, (row) => tell({ sdk, ...row }));
