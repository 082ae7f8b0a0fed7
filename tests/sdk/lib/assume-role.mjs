// Temporary credentials from the simulator's STS, as an application's server gets them with ali-oss. Node only.

import { Agent } from "node:http";
import OSS from "ali-oss";

export function assumeRole(dev) {
  const key = { accessKeyId: dev.access_key_id, accessKeySecret: dev.access_key_secret };
  // Without idle connections, as ../ali-oss-node.mjs has it.
  const sts = new OSS.STS({ ...key, endpoint: dev.simulator, agent: new Agent({ keepAlive: false }) });
  return async (policy) => (await sts.assumeRole(process.env.OSS_VALET_SDK_ROLE, policy, 900, "sdk-ali-oss")).credentials;
}
