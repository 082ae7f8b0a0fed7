// Temporary credentials, as an application's server gets them with ali-oss. Node only.

import OSS from "ali-oss";

export function assumeRole(dev) {
  const sts = new OSS.STS({ accessKeyId: dev.access_key_id, accessKeySecret: dev.access_key_secret, endpoint: dev.sts });
  return async (policy) => (await sts.assumeRole(dev.role_arn, policy, 900, "sdk-ali-oss")).credentials;
}
