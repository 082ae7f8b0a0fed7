// The demo page: sign-in, settings, drop zone, list. One file's row is in item.js.

import { createClient } from "../client.js";
import { Item } from "./item.js";
import { language, say, sayBytes, sayDuration, switchLanguage, translate } from "./words.js";

const REMEMBERED = "oss-valet.token";
const AT_ONCE = 3;

const $ = (id) => document.getElementById(id);
const here = { client: null, profiles: [], items: [], running: 0 };

function start() {
  render();
  $("language").addEventListener("click", () => {
    switchLanguage();
    render();
  });
  $("sign-in").addEventListener("submit", (event) => {
    event.preventDefault();
    signIn($("token").value.trim());
  });
  $("profile").addEventListener("change", showProfile);
  $("files").addEventListener("change", () => {
    add($("files").files);
    $("files").value = "";
  });
  $("clear").addEventListener("click", clearFinished);
  listenToDrops();
  const token = takeToken();
  if (token) signIn(token);
  else show("sign-in");
}

/** The token travels in the fragment, which no server sees, and leaves the address bar (and the history) at once. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return sessionStorage.getItem(REMEMBERED);
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

async function signIn(token) {
  here.client = createClient({ baseUrl: new URL("..", import.meta.url).href, token });
  try {
    here.profiles = await here.client.profiles();
  } catch (error) {
    sessionStorage.removeItem(REMEMBERED);
    show("sign-in");
    $("sign-in-error").textContent = say("signInFailed", { detail: error.detail });
    return;
  }
  sessionStorage.setItem(REMEMBERED, token);
  hide("sign-in");
  if (here.profiles.length === 0) {
    show("notice");
    $("notice").textContent = say("noProfiles");
    return;
  }
  $("profile").replaceChildren(...here.profiles.map(({ name }) => new Option(name, name)));
  show("settings");
  show("drop-section");
  showProfile();
}

const profile = () => here.profiles.find(({ name }) => name === $("profile").value);

function showProfile() {
  const { methods, vars = [], accept } = profile();
  const usable = ["post", "put"].filter((method) => methods.includes(method));
  const names = { post: "methodPost", put: "methodPut" };
  $("methods").replaceChildren(...["post", "put"].map((method) => segment(method, names[method], usable)));
  $("vars").replaceChildren(...vars.map(varField));
  $("files").accept = accept ?? "";
  $("drop").hidden = usable.length === 0;
  $("no-method").hidden = usable.length > 0;
  showRules();
}

function segment(method, name, usable) {
  const radio = make("input", { type: "radio", name: "method", value: method });
  radio.disabled = !usable.includes(method);
  radio.checked = method === usable[0];
  const text = make("span", { textContent: say(name) });
  text.dataset.text = name;
  const label = make("label");
  label.append(radio, text);
  return label;
}

function varField(name) {
  const input = make("input", { type: "text", id: `var-${name}`, autocomplete: "off", maxLength: 256 });
  input.dataset.var = name;
  const label = make("label", { htmlFor: input.id, textContent: name });
  const field = make("div", { className: "field" });
  field.append(label, input);
  return field;
}

function showRules() {
  const known = profile();
  if (!known) return;
  const types = known.content_types?.length > 0 ? known.content_types.join(", ") : say("anyType");
  const rules = say("rules", { types, size: sayBytes(known.max_size), lifetime: sayDuration(known.expires_in) });
  const others = known.methods.some((method) => method === "multipart" || method === "sts");
  $("rules").textContent = others ? `${rules} · ${say("sdkOnly")}` : rules;
}

function listenToDrops() {
  const zone = $("drop");
  let depth = 0;
  const over = (change) => (event) => {
    event.preventDefault();
    depth = Math.max(0, depth + change);
    zone.classList.toggle("over", depth > 0);
  };
  zone.addEventListener("dragenter", over(1));
  zone.addEventListener("dragleave", over(-1));
  zone.addEventListener("drop", (event) => {
    over(-Infinity)(event);
    add(event.dataTransfer.files);
  });
  // A file dropped beside the zone must not replace the page.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
}

function add(files) {
  const vars = {};
  for (const input of document.querySelectorAll("[data-var]")) if (input.value !== "") vars[input.dataset.var] = input.value;
  const method = document.querySelector("input[name=method]:checked")?.value;
  if (!method) return;
  for (const file of files) {
    const item = new Item($("item"), here.client, file, { profile: profile().name, method, vars }, { changed, again: pump });
    here.items.push(item);
    $("list").prepend(item.node);
  }
  show("list-section");
  pump();
}

/** Starts what waits, a few at a time. */
function pump() {
  const next = here.running < AT_ONCE && here.items.find((item) => item.isQueued);
  if (!next) return;
  here.running += 1;
  next.run().finally(() => {
    here.running -= 1;
    pump();
  });
  pump();
}

function changed(item) {
  if (item.isFinished) $("announce").textContent = say("said", { file: item.file.name, state: item.stateText });
}

function clearFinished() {
  for (const item of here.items.filter((known) => known.isFinished)) item.remove();
  here.items = here.items.filter((item) => !item.isFinished);
  $("list-section").hidden = here.items.length === 0;
}

function render() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  translate(document);
  $("language").textContent = say("language");
  $("language").lang = language === "zh" ? "en" : "zh-CN";
  showRules();
  for (const item of here.items) item.render();
}

const show = (id) => ($(id).hidden = false);
const hide = (id) => ($(id).hidden = true);
const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

start();
