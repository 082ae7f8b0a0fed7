// Objects in parts, under a grant.

import { refused, same, thrown } from "../expect.mjs";
import { parsed, send, structured, tap } from "./client.mjs";

const PART = 100 * 1024;
const TYPE = "application/pdf";

/** The numbers of the parts that the client sends from now on. */
function partsSent(client) {
  const numbers = [];
  tap(client, (url, { method }) => {
    const number = new URL(url).searchParams.get("partNumber");
    if (method === "PUT" && number) numbers.push(Number(number));
  });
  return numbers;
}

const listed = (numbers) => numbers.toSorted((a, b) => a - b).join();

const slice = (file, number) => file.bytes.slice((number - 1) * PART, number * PART);

function partsDocument(etags) {
  const parts = etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
  return `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
}

export const multipart = {
  async multipart(t) {
    const { grant, file } = await t.granted("put", 3 * PART + 7);
    const client = await t.client(grant.key);
    const sent = partsSent(client);
    const options = { partSize: PART, parallel: 3, mime: TYPE, callback: structured(grant) };
    const result = await client.multipartUpload(grant.key, t.body(file), options);
    same("parts sent", listed(sent), "1,2,3,4");
    t.valet.answered(result.data, grant);
    await t.valet.recorded(grant, file, { etag: result.etag.replaceAll('"', "") });
  },

  async "multipart-callback-fails"(t) {
    const { grant, file } = await t.granted("put", PART + 1);
    const client = await t.client(grant.key);
    const callback = { ...structured(grant), url: `${t.dev.service}/nowhere` };
    const upload = () => client.multipartUpload(grant.key, t.body(file), { partSize: PART, mime: TYPE, callback });
    await refused(upload, { status: 203, code: "CallbackFailed", ec: "0007-00000203", message: /^Error status : 404\./ });
    await t.valet.complete(grant.id);
    await t.valet.recorded(grant, file, { source: "complete", etag: null });
  },

  /** Cancelled after two parts; another client, as after a restart, goes on from the checkpoint that was kept as JSON. */
  async resumable(t) {
    const { grant, file } = await t.granted("put", 4 * PART + 7);
    const options = { partSize: PART, parallel: 1, mime: TYPE, callback: structured(grant) };
    const first = await t.client(grant.key);
    const sentFirst = partsSent(first);
    let kept;
    const progress = (_, checkpoint) => {
      kept = JSON.stringify({ ...checkpoint, file: undefined });
      if (checkpoint.doneParts.length === 2) first.cancel();
    };
    const error = await thrown("the cancelled upload", () => first.multipartUpload(grant.key, t.body(file), { ...options, progress }));
    same("how the SDK tells it", error.name, "cancel");
    same("parts before", listed(sentFirst), "1,2");

    const second = await t.client(grant.key);
    const sentSecond = partsSent(second);
    const checkpoint = { ...JSON.parse(kept), file: t.body(file) };
    const result = await second.multipartUpload(grant.key, t.body(file), { ...options, checkpoint });
    same("parts after", listed(sentSecond), "3,4,5");
    t.valet.answered(result.data, grant);
    await t.valet.recorded(grant, file, { etag: result.etag.replaceAll('"', "") });
  },

  /** Initiate, parts and complete, each by a URL that the SDK has presigned. */
  async "presigned-parts"(t) {
    const { grant, file } = await t.granted("put", 2 * PART + 7);
    const client = await t.client(grant.key);
    const sign = (method, queries, headers = {}, callback = undefined) => {
      if (t.v4) {
        const own = callback ? { callback: grant.callback.callback, "callback-var": grant.callback.callback_var } : {};
        return client.signatureUrlV4(method, 300, { headers, queries: { ...queries, ...own } }, grant.key);
      }
      const subResource = Object.fromEntries(Object.entries(queries).map(([name, value]) => [name, value ?? ""]));
      return client.signatureUrl(grant.key, { method, expires: 300, ...headers, subResource, ...(callback && { callback }) });
    };
    const initiated = await send(client, await sign("POST", { uploads: null }, { "Content-Type": TYPE }), {
      method: "POST", headers: { "Content-Type": TYPE },
    });
    const uploadId = (await client.parseXML(initiated.data)).UploadId;
    const etags = [];
    for (const partNumber of [1, 2, 3]) {
      const url = await sign("PUT", { partNumber, uploadId });
      etags.push((await send(client, url, { content: slice(file, partNumber) })).headers.etag);
    }
    const headers = { "Content-Type": "application/xml" };
    const url = await sign("POST", { uploadId }, headers, structured(grant));
    const result = await send(client, url, { method: "POST", headers, content: partsDocument(etags) });
    t.valet.answered(parsed(result), grant);
    await t.valet.recorded(grant, file, { etag: null });
  },
};
