import { call, folder } from "../lib/item.mjs";

export default folder(
  "13 Is it well?",
  `The operations listener is a port of its own, and stays inside: probes need no token. Where \`ops\` is empty in the environment, this folder is
passed over.`,
  [
    call("Does it live?", "The process answers. Nothing else is looked at: restarting helps against nothing else.", {
      method: "GET",
      to: "{{ops}}/livez",
      signedIn: false,
      tests() {
        pm.test("it lives", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json()).to.deep.equal({ status: "live" });
        });
      },
    }),
    call("Should it get requests?", "503 with `reasons` when not: draining, store down, no bucket has credentials, clock off from OSS's.", {
      method: "GET",
      to: "{{ops}}/readyz",
      signedIn: false,
      tests() {
        pm.test("it is ready", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json().status).to.equal("ready");
        });
      },
    }),
    call("What does it measure?", "For Prometheus: credentials, outbox, ledger, clock. `docs/operations.md` explains each.", {
      method: "GET",
      to: "{{ops}}/metrics",
      signedIn: false,
      tests() {
        pm.test("it is Prometheus' text format", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Content-Type")).to.equal("text/plain; version=0.0.4; charset=utf-8");
          pm.expect(pm.response.text()).to.include("oss_valet_store_up 1");
        });
      },
    }),
  ],
  {
    before() {
      if (!pm.variables.get("ops")) {
        pm.execution.skipRequest();
      }
    },
  },
);
