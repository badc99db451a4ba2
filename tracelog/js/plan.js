/**
 * What a worker was told about logging, by its code or by its variables, and the isolate's outbox that follows from it.
 *
 * @import { Plan } from "./invocation.js"
 * @import { Home } from "./isolate.js"
 */

import rules from "../core/rules.json" with { type: "json" };
import { isolate } from "./isolate.js";
import { RANKS } from "./outbox.js";
import { attempt } from "./page.js";
import { sealer } from "./seal.js";

/**
 * What is not given is read from the worker's variables: `TRACELOG_URL`, `TRACELOG_KEY`, `TRACELOG_SERVICE` …
 *
 * @typedef {object} Options
 * @property {string} [url] the server
 * @property {string} [key] an ingest key of it
 * @property {string} [service]
 * @property {string} [system] `worker`
 * @property {string} [environment]
 * @property {string} [release]
 * @property {string} [level] lowest level that is kept
 * @property {number} [sample] share of traces, 0 to 1, whose lines below a warning are kept when nothing fails
 * @property {false | "off"} [limits] nothing is folded
 * @property {string[]} [propagate] hosts that `log.fetch` hands the trace to, with its baggage; without it any host, but no baggage
 */

const FIELDS_TOLD = ["service", "environment", "release"];

/** @type {Map<string, Home>} */
const homes = new Map();
/** @type {ReturnType<typeof sealer> | undefined} */
let seal;

/**
 * @param {Options} options
 * @param {any} env
 * @returns {Plan & {url: string}}
 */
export function plan(options, env) {
  /** @param {string} name */
  const read = (name) => /** @type {any} */ (options)[name] ?? attempt(() => env[`TRACELOG_${name.toUpperCase()}`]);
  const system = read("system") ?? "worker";
  const url = attempt(() => new URL(read("url")).href.replace(/\/$/, "")) ?? "";
  const key = read("key") ?? "";
  let home = homes.get(`${url} ${key} ${system}`);
  // made by the first invocation: where modules begin, a worker has no random numbers
  if (!home) homes.set(`${url} ${key} ${system}`, (home = isolate({ url, key, system, seal: (seal ??= sealer(rules.redaction)) })));
  const fields = { system, ...Object.fromEntries(FIELDS_TOLD.map((name) => [name, read(name)])) };
  const level = RANKS[read("level")] >= 0 ? read("level") : "debug";
  const share = Number(read("sample") ?? 1);
  const numbers = /false|off/.test(read("limits")) ? undefined : /** @type {any} */ (rules).guard;
  return { url, home, rules: numbers, sample: share >= 0 ? share : 1, around: { level, fields, propagate: options.propagate } };
}
