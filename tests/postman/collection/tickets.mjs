import { call, folder, refused } from "../lib/item.mjs";

export default folder(
  "10 Tickets",
  `Some clients can't send headers. A **ticket** stands in the path instead of the token: opaque, good for an hour at most, for one user and one
profile, and only under \`/compat/t/{ticket}/…\`. It is a secret like a token: it is in no log of the service.`,
  [
    call("Open a ticket", "Your own backend may do this for its page, or the page itself, as long as it can send a token once.", {
      method: "POST",
      to: "{{service}}/v1/tickets",
      json: { profile: "{{image_profile}}" },
      tests() {
        const { ticket, expires_at } = pm.response.json();
        pm.test("there is a ticket, for an hour at most", () => {
          pm.response.to.have.status(201);
          pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          pm.expect(ticket).to.match(/^[A-Za-z0-9._~-]+$/);
          const left = Date.parse(expires_at) - Date.parse(pm.response.headers.get("Date"));
          pm.expect(left).to.be.above(0).and.at.most(3_601_000);
        });
        pm.collectionVariables.set("ticket", ticket);
      },
    }),
    call("Use it", "No token: the ticket in the path is enough. The profile is the ticket's.", {
      method: "GET",
      to: "{{service}}/compat/t/{{ticket}}/companion/s3/params",
      query: { filename: "me.png", type: "image/png" },
      signedIn: false,
      tests() {
        pm.test("it opens the way to a form", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          pm.expect(pm.response.json()).to.include({ method: "POST" });
        });
      },
    }),
    call("For another profile", "A ticket opens nothing but its own.", {
      method: "GET",
      to: "{{service}}/compat/t/{{ticket}}/companion/s3/params",
      query: { filename: "a.pdf", "metadata[profile]": "{{document_profile}}" },
      signedIn: false,
      tests: refused(403, "profile_not_allowed"),
    }),
    call("One that is forged", "Sealed by the service; whatever is changed in it is refused, without saying what.", {
      method: "GET",
      to: "{{service}}/compat/t/{{forged_ticket}}/companion/s3/params",
      query: { filename: "me.png" },
      signedIn: false,
      before() {
        pm.variables.set("forged_ticket", `${pm.collectionVariables.get("ticket")}x`);
      },
      tests: refused(401, "unauthorized", function () {
        pm.test("it says how to do better", () => {
          pm.expect(pm.response.headers.get("WWW-Authenticate")).to.match(/^Bearer error="invalid_token"/);
        });
      }),
    }),
    call("A ticket is no token", "Not even in a header.", {
      method: "GET",
      to: "{{service}}/v1/profiles",
      headers: { Authorization: "Bearer {{ticket}}" },
      signedIn: false,
      tests: refused(401, "unauthorized"),
    }),
  ],
);
