import { call, folder } from "../lib/item.mjs";
import { note } from "./files.mjs";

export default folder(
  "4 Upload by PUT",
  `For clients that send a file as the body of one request: \`curl -T\`, a server, many HTTP libraries. The answer's URL is signed, callback included,
and its \`headers\` have to be sent exactly. OSS can't enforce a size here (see \`enforced\`): it is judged when the upload is confirmed.`,
  [
    call(
      "Ask for a URL",
      "With variables this time: only those that the profile lists. They come back in the callback's answer and in every event.",
      {
        method: "POST",
        to: "{{service}}/v1/uploads",
        json: { profile: "{{document_profile}}", filename: note.name, method: "put", vars: { album: "42" } },
        tests() {
          const grant = pm.response.json();
          pm.test("there is a grant", () => {
            pm.response.to.have.status(201);
            pm.expect(pm.response.headers.get("Location")).to.equal(`/v1/uploads/${grant.id}`);
            pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
            pm.expect(grant).to.deep.include({ method: "put", state: "issued", vars: { album: "42" } });
          });
          pm.test("the type comes from the file's name", () => {
            pm.expect(grant.content_type).to.equal("text/plain");
            pm.expect(grant.request.headers["Content-Type"]).to.equal("text/plain");
          });
          pm.test("the URL is all there is", () => {
            pm.expect(grant.request).to.include({ method: "PUT" });
            pm.expect(grant.request.fields).to.deep.equal({});
            pm.expect(grant.request.url)
              .to.include("callback=")
              .and.to.match(/[Ss]ignature=/);
          });
          pm.test("it says honestly that OSS does not look at the size", () => {
            pm.expect(grant.enforced).to.have.members(["key", "content_type", "callback", "vars"]);
          });
          pm.collectionVariables.set("put_id", grant.id);
          pm.collectionVariables.set("put_url", grant.request.url);
          pm.collectionVariables.set("put_headers", JSON.stringify(grant.request.headers));
        },
      },
    ),
    call("Send the file to OSS", "The pre-request script sets the answer's `headers`; each of them is signed.", {
      method: "PUT",
      to: "{{put_url}}",
      file: note.path,
      signedIn: false,
      before() {
        const headers = JSON.parse(pm.collectionVariables.get("put_headers"));
        for (const [key, value] of Object.entries(headers)) {
          pm.request.headers.upsert({ key, value });
        }
      },
      tests() {
        pm.test("the answer is the callback's, with the variables", () => {
          pm.response.to.have.status(200);
          const answer = pm.response.json();
          pm.expect(answer).to.deep.include({ id: pm.collectionVariables.get("put_id"), state: "completed", vars: { album: "42" } });
          pm.expect(answer.content_type).to.equal("text/plain");
        });
      },
    }),
    call(
      "Say that I am done",
      "`POST …/complete` is for lost answers: it looks at OSS and records. Here the callback did it already, and repeating answers the same.",
      {
        method: "POST",
        to: "{{service}}/v1/uploads/{{put_id}}/complete",
        json: {},
        tests() {
          pm.test("it is the completed grant, recorded by the callback", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
            pm.expect(pm.response.json()).to.include({ id: pm.collectionVariables.get("put_id"), state: "completed" });
            pm.expect(pm.response.json().completion.source).to.equal("callback");
          });
        },
      },
    ),
  ],
);
