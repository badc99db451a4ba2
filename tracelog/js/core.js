/**
 * The core of the browser client: what the console says and what goes wrong becomes entries. Everything else
 * joins by `use`. Nothing here throws into the page, and the console prints what it printed before.
 *
 * @import { Entry } from "./outbox.js"
 */

import { describe, isError } from "./errors.js";
import { attempt, findTrace, hex } from "./page.js";
import { RANKS } from "./outbox.js";
import { shipper } from "./ship.js";
import { format, plain, show } from "./text.js";

/**
 * A part of the client beside its core.
 *
 * @typedef {object} Part
 * @property {(tracelog: typeof api & Record<string, any>, options: Record<string, any>, ship: Ship) => void} [start]
 * @property {(entry: Entry) => string | null | undefined} [refuse] why an entry is not sent
 * @property {(entry: Entry) => Entry} [seal] its final form
 * @property {(now: number) => void} [sweep] tells what is due
 * @property {(entries: string[]) => void} [left] takes what a page that goes could not send
 *
 * @typedef {ReturnType<typeof shipper>} Ship
 */

const LEVELS = Object.keys(RANKS);
/** Options that every entry carries, as fields of their name in small letters: `user_id`. */
const FIELDS = ["system", "service", "userId", "area", "release", "environment"];
const MINUTE_MS = 60000;
/** Forwarders that an entry may have passed; the server refuses more. */
const HOPS = 8;

export const nativeFetch = globalThis.fetch?.bind(globalThis);
const nativeWarn = console.warn.bind(console);
/** @type {Part[]} */
const parts = [];
/** @type {(() => unknown)[]} */
export const undo = [];
/** @type {Record<string, any>} */
const fields = {};
/**
 * What parts have to say in the context of every entry.
 *
 * @type {Record<string, any>}
 */
export const about = {};
/** @type {Record<string, any>} */
let options = { system: "browser", level: "debug" };
/** @type {Ship} */
let ship;
/** @type {any} */
let trace;
let isOn = false;
let isBusy = false;
let complained = -Infinity;
let page = { url: "", navigation: 0 };

/**
 * One line a minute at most about our own trouble.
 *
 * @param {any} text
 */
function complain(text) {
  if (performance.now() - complained < MINUTE_MS) return;
  complained = performance.now();
  nativeWarn(`tracelog: ${text}`);
}

/**
 * Does `work` so that nothing it throws gets out, and nothing it logs comes back in.
 *
 * @param {() => any} work
 * @returns {any}
 */
export function safely(work) {
  if (isBusy) return;
  isBusy = true;
  try {
    return work();
  } catch (error) {
    attempt(() => complain(error));
  } finally {
    isBusy = false;
  }
}

/**
 * Makes an entry and sends it, if every part agrees.
 *
 * @param {Entry} given fields of an entry; level and message at least
 */
export function capture({ context, ...given }) {
  if (!isOn || RANKS[given.level] < RANKS[options.level]) return;
  const url = attempt(() => location.href);
  if (url !== page.url) page = { url, navigation: page.navigation + 1 };
  const clock = ship.clock.uncertainty_ms < Infinity ? { ...ship.clock } : undefined;
  /** @type {Entry} */
  const entry = { timestamp: Date.now(), ...fields, ...trace, ...given, context: { ...context, ...page, ...about, clock } };
  ship.add(entry, entry.kind ? undefined : parts.reduce((/** @type {string | null | undefined} */ why, part) => why ?? part.refuse?.(entry), undefined));
}

/**
 * What a console method says becomes an entry of `level`.
 *
 * @param {string} level
 * @param {any[]} args
 * @param {object} [more]
 */
export function fromConsole(level, args, more) {
  const error = args.find(isError);
  // an entry that somebody prints here came back to us, or goes round in a ring of those who forward it
  const { source, hops = 0 } = attempt(() => args.find((arg) => arg?.source && arg.trace_id)) ?? {};
  if (source && (source === ship.source || hops >= HOPS)) return;
  capture({ level, logger: "console", ...(source && { hops: hops + 1 }), ...(error && describe(error)), ...more, message: format(args) });
}

/**
 * A function that does what `original` does, after `hear` was told of its arguments.
 *
 * No frame of ours is on the stack while `original` runs, so developer tools show the line that called it: the
 * engine itself calls the two in turn. `forEach` runs over two places and ignores what is returned; for each it
 * calls `each` with the arguments as `this`; and which function `each` is, it asks anew each time.
 *
 * @param {Function} original
 * @param {object} target
 * @param {(args: any) => void} hear
 */
export function between(original, target, hear) {
  let isSecond = true;
  const first = (/** @type {any} */ _, /** @type {any} */ args) => safely(() => hear(args));
  const second = Reflect.apply.bind(null, original.bind(target));
  const trap = {
    get apply() {
      return (isSecond = !isSecond) ? second : first;
    },
  };
  const each = new Proxy(() => {}, trap);
  const twice = Object.defineProperties(() => {}, { length: { value: 2 }, 0: { value: 0 }, 1: { value: 1 } });
  return new Proxy(twice, { apply: Function.prototype.call.bind(Array.prototype.forEach) }).bind(each);
}

/**
 * Puts what `make` makes of a method in its place, until `close`.
 *
 * @param {any} target
 * @param {string} name
 * @param {(original: any) => any} make
 */
export function patch(target, name, make) {
  const original = attempt(() => target[name]);
  if (typeof original !== "function") return;
  attempt(() => {
    const ours = (target[name] = make(original));
    undo.push(() => target[name] === ours && (target[name] = original));
  });
}

/**
 * Hears a console method, until `close`.
 *
 * @param {string} method
 * @param {(args: any) => any} hear
 */
export const hearConsole = (method, hear) => patch(console, method, (original) => between(original, console, hear));

/**
 * Hears an event until `close`.
 *
 * @param {EventTarget} target
 * @param {string} name
 * @param {(event: any) => any} hear
 */
export function listen(target, name, hear) {
  /** @param {Event} event */
  const safe = (event) => safely(() => hear(event));
  target?.addEventListener?.(name, safe, true);
  undo.push(() => target?.removeEventListener?.(name, safe, true));
}

/**
 * Makes an entry of something thrown.
 *
 * @param {unknown} thrown
 * @param {string | undefined} logger
 * @param {string} lead
 * @param {object} [more]
 */
export function captureError(thrown, logger, lead, more) {
  const told = describe(thrown);
  capture({ level: "error", logger, message: `${lead}${told.error.type}: ${told.error.message}`, ...told, ...more });
}

/** @param {any} event */
function hearError({ message, error, filename, lineno, colno }) {
  if (error) captureError(error, "window", "");
  else if (message) capture({ level: "error", logger: "window", message, stack: `    at ${filename}:${lineno}:${colno}` });
}

/** @param {boolean} isLast */
function leave(isLast) {
  for (const part of parts) part.sweep?.(Infinity);
  const left = ship.leave();
  if (isLast) for (const part of parts) part.left?.(left);
}

function begin() {
  const key = options.key ? `?key=${encodeURIComponent(options.key)}` : "";
  ship = shipper({
    source: `${options.system}-${hex(8)}`,
    urls: [`${options.base}/log${key}`, ...list(options.fallback)],
    fetch: nativeFetch,
    seal: (entry) => parts.reduce((sealed, part) => part.seal?.(sealed) ?? sealed, entry),
    complain,
  });
  for (const level of LEVELS) hearConsole(level, (args) => fromConsole(level, args));
  listen(globalThis, "error", hearError);
  listen(globalThis, "unhandledrejection", ({ reason }) => captureError(reason, "promise", "Unhandled rejection: "));
  listen(globalThis.document, "visibilitychange", () => document.visibilityState === "hidden" && leave(false));
  listen(globalThis, "pagehide", () => leave(true));
  listen(globalThis, "online", () => ship.flush());
  for (const part of parts) part.start?.(api, options, ship);
}

/**
 * The items of an option: a list, or a text with commas or spaces.
 *
 * @param {unknown} option
 */
export const list = (option) => String(option ?? "").match(/[^\s,]+/g) ?? [];

/** What a page can ask of us; every one of them at any time. */
export const api = {
  /**
   * Starts, or changes what was said before.
   *
   * @param {Record<string, any>} [given]
   */
  init(given = {}) {
    safely(() => {
      options = { ...options, ...given };
      const here = attempt(() => location.href);
      options.base = new URL(options.url ?? "/", here).href.replace(/\/([^/]*\.m?js[^/]*)?$/, "");
      for (const name of FIELDS) {
        fields[name.replace("I", "_i")] = options[name] && String(options[name]);
      }
      if (!trace || given.traceId) trace = { ...findTrace(options.traceId), span_id: hex(8) };
      isOn = !/^(off|false|0)$/.test(options.capture);
      if (!ship) begin();
    });
    return api;
  },
  on: () => void (isOn = true),
  off: () => void (isOn = false),
  isOn: () => isOn,
  /**
   * Adds a part, before `init`.
   *
   * @param {Part} part
   */
  use: (part) => void parts.push(part),
  /**
   * @param {string} level
   * @param {unknown} message
   * @param {unknown} [context]
   */
  log: (level, message, context) => safely(() => capture({ level: RANKS[level] >= 0 ? level : "info", message: show(message), context: plain(context) })),
  trace: () => ({ ...trace }),
  newTrace: () => (trace = { trace_id: hex(16), span_id: hex(8) }).trace_id,
  flush: async () => ship?.flush(),
  stats: () => ship?.stats(),
  /** Gives back everything as it was and sends what is left. */
  close() {
    isOn = false;
    for (const back of undo.splice(0)) attempt(back);
    return ship?.close();
  },
};

// an element with this id is a global, too
if (!globalThis.tracelog?.init) globalThis.tracelog = api;

/** A classic script starts by itself, told by the attributes of its tag; elsewhere `init` is called. */
const tag = attempt(() => document.currentScript);
if (tag && globalThis.tracelog === api) queueMicrotask(() => api.init({ url: tag.src, ...tag.dataset }));
