// A stand-in for `wx` and `uni`: their `request` and `uploadFile` as documented, over fetch.
// It keeps their habits: every status is a success, an upload's answer is text, a request's answer is parsed if it is JSON.

import { readFileSync } from "node:fs";
import { basename } from "node:path";

async function request({ url, method = "GET", data, header, success, fail }) {
  try {
    const body = data ? (typeof data === "string" ? data : JSON.stringify(data)) : undefined;
    const response = await fetch(url, { method, headers: header, body });
    const text = await response.text();
    success({ statusCode: response.status, data: parsed(text), header: Object.fromEntries(response.headers) });
  } catch (error) {
    fail({ errMsg: `request:fail ${error.message}` });
  }
}

async function uploadFile({ url, filePath, name, formData, header, success, fail }) {
  try {
    const form = new FormData();
    for (const [field, value] of Object.entries(formData ?? {})) form.append(field, value);
    form.append(name, new Blob([readFileSync(filePath)]), basename(filePath));
    const response = await fetch(url, { method: "POST", headers: header, body: form });
    success({ statusCode: response.status, data: await response.text() });
  } catch (error) {
    fail({ errMsg: `uploadFile:fail ${error.message}` });
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const standIn = { request, uploadFile };
