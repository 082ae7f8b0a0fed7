import { call, folder, refused } from "../lib/item.mjs";
import { note } from "./files.mjs";

const profile = { profile: "{{document_profile}}" };

/** Sends the form that the answer before has described. */
const send = (name, about) =>
  call(name, about, {
    method: "POST",
    to: "{{directory_host}}",
    form: note.path,
    signedIn: false,
    before() {
      const fields = JSON.parse(pm.collectionVariables.get("directory_fields"));
      for (const [key, value] of Object.entries(fields)) {
        pm.request.body.formdata.insert({ key, value, type: "text" }, "file");
      }
    },
    tests() {
      pm.test("the callback's answer comes back", () => {
        pm.response.to.have.status(200);
        const answer = pm.response.json();
        const { key } = JSON.parse(pm.collectionVariables.get("directory_fields"));
        pm.expect(answer).to.include({ state: "completed", key });
        pm.expect(answer.etag).to.match(/^[0-9A-F]{32}$/i);
      });
    },
  });

export default folder(
  "The official app servers",
  `What OSS's documentation shows as “upload from a web page, signed by your server”: a policy for a **directory**, with a callback. The page makes up
the name below \`dir\` and sends the form. Only for profiles with a \`directory\`; each object that arrives is a completion of its own. The
profile is \`?profile=\`, or the ticket's.`,
  [
    call("V4: ask", "The sample's answer, field by field; `security_token` is empty where a permanent key signs.", {
      method: "GET",
      to: "{{service}}/compat/appserver/v4",
      query: profile,
      tests() {
        const signed = pm.response.json();
        pm.test("it is the sample's answer", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
          const names = [
            "policy",
            "security_token",
            "x_oss_signature_version",
            "x_oss_credential",
            "x_oss_date",
            "signature",
            "host",
            "dir",
            "callback",
          ];
          pm.expect(signed).to.have.all.keys(names);
        });
        pm.test("the policy is for the directory", () => {
          const { conditions } = JSON.parse(atob(signed.policy));
          pm.expect(conditions).to.deep.include(["starts-with", "$key", signed.dir]);
        });
        pm.collectionVariables.set("directory_host", signed.host);
        const fields = {
          key: `${signed.dir}note.txt`,
          success_action_status: "200",
          policy: signed.policy,
          "x-oss-signature-version": signed.x_oss_signature_version,
          "x-oss-credential": signed.x_oss_credential,
          "x-oss-date": signed.x_oss_date,
          "x-oss-signature": signed.signature,
          callback: signed.callback,
          ...(signed.security_token && { "x-oss-security-token": signed.security_token }),
        };
        pm.collectionVariables.set("directory_fields", JSON.stringify(fields));
      },
    }),
    send("V4: send a file", "As the sample's page does."),
    call(
      "V1: ask",
      "For plupload and older pages. V1 has no field for a token, so temporary credentials can't sign it (422 `credentials_not_supported`).",
      {
        method: "GET",
        to: "{{service}}/compat/appserver",
        query: profile,
        tests() {
          const signed = pm.response.json();
          pm.test("it is the sample's answer", () => {
            pm.response.to.have.status(200);
            pm.expect(pm.response.headers.get("Cache-Control")).to.equal("no-store");
            pm.expect(signed).to.have.all.keys("accessid", "host", "policy", "signature", "expire", "callback", "dir");
            pm.expect(signed.expire)
              .to.be.a("number")
              .and.above(Date.parse(pm.response.headers.get("Date")) / 1000);
          });
          pm.collectionVariables.set("directory_host", signed.host);
          const fields = {
            key: `${signed.dir}note.txt`,
            success_action_status: "200",
            policy: signed.policy,
            OSSAccessKeyId: signed.accessid,
            signature: signed.signature,
            callback: signed.callback,
          };
          pm.collectionVariables.set("directory_fields", JSON.stringify(fields));
        },
      },
    ),
    send("V1: send a file", "As plupload does."),
    call("A profile without a directory", "Its grants are for one object each.", {
      method: "GET",
      to: "{{service}}/compat/appserver/v4",
      query: { profile: "{{image_profile}}" },
      tests: refused(422, "directory_not_allowed"),
    }),
    call("No profile", "Neither a ticket nor the query names one.", {
      method: "GET",
      to: "{{service}}/compat/appserver",
      tests: refused(422, "missing_field"),
    }),
    call("Open a ticket", "For a page that can't send a token.", {
      method: "POST",
      to: "{{service}}/v1/tickets",
      json: profile,
      tests() {
        pm.test("there is a ticket", () => {
          pm.response.to.have.status(201);
        });
        pm.collectionVariables.set("ticket", pm.response.json().ticket);
      },
    }),
    call("V4 by ticket", "The profile is the ticket's.", {
      method: "GET",
      to: "{{service}}/compat/t/{{ticket}}/appserver/v4",
      signedIn: false,
      tests() {
        pm.test("it is the same answer", () => {
          pm.response.to.have.status(200);
          pm.expect(pm.response.json()).to.include.keys("policy", "signature", "dir", "callback");
        });
      },
    }),
  ],
);
