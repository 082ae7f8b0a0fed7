// Runs the committed collection as `newman run --working-dir deploy/postman` does, against the service that $OSS_VALET_DEV describes.

import { readFileSync } from "node:fs";
import newman from "newman";

export const HOME = new URL("../../../deploy/postman/", import.meta.url);
export const COLLECTION = new URL("oss-valet.postman_collection.json", HOME);
export const ENVIRONMENTS = {
  dev: new URL("dev.postman_environment.json", HOME),
  production: new URL("production.postman_environment.json", HOME),
};

export const readJson = (url) => JSON.parse(readFileSync(url, "utf8"));

/** The dev environment with the addresses and the token of the service that runs now, and whatever else is to be different. */
export function environmentOf(dev, others = {}) {
  const environment = readJson(ENVIRONMENTS.dev);
  const known = { service: dev.service, ops: dev.ops, simulator: dev.simulator, token: dev.token, ...others };
  for (const entry of environment.values) {
    entry.value = known[entry.key] ?? entry.value;
  }
  return environment;
}

/**
 * One run. `folders`: only these.
 * Returns how many assertions held, what failed (each as a line of text), and what was sent and answered.
 */
export async function runStory(collection, environment, folders) {
  const summary = await new Promise((resolve, reject) => {
    const options = {
      collection,
      environment,
      folder: folders,
      workingDir: HOME.pathname,
      timeoutRequest: 40_000,
      insecureFileRead: false,
    };
    newman.run(options, (error, result) => (error ? reject(error) : resolve(result)));
  });
  const { failures } = summary.run;
  // One that a script has skipped was never sent.
  const executions = summary.run.executions.filter(({ response, requestError }) => response || requestError);
  const failed = failures.map(({ source, error }) => `${source?.name ?? "the collection"}: ${error.test ?? error.name}: ${error.message}`);
  const passed = executions.flatMap(({ assertions }) => assertions ?? []).filter(({ error, skipped }) => !error && !skipped).length;
  return { executions, failed, passed };
}
