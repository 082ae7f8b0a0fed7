// One upload through a client that is made from the document: `paths` is generated, openapi-fetch does the rest.

import createClient from "openapi-fetch";
import type { components, paths } from "../generated/openapi.js";

declare const process: { env: Record<string, string | undefined> };

const { service, token } = JSON.parse(process.env["OSS_VALET_DEV"] ?? "{}") as { service: string; token: string };
const client = createClient<paths>({ baseUrl: service, headers: { Authorization: `Bearer ${token}` } });

const asked = { profile: "document", filename: "note.txt", content_type: "text/plain", method: "post", vars: { album: "42" } } as const;
const issued = await client.POST("/v1/uploads", { body: asked });
if (!issued.data?.request) {
  throw new Error(`refused: ${issued.error?.code}`);
}
const { method, url, fields } = issued.data.request;
const form = new FormData();
Object.entries(fields).forEach(([name, value]) => form.append(name, value));
form.append("file", new Blob(["hello"]));
const stored = await fetch(url, { method, body: form });
if (stored.status !== 200) {
  throw new Error(`OSS answered ${stored.status}`);
}

const shown = await client.GET("/v1/uploads/{id}", { params: { path: { id: issued.data.id }, query: { wait: 5 } } });
const state: components["schemas"]["State"] | undefined = shown.data?.state;
if (state !== "completed" || shown.data?.completion?.size !== 5) {
  throw new Error(`it is ${state}`);
}

const refused = await client.POST("/v1/uploads", { body: { ...asked, vars: { colour: "red" } } });
if (refused.error?.code !== "unknown_variable" || refused.error.errors?.[0]?.field !== "vars.colour") {
  throw new Error(`not refused as documented: ${JSON.stringify(refused.error)}`);
}
console.log(`ok: ${issued.data.key}`);
