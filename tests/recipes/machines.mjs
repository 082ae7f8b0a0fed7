// Which page is run by what, and when.

import { bash, browserModule, browserPage, node, python, uniApp, wechat } from "./runners.mjs";

/** By ./run. */
export const EVERYDAY = {
  "browser-js": { runner: browserModule, namedEndpoint: true },
  curl: { runner: bash },
  "html-form": { runner: browserPage, blind: true },
  nodejs: { runner: node },
  "python-v1": { runner: python },
  "python-v2": { runner: python },
  "uni-app": { runner: uniApp },
  wechat: { runner: wechat },
};

/** By ./full. */
export const FULL = {};
