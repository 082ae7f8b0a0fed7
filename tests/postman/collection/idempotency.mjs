import { call, folder, refused } from "../lib/item.mjs";

const ask = { profile: "{{image_profile}}", filename: "me.png", size: 48211, method: "post" };
const withKey = { "Idempotency-Key": "{{idempotency_key}}" };

export default folder(
  "5 Ask again, get the same",
  `An answer may get lost on its way. With an \`Idempotency-Key\` (any text up to 255 bytes, yours alone) the same request within 24 hours brings the
same grant: same id, same key, same \`expires_at\`, freshly signed.`,
  [
    call("The first time", "The pre-request script makes a new key, as a client does once for each file.", {
      method: "POST",
      to: "{{service}}/v1/uploads",
      headers: withKey,
      json: ask,
      before() {
        pm.collectionVariables.set("idempotency_key", pm.variables.replaceIn("{{$guid}}"));
      },
      tests() {
        pm.test("it is a new grant", () => {
          pm.response.to.have.status(201);
          pm.expect(pm.response.headers.has("Idempotency-Replayed")).to.equal(false);
        });
        pm.collectionVariables.set("idempotent_grant", JSON.stringify(pm.response.json()));
      },
    }),
    call("The same again", "`Idempotency-Replayed: true` tells that this is the grant of before.", {
      method: "POST",
      to: "{{service}}/v1/uploads",
      headers: withKey,
      json: ask,
      tests() {
        pm.test("it is the same grant", () => {
          pm.response.to.have.status(201);
          pm.expect(pm.response.headers.get("Idempotency-Replayed")).to.equal("true");
          const [first, again] = [JSON.parse(pm.collectionVariables.get("idempotent_grant")), pm.response.json()];
          for (const field of ["id", "key", "issued_at", "expires_at"]) {
            pm.expect(again[field], field).to.equal(first[field]);
          }
          pm.expect(again.request).to.include.keys("url", "fields");
        });
      },
    }),
    call("Something else under the same key", "A key belongs to one request: nobody could tell which of two is meant.", {
      method: "POST",
      to: "{{service}}/v1/uploads",
      headers: withKey,
      json: { ...ask, filename: "you.png" },
      tests: refused(409, "idempotency_conflict"),
    }),
  ],
);
