// A wrong clock. Runs in Node and in a page.

/** Runs `work` while every `Date` is `milliseconds` off; nothing else may run meanwhile. */
export async function withClock(milliseconds, work) {
  const Right = globalThis.Date;
  globalThis.Date = class extends Right {
    constructor(...given) {
      if (given.length > 0) super(...given);
      else super(Right.now() + milliseconds);
    }

    static now() {
      return Right.now() + milliseconds;
    }
  };
  try {
    return await work();
  } finally {
    globalThis.Date = Right;
  }
}
