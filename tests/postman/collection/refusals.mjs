import { blames, call, folder, refused } from "../lib/item.mjs";

const ask = (name, about, json, tests, more = {}) =>
  call(name, about, { method: "POST", to: "{{service}}/v1/uploads", json, tests, ...more });
const NOBODYS = "{{service}}/v1/uploads/01936d2e-7c00-7000-8000-00000000dead";

const unreadable = folder("400 What can't be read", "The body is no JSON, or a field has the wrong type.", [
  ask("No JSON", "It breaks off.", `{"profile": `, refused(400, "malformed_json")),
  ask("A wrong type", "`size` is a number of bytes.", { profile: "{{image_profile}}", size: "large" }, refused(400, "malformed_json")),
]);

const unauthorized = folder("401 Who are you?", "`WWW-Authenticate` says what is wrong with the token, as RFC 6750 words it.", [
  call("No token", "Every route of `/v1` but the callback's wants one.", {
    method: "GET",
    to: "{{service}}/v1/profiles",
    signedIn: false,
    tests: refused(401, "unauthorized", function () {
      pm.test("it says what is missing", () => {
        pm.expect(pm.response.headers.get("WWW-Authenticate")).to.match(/^Bearer error="invalid_request"/);
      });
    }),
  }),
  call("No good token", "Whatever is wrong with it: signature, issuer, audience, time.", {
    method: "GET",
    to: "{{service}}/v1/profiles",
    headers: { Authorization: "Bearer not.a.token" },
    signedIn: false,
    tests: refused(401, "unauthorized", function () {
      pm.test("it says that the token is no good", () => {
        pm.expect(pm.response.headers.get("WWW-Authenticate")).to.match(/^Bearer error="invalid_token"/);
      });
    }),
  }),
]);

const forbidden = folder("403 Not for you", "What a scope would allow. An unknown profile is answered like one that is not for you.", [
  ask("A profile that is not there", "Or not for me.", { profile: "nobody-has-this" }, refused(403, "profile_not_allowed")),
  ask(
    "A grant for somebody else",
    "Machine callers need the scope `uploads:issue-for`.",
    { profile: "{{image_profile}}", user_id: "u-somebody" },
    refused(403, "forbidden"),
  ),
  call("Somebody else's list", "Needs the scope `uploads:read-any`.", {
    method: "GET",
    to: "{{service}}/v1/uploads",
    query: { user_id: "u-somebody" },
    tests: refused(403, "forbidden"),
  }),
]);

const notFound = folder("404 and 405 Not here", "Somebody else's grant is not found either: whether it exists is nobody's business.", [
  call("No such grant", "Or not mine.", { method: "GET", to: NOBODYS, tests: refused(404, "not_found") }),
  call("No such grant to cancel", "Every route of a grant answers so.", {
    method: "DELETE",
    to: NOBODYS,
    tests: refused(404, "not_found"),
  }),
  call("No grant's id", "Ids are UUIDs.", { method: "GET", to: "{{service}}/v1/uploads/me.png", tests: refused(404, "not_found") }),
  call("No such path", "There is no such thing.", { method: "GET", to: "{{service}}/v1/downloads", tests: refused(404, "not_found") }),
  call("A method that a path does not take", "`Allow` says which it takes.", {
    method: "PUT",
    to: "{{service}}/v1/uploads",
    json: {},
    tests: refused(405, "method_not_allowed", function () {
      pm.test("it says what it takes", () => {
        pm.expect(pm.response.headers.get("Allow").split(", ")).to.have.members(["GET", "HEAD", "POST"]);
      });
    }),
  }),
]);

const badBody = folder("413 and 415 Not such a body", "JSON, and not too much of it.", [
  ask("Too much of it", "A request for a grant has at most 64 KiB.", `{{too_large_a_body}}`, refused(413, "body_too_large"), {
    before() {
      pm.variables.set("too_large_a_body", JSON.stringify({ profile: "x".repeat(70_000) }));
    },
  }),
  call("Not JSON at all", "A body needs `Content-Type: application/json`.", {
    method: "POST",
    to: "{{service}}/v1/uploads",
    text: "profile=avatar",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    tests: refused(415, "unsupported_media_type"),
  }),
]);

const badHead = folder("414 and 431 Too much said before the body", "Addresses and header fields have their limits, too.", [
  call("Too long an address", "Path and query have at most 8 KiB.", {
    method: "GET",
    to: "{{service}}/v1/uploads",
    query: { cursor: "{{too_long_a_cursor}}" },
    before() {
      pm.variables.set("too_long_a_cursor", "x".repeat(8200));
    },
    tests: refused(414, "uri_too_long"),
  }),
  call("Too many header fields", "All of them have at most 32 KiB.", {
    method: "GET",
    to: "{{service}}/v1/uploads",
    headers: { "X-Padding": "{{too_much_padding}}" },
    before() {
      pm.variables.set("too_much_padding", "x".repeat(33_000));
    },
    tests: refused(431, "headers_too_large"),
  }),
]);

const faulty = folder("422 Not like this", "Each faulty field is in `errors`, with its own code; the top `code` is the first one's.", [
  ask("A field that does not exist", "Typing errors don't go unnoticed.", { profile: "{{image_profile}}", file_name: "me.png" }, [
    ...refused(422, "unknown_field"),
    blames("file_name", "unknown_field"),
  ]),
  ask("No profile", "It is the only field that must be there.", { filename: "me.png" }, [
    ...refused(422, "missing_field"),
    blames("profile", "missing_field"),
  ]),
  ask("Too large", "Said in time, before anything is sent.", { profile: "{{image_profile}}", filename: "me.png", size: 1000000000000 }, [
    ...refused(422, "size_too_large"),
    blames("size", "size_too_large"),
  ]),
  ask(
    "A type that the profile does not allow",
    "Given, or derived from the file's name.",
    { profile: "{{image_profile}}", filename: "page.html" },
    [...refused(422, "content_type_not_allowed"), blames("content_type", "content_type_not_allowed")],
  ),
  ask(
    "A method that the profile does not offer",
    "`methods` of `/v1/profiles` says which it offers.",
    { profile: "{{image_profile}}", filename: "me.png", method: "sts" },
    [...refused(422, "method_not_allowed_by_profile"), blames("method", "method_not_allowed_by_profile")],
  ),
  ask(
    "A variable that the profile does not list",
    "`vars` of `/v1/profiles` says which it lists.",
    { profile: "{{document_profile}}", vars: { mood: "good" } },
    [...refused(422, "unknown_variable"), blames("vars.mood", "unknown_variable")],
  ),
  ask(
    "A variable that can't be used",
    "At most 256 bytes, no control characters.",
    { profile: "{{document_profile}}", vars: { album: "line\nbreak" } },
    [...refused(422, "invalid_variable"), blames("vars.album", "invalid_variable")],
  ),
  ask(
    "A file name that is none",
    "It gives the extension and is kept as metadata; it never becomes a path.",
    { profile: "{{document_profile}}", filename: ".." },
    [...refused(422, "invalid_filename"), blames("filename", "invalid_filename")],
  ),
  ask("Several faults at once", "All of them are named.", { profile: "{{document_profile}}", filename: "..", vars: { mood: "good" } }, [
    ...refused(422, "invalid_filename"),
    blames("filename", "invalid_filename"),
    blames("vars.mood", "unknown_variable"),
  ]),
  call("A parameter that can't be used", "At most 30 seconds.", {
    method: "GET",
    to: NOBODYS,
    query: { wait: "31" },
    tests: [...refused(422, "invalid_parameter"), blames("wait", "invalid_parameter")],
  }),
  call("A cursor that is none", "Only those that the service gave.", {
    method: "GET",
    to: "{{service}}/v1/uploads",
    query: { cursor: "*" },
    tests: [...refused(422, "invalid_parameter"), blames("cursor", "invalid_parameter")],
  }),
  ask(
    "An Idempotency-Key that is too long",
    "At most 255 bytes.",
    { profile: "{{image_profile}}" },
    [...refused(422, "invalid_parameter"), blames("Idempotency-Key", "invalid_parameter")],
    { headers: { "Idempotency-Key": "k".repeat(256) } },
  ),
]);

export default folder(
  "15 Refusals, by status",
  `What a client has to expect. Every refusal is a problem document; programs look at \`code\`, people at \`detail\`, and support asks for
\`request_id\`. Nothing is changed by a request that is refused.`,
  [unreadable, unauthorized, forbidden, notFound, badBody, badHead, faulty],
);
