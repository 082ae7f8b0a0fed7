// Which page is run by what, and when.

import { android, bash, browserModule, browserPage, c, cpp, go, java, node, php, python, ruby, uniApp, wechat } from "./runners.mjs";

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
export const FULL = {
  android: { runner: android },
  c: { runner: c },
  cpp: { runner: cpp },
  "go-v1": { runner: go },
  "go-v2": { runner: go },
  java: { runner: java },
  "php-v1": { runner: php },
  "php-v2": { runner: php },
  ruby: { runner: ruby },
};
