import { call, folder } from "../lib/item.mjs";
import { photo } from "./files.mjs";

export default folder(
  "3 Upload with a form",
  `The usual way from a browser or a mini-program: ask for a grant, then send **the answer's fields and the file, in that order, as a form** to OSS.
OSS checks the policy in the form, stores the file, calls the service back, and hands on what the service says.

Set *Settings → General → Working directory* to the folder of this collection, so that Postman finds the file.`,
  [
    call(
      "Ask for a grant",
      `\`POST /v1/uploads\`: the answer's \`request\` is all that is needed to send the file. \`size\` and \`content_type\` may be left out; a size that
is declared is pinned.`,
      {
        method: "POST",
        to: "{{service}}/v1/uploads",
        json: { profile: "{{image_profile}}", filename: photo.name, content_type: photo.type, size: photo.size, method: "post" },
        tests() {
          const grant = pm.response.json();
          pm.test("there is a grant, and Location names it", () => {
            pm.response.to.have.status(201);
            pm.expect(pm.response.headers.get("Content-Type")).to.equal("application/json");
            pm.expect(pm.response.headers.get("Location")).to.equal(`/v1/uploads/${grant.id}`);
          });
          pm.test("nobody may keep it in a cache", () => {
            pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          });
          pm.test("it is for one object, for a while", () => {
            pm.expect(grant).to.include({ state: "issued", method: "post", content_type: "image/png", filename: "photo.png" });
            pm.expect(grant.key).to.include(grant.id);
            pm.expect(Date.parse(grant.expires_at)).to.be.above(Date.parse(grant.issued_at));
          });
          pm.test("OSS enforces all of it", () => {
            pm.expect(grant.enforced).to.have.members(["key", "size", "content_type", "callback", "vars"]);
          });
          pm.test("the form is complete but for the file", () => {
            pm.expect(grant.request.method).to.equal("POST");
            pm.expect(grant.request.fields).to.include({ key: grant.key, success_action_status: "200", "x-oss-content-type": "image/png" });
            pm.expect(grant.request.fields).to.include.keys("policy", "callback", "x:user_id", "x:upload_id", "x:seal");
          });
          pm.test("the policy pins the size", () => {
            const policy = JSON.parse(atob(grant.request.fields.policy));
            const declared = JSON.parse(pm.request.body.raw).size;
            pm.expect(policy.conditions).to.deep.include(["content-length-range", declared, declared]);
          });
          pm.collectionVariables.set("form_id", grant.id);
          pm.collectionVariables.set("form_key", grant.key);
          pm.collectionVariables.set("form_url", grant.request.url);
          pm.collectionVariables.set("form_fields", JSON.stringify(grant.request.fields));
        },
      },
    ),
    call(
      "Look at it before",
      `\`GET /v1/uploads/{id}\`: the grant without anything secret. With \`wait\` (at most 30 seconds) the answer is held until the state changes, or
the time is over: here, a second in which nobody uploads.`,
      {
        method: "GET",
        to: "{{service}}/v1/uploads/{{form_id}}",
        query: { wait: "1" },
        tests() {
          pm.test("nothing has come yet", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.json()).to.include({ id: pm.collectionVariables.get("form_id"), state: "issued" });
            pm.expect(pm.response.json()).not.to.have.property("completion");
          });
          pm.test("it shows no request, no signature, no seal", () => {
            pm.expect(pm.response.json()).not.to.have.any.keys("request", "callback", "credentials");
            pm.expect(pm.response.text()).not.to.match(/signature|seal|policy/);
          });
        },
      },
    ),
    call(
      "Send the file to OSS",
      `The form's fields are set by the pre-request script, from the answer before; the file, called \`file\`, stays last. No token goes to OSS: the
form is signed. The answer is not OSS's own: it is what the service said when OSS called it back.`,
      {
        method: "POST",
        to: "{{form_url}}",
        form: photo.path,
        signedIn: false,
        before() {
          const fields = JSON.parse(pm.collectionVariables.get("form_fields"));
          for (const [key, value] of Object.entries(fields)) {
            pm.request.body.formdata.insert({ key, value, type: "text" }, "file");
          }
        },
        tests() {
          pm.test("OSS took the file, and the service confirmed it", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.headers.get("Content-Type")).to.equal("application/json");
          });
          pm.test("the answer is the callback's", () => {
            const answer = pm.response.json();
            const [id, key] = [pm.collectionVariables.get("form_id"), pm.collectionVariables.get("form_key")];
            pm.expect(answer).to.include({ id, key, state: "completed", content_type: "image/png" });
            pm.expect(answer.size).to.be.above(0);
            pm.expect(answer.etag).to.match(/^[0-9A-F]{32}$/i);
            pm.expect(answer.vars).to.deep.equal({});
          });
        },
      },
    ),
    call(
      "Look at it after",
      `Now there is a \`completion\`: what OSS itself says of the object (HEAD), not what the uploader or the callback claims. \`wait\` answers at
once, since the state has changed.`,
      {
        method: "GET",
        to: "{{service}}/v1/uploads/{{form_id}}",
        query: { wait: "20" },
        tests() {
          pm.test("it is completed, at once", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.json().state).to.equal("completed");
            pm.expect(pm.response.responseTime).to.be.below(15_000);
          });
          pm.test("the completion is OSS's word", () => {
            const { completion } = pm.response.json();
            pm.expect(completion).to.include({ content_type: "image/png", source: "callback", late: false });
            pm.expect(completion).to.include.keys("size", "etag", "crc64", "version_id", "image", "completed_at");
          });
        },
      },
    ),
    call(
      "Send it a second time",
      `The form pins \`x-oss-forbid-overwrite\`: what is uploaded stays. OSS refuses in its own words, in XML.`,
      {
        method: "POST",
        to: "{{form_url}}",
        form: photo.path,
        signedIn: false,
        before() {
          const fields = JSON.parse(pm.collectionVariables.get("form_fields"));
          for (const [key, value] of Object.entries(fields)) {
            pm.request.body.formdata.insert({ key, value, type: "text" }, "file");
          }
        },
        tests() {
          pm.test("OSS keeps what it has", () => {
            pm.response.to.have.status(409);
            pm.expect(pm.response.text()).to.include("<Code>FileAlreadyExists</Code>");
          });
        },
      },
    ),
  ],
);
