import { call, folder, refused } from "../lib/item.mjs";
import { note, photo } from "./files.mjs";

const BASE = "{{service}}/compat/companion/s3";
const BY_TICKET = "{{service}}/compat/t/{{ticket}}/companion/s3";
const key = { key: "{{companion_key}}" };

const begin = (name, about) =>
  call(name, about, {
    method: "POST",
    to: `${BASE}/multipart`,
    json: { filename: note.name, type: note.type, metadata: { profile: "{{document_profile}}", name: note.name, album: "42" } },
    tests() {
      pm.test("an upload has begun; its id is the grant's", () => {
        pm.response.to.have.status(200);
        pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
        const begun = pm.response.json();
        pm.expect(begun).to.have.all.keys("key", "uploadId", "bucket");
        pm.expect(begun.key).to.include(begun.uploadId);
      });
      pm.collectionVariables.set("companion_id", pm.response.json().uploadId);
      pm.collectionVariables.set("companion_key", pm.response.json().key);
    },
  });

export default folder(
  "Uppy Companion's S3 contract",
  `\`@uppy/aws-s3\` speaks to this without a change: 5.x with \`endpoint\` \`{{service}}/compat/companion\` and a token in its headers, 6.x with
\`companionEndpoint\` \`{{service}}/compat/t/{ticket}/companion\`. The profile is \`metadata[profile]\`, or the ticket's; metadata that the profile
does not list is passed over. More: \`docs/uppy.md\`.`,
  [
    call("A small file: ask", "What `@uppy/aws-s3` asks before it sends a file in one request.", {
      method: "GET",
      to: `${BASE}/params`,
      query: { filename: photo.name, type: photo.type, size: String(photo.size), "metadata[profile]": "{{image_profile}}" },
      tests() {
        const params = pm.response.json();
        pm.test("it is Companion's answer", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          pm.expect(params).to.include.keys("method", "url", "fields", "expires");
          pm.expect(params.method).to.equal("POST");
          pm.expect(params.expires).to.be.above(0);
        });
        pm.collectionVariables.set("companion_url", params.url);
        pm.collectionVariables.set("companion_fields", JSON.stringify(params.fields));
        pm.collectionVariables.set("companion_key", params.fields.key);
      },
    }),
    call("A small file: send", "Uppy sends the fields, then the file.", {
      method: "POST",
      to: "{{companion_url}}",
      form: photo.path,
      signedIn: false,
      before() {
        const fields = JSON.parse(pm.collectionVariables.get("companion_fields"));
        for (const [key, value] of Object.entries(fields)) {
          pm.request.body.formdata.insert({ key, value, type: "text" }, "file");
        }
      },
      tests() {
        pm.test("the callback's answer comes back", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json()).to.include({ state: "completed", key: pm.collectionVariables.get("companion_key") });
        });
      },
    }),
    call(
      "A small file: is it recorded?",
      "Companion does not have this one: Uppy takes OSS's 203 (“callback failed”) for success, so a page may ask here, by the key alone.",
      {
        method: "POST",
        to: `${BASE}/complete`,
        query: key,
        tests() {
          pm.test("it is, and this is where", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.json()).to.include.keys("location", "bucket", "key");
          });
        },
      },
    ),
    begin("In parts: begin", "`POST multipart`."),
    call("In parts: one URL", "`GET multipart/{id}/{part}`: 5.x asks so for each part.", {
      method: "GET",
      to: `${BASE}/multipart/{{companion_id}}/1`,
      query: key,
      tests() {
        pm.test("there is a URL for a while", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json()).to.have.all.keys("url", "expires");
        });
        pm.collectionVariables.set("companion_part_url", pm.response.json().url);
      },
    }),
    call("In parts: several URLs", "`GET multipart/{id}/batch`.", {
      method: "GET",
      to: `${BASE}/multipart/{{companion_id}}/batch`,
      query: { ...key, partNumbers: "1,2" },
      tests() {
        pm.test("there is one for each number", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json().presignedUrls).to.have.all.keys("1", "2");
        });
      },
    }),
    call("In parts: send one", "Straight to OSS.", {
      method: "PUT",
      to: "{{companion_part_url}}",
      file: note.path,
      signedIn: false,
      bare: true,
      tests() {
        pm.test("OSS holds the part", () => {
          pm.response.to.have.status(200);
        });
        pm.collectionVariables.set("companion_etag", pm.response.headers.get("ETag").replaceAll('"', ""));
      },
    }),
    call("In parts: which are there?", "`GET multipart/{id}`, as S3 lists them.", {
      method: "GET",
      to: `${BASE}/multipart/{{companion_id}}`,
      query: key,
      tests() {
        pm.test("the one that was sent", () => {
          pm.response.to.have.status(200);
          const [part, ...more] = pm.response.json();
          pm.expect(part).to.include({ PartNumber: 1, ETag: `"${pm.collectionVariables.get("companion_etag")}"` });
          pm.expect(part.Size).to.be.above(0);
          pm.expect(more).to.deep.equal([]);
        });
      },
    }),
    call("In parts: another key", "Key and id must belong together.", {
      method: "GET",
      to: `${BASE}/multipart/{{companion_id}}`,
      query: { key: "documents/somebody/else.txt" },
      tests: refused(404, "not_found"),
    }),
    call("In parts: done", "`POST multipart/{id}/complete`.", {
      method: "POST",
      to: `${BASE}/multipart/{{companion_id}}/complete`,
      query: key,
      json: { parts: [{ PartNumber: 1, ETag: "{{companion_etag}}" }] },
      tests() {
        pm.test("the object is there", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json()).to.include({ key: pm.collectionVariables.get("companion_key") });
          pm.expect(pm.response.json().location).to.include(pm.collectionVariables.get("companion_key"));
        });
      },
    }),
    begin("In parts: begin another", "One that the user takes back."),
    call("In parts: never mind", "`DELETE multipart/{id}`.", {
      method: "DELETE",
      to: `${BASE}/multipart/{{companion_id}}`,
      query: key,
      tests() {
        pm.test("it is cancelled, with an empty object", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json()).to.deep.equal({});
        });
      },
    }),
    call("By ticket: open one", "Where Uppy can't send a token.", {
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
    call("By ticket: begin", "The profile is the ticket's.", {
      method: "POST",
      to: `${BY_TICKET}/multipart`,
      json: { filename: note.name, type: note.type, metadata: {} },
      signedIn: false,
      tests() {
        pm.test("an upload has begun", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json().uploadId).to.be.a("string");
        });
      },
    }),
    call("No profile", "Neither a ticket nor `metadata[profile]` names one.", {
      method: "GET",
      to: `${BASE}/params`,
      query: { filename: photo.name },
      tests: refused(422, "missing_field"),
    }),
    call("A profile without this method", "The video profile offers neither `post` nor `put`.", {
      method: "GET",
      to: `${BASE}/params`,
      query: { filename: "a.mp4", "metadata[profile]": "{{video_profile}}" },
      tests: refused(422, "method_not_allowed_by_profile"),
    }),
  ],
);
