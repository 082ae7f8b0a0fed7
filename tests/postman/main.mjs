// The suite: the committed files, then the story that they tell, against a running service.
//   node main.mjs                    checks everything; the last line is `N passed, N failed`
//   node main.mjs --write            first writes the collection and the environments anew, keeping the examples
//   node main.mjs --write-examples   the same, with examples from the run

import { writeFileSync } from "node:fs";
import story, { environments, unreachable } from "./collection/index.mjs";
import { toothless } from "./lib/bites.mjs";
import { CHECKS } from "./lib/checks.mjs";
import { examplesOf, restlessExamples, staleExamples } from "./lib/examples.mjs";
import { renderCollection, renderEnvironment, requestsOf } from "./lib/render.mjs";
import { errorCodes, routes } from "./lib/routes.mjs";
import { COLLECTION, ENVIRONMENTS, environmentOf, readJson, runStory } from "./lib/story.mjs";

const dev = JSON.parse(process.env.OSS_VALET_DEV);
const mode = process.argv[2];
const total = { passed: 0, failed: 0 };

/** Counts and prints one step; its faults are lines of text. */
function report(name, passed, faults) {
  total.passed += passed;
  total.failed += faults.length;
  console.log(`${faults.length === 0 ? "ok  " : "FAIL"} ${name} (${passed} passed, ${faults.length} failed)`);
  faults.forEach((fault) => console.log(`       ${fault}`));
}

const check = (name, faults) => report(name, faults.length === 0 ? 1 : 0, faults);

const renderedEnvironments = () =>
  Object.fromEntries(Object.entries(environments).map(([name, of]) => [name, renderEnvironment(of.name, of.values)]));
const savedExamples = (collection) => new Map([...requestsOf(collection)].map(({ item }) => [item.id, item.response]));
const write = (url, value) => writeFileSync(url, `${JSON.stringify(value, null, 2)}\n`);

function writeFiles(examples) {
  write(COLLECTION, renderCollection(story, examples));
  Object.entries(renderedEnvironments()).forEach(([name, environment]) => write(ENVIRONMENTS[name], environment));
}

/** Writes what the sources make; with examples, if wanted, from a run that failed nowhere. */
async function writeAnew() {
  let examples = new Map();
  try {
    examples = savedExamples(readJson(COLLECTION));
  } catch (error) {
    console.log(`no examples to keep: ${error.message}`);
  }
  writeFiles(examples);
  if (mode === "--write-examples") {
    const began = Date.now();
    const run = await runStory(readJson(COLLECTION), environmentOf(dev));
    const { examples: fresh, leaks } = examplesOf(run.executions, dev, began);
    check("the run that the examples are taken from", [...run.failed, ...leaks]);
    if (total.failed === 0) {
      writeFiles(fresh);
    }
  }
}

function checkFiles(collection) {
  const rendered = { collection: renderCollection(story, savedExamples(collection)), environments: renderedEnvironments() };
  const committed = Object.fromEntries(Object.entries(ENVIRONMENTS).map(([name, url]) => [name, readJson(url)]));
  const files = { collection, environments: committed, rendered, routes: routes(), codes: errorCodes(), unreachable };
  Object.entries(CHECKS).forEach(([name, faultsOf]) => check(name, faultsOf(files)));
  check("every check objects to what it is for", toothless(files));
}

async function tellStory(collection) {
  const environment = environmentOf(dev);
  const began = Date.now();
  const first = await runStory(collection, environment);
  report("the whole story", first.passed, first.failed);
  const { examples, leaks } = examplesOf(first.executions, dev, began);
  check("the examples look like the answers", staleExamples(collection, examples));
  check("no secret of the run would be in an example", leaks);

  const beganAgain = Date.now();
  const second = await runStory(collection, environment);
  report("the whole story once more, at the same service", second.passed, second.failed);
  check("its examples are the same", restlessExamples(examples, examplesOf(second.executions, dev, beganAgain).examples));
  const [signIn, ...folders] = leavesOf(collection).map(({ name }) => name);
  for (const name of folders) {
    const alone = await runStory(collection, environment, [signIn, name]);
    report(`“${name}” alone`, alone.passed, alone.executions.length > 1 ? alone.failed : [...alone.failed, "nothing was sent"]);
  }
}

/** Folders that hold requests. */
const leavesOf = ({ item }) =>
  item.flatMap((inner) => (inner.item?.some(({ item: below }) => below) ? leavesOf(inner) : inner.item ? [inner] : []));

/** What production has not, is passed over; what is wrong, is noticed. */
async function tellItElsewhere(collection) {
  const inside = { ops: "", simulator: "", callback_key_url: `${dev.simulator}/callback_pub_key_v1.pem` };
  const production = await runStory(collection, environmentOf(dev, inside));
  report("the whole story, without operations port and simulator, as in production", production.passed, production.failed);
  const sent = production.executions.map(({ request }) => request.url.toString());
  check(
    "only service and OSS were asked there",
    sent.filter((url) => url.startsWith(dev.ops) || url.startsWith(`${dev.simulator}/-/`)),
  );

  const stranger = await runStory(collection, environmentOf(dev, { token: "not.a.token" }), ["1 Sign in"]);
  check("the story fails for who has no good token", stranger.failed.length > 0 ? [] : ["it did not"]);
}

if (mode) {
  await writeAnew();
}
if (total.failed === 0) {
  const collection = readJson(COLLECTION);
  checkFiles(collection);
  await tellStory(collection);
  await tellItElsewhere(collection);
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
