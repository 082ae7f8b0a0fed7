import { call, folder, refused } from "../lib/item.mjs";

export default folder(
  "6 Many files at once",
  `\`POST /v1/uploads/batch\` takes up to 100 requests, at most 10 of them by \`multipart\` or \`sts\`, and answers each for itself, in their order: one
that is refused does not stop the others.`,
  [
    call("Three files, one of them too large", "The call succeeds (200); each item has a status, and either an `upload` or a `problem`.", {
      method: "POST",
      to: "{{service}}/v1/uploads/batch",
      json: {
        uploads: [
          { profile: "{{image_profile}}", filename: "a.png", size: 1000 },
          { profile: "{{image_profile}}", filename: "b.png", size: 1000000000000 },
          { profile: "{{document_profile}}", filename: "c.pdf", method: "put" },
        ],
      },
      tests() {
        const { uploads } = pm.response.json();
        pm.test("each has its own verdict, in order", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          pm.expect(uploads.map(({ status }) => status)).to.deep.equal([201, 422, 201]);
        });
        pm.test("what is granted is a whole grant", () => {
          pm.expect(uploads[0].upload).to.include({ state: "issued", method: "post", filename: "a.png" });
          pm.expect(uploads[2].upload).to.include({ state: "issued", method: "put", filename: "c.pdf" });
          pm.expect(uploads[2].upload.request.url).to.be.a("string");
        });
        pm.test("what is refused is a problem document", () => {
          pm.expect(uploads[1].problem).to.include({ status: 422, code: "size_too_large" });
          pm.expect(uploads[1]).not.to.have.property("upload");
        });
      },
    }),
    call("Too many", "101 of them.", {
      method: "POST",
      to: "{{service}}/v1/uploads/batch",
      text: "{{too_many_uploads}}",
      headers: { "Content-Type": "application/json" },
      before() {
        const upload = { profile: pm.variables.get("image_profile"), filename: "a.png" };
        pm.variables.set("too_many_uploads", JSON.stringify({ uploads: Array(101).fill(upload) }));
      },
      tests: refused(413, "body_too_large"),
    }),
  ],
);
