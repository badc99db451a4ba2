/**
 * The client for Convex: what a function logs goes to the server under the trace that it got as an argument.
 *
 *     export const { traced, ship } = tracelog({ service: "shop", ship: makeFunctionReference("logs:send") });
 *
 * Actions send by themselves. Mutations may not, so they schedule an action, which is as much a part of the transaction as
 * what they write; queries may do neither and print.
 *
 * @import { Entry } from "./outbox.js"
 * @import { Log, Trace } from "./hop.js"
 */

import rules from "../core/rules.json" with { type: "json" };
import { readHeaders } from "./carrier.js";
import { courier } from "./courier.js";
import { guard, summary } from "./guard.js";
import { hop, traceOf } from "./hop.js";
import { outbox } from "./outbox.js";
import { attempt, hex } from "./page.js";
import { sealer } from "./seal.js";

/**
 * What is not given is read from the deployment's environment variables: `TRACELOG_URL`, `TRACELOG_KEY`, `TRACELOG_SERVICE` …
 *
 * @typedef {object} Options
 * @property {string} [url] the server
 * @property {string} [key] an ingest key of it
 * @property {string} [service]
 * @property {string} [environment]
 * @property {string} [release]
 * @property {string} [level] lowest level that is kept
 * @property {any} [ship] the internal action whose handler is `ship`
 */

/** Bytes of one body: an argument of a Node action may have 5 MiB. */
const SAID_BYTES = 1e6;
/** A server that is well answers in milliseconds, and the function waits for it. */
const PATIENCE_MS = 5000;
/** Half of the time until an undelivered body is tried again, which doubles: thirteen minutes in all. */
const AGAIN_MS = 3000;
const ATTEMPTS = 7;
const TOLD_OF = ["service", "environment", "release"];

/** Random digits, also where the runtime of a query gives none by `crypto`. */
const digits = (/** @type {number} */ bytes) =>
  attempt(() => hex(bytes)) ?? Array.from({ length: 2 * bytes }, () => Math.floor(Math.random() * 16).toString(16)).join("");

/** What a context is of, told by what it can do. */
const kindOf = (/** @type {any} */ ctx) => ("runAction" in ctx ? "action" : ctx.scheduler ? "mutation" : "query");

/** @param {Options} [options] */
export function tracelog(options = {}) {
  const seal = sealer(rules.redaction);
  /** @type {(name: string) => any} */
  const read = (name) => /** @type {any} */ (options)[name] ?? attempt(() => /** @type {any} */ (globalThis).process.env[`TRACELOG_${name.toUpperCase()}`]);
  const complain = (/** @type {string} */ text) => console.warn(`tracelog: ${text}`);

  /** Prints an entry where it cannot be sent; a log stream takes it to its trace. */
  const print = (/** @type {Entry} */ entry) => {
    const { level, message, stack, context } = seal(entry);
    const how = /** @type {"log"} */ (level === "fatal" ? "error" : level);
    console[how](...[message, stack, context].filter((part) => part !== undefined));
  };

  /**
   * Whether a body need not be sent again.
   *
   * @param {string} body
   */
  const deliver = async (body) => {
    const url = read("url");
    if (!url) return complain("no TRACELOG_URL is set: entries are lost") ?? true;
    /** @type {Record<string, string>} */
    const headers = { "content-type": "text/plain", ...(read("key") && { authorization: `Bearer ${read("key")}` }) };
    const post = () => fetch(`${url.replace(/\/+$/, "")}/log`, { method: "POST", body, headers, redirect: "manual", signal: AbortSignal.timeout?.(PATIENCE_MS) });
    let isDone = true;
    const box = { back: () => void (isDone = false), settle: () => {} };
    await courier({ box, urls: [url], post, complain }).send({ items: [], body });
    return isDone;
  };

  /**
   * @param {any} ctx
   * @param {string} body
   * @param {number} tried
   */
  const again = (ctx, body, tried) => ctx.scheduler.runAfter(tried && AGAIN_MS * 2 ** tried, options.ship, { body, tried });

  /**
   * The handler of the internal action that `options.ship` names.
   *
   * @param {any} ctx
   * @param {{body: string, tried: number}} args
   */
  const ship = async (ctx, { body, tried }) => {
    if (await deliver(body)) return null;
    if (tried < ATTEMPTS) await again(ctx, body, tried + 1);
    else complain(`a body of ${body.length} characters was tried ${ATTEMPTS} times and is lost`);
    return null;
  };

  /**
   * The handler of a query, mutation, action or HTTP action, which gets a logger as its third argument.
   *
   * @template Ctx
   * @template {any[]} Args
   * @template Result
   * @param {(ctx: Ctx, args: Args[0], log: Log) => Result | Promise<Result>} work
   * @returns {(ctx: Ctx, ...args: Args) => Promise<Result>}
   */
  const traced = (work) => async (ctx, ...[args]) => {
    const given = /** @type {any} */ (args);
    const kind = kindOf(ctx);
    const { meta } = /** @type {any} */ (ctx);
    const isRequest = attempt(() => given instanceof Request);
    /** @type {Trace} */
    const trace = (isRequest ? readHeaders(given.headers) : traceOf(given?.tracelog)) ?? { trace_id: digits(16), flags: 3 };
    const name = isRequest ? `${given.method} ${new URL(given.url).pathname}` : ((await meta?.getFunctionMetadata?.().catch(() => null))?.name ?? kind);
    const request_id = kind === "query" ? undefined : (await meta?.getRequestMetadata?.().catch(() => null))?.requestId;
    // by this line a log stream knows the trace of everything else that the request prints
    console.log(`tracelog trace_id=${trace.trace_id}`);
    const box = outbox(`convex-${digits(8)}`, seal);
    const watch = guard(/** @type {any} */ (rules).guard, (...folded) => box.add(summary(...folded)));
    const take = kind === "query" ? print : (/** @type {Entry} */ entry) => box.add(entry, watch.refuses(entry, Date.now()));
    const fields = { system: "convex", ...Object.fromEntries(TOLD_OF.map((field) => [field, read(field)])) };
    // a query that looks at the clock is not cached
    const now = kind === "query" ? () => 0 : Date.now;
    const log = hop({ level: read("level") ?? "debug", fields, take, complain, now }, trace, name, digits(8));
    let hasFailed = true;
    try {
      const result = await work(ctx, args, log);
      hasFailed = false;
      if (kind !== "query") log.end({ context: { request_id } });
      return result;
    } catch (error) {
      log.end({ error, context: { request_id } });
      throw error;
    } finally {
      watch.sweep(Infinity);
      await leave(ctx, kind, box, hasFailed).catch((error) => complain(`entries are lost: ${error}`));
    }
  };

  /**
   * Sends what a function said, or has it sent.
   *
   * @param {any} ctx
   * @param {string} kind
   * @param {ReturnType<typeof outbox>} box
   * @param {boolean} hasFailed
   */
  const leave = async (ctx, kind, box, hasFailed) => {
    // what a mutation schedules is undone with all else when it fails, but not what it prints
    if (kind === "mutation" && (hasFailed || !options.ship)) return box.left().forEach((json) => print(JSON.parse(json)));
    while (box.isDue()) {
      const { body } = box.pack(SAID_BYTES);
      if (kind === "action" && (await deliver(body))) continue;
      if (options.ship) await again(ctx, body, kind === "action" ? 1 : 0);
      else complain("the server did not answer and no `ship` is given: entries are lost");
    }
  };

  return { traced, ship };
}
