/**
 * What the core leaves out: the rarer console methods, the switches, the name of the tab, and what a closed
 * page could not send.
 *
 * @import { Part, Ship } from "./core.js"
 */

import { about, capture, captureError, fromConsole, hearConsole, listen, nativeFetch, safely, undo } from "./core.js";
import { frames } from "./errors.js";
import { attempt, hex } from "./page.js";
import { format, plain, show } from "./text.js";

/** How often an open page asks whether it shall capture: so long it takes until all hear a switch. */
const ASK_MS = 15000;
/** Characters that the storage takes of what a closed page could not send. */
const LEFT_CHARS = 200000;
const LEFT_KEY = "tracelog.left";
/** Our frames: up to `first` of `between`, and in Chromium the engine's own, which called it. */
const OURS = /^[^]*?\n {4}at (?:Object\.)?first \([^\n]*(?:\n {4}at [^\n]*forEach \(<anonymous>\))?\n/;
const counts = new Map();
const timers = new Map();

/** @param {any[]} args */
const label = (args) => String(args[0] ?? "default");
/**
 * @param {string} level
 * @param {string} text
 * @param {any} [more]
 */
const say = (level, text, more) => capture({ level, logger: "console", message: text, ...more });

/**
 * @param {string} level
 * @param {any[]} args
 * @param {boolean} [more]
 */
function tellTime(level, args, more) {
  const began = timers.get(label(args));
  if (began === undefined) return;
  const took = performance.now() - began;
  say(level, format([`${label(args)}: ${took.toFixed(3)} ms`, ...args.slice(1)]), more && { timestamp: Date.now() - took, duration_ms: took });
}

/**
 * Console methods with rules of their own (WHATWG Console §1). `exception` is Firefox's.
 *
 * @type {Record<string, (args: any) => any>}
 */
const HEARD = {
  exception: (args) => fromConsole("error", args),
  trace: (args) => fromConsole("log", args, { stack: frames(String(new Error().stack)).replace(OURS, "") }),
  assert([isFine, first, ...rest]) {
    if (isFine) return;
    fromConsole("error", typeof first === "string" ? [`Assertion failed: ${first}`, ...rest] : ["Assertion failed", ...[first, ...rest].filter((arg) => arg !== undefined)]);
  },
  dir: ([value]) => say("log", show(value)),
  dirxml: (args) => fromConsole("log", args),
  table: ([value]) => say("log", show(value)),
  group: (args) => fromConsole("log", args),
  groupCollapsed: (args) => fromConsole("log", args),
  count(args) {
    counts.set(label(args), (counts.get(label(args)) ?? 0) + 1);
    say("info", `${label(args)}: ${counts.get(label(args))}`);
  },
  countReset: (args) => counts.delete(label(args)) || say("warn", `Count for '${label(args)}' does not exist`),
  time: (args) => timers.has(label(args)) || timers.set(label(args), performance.now()),
  timeLog: (args) => tellTime("log", args),
  timeEnd(args) {
    tellTime("info", args, true);
    timers.delete(label(args));
  },
};

/** A name of this tab that outlives navigation, and goes with the tab. */
function tabName() {
  const known = attempt(() => sessionStorage.getItem("tracelog.tab"));
  const name = /^[0-9a-f]{16}$/.test(known) ? known : hex(8);
  attempt(() => sessionStorage.setItem("tracelog.tab", name));
  return name;
}

/** What the address of this page (`?tracelog=off`) or its storage says about capturing. */
function askPage() {
  return attempt(() => new URLSearchParams(location.search).get("tracelog")) ?? attempt(() => localStorage.getItem("tracelog"));
}

/**
 * What the server says about capturing. A server that does not answer has nothing against it.
 *
 * @param {string} base
 */
async function askServer(base) {
  const answer = await nativeFetch(`${base}/api/v1/status?page=1`, { credentials: "omit" });
  return (await answer.json()).capture;
}

/**
 * Follows what the server says about capturing: at once, then while somebody sees the page. Only a change of its word
 * counts, so what the page itself said stays; and what was off before is not switched on.
 *
 * @param {{ on: () => void, off: () => void, isOn: () => boolean }} api
 * @param {string} base
 */
function obey(api, base) {
  let isWanted = true;
  let wasOn = true;
  const ask = async () => {
    const said = await askServer(base).catch(() => isWanted);
    if (said === isWanted || typeof said !== "boolean") return;
    isWanted = said;
    if (!said) wasOn = api.isOn();
    if (!said) api.off();
    else if (wasOn) api.on();
  };
  const askIfSeen = () => void (globalThis.document?.visibilityState === "hidden" || ask());
  ask();
  const timer = setInterval(askIfSeen, ASK_MS);
  undo.push(() => clearInterval(timer));
  listen(globalThis.document, "visibilitychange", askIfSeen);
}

/**
 * What earlier pages of this origin could not send, as JSON; none where somebody else wrote there.
 *
 * @returns {string[]}
 */
const leftBefore = () => attempt(() => JSON.parse(/** @type {string} */ (localStorage.getItem(LEFT_KEY))).map(String)) ?? [];

/**
 * Sends what earlier pages of this origin could not send, or were not told that it arrived. Ids make it harmless to
 * send something twice.
 *
 * @param {Ship} ship
 */
function takeOver(ship) {
  const left = leftBefore();
  if (!left.length) return;
  const sent = new Set(left);
  const keep = () => attempt(() => remember(leftBefore().filter((json) => !sent.has(json))));
  // where nobody answers, the next page tries again; what is refused for good would be refused again
  ship.post(`[${left}]`).then(({ status }) => /408|429|5../.test(`${status}`) || keep(), () => {});
}

/** @param {string[]} entries */
function remember(entries) {
  if (entries.length) localStorage.setItem(LEFT_KEY, JSON.stringify(entries));
  else localStorage.removeItem(LEFT_KEY);
}

/**
 * A picture, style or script that could not be loaded: an event without a message, on the element.
 *
 * @param {any} event
 */
function hearResource({ target, message }) {
  const address = message === undefined && (target?.src || target?.href);
  if (address) capture({ level: "error", logger: "resource", message: `${target.localName} ${address} failed to load` });
}

/**
 * Shows a small sign with the trace id, which copies it. The module is loaded when it is asked for.
 *
 * @param {object} api
 * @param {string} base
 */
async function showWidget(api, base) {
  const { show: showSign } = await import(`${base}/tracelog-widget.js`);
  return showSign(api);
}

/** @type {Part} */
export const more = {
  start(api, options, ship) {
    api.widget = () => showWidget(api, options.base).catch(() => undefined);
    api.error = (/** @type {unknown} */ thrown, /** @type {unknown} */ context) => safely(() => captureError(thrown, undefined, "", { context: plain(context) }));
    listen(globalThis, "error", hearResource);
    for (const [method, hear] of Object.entries(HEARD)) hearConsole(method, hear);
    about.tab = tabName();
    const said = askPage();
    if (said) /^(?:off|false|0)$/.test(said) ? api.off() : api.on();
    obey(api, options.base);
    takeOver(ship);
  },
  left(entries) {
    let room = LEFT_CHARS;
    const all = [...new Set([...leftBefore(), ...entries])];
    attempt(() => remember(all.filter((json) => (room -= json.length) > 0)));
  },
};
