/**
 * The client for Cloudflare Workers: each invocation is a hop of its caller's trace, and is told in one call after it.
 *
 *     export default withTracelog({ async fetch(request, env, ctx, log) { … } }, { service: "edge" });
 *
 * @import { Log, Trace } from "./hop.js"
 * @import { Options } from "./plan.js"
 * @import { Home } from "./isolate.js"
 */

import { readHeaders } from "./carrier.js";
import { hop, newTrace, traceOf } from "./hop.js";
import { invocation } from "./invocation.js";
import { attempt } from "./page.js";
import { plan } from "./plan.js";

/**
 * @typedef {{waitUntil: (promise: Promise<any>) => void}} Context
 * @typedef {Log & {join: (carried: unknown, name: string) => Log, stats: Home["stats"]}} Logger
 * @typedef {{kind: string, event: any, env: any, ctx: Context | undefined, isOnce: boolean}} Call
 */

/** Events that are hops. A tail handler is none: it tells of others, perhaps of itself. */
const HANDLERS = ["fetch", "scheduled", "queue", "email"];

/**
 * The name of an event's hop.
 *
 * @type {Record<string, (event: any) => string>}
 */
const EVENT_NAMES = {
  fetch: ({ method, url }) => `${method} ${new URL(url).pathname}`,
  scheduled: ({ cron }) => `scheduled ${cron}`,
  queue: ({ queue }) => `queue ${queue}`,
};

/**
 * Methods of classes that the runtime calls, and how many arguments it gives at most; the logger comes behind them.
 *
 * @type {Record<string, number>}
 */
const METHODS = { fetch: 1, scheduled: 1, queue: 1, alarm: 1, webSocketMessage: 2, webSocketClose: 4, webSocketError: 2 };

/** @type {WeakMap<object, Logger>} */
const logs = new WeakMap();

/**
 * The logger of the request that a context is of, for code that gets no other: `loggerOf(c.executionCtx)`.
 *
 * @param {object} ctx
 * @returns {Logger | undefined}
 */
export const loggerOf = (ctx) => logs.get(ctx);

/**
 * The trace that an event brings: that of its headers, or of the messages of a queue where they agree.
 *
 * @param {any} event
 * @returns {Trace | null}
 */
function traceFor(event) {
  if (event?.headers) return readHeaders(event.headers);
  const carried = new Set((event?.messages ?? []).map((/** @type {any} */ { body }) => body?.tracelog));
  return carried.size === 1 ? traceOf([...carried][0]) : null;
}

/**
 * Does the work of one invocation and tells of it.
 *
 * @param {Options} options
 * @param {Call} call
 * @param {(log: Logger) => any} work
 */
async function invoke(options, { kind, event, env, ctx, isOnce }, work) {
  const { url, home, ...made } = plan(options, env);
  const name = EVENT_NAMES[kind]?.(event) ?? kind;
  const wait = ctx?.waitUntil?.bind(ctx) ?? (() => {});
  const { join, leave, end } = invocation({ ...made, home }, wait);
  // what arrives at the log server itself would be told there for ever
  const isOurs = kind === "fetch" && url && event.url.startsWith(`${url}/`);
  const own = isOurs ? hop({ ...made.around, take: () => {}, complain: home.complain }, newTrace(), name) : join(traceFor(event), name);
  /** @type {Logger} */
  const log = { ...own, stats: home.stats, join: (carried, of) => join(traceOf(carried) ?? { trace_id: own.trace_id, parent_id: own.span_id }, of) };
  if (ctx && isOnce) {
    logs.set(ctx, log);
    attempt(() => (ctx.waitUntil = leave));
  }
  const context = kind === "fetch" ? { method: event.method, path: new URL(event.url).pathname, ray: event.headers.get("cf-ray") ?? undefined } : {};
  try {
    const result = await work(log);
    const status = kind === "fetch" ? result?.status : undefined;
    own.end({ level: status >= 500 ? "error" : "info", context: { ...context, status } });
    return status ? answerOf(result, own.trace_id) : result;
  } catch (error) {
    own.end({ error, context });
    throw error;
  } finally {
    end();
  }
}

/**
 * The response with the trace in its headers, so that whoever sees it can look it up.
 *
 * @param {Response & {webSocket?: unknown}} response
 * @param {string} traceId
 */
function answerOf(response, traceId) {
  if (response.webSocket || response.status < 200 || response.headers.has("x-trace-id")) return response;
  /** @param {Response} ours */
  const name = (ours) => (ours.headers.set("x-trace-id", traceId), ours);
  // the headers of a response that was fetched cannot be changed, so it is copied
  return attempt(() => name(response)) ?? attempt(() => name(new Response(response.body, response))) ?? response;
}

/**
 * @param {any} Base
 * @param {Options} options
 */
function withClass(Base, options) {
  const given = new WeakMap();
  const Traced = class extends Base {
    /** @param {any[]} args */
    constructor(...args) {
      super(...args);
      given.set(this, args);
    }
  };
  for (const [kind, most] of Object.entries(METHODS)) {
    const original = Base.prototype[kind];
    if (typeof original !== "function") continue;
    Traced.prototype[kind] = /** @this {any} @param {any[]} args */ function (...args) {
      const [ctx, env] = given.get(this);
      const whole = [...args, ...Array(most)].slice(0, most);
      return invoke(options, { kind, event: args[0], env, ctx, isOnce: false }, (log) => original.apply(this, [...whole, log]));
    };
  }
  return Traced;
}

/**
 * Handlers of a worker, or a class of it (a Durable Object, an entry point), whose invocations are told. Each handler
 * gets the logger as one more argument, behind those of the runtime. What it returns or throws is unchanged, but for a
 * header `x-trace-id` of its response.
 *
 * @template T
 * @param {T} handlers
 * @param {Options} [options]
 * @returns {T}
 */
export function withTracelog(handlers, options = {}) {
  if (typeof handlers === "function") return /** @type {any} */ (withClass(handlers, options));
  const given = /** @type {any} */ (handlers);
  const wrapped = { ...given };
  for (const kind of HANDLERS) {
    if (typeof given[kind] !== "function") continue;
    wrapped[kind] = (/** @type {any} */ event, /** @type {any} */ env, /** @type {any} */ ctx) =>
      invoke(options, { kind, event, env, ctx, isOnce: true }, (log) => given[kind](event, env, ctx, log));
  }
  return wrapped;
}

/**
 * Does work that no handler of the runtime's begins, such as a method called by RPC, as a hop.
 *
 * @template T
 * @param {{name: string, trace?: unknown, env?: any, ctx?: Context}} around the trace as `log.carry()` gave it
 * @param {(log: Logger) => T | Promise<T>} work
 * @param {Options} [options]
 * @returns {Promise<T>}
 */
export function inTrace({ name, trace, env, ctx }, work, options = {}) {
  const event = { messages: [{ body: { tracelog: trace } }] };
  return invoke(options, { kind: name, event, env, ctx, isOnce: false }, work);
}
