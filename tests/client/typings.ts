// Compiled, never run: how the library is meant to be used, and what the compiler must refuse.
import { createClient, ValetError, type Grant, type UploadResult } from "../../src/demo/client.js";

const client = createClient({ baseUrl: "https://valet.example.com", getToken: async ({ refresh }) => (refresh ? "new" : "old") });

export async function show(file: File, stop: AbortController): Promise<string> {
  try {
    const result: UploadResult = await client.upload(file, {
      profile: "avatar",
      method: "post",
      vars: { album: "42" },
      onProgress: ({ phase, loaded, total }) => console.log(phase, loaded / total),
      signal: stop.signal,
    });
    const grant: Grant = result.grant;
    return `${grant.key} ${result.completion?.etag ?? ""} ${result.recovered}`;
  } catch (error) {
    if (error instanceof ValetError && error.retryable) return `${error.code} ${error.status} ${error.requestId ?? ""}`;
    throw error;
  }
}

// @ts-expect-error a profile must be named
void client.upload(new Blob(), {});
// @ts-expect-error only what a page can send itself
void client.upload(new Blob(), { profile: "video", method: "multipart" });
