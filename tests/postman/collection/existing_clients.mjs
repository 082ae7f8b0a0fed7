import { folder } from "../lib/item.mjs";
import appServers from "./app_servers.mjs";
import companion from "./companion.mjs";
import mobile from "./mobile.mjs";

export default folder(
  "11 Clients that exist already",
  `Shapes of well-known servers, for clients that speak them: under \`/compat/…\` with a token, or \`/compat/t/{ticket}/…\` without one. The rules
are the same as everywhere; only the words differ.`,
  [appServers, mobile, companion],
);
