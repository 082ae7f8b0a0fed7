import { call, folder, refused } from "../lib/item.mjs";
import { note } from "./files.mjs";

const setFaults = (name, about, faults) =>
  call(name, about, {
    method: "PUT",
    to: "{{simulator}}/-/faults",
    json: faults,
    signedIn: false,
    tests() {
      pm.test("the simulator knows what to do wrong", () => {
        pm.response.to.have.status(200);
        pm.expect(pm.response.json()).to.be.an("array").that.is.not.empty;
      });
    },
  });

const noFaults = (name) =>
  call(name, "The list of faults is empty again.", {
    method: "DELETE",
    to: "{{simulator}}/-/faults",
    signedIn: false,
    tests() {
      pm.test("nothing goes wrong any more", () => {
        pm.response.to.have.status(200);
        pm.expect(pm.response.json()).to.deep.equal([]);
      });
    },
  });

const issue = (name, json) =>
  call(name, "As always.", {
    method: "POST",
    to: "{{service}}/v1/uploads",
    json,
    tests() {
      pm.test("there is a grant", () => {
        pm.response.to.have.status(201);
      });
      const grant = pm.response.json();
      pm.collectionVariables.set("trouble_id", grant.id);
      pm.collectionVariables.set("trouble_key", `${grant.bucket}/${grant.key}`);
      pm.collectionVariables.set("trouble_url", grant.request.url);
      pm.collectionVariables.set("trouble_headers", JSON.stringify(grant.request.headers));
    },
  });

const complete = (name, about, tests) =>
  call(name, about, { method: "POST", to: "{{service}}/v1/uploads/{{trouble_id}}/complete", json: {}, tests });

const put = (name, about, tests) =>
  call(name, about, {
    method: "PUT",
    to: "{{trouble_url}}",
    file: note.path,
    signedIn: false,
    before() {
      for (const [key, value] of Object.entries(JSON.parse(pm.collectionVariables.get("trouble_headers")))) {
        pm.request.headers.upsert({ key, value });
      }
    },
    tests,
  });

const document = { profile: "{{document_profile}}", filename: note.name, method: "put" };

const lost = folder(
  "A callback that never comes",
  "OSS calls once and never again. The object is there all the same, so it is not lost: the client says that it is done, or the service looks by itself later.",
  [
    setFaults("The next callback gets lost", "A rule for the simulator; each is used once.", [
      { on: { operation: "Callback" }, do: "drop" },
    ]),
    issue("A grant", document),
    put(
      "OSS has it, but nobody was told",
      "OSS answers 203, with an error in XML: the object is stored, the callback failed.",
      function () {
        pm.test("stored, but the callback failed", () => {
          pm.response.to.have.status(203);
          pm.expect(pm.response.text()).to.include("<Code>CallbackFailed</Code>");
        });
      },
    ),
    complete("I am done", "The service asks OSS, and records what it finds.", function () {
      pm.test("it is recorded, by complete", () => {
        pm.response.to.have.status(200);
        pm.expect(pm.response.json().state).to.equal("completed");
        pm.expect(pm.response.json().completion.source).to.equal("complete");
      });
    }),
    call("Cancel what is completed", "Too late.", {
      method: "DELETE",
      to: "{{service}}/v1/uploads/{{trouble_id}}",
      tests: refused(409, "grant_ended"),
    }),
  ],
);

const changed = folder(
  "An object that changes afterwards",
  "The first completion stands. What became of the object is recorded beside it and told once, as `upload.changed`, when OSS or the reconciler tells of it.",
  [
    issue("A grant", document),
    put("The upload", "As always.", function () {
      pm.test("it is completed", () => {
        pm.response.to.have.status(200);
        pm.expect(pm.response.json().state).to.equal("completed");
      });
      pm.collectionVariables.set("trouble_etag", pm.response.json().etag);
    }),
    call("Somebody else overwrites it", "With rights of their own, past the service.", {
      method: "PUT",
      to: "{{simulator}}/-/objects/{{trouble_key}}",
      text: "something else",
      headers: { "Content-Type": "text/plain" },
      signedIn: false,
      tests() {
        pm.test("it is overwritten", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("ETag")).not.to.include(pm.collectionVariables.get("trouble_etag"));
        });
      },
    }),
    complete("I am done", "Repeating answers the same, whatever lies there now.", function () {
      pm.test("it is what was uploaded", () => {
        pm.response.to.have.status(200);
        pm.expect(pm.response.json().completion.etag).to.equal(pm.collectionVariables.get("trouble_etag"));
      });
    }),
  ],
);

const rejected = folder(
  "An object that breaks its grant",
  "A URL can't enforce everything, and OSS stores first. What breaks the profile's rules is `rejected`: kept or deleted, as the profile says, and told as `upload.rejected`.",
  [
    issue("A grant for an image", { profile: "{{image_profile}}", filename: "me.png", method: "put" }),
    call("Something else lies there", "As a client with rights of its own could do.", {
      method: "PUT",
      to: "{{simulator}}/-/objects/{{trouble_key}}",
      text: "<p>no image</p>",
      headers: { "Content-Type": "text/html" },
      signedIn: false,
      tests() {
        pm.test("it is stored", () => {
          pm.response.to.have.status(200);
        });
      },
    }),
    complete("I am done", "OSS says what it really is.", refused(422, "content_type_not_allowed")),
    call("Look at it", "The grant has ended.", {
      method: "GET",
      to: "{{service}}/v1/uploads/{{trouble_id}}",
      tests() {
        pm.test("it is rejected, and why", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json()).to.include({ state: "rejected", reason: "content_type_not_allowed" });
        });
      },
    }),
  ],
);

const away = folder(
  "OSS or STS do not answer",
  "What can't be known is not guessed: the grant stays as it is, and asking again later helps.",
  [
    issue("A grant", document),
    setFaults("OSS does not answer HEAD", "Until the list is emptied.", [
      { on: { operation: "HeadObject" }, times: null, do: { error: { status: 503 } } },
    ]),
    complete("I am done", "Nobody knows.", refused(502, "oss_unavailable")),
    setFaults("STS has too much to do", "Once.", [{ on: { operation: "AssumeRole" }, do: "throttle" }]),
    call("Credentials, please", "`Retry-After` says when to ask again.", {
      method: "POST",
      to: "{{service}}/v1/uploads",
      json: { profile: "{{document_profile}}", filename: "report.pdf", method: "sts" },
      tests: refused(429, "sts_throttled", function () {
        pm.test("it says when to ask again", () => {
          pm.expect(Number(pm.response.headers.get("Retry-After"))).to.be.at.least(1);
        });
      }),
    }),
    setFaults("STS refuses", "Until the list is emptied.", [
      {
        on: { operation: "AssumeRole" },
        times: null,
        do: { refuse: { status: 403, code: "NoPermission", message: "You are not authorized to do this action." } },
      },
    ]),
    call("Credentials, please, once more", "The log says why; the caller learns that it is not the caller's fault.", {
      method: "POST",
      to: "{{service}}/v1/uploads",
      json: { profile: "{{document_profile}}", filename: "report.pdf", method: "sts" },
      tests: refused(503, "credentials_unavailable"),
    }),
    noFaults("All is well again"),
    complete("I am done, once more", "Nothing was sent; and that is known now.", refused(409, "not_uploaded")),
  ],
);

export default folder(
  "16 When things go wrong",
  `OSS's simulator does on demand what OSS does rarely; \`docs/simulator.md\` lists its faults. **Only with \`oss-valet dev\`**: where \`simulator\` is
empty in the environment, this folder is passed over.`,
  [lost, changed, rejected, away],
  {
    before() {
      if (!pm.variables.get("simulator")) {
        pm.execution.skipRequest();
      }
    },
  },
);
