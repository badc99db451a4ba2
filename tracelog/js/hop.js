/**
 * One hop of a trace, as the code that runs in it sees it: a logger, spans, and calls that hand the trace on.
 *
 * @import { Entry } from "./outbox.js"
 */

import { writeHeaders } from "./carrier.js";
import { describe, isError } from "./errors.js";
import { formatTraceparent, isTraceId, parseTraceparent } from "./headers.js";
import { levelOf } from "./levels.js";
import { RANKS } from "./outbox.js";
import { attempt, hex } from "./page.js";
import { isTarget } from "./targets.js";
import { plain, show } from "./text.js";

/**
 * @typedef {{trace_id: string, parent_id?: string | null, flags?: number, tracestate?: string, baggage?: string}} Trace
 * @typedef {{level: string, fields: Record<string, any>, propagate?: string[], take: (entry: Entry) => void, complain: (text: string) => void, now?: () => number}} Around
 * @typedef {(message: unknown, context?: unknown) => void} Say a text or an error, and what else there is to know
 */

/** Flags of a trace that begins here: sampled, and its id is random (W3C Trace Context level 2). */
const NEW_FLAGS = 3;

/** @returns {Trace} a trace that begins here */
export const newTrace = () => ({ trace_id: hex(16), flags: NEW_FLAGS });

/**
 * The trace that a text names, which came as an argument or in a message: a `traceparent`, or a mere id.
 *
 * @param {unknown} text
 * @returns {Trace | null}
 */
export function traceOf(text) {
  if (typeof text !== "string") return null;
  return parseTraceparent(text) ?? (isTraceId(text) ? { trace_id: text } : null);
}

/**
 * @param {Around} around
 * @param {Trace} trace
 * @param {string} name message of the entry that closes the hop
 */
export function hop(around, trace, name, span_id = hex(8)) {
  const now = around.now ?? (() => Date.now());
  const began = now();
  const fields = { ...around.fields };

  /** @param {() => void} work nothing that it throws reaches the program, and it is told */
  const safely = (work) => {
    try {
      work();
    } catch (error) {
      attempt(() => around.complain(`an entry could not be made: ${error}`));
    }
  };

  /** @param {Entry} given */
  const capture = (given) => {
    if (RANKS[given.level] < RANKS[around.level]) return;
    around.take({ timestamp: now(), ...fields, trace_id: trace.trace_id, span_id, parent_id: trace.parent_id ?? undefined, ...given });
  };

  /**
   * @param {string} level
   * @returns {Say}
   */
  const at = (level) => (message, context) =>
    safely(() => {
      const given = /** @type {any} */ (context);
      const error = [message, given, given?.error].find(isError);
      const told = error && describe(error);
      const text = told && isError(message) ? `${told.error.type}: ${told.error.message}` : show(message);
      capture({ level, message: text, ...told, context: given === error ? undefined : plain(given) });
    });

  /**
   * Closes a span that a call or the hop itself was.
   *
   * @param {string} message
   * @param {{level?: string, error?: unknown, span_id?: string, parent_id?: string | null, began?: number, context?: object, logger?: string}} how
   */
  const close = (message, { began: since = began, error, ...how }) =>
    safely(() => {
      const told = error === undefined ? undefined : describe(error);
      capture({ level: told ? "error" : "info", ...how, ...told, message, timestamp: since, duration_ms: now() - since });
    });

  const log = {
    trace_id: trace.trace_id,
    span_id,
    debug: at("debug"),
    log: at("log"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    fatal: at("fatal"),
    /**
     * Logs at a level by any name that loggers use: `notice`, `WARNING`, `critical`.
     *
     * @type {(level: string, message: unknown, context?: unknown) => void}
     */
    say: (level, message, context) => at(levelOf("level", level) ?? "info")(message, context),
    /**
     * Fields of every entry from here on: `user_id`, `area`.
     *
     * @type {(more: Record<string, string>) => void}
     */
    bind: (more) => void Object.assign(fields, more),
    /** The trace as one text, for an argument of a function or a field of a message. */
    carry: () => formatTraceparent(trace.trace_id, span_id, trace.flags) ?? trace.trace_id,
    /** The headers that hand the trace to whoever is called with them. */
    headers: () => writeHeaders(trace, span_id),
    /**
     * Runs work as a span of its own, which gets a logger of its own.
     *
     * @template T
     * @param {string} message
     * @param {(log: Log) => T | Promise<T>} work
     * @returns {Promise<T>}
     */
    async span(message, work) {
      const inner = hop({ ...around, fields }, { ...trace, parent_id: span_id }, message);
      try {
        const result = await work(inner);
        inner.end();
        return result;
      } catch (error) {
        inner.end({ error });
        throw error;
      }
    },
    /**
     * `fetch` that hands the trace on and logs the call. What baggage there is goes to listed targets only.
     *
     * @param {RequestInfo | URL} input
     * @param {RequestInit} [init]
     * @param {{fetch: typeof fetch}} [via] who fetches: a service binding, a Durable Object
     * @returns {Promise<Response>}
     */
    async fetch(input, init, via = globalThis) {
      const request = new Request(input, init);
      const call = { span_id: hex(8), parent_id: span_id, began: now(), logger: "network" };
      const url = new URL(request.url);
      const shown = `${request.method} ${url.origin}${url.pathname}`;
      const context = { method: request.method, target: request.url };
      const { baggage, ...headers } = writeHeaders(trace, call.span_id);
      const isListed = around.propagate?.some((target) => isTarget(url, target));
      if (isListed || !around.propagate) for (const [key, value] of Object.entries(headers)) request.headers.set(key, value);
      if (isListed && baggage) request.headers.set("baggage", baggage);
      try {
        const reply = await via.fetch(request);
        const { status } = reply;
        close(`${shown} ${status}`, { ...call, level: status >= 500 ? "error" : status >= 400 ? "warn" : "info", context: { ...context, status } });
        return reply;
      } catch (error) {
        close(`${shown} failed`, { ...call, error, context });
        throw error;
      }
    },
    /**
     * Closes the hop with an entry that says how long it took.
     *
     * @param {{level?: string, error?: unknown, context?: object}} [how]
     */
    end: (how = {}) => close(name, how),
  };
  return log;
}

/** @typedef {ReturnType<typeof hop>} Log */
