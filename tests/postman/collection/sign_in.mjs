import { call, folder } from "../lib/item.mjs";

export default folder(
  "1 Sign in",
  `Every call of \`/v1\` wants a bearer token (a JWT): \`Authorization: Bearer …\`. The collection sends the variable \`token\`.

* **On your machine**: \`oss-valet dev\` prints a token for the user \`u-dev\`. Put it into the environment *oss-valet dev*. It is good for a day.
* **In production**: the token comes from your identity provider, the issuer in \`[[auth.issuers]]\`. Sign in to your app and copy its access
  token, or let Postman fetch one: *Authorization → OAuth 2.0* on the collection. This service issues no tokens.

Every other folder runs by itself once a token is there.`,
  [
    call(
      "Is my token good?",
      `\`GET /v1/profiles\` is the cheapest call that needs a token. If it answers 401, \`WWW-Authenticate\` says what is wrong with the token.`,
      {
        method: "GET",
        to: "{{service}}/v1/profiles",
        before() {
          if (!pm.variables.get("token")) {
            throw new Error("Put a token into the variable `token` of the environment; the folder's description says where to get one.");
          }
        },
        tests() {
          pm.test("the service knows me", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.headers.get("Content-Type")).to.equal("application/json");
          });
          pm.test("there is something that I may upload", () => {
            pm.expect(pm.response.json().profiles).to.be.an("array").that.is.not.empty;
          });
        },
      },
    ),
  ],
);
