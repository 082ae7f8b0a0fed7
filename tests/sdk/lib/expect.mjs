// What a case may assert. Runs in Node and in a page.

export function same(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

export function holds(what, condition) {
  if (!condition) throw new Error(`${what}: no`);
}

/** What `work` throws; that it throws nothing is a failure. */
export async function thrown(what, work) {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: went through`);
}

/** `work` is refused, and ali-oss's own error object tells it: status, code, EC where one is known, the request's id. */
export async function refused(work, { status, code, ec, message }) {
  const error = await thrown(code, work);
  if (error.status === undefined || error.code === undefined) throw error; // no refusal of OSS at all
  same("status", error.status, status);
  same("code", error.code, code);
  if (ec) same("EC", error.ecCode, ec);
  if (message) holds(`message ${JSON.stringify(error.message)} is as expected`, message.test(error.message));
  holds(`request id ${error.requestId} is OSS's`, /^[0-9A-F]{24}$/.test(error.requestId));
  return error;
}
