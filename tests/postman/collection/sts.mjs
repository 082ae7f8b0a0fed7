import { call, folder } from "../lib/item.mjs";

export default folder(
  "8 Credentials for an SDK",
  `For clients that upload with one of OSS's SDKs: temporary credentials (STS) that may write **this one key** and nothing else. OSS enforces the key
only (\`enforced\`), so size and type are judged when the upload is confirmed. The SDK sends \`callback.callback\` and \`callback.callback_var\` as
\`x-oss-callback\` and \`x-oss-callback-var\`.`,
  [
    call("Ask for credentials", "They are made for this grant and kept nowhere.", {
      method: "POST",
      to: "{{service}}/v1/uploads",
      json: { profile: "{{document_profile}}", filename: "report.pdf", method: "sts" },
      tests() {
        const grant = pm.response.json();
        pm.test("there is a grant, and no request", () => {
          pm.response.to.have.status(201);
          pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          pm.expect(grant).to.include({ method: "sts", state: "issued", request: null });
          pm.expect(grant.enforced).to.deep.equal(["key"]);
        });
        pm.test("credentials come instead, and end", () => {
          pm.expect(grant.credentials).to.have.all.keys("access_key_id", "access_key_secret", "security_token", "expiration");
          pm.expect(Date.parse(grant.credentials.expiration)).to.be.above(Date.parse(pm.response.headers.get("Date")));
        });
        pm.test("the callback is there as text and in pieces", () => {
          pm.expect(JSON.parse(atob(grant.callback.callback)).callbackUrl).to.equal(grant.callback.url);
          pm.expect(JSON.parse(atob(grant.callback.callback_var))).to.deep.equal(grant.callback.vars);
        });
        pm.collectionVariables.set("sts_id", grant.id);
      },
    }),
    call("Fresh credentials for the same object", "`renew` when they are about to end: same id, same key.", {
      method: "POST",
      to: "{{service}}/v1/uploads/{{sts_id}}/renew",
      json: {},
      tests() {
        pm.test("same grant, new credentials", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          const grant = pm.response.json();
          pm.expect(grant.id).to.equal(pm.collectionVariables.get("sts_id"));
          pm.expect(grant.credentials.security_token).to.be.a("string").and.not.empty;
        });
      },
    }),
    call("Look at it", "What is shown later holds no credentials.", {
      method: "GET",
      to: "{{service}}/v1/uploads/{{sts_id}}",
      tests() {
        pm.test("no credentials are shown", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json().state).to.equal("issued");
          pm.expect(pm.response.text()).not.to.match(/credentials|secret|token/);
        });
      },
    }),
  ],
);
