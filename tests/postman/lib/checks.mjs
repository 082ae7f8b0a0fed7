// What must be true of the committed files before a single request is sent. Each check lists its faults.

import { requestsOf } from "./render.mjs";
import { isPartOfAPage, routeOf } from "./routes.mjs";

/** The checks by name; `files`: `{collection, environments, rendered, routes, codes, unreachable}`. */
export const CHECKS = {
  "the committed files are what the sources make": ({ collection, environments, rendered }) =>
    [
      ["the collection", collection, rendered.collection],
      ...Object.keys(environments).map((name) => [`the environment ${name}`, environments[name], rendered.environments[name]]),
    ].flatMap(([name, committed, made]) =>
      JSON.stringify(committed) === JSON.stringify(made)
        ? []
        : [`${name} is not what tests/postman/collection makes: tests/postman/run --write`],
    ),

  "every request and folder is described, tested, shown": ({ collection }) => [
    ...[...requestsOf(collection)].flatMap(({ item }) => {
      const tests = scriptOf(item, "test");
      return [
        item.request.description ? [] : `${item.name}: no description`,
        tests.includes("pm.test(") ? [] : `${item.name}: no test`,
        item.response.length > 0 ? [] : `${item.name}: no example`,
      ].flat();
    }),
    ...foldersOf(collection).flatMap(({ name, description }) => (description ? [] : [`${name}: no description`])),
  ],

  "ids and names are unique": ({ collection }) => {
    const items = [...requestsOf(collection)];
    const ids = items.flatMap(({ item }) => [item.id, ...item.response.map(({ id }) => id)]);
    const names = items.map(({ item, folders }) => [...folders.map(({ name }) => name), item.name].join(" / "));
    return [...repeated(ids), ...repeated(names)].map((twice) => `twice: ${twice}`);
  },

  "every variable is declared": ({ collection, environments }) => {
    const declared = new Set(collection.variable.map(({ key }) => key));
    const named = Object.entries(environments).map(([name, { values }]) => [name, new Set(values.map(({ key }) => key))]);
    const asked = [...requestsOf(collection)].map(({ item }) => JSON.stringify({ ...item, response: undefined }));
    const used = new Set(asked.flatMap((text) => [...text.matchAll(/\{\{([^$}]+)\}\}/g)].map(([, name]) => name)));
    return [...used]
      .filter((name) => !declared.has(name))
      .flatMap((name) => named.filter(([, has]) => !has.has(name)).map(([environment]) => `{{${name}}} is not in ${environment}`));
  },

  "no secret is in the files": ({ collection, environments }) => {
    const full = Object.entries(environments).flatMap(([name, { values }]) =>
      values.filter(({ type, value }) => type === "secret" && value !== "").map(({ key }) => `${name}: ${key} has a value`),
    );
    const tokens = JSON.stringify(collection).match(/eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g) ?? [];
    const keys = JSON.stringify(collection).match(/LTAI(?!-not-a-real-key)\w+/g) ?? [];
    return [...full, ...tokens.map(() => "a JWT"), ...keys.map((key) => `a key id: ${key}`)];
  },

  "every route has a request, every request a route": ({ collection, routes }) => {
    const sent = [...requestsOf(collection)].flatMap(({ item }) => {
      const { method, url } = item.request;
      const to = url.raw.match(/^\{\{(?:service|ops)\}\}(.*)$/);
      // Preflights are answered on every path.
      return to && method !== "OPTIONS" && !isPartOfAPage(to[1]) ? [{ item, route: routeOf(routes, method, to[1]) }] : [];
    });
    const isToBeUnknown = (item) => /"it is refused: (404 not_found|405 )/.test(scriptOf(item, "test"));
    return [
      ...routes.filter((route) => !sent.some((request) => request.route === route)).map((route) => `no request for ${route}`),
      ...sent.filter(({ item, route }) => !route && !isToBeUnknown(item)).map(({ item }) => `${item.name}: there is no such route`),
    ];
  },

  "both ways into the drop-in shapes are shown": ({ collection, routes }) => {
    const urls = [...requestsOf(collection)].map(({ item }) => item.request.url.raw);
    const ways = ["{{service}}/compat/t/{{ticket}}/", "{{service}}/compat/"];
    const isThere = (way) => urls.some((url) => url.startsWith(way) && (way.includes("ticket") || !url.includes("/compat/t/")));
    return routes.some((route) => route.includes("/compat/"))
      ? ways.filter((way) => !isThere(way)).map((way) => `no request by ${way}`)
      : [];
  },

  "every error code is met, or it is said why not": ({ collection, codes, unreachable }) => {
    const asserted = [...requestsOf(collection)].flatMap(({ item }) => [
      ...scriptOf(item, "test").matchAll(/"it is refused: (\d{3}) (\w+)"/g),
    ]);
    const met = new Set(asserted.map(([, status, code]) => `${status} ${code}`));
    const all = codes.map(([code, status]) => `${status} ${code}`);
    const excused = Object.keys(unreachable);
    return [
      ...all.filter((row) => !met.has(row) && !excused.includes(row)).map((row) => `nothing meets ${row}`),
      ...excused.filter((row) => met.has(row)).map((row) => `${row} is met: it needs no excuse`),
      ...[...met, ...excused].filter((row) => !all.includes(row)).map((row) => `the service has no ${row}`),
    ];
  },
};

export function scriptOf(item, listen) {
  return (item.event ?? [])
    .filter((event) => event.listen === listen)
    .flatMap(({ script }) => script.exec)
    .join("\n");
}

function foldersOf(node) {
  return (node.item ?? []).filter(({ item }) => item).flatMap((folder) => [folder, ...foldersOf(folder)]);
}

function repeated(values) {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
