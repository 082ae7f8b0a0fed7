import { call, folder, refused } from "../lib/item.mjs";

const body = "bucket=app-media&object=avatars/u-7/a.png&etag=D41D8CD98F00B204E9800998ECF8427E&size=1000000";
const form = { "Content-Type": "application/x-www-form-urlencoded" };
const callback = (name, about, headers, tests) =>
  call(name, about, {
    method: "POST",
    to: "{{service}}/v1/callbacks/oss",
    text: body,
    headers: { ...form, ...headers },
    signedIn: false,
    tests,
  });

export default folder(
  "14 The callback route, for a stranger",
  `\`POST /v1/callbacks/oss\` is for OSS alone, and stands open to the world: it takes no token. What it takes is a request signed by OSS's own key,
which is pinned (nothing is ever fetched because of a request), with the service's seal in it, for a grant that is there, about an object that
OSS confirms. A stranger gets no further than this.`,
  [
    callback("Without a signature", "What a stranger's first try looks like.", {}, refused(400, "callback_malformed")),
    callback(
      "With a key of one's own",
      "`x-oss-pub-key-url` is Base64 of `http://forger.example.com/key.pem`. It is not fetched.",
      { Authorization: "Zm9yZ2Vk", "x-oss-pub-key-url": "aHR0cDovL2Zvcmdlci5leGFtcGxlLmNvbS9rZXkucGVt" },
      refused(403, "callback_key_not_trusted"),
    ),
    call(
      "With OSS's key, and an invented signature",
      "The environment's `callback_key_url` is where OSS's key lies; on your machine it is the simulator's.",
      {
        method: "POST",
        to: "{{service}}/v1/callbacks/oss",
        text: body,
        headers: { ...form, Authorization: "{{invented_signature}}", "x-oss-pub-key-url": "{{trusted_key_url}}" },
        signedIn: false,
        before() {
          pm.variables.set("trusted_key_url", btoa(pm.variables.replaceIn(pm.variables.get("callback_key_url"))));
          pm.variables.set("invented_signature", btoa("x".repeat(64)));
        },
        tests: refused(403, "callback_signature_invalid"),
      },
    ),
    call("Just looking", "It takes POST only.", {
      method: "GET",
      to: "{{service}}/v1/callbacks/oss",
      signedIn: false,
      tests: refused(405, "method_not_allowed", function () {
        pm.test("it says what it takes", () => {
          pm.expect(pm.response.headers.get("Allow")).to.equal("POST");
        });
      }),
    }),
  ],
);
