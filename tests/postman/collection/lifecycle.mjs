import { call, folder, refused } from "../lib/item.mjs";

const issue = (name) =>
  call(name, "A grant to play with.", {
    method: "POST",
    to: "{{service}}/v1/uploads",
    json: { profile: "{{image_profile}}", filename: "me.png" },
    tests() {
      pm.test("there is a grant", () => {
        pm.response.to.have.status(201);
        pm.expect(pm.response.json().state).to.equal("issued");
      });
      pm.collectionVariables.set("grant_id", pm.response.json().id);
      pm.collectionVariables.set("grant_key", pm.response.json().key);
    },
  });

export default folder(
  "9 Renew, cancel, list",
  `A grant is \`issued\`, and ends as \`completed\`, \`rejected\`, \`expired\` or \`cancelled\`. Cancelling tells the service that nothing will come; it can't
take back what is signed, so an object that arrives all the same is recorded as \`rejected\`.`,
  [
    issue("A grant"),
    call("Renew it", "The user took a long time to choose a file: fresh signatures and a fresh lifetime, for the same key.", {
      method: "POST",
      to: "{{service}}/v1/uploads/{{grant_id}}/renew",
      json: {},
      tests() {
        pm.test("same id and key, signed afresh", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          const grant = pm.response.json();
          pm.expect(grant).to.include({
            id: pm.collectionVariables.get("grant_id"),
            key: pm.collectionVariables.get("grant_key"),
            state: "issued",
          });
          pm.expect(Date.parse(grant.expires_at)).to.be.above(Date.parse(pm.response.headers.get("Date")));
          pm.expect(grant.request.fields).to.include.keys("policy");
        });
      },
    }),
    call("Done, though nothing was sent", "`complete` looks at OSS and finds nothing. The grant stays as it is.", {
      method: "POST",
      to: "{{service}}/v1/uploads/{{grant_id}}/complete",
      json: {},
      tests: refused(409, "not_uploaded"),
    }),
    call("Cancel it", "Nothing to read in the answer.", {
      method: "DELETE",
      to: "{{service}}/v1/uploads/{{grant_id}}",
      tests() {
        pm.test("it is cancelled", () => {
          pm.response.to.have.status(204);
          pm.expect(pm.response.text()).to.equal("");
        });
      },
    }),
    call("Renew what is cancelled", "What has ended stays ended.", {
      method: "POST",
      to: "{{service}}/v1/uploads/{{grant_id}}/renew",
      json: {},
      tests: refused(409, "grant_cancelled"),
    }),
    issue("Another grant"),
    call(
      "My grants, newest first: one page",
      "`state`, `profile` and `limit` (at most 200) narrow the list; `next_cursor` leads to the next page, and is null on the last.",
      {
        method: "GET",
        to: "{{service}}/v1/uploads",
        query: { profile: "{{image_profile}}", limit: "1" },
        tests() {
          const page = pm.response.json();
          pm.test("the newest is the one of before", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
            pm.expect(page.uploads.map(({ id }) => id)).to.deep.equal([pm.collectionVariables.get("grant_id")]);
          });
          pm.test("there is more", () => {
            pm.expect(page.next_cursor).to.be.a("string").and.not.empty;
          });
          pm.collectionVariables.set("cursor", page.next_cursor);
        },
      },
    ),
    call("The next page", "The cursor is opaque: send back what you got.", {
      method: "GET",
      to: "{{service}}/v1/uploads",
      query: { profile: "{{image_profile}}", limit: "1", cursor: "{{cursor}}" },
      tests() {
        pm.test("it goes on with the one before", () => {
          pm.response.to.have.status(200);
          const [upload, ...more] = pm.response.json().uploads;
          pm.expect(more).to.deep.equal([]);
          pm.expect(upload.state).to.equal("cancelled");
          pm.expect(upload.id < pm.collectionVariables.get("grant_id"), "older").to.equal(true);
        });
      },
    }),
    call("Only those in one state", "Of all my grants, those that are cancelled.", {
      method: "GET",
      to: "{{service}}/v1/uploads",
      query: { state: "cancelled", limit: "1" },
      tests() {
        pm.test("all are in it", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json().uploads.map(({ state }) => state)).to.deep.equal(["cancelled"]);
        });
      },
    }),
  ],
);
