// The collection from top to bottom, its environments, and the error codes that it can't meet.

import about from "./about.mjs";
import batch from "./batch.mjs";
import browsers from "./browsers.mjs";
import existingClients from "./existing_clients.mjs";
import form from "./form.mjs";
import health from "./health.mjs";
import idempotency from "./idempotency.mjs";
import lifecycle from "./lifecycle.mjs";
import multipart from "./multipart.mjs";
import profiles from "./profiles.mjs";
import put from "./put.mjs";
import refusals from "./refusals.mjs";
import signIn from "./sign_in.mjs";
import stranger from "./stranger.mjs";
import sts from "./sts.mjs";
import tickets from "./tickets.mjs";
import trouble from "./trouble.mjs";

export default {
  name: "oss-valet",
  about,
  folders: [
    signIn,
    profiles,
    form,
    put,
    idempotency,
    batch,
    multipart,
    sts,
    lifecycle,
    tickets,
    existingClients,
    browsers,
    health,
    stranger,
    refusals,
    trouble,
  ],
  tests() {
    // Whatever the service answers carries an id, which is in its log, and the time.
    const addresses = [pm.variables.get("service"), pm.variables.get("ops")].filter(Boolean);
    if (pm.response && addresses.some((address) => pm.request.url.toString().startsWith(address))) {
      pm.test("the answer has an id and a date", () => {
        pm.expect(pm.response.headers.get("x-request-id")).to.match(/^[A-Za-z0-9._-]{1,64}$/);
        pm.expect(Date.parse(pm.response.headers.get("Date"))).to.be.a("number").and.not.NaN;
      });
    }
  },
};

const PROFILES = { image_profile: "avatar", document_profile: "document", video_profile: "video" };

export const environments = {
  dev: {
    name: "oss-valet dev",
    values: {
      service: "http://127.0.0.1:8080",
      ops: "http://127.0.0.1:9090",
      simulator: "http://127.0.0.1:9000",
      token: null,
      callback_key_url: "{{simulator}}/callback_pub_key_v1.pem",
      ...PROFILES,
    },
  },
  production: {
    name: "oss-valet production",
    values: {
      service: "https://uploads.example.com",
      ops: "",
      simulator: "",
      token: null,
      callback_key_url: "http://gosspublic.alicdn.com/callback_pub_key_v1.pem",
      ...PROFILES,
    },
  },
};

const BY_OSS_ALONE = "only a callback that OSS has signed gets so far: tests/api/callbacks";
const NOT_IN_DEV = "`oss-valet dev` is not configured so";

/** Codes that no request here can bring about, and why. */
export const unreachable = {
  "400 callback_unparseable": BY_OSS_ALONE,
  "403 callback_seal_invalid": BY_OSS_ALONE,
  "403 callback_not_confirmed": BY_OSS_ALONE,
  "404 grant_unknown": BY_OSS_ALONE,
  "409 object_changed": `${BY_OSS_ALONE}; \`complete\` answers what was first`,
  "422 callback_violates_grant": BY_OSS_ALONE,
  "503 oss_unavailable": `${BY_OSS_ALONE}; “502 oss_unavailable” is what clients see`,
  "503 hook_unavailable": `${NOT_IN_DEV}: no profile has a hook`,
  "422 size_too_small": `${NOT_IN_DEV}: no profile has a smallest size`,
  "422 credentials_not_supported": `${NOT_IN_DEV}: its bucket has a role and a permanent key`,
  "422 user_id_unusable": `${NOT_IN_DEV}: its token is for a usable user`,
  "408 request_timeout": "Postman sends a body in one go",
  "429 quota_exceeded": `${NOT_IN_DEV}: it has no quotas`,
  "429 rate_limited": `${NOT_IN_DEV}: its one limit takes five waiting requests at once`,
  "500 internal": "it would be a bug",
  "503 store_unavailable": "the ledger would have to break",
};
