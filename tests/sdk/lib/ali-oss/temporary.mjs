// What only temporary credentials can get wrong, and renewing them.

import { holds, refused, same } from "../expect.mjs";
import { tap } from "./client.mjs";

export const temporary = {
  async "sts-other-key"(t) {
    const client = await t.client(t.key());
    const file = await t.sample(1_000);
    await refused(() => client.put(t.key(), t.body(file)), { status: 403, code: "AccessDenied" });
  },

  async "sts-other-action"(t) {
    const key = t.key();
    const client = await t.client(key);
    const file = await t.sample(1_000);
    const publish = () => client.put(key, t.body(file), { headers: { "x-oss-object-acl": "public-read" } });
    await refused(publish, { status: 403, code: "AccessDenied" });
  },

  async "sts-wrong-token"(t) {
    const key = t.key();
    const client = await t.client(key);
    client.options.stsToken = `x${client.options.stsToken}`;
    const file = await t.sample(1_000);
    await refused(() => client.put(key, t.body(file)), { status: 403, code: "InvalidSecurityToken", ec: "0002-00000006" });
  },

  async "sts-no-token"(t) {
    const key = t.key();
    const client = await t.client(key, { stsToken: undefined });
    const file = await t.sample(1_000);
    await refused(() => client.put(key, t.body(file)), { status: 403, code: "InvalidAccessKeyId" });
  },

  /** With an interval of nothing every request asks `refreshSTSToken` first. */
  async "sts-refresh"(t) {
    const key = t.key();
    let renewed = 0;
    const refreshSTSToken = async () => {
      renewed += 1;
      const { accessKeyId, accessKeySecret, stsToken } = await t.temporary(key);
      return { accessKeyId, accessKeySecret, stsToken };
    };
    const client = await t.client(key, { refreshSTSToken, refreshSTSTokenInterval: 0 });
    const tokens = new Set([client.options.stsToken]);
    tap(client, (_, { headers }) => tokens.add(headers["x-oss-security-token"]));
    const file = await t.sample(1_000);
    for (let time = 0; time < 2; time += 1) same("status", (await client.put(key, t.body(file))).res.status, 200);
    same("renewed", renewed, 2);
    holds("each request had its own token", tokens.size === 3);
  },
};
