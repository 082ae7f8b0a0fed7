import { call, folder } from "../lib/item.mjs";

/** Production has no demo, and its own origins. */
function onlyInDevelopment() {
  if (!pm.variables.get("simulator")) {
    pm.execution.skipRequest();
  }
}

function asset(name, about, path, type, ...before) {
  return call(name, about, {
    method: "GET",
    to: `{{service}}${path}`,
    signedIn: false,
    ...(before.length > 0 && { before }),
    tests: {
      lines: [
        `pm.test("it is there", () => {`,
        `  pm.response.to.have.status(200);`,
        `  pm.expect(pm.response.headers.get("Content-Type")).to.equal("${type}");`,
        `  pm.expect(pm.response.headers.get("X-Content-Type-Options")).to.equal("nosniff");`,
        `  pm.expect(pm.response.text()).to.not.be.empty;`,
        `});`,
      ],
    },
  });
}

const JAVASCRIPT = "text/javascript; charset=utf-8";

export default folder(
  "12 What browsers fetch",
  "The client library for web pages, the demo page where it is enabled, and the leave that pages of other origins need.",
  [
    asset("The client library", '`import { createClient } from "…/client.js"`: asks, sends, retries, resumes.', "/client.js", JAVASCRIPT),
    asset("Its typings", "For TypeScript.", "/client.d.ts", "text/plain; charset=utf-8"),
    call("The API's description", "OpenAPI 3.1, for tools: every call, every answer, every error code with an example.", {
      method: "GET",
      to: "{{service}}/openapi.json",
      signedIn: false,
      tests() {
        pm.test("it is an OpenAPI document, and open to pages of any origin", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Access-Control-Allow-Origin")).to.equal("*");
          const document = pm.response.json();
          pm.expect(document.openapi).to.match(/^3\.1\./);
          pm.expect(document.paths).to.include.keys("/v1/uploads", "/v1/callbacks/oss");
        });
        pm.collectionVariables.set("openapi_tag", pm.response.headers.get("ETag"));
      },
    }),
    call("Has it changed?", "The `ETag` of the copy at hand: nothing is sent a second time.", {
      method: "GET",
      to: "{{service}}/openapi.json",
      headers: { "If-None-Match": "{{openapi_tag}}" },
      signedIn: false,
      tests() {
        pm.test("it has not", () => {
          pm.response.to.have.status(304);
          pm.expect(pm.response.text()).to.be.empty;
        });
      },
    }),
    asset("The same to read", "Swagger UI, which loads nothing from elsewhere.", "/docs", "text/html; charset=utf-8"),
    call("May a page of another origin call?", "The preflight of a page that is listed in `server.cors_origins`; it needs no token.", {
      method: "OPTIONS",
      to: "{{service}}/v1/uploads",
      headers: {
        Origin: "http://app.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
      },
      signedIn: false,
      before: onlyInDevelopment,
      tests() {
        pm.test("it may", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Access-Control-Allow-Origin")).to.equal("*");
          pm.expect(pm.response.headers.get("Access-Control-Allow-Methods")).to.include("POST");
          pm.expect(pm.response.headers.get("Access-Control-Allow-Headers").toLowerCase()).to.include("idempotency-key");
        });
      },
    }),
    call("What it may read of an answer", "The headers that clients need are exposed.", {
      method: "GET",
      to: "{{service}}/v1/profiles",
      headers: { Origin: "http://app.example.com" },
      before: onlyInDevelopment,
      tests() {
        pm.test("the headers that clients need", () => {
          pm.response.to.have.status(200);
          const exposed = pm.response.headers.get("Access-Control-Expose-Headers").toLowerCase().split(/, */);
          pm.expect(exposed).to.include.members([
            "date",
            "retry-after",
            "ratelimit",
            "ratelimit-policy",
            "x-request-id",
            "location",
            "idempotency-replayed",
          ]);
        });
      },
    }),
    call("The front door", "Where the demo is enabled, it is what people see first.", {
      method: "GET",
      to: "{{service}}/",
      signedIn: false,
      before: onlyInDevelopment,
      tests() {
        pm.test("it leads to the demo", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Content-Type")).to.equal("text/html; charset=utf-8");
        });
      },
    }),
    asset(
      "The demo page",
      "Drop a file, watch it arrive. The token is in the `#` of its URL, and never sent.",
      "/demo",
      "text/html; charset=utf-8",
      onlyInDevelopment,
    ),
    asset(
      "Its script",
      "Served by the service itself: the page loads nothing from anywhere else.",
      "/demo/demo.js",
      JAVASCRIPT,
      onlyInDevelopment,
    ),
    asset("Its script for one file", "As above.", "/demo/item.js", JAVASCRIPT, onlyInDevelopment),
    asset("Its words", "In English and Chinese.", "/demo/words.js", JAVASCRIPT, onlyInDevelopment),
    asset("Its style", "As above.", "/demo/demo.css", "text/css; charset=utf-8", onlyInDevelopment),
  ],
);
