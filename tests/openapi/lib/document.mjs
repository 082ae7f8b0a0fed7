// The committed document, its operations, and validators for what its schemas say.

import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

export const DOCUMENT = new URL("../../../docs/openapi.json", import.meta.url);
export const document = JSON.parse(readFileSync(DOCUMENT, "utf8"));

const METHODS = ["get", "post", "delete"];

/** Every operation: `{method, path, operation}`; webhooks are among them, without a path. */
export const operations = [
  ...Object.entries(document.paths).flatMap(([path, item]) => operationsOf(item, path)),
  ...Object.values(document.webhooks).flatMap((item) => operationsOf(item)),
];

function operationsOf(item, path) {
  return METHODS.filter((method) => item[method]).map((method) => ({ method: method.toUpperCase(), path, operation: item[method] }));
}

/** What a `$ref` means. */
export function resolve(value) {
  return value?.$ref
    ? value.$ref
        .slice(2)
        .split("/")
        .reduce((at, key) => at[key.replaceAll("~1", "/").replaceAll("~0", "~")], document)
    : value;
}

/** The operation that a request takes; of two patterns that fit, the one with more words. */
export function operationOf(method, path) {
  const words = path.split("/");
  const fits = (pattern) => {
    const wanted = pattern.split("/");
    return wanted.length === words.length && wanted.every((word, at) => word === words[at] || (word.startsWith("{") && words[at] !== ""));
  };
  const parameters = (pattern) => pattern.split("{").length;
  const fitting = operations.filter((one) => one.path && one.method === method && fits(one.path));
  return fitting.sort((one, other) => parameters(one.path) - parameters(other.path))[0];
}

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema({ $id: "https://document.test/openapi.json", components: { schemas: closed(document.components.schemas) } });

const validators = new Map();

/** The faults of a value: what breaks the schema, and fields that it does not know. */
export function faultsOf(value, schema) {
  const key = JSON.stringify(schema);
  const validate = validators.get(key) ?? ajv.compile(closed(schema));
  validators.set(key, validate);
  return validate(value) ? [] : validate.errors.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
}

/** The same schema, but that no field is passed over, except inside `allOf`, where others may know it; references lead into the document. */
function closed(schema, isPart = false) {
  if (Array.isArray(schema)) {
    return schema.map((inner) => closed(inner, isPart));
  }
  if (schema === null || typeof schema !== "object") {
    return schema;
  }
  const inner = Object.entries(schema).map(([key, value]) => [key, key === "$ref" ? `https://document.test/openapi.json${value}` : closed(value, key === "allOf")]);
  const isObject = (schema.$ref || schema.allOf) && !isOpen(resolve(schema));
  return { ...Object.fromEntries(inner), ...(isObject && !isPart && { unevaluatedProperties: false }) };
}

/** Whether a schema says itself what becomes of other fields, or is made of others that do. */
function isOpen(schema) {
  return "additionalProperties" in schema || Boolean(schema.anyOf) || Boolean(schema.oneOf);
}
