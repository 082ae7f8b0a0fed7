import { call, folder, refused } from "../lib/item.mjs";
import { parts } from "./files.mjs";

const size = parts.reduce((sum, part) => sum + part.size, 0);

function send(number) {
  return call(
    `Send part ${number} to OSS`,
    number === 1
      ? "PUT the bytes to the part's URL, without a `Content-Type`: it is not signed. Parts may be sent at the same time, and again when one breaks off."
      : "The last part may be smaller than 100 KiB.",
    {
      method: "PUT",
      to: `{{part_${number}_url}}`,
      file: parts[number - 1].path,
      signedIn: false,
      bare: true,
      tests: {
        lines: [
          `pm.test("OSS holds the part", () => {`,
          `  pm.response.to.have.status(200);`,
          `  pm.expect(pm.response.headers.get("ETag")).to.match(/^"?[0-9A-F]{32}"?$/i);`,
          `});`,
          `pm.collectionVariables.set("part_${number}_etag", pm.response.headers.get("ETag"));`,
        ],
      },
    },
  );
}

const begin = (name, about) =>
  call(name, about, {
    method: "POST",
    to: "{{service}}/v1/uploads",
    json: { profile: "{{document_profile}}", filename: "long.txt", size, method: "multipart" },
    tests() {
      const grant = pm.response.json();
      pm.test("an upload has begun", () => {
        pm.response.to.have.status(201);
        pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
        pm.expect(grant).to.include({ method: "multipart", state: "issued", request: null });
        pm.expect(grant.enforced).to.deep.equal(["key"]);
      });
      pm.test("it says how to cut the file", () => {
        pm.expect(grant.multipart.oss_upload_id).to.be.a("string").and.not.empty;
        pm.expect(grant.multipart.part_size).to.be.at.least(100 * 1024);
        pm.expect(grant.multipart.part_count).to.equal(1);
        pm.expect(grant.multipart.max_parts).to.be.at.least(1);
      });
      pm.collectionVariables.set("multipart_id", grant.id);
      pm.collectionVariables.set("multipart_max_parts", grant.multipart.max_parts);
    },
  });

export default folder(
  "7 Large files in parts",
  `For files that should not start again when a connection breaks, and for those over 5 GB. The service begins the upload and joins the parts; the
client gets the URLs of parts, a window at a time, and nothing else.

The parts here are as small as OSS allows (100 KiB); yours follow \`multipart.part_size\`.`,
  [
    begin(
      "Begin",
      "`part_size` is what to cut the file into; `part_count` is null when no size is declared; no number beyond `max_parts` is signed.",
    ),
    call("Ask for a window of parts", "Up to 1000 numbers. What is signed shortly before it is sent can't run out on the way.", {
      method: "POST",
      to: "{{service}}/v1/uploads/{{multipart_id}}/parts",
      json: { part_numbers: [1, 2] },
      tests() {
        const { parts, expires_at } = pm.response.json();
        pm.test("each part has a URL, and needs no header", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          pm.expect(parts.map(({ part_number }) => part_number)).to.deep.equal([1, 2]);
          for (const part of parts) {
            pm.expect(part.url).to.include(`partNumber=${part.part_number}`);
            pm.expect(part.headers).to.deep.equal({});
          }
          pm.expect(Date.parse(expires_at)).to.be.above(Date.parse(pm.response.headers.get("Date")));
        });
        pm.collectionVariables.set("part_1_url", parts[0].url);
        pm.collectionVariables.set("part_2_url", parts[1].url);
      },
    }),
    call("A part beyond the limit", "More parts than the profile's largest file has.", {
      method: "POST",
      to: "{{service}}/v1/uploads/{{multipart_id}}/parts",
      json: `{ "part_numbers": [{{part_beyond}}] }`,
      before() {
        pm.collectionVariables.set("part_beyond", Number(pm.collectionVariables.get("multipart_max_parts")) + 1);
      },
      tests: refused(422, "size_too_large"),
    }),
    send(1),
    call("Which parts are there?", "For resuming after a break: send what is missing.", {
      method: "GET",
      to: "{{service}}/v1/uploads/{{multipart_id}}/parts",
      tests() {
        pm.test("OSS holds the first", () => {
          pm.response.to.have.status(200);
          const [part, ...more] = pm.response.json().parts;
          pm.expect(part).to.include({ part_number: 1, size: 102400 });
          pm.expect(part.etag).to.equal(pm.collectionVariables.get("part_1_etag").replaceAll('"', ""));
          pm.expect(more).to.deep.equal([]);
        });
      },
    }),
    send(2),
    call("Done, but with a wrong ETag", "The list is checked against what OSS holds; nothing is joined.", {
      method: "POST",
      to: "{{service}}/v1/uploads/{{multipart_id}}/complete",
      json: { parts: [{ part_number: 1, etag: "00000000000000000000000000000000" }] },
      tests: refused(422, "invalid_parameter", {
        lines: [`pm.test("it names the part", () => {`, `  pm.expect(pm.response.json().errors[0].field).to.equal("parts.0");`, `});`],
      }),
    }),
    call(
      "Done",
      "With the parts and their ETags, or with `{}` for all that OSS holds. The service joins exactly these, looks at the object, and records it.",
      {
        method: "POST",
        to: "{{service}}/v1/uploads/{{multipart_id}}/complete",
        json: {
          parts: [
            { part_number: 1, etag: "{{part_1_etag}}" },
            { part_number: 2, etag: "{{part_2_etag}}" },
          ],
        },
        before() {
          // A header's ETag has quotes, which JSON would have to escape; the service takes it without.
          for (const name of ["part_1_etag", "part_2_etag"]) {
            pm.collectionVariables.set(name, pm.collectionVariables.get(name).replaceAll('"', ""));
          }
        },
        tests() {
          pm.test("the object is there, in one piece", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
            const { state, completion } = pm.response.json();
            pm.expect(state).to.equal("completed");
            pm.expect(completion).to.include({ size: 103000, source: "complete", late: false });
          });
        },
      },
    ),
    call("Done, once more", "Repeating answers the same: a lost answer costs nothing.", {
      method: "POST",
      to: "{{service}}/v1/uploads/{{multipart_id}}/complete",
      json: {},
      tests() {
        pm.test("it is the same completion", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json()).to.include({ id: pm.collectionVariables.get("multipart_id"), state: "completed" });
        });
      },
    }),
    begin("Begin another", "One that nobody finishes."),
    call("Give it up", "OSS forgets its parts.", {
      method: "DELETE",
      to: "{{service}}/v1/uploads/{{multipart_id}}",
      tests() {
        pm.test("it is cancelled", () => {
          pm.response.to.have.status(204);
          pm.expect(pm.response.text()).to.equal("");
        });
      },
    }),
    call("Its parts are no longer signed", "A cancelled grant gives nothing more.", {
      method: "POST",
      to: "{{service}}/v1/uploads/{{multipart_id}}/parts",
      json: { part_numbers: [1] },
      tests: refused(409, "grant_cancelled"),
    }),
  ],
);
