import { call, folder } from "../lib/item.mjs";

export default folder(
  "2 What may I upload?",
  `A **profile** is a named rule set: bucket, key, size and type limits, methods, variables. Operators write them down in the configuration; a
caller sees those that the token's scopes allow. Clients need the names \`image_profile\`, \`document_profile\` and \`video_profile\` of the
environment: change them to your own.`,
  [
    call("The profiles that I may use", 'Limits in bytes, lifetimes in seconds; `accept` is for `<input type="file" accept=…>`.', {
      method: "GET",
      to: "{{service}}/v1/profiles",
      tests() {
        pm.test("each says what it takes", () => {
          pm.response.to.have.status(200);
          for (const profile of pm.response.json().profiles) {
            pm.expect(profile).to.have.all.keys("name", "methods", "min_size", "max_size", "content_types", "accept", "vars", "expires_in");
            pm.expect(profile.methods).to.be.an("array").that.is.not.empty;
            pm.expect(profile.max_size).to.be.at.least(profile.min_size);
            pm.expect(profile.accept).to.equal(profile.content_types.join(","));
          }
        });
        pm.test("the environment names profiles that are there", () => {
          const names = pm.response.json().profiles.map(({ name }) => name);
          for (const variable of ["image_profile", "document_profile", "video_profile"]) {
            pm.expect(names, variable).to.include(pm.variables.get(variable));
          }
        });
      },
    }),
  ],
);
