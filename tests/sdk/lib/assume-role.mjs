// Temporary credentials from the simulator's STS, as an application's server gets them with ali-oss. Node only.

import OSS from "ali-oss";

export function assumeRole(dev) {
  const sts = new OSS.STS({ accessKeyId: dev.access_key_id, accessKeySecret: dev.access_key_secret, endpoint: dev.simulator });
  return async (policy) => (await sts.assumeRole(process.env.OSS_VALET_SDK_ROLE, policy, 900, "sdk-ali-oss")).credentials;
}
