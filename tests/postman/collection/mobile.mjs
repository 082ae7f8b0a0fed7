import { call, folder } from "../lib/item.mjs";

const refusedInside = (code) => ({
  lines: [
    `pm.test("it is refused inside a 200: ${code}", () => {`,
    `  pm.response.to.have.status(200);`,
    `  const refusal = pm.response.json();`,
    `  pm.expect(refusal).to.include({ StatusCode: 403, ErrorCode: "${code}" });`,
    `  pm.expect(refusal.ErrorMessage).to.be.a("string").and.not.empty;`,
    `  pm.expect(refusal).not.to.have.any.keys("AccessKeySecret", "SecurityToken");`,
    `});`,
  ],
});

export default folder(
  "The mobile SDKs' auth server",
  `What \`OSSAuthCredentialsProvider\` of the Android and iOS SDKs asks for: temporary credentials (STS) for the **directory** of a profile, and nothing
outside of it. The SDK asks again by itself before they end. Refusals are \`200\` with the status inside, since the Android SDK looks into no other answer.`,
  [
    call(
      "Credentials for a directory",
      "Beside what the SDKs read there is what the app wants to know: bucket, endpoint, directory, callback.",
      {
        method: "GET",
        to: "{{service}}/compat/sts",
        query: { profile: "{{document_profile}}" },
        tests() {
          const lent = pm.response.json();
          pm.test("it is what the SDKs read", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
            pm.expect(lent).to.include.keys("StatusCode", "AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration");
            pm.expect(lent.StatusCode).to.equal(200);
          });
          pm.test("they end, in the one form of time that the SDKs read", () => {
            pm.expect(lent.Expiration).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
            pm.expect(Date.parse(lent.Expiration)).to.be.above(Date.parse(pm.response.headers.get("Date")));
          });
        },
      },
    ),
    call("A profile without a directory", "Nothing is lent.", {
      method: "GET",
      to: "{{service}}/compat/sts",
      query: { profile: "{{image_profile}}" },
      tests: refusedInside("directory_not_allowed"),
    }),
    call("Without a token", "Not even a 401.", {
      method: "GET",
      to: "{{service}}/compat/sts",
      query: { profile: "{{document_profile}}" },
      signedIn: false,
      tests: refusedInside("unauthorized"),
    }),
    call("Open a ticket", "The SDKs' provider takes a URL and sends no token: this is what tickets are for.", {
      method: "POST",
      to: "{{service}}/v1/tickets",
      json: { profile: "{{document_profile}}" },
      tests() {
        pm.test("there is a ticket", () => {
          pm.response.to.have.status(201);
        });
        pm.collectionVariables.set("ticket", pm.response.json().ticket);
      },
    }),
    call("Credentials by ticket", "`new OSSAuthCredentialsProvider(url)` with this URL.", {
      method: "GET",
      to: "{{service}}/compat/t/{{ticket}}/sts",
      signedIn: false,
      tests() {
        pm.test("they are lent", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json()).to.include({ StatusCode: 200 });
          pm.expect(pm.response.json().AccessKeyId).to.match(/^STS\./);
        });
      },
    }),
  ],
);
