/**
 * `/logs`: what was processed in the last hour, as it comes.
 */

import { Refused, pageOf } from "./api.js";
import { Chips } from "./chips.js";
import { byId, copy, el, fill, note } from "./dom.js";
import { because } from "./empty.js";
import { Feed } from "./feed.js";
import { Flow } from "./flow.js";
import { asked } from "./found.js";
import { wrong } from "./gone.js";
import { help, listen } from "./keys.js";
import { line, placeOf, sentence } from "./line.js";
import { ask, byLink, heed, out, reasonToAsk } from "./signin.js";
import { State } from "./state.js";
import { follow } from "./stream.js";
import { keep, read } from "./view.js";
import { isFailure, number } from "./words.js";

/** @import {Shown} from "./flow.js" */
/** @import {Keys} from "./keys.js" */
/** @import {View} from "./view.js" */

const DRAW_MS = 100;
/** Between two pictures of a stream: nobody reads faster, and a flood costs ten drawings a second. */

const BEGIN = 500;
/** Rows that a page begins with: more than anybody scrolls back before searching. */

const BEGIN_MS = 60;
/** The rows that a page begins with come together within it. */

const EMPTY_AFTER_MS = 700;
/** Who has just connected is told that there is nothing when there was time for something. */

const SAME = { fresh: 0, left: 0, changed: new Set() };
/** No row is another. */

const TELL_MS = 1_000;

const main = byId("main"), tools = byId("tools");
const box = /** @type {HTMLInputElement} */ (byId("box"));
const view = read();

const state = new State();
const flow = new Flow((row) => !view.off.has(row.system) && !view.levels.has(row.level));
const feed = new Feed("Events", line, tell);
const chips = new Chips(view, (changes) => filter(changes));
const newer = el("button.newer", { onclick: toEnd, hidden: true });
const empty = el("div.empty", { hidden: true });
const pauser = el("button", { onclick: pause, title: "hold the picture still (p)" }, "Pause");

const acts = el("span.acts", {}, el("button", { tabindex: -1, onclick: onLine(copyLine) }, "Copy"), el("button", { tabindex: -1, onclick: onLine(copyId) }, "Copy id"));
/** One for all lines: it goes where the pointer is. */

let end = () => {};
let query = "";
let since = 0;
let isCleared = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {ReturnType<typeof setInterval> | undefined} */
let telling;
/** @type {Refused | null} */
let refusal = null;

async function begin() {
  heed(main);
  await byLink();
  fill(tools, pauser, el("button", { onclick: forget, title: "forget what is shown (x)" }, "Clear"), out(), el("button", { onclick: () => help(KEYS), "aria-label": "Keys" }, "?"));
  fill(main, el("h1.unseen", {}, "Live events"), state.element, chips.element, el("div.stream", {}, feed.element, empty, newer));
  main.setAttribute("aria-busy", "false");
  connect();
  state.watch();
  telling = setInterval(tell, TELL_MS);
}

function connect() {
  end();
  query = new URLSearchParams(location.search).get("q") ?? "";
  box.value = query;
  state.begin();
  refusal = null;
  isCleared = false;
  since = Infinity;
  clear();
  state.be("connecting", "connecting");
  end = follow("/api/v1/live", { q: query, limit: BEGIN }, {
    open: opened,
    row: (row) => {
      const more = flow.take(row);
      if (flow.rows.length) state.count(more); // what a page begins with did not come now
      soon();
    },
    gap: (missed) => (state.missed += missed),
    store: ({ ok }) => {
      state.dry(!ok);
      tell();
    },
    lost: (error, again) => state.be("lost", `${error.message}; trying again in ${again / 1000} s`),
    refused,
  });
}

function opened() {
  since = Date.now();
  state.isDry = false; // else there would be no stream
  state.be("live", "live");
  setTimeout(() => state.ask().then(tell), EMPTY_AFTER_MS);
}

/** @param {Refused} error */
function refused(error) {
  if (error.status === 401 || error.status === 403) {
    state.leave();
    end();
    clearInterval(telling);
    fill(tools, el("button", { onclick: () => help(KEYS), "aria-label": "Keys" }, "?"));
    return ask(main, reasonToAsk(error, "It stays in this browser for twelve hours, as a cookie that no script can read.", since > 0 && since < Infinity));
  }
  refusal = error;
  state.be("stopped", error.status === 400 ? "this search cannot be read" : "stopped");
  tell();
}

/** Draw before long: what comes meanwhile falls into the same picture. */
function soon() {
  timer ??= setTimeout(join, flow.rows.length ? DRAW_MS : BEGIN_MS);
}

function join() {
  timer = undefined;
  if (state.paused === null) {
    const change = flow.join();
    feed.show(flow.shown, change);
    chips.update(flow);
  }
  tell();
}

/** Show what is not a row: the line of state, the way to what is new, why there is nothing. */
function tell() {
  if (state.paused !== null) state.paused = flow.waiting();
  state.show();
  const more = feed.newer + (state.paused ?? 0);
  newer.hidden = state.paused === null && feed.follows;
  newer.textContent = more ? `▼ ${number(more)} new` : state.paused === null ? "▼ follow" : "▼ go on";
  const isEmpty = !flow.shown.length && (refusal !== null || Date.now() - since >= EMPTY_AFTER_MS);
  const why = isEmpty ? reason() : "";
  empty.hidden = !why;
  if (empty.dataset.why === why) return;
  empty.dataset.why = why;
  fill(empty, why ? because(why, { query, refusal, showAll, again: connect }) : null);
}

function reason() {
  if (refusal) return "refused";
  if (flow.rows.length) return "filtered";
  if (state.isAway) return "away";
  if (state.isOff) return "off";
  if (isCleared) return "cleared";
  if (query) return "searched";
  return state.status?.ledger?.stored ? "quiet" : "nothing";
}

/** @param {Partial<View>} changes */
function filter(changes) {
  Object.assign(view, changes);
  keep(view);
  choose();
}

/** Show what the view lets pass. */
function choose() {
  flow.choose();
  feed.show(flow.shown, SAME);
  chips.update(flow);
  tell();
}

function showAll() {
  filter({ off: new Set(), levels: new Set() });
}

function pause() {
  state.paused = state.paused === null ? 0 : null;
  pauser.textContent = state.paused === null ? "Pause" : "Go on";
  join();
}

/** Show what is new, and follow it. */
function toEnd() {
  if (state.paused !== null) pause();
  feed.follow();
  tell();
}

function clear() {
  flow.clear();
  feed.show(flow.shown, SAME);
  chips.update(flow);
  toEnd();
}

function forget() {
  isCleared = true;
  clear();
}

/** @param {number} step */
function toError(step) {
  if (!feed.move(step, isFailure)) note("no further error");
}

/** @param {(row: Shown) => void} act */
function onRow(act) {
  return () => {
    if (feed.on) act(feed.on);
  };
}

/** @param {(row: Shown) => void} act */
function onLine(act) {
  return () => {
    const row = feed.rowAt(acts);
    if (row) act(row);
  };
}

/** @param {Shown} row */
function copyLine(row) {
  copy(`${sentence(row)} · ${location.origin}${placeOf(row)}`, "the line");
}

/** @param {Shown} row */
function copyId(row) {
  copy(row.trace_id, "the trace id");
}

/** @type {Keys} */
const KEYS = [
  ["/", "go to the search box", () => box.focus()],
  ["j", "next line", () => feed.move(1)],
  ["k", "line before; the picture stops following", () => feed.move(-1)],
  ["e", "next error; at first the latest", () => toError(feed.on ? 1 : -1)],
  ["E", "error before", () => toError(-1)],
  ["Enter", "open the trace of the line", onRow((row) => location.assign(placeOf(row)))],
  ["G", "go to the end and follow", toEnd],
  ["p", "pause, and go on", pause],
  ["f", "to the chips that filter", () => chips.focus()],
  ["0", "show all that the chips hide", showAll],
  ["c", "copy the line", onRow(copyLine)],
  ["t", "copy the trace id", onRow(copyId)],
  ["x", "forget what is shown", forget],
  ["Escape", "leave the line or the box", () => feed.leave()],
  ["Home", "to the first line; PageUp and PageDown by a screen", () => feed.turn(-Infinity)],
  ["PageUp", "", () => feed.turn(-1)],
  ["PageDown", "", () => feed.turn(1)],
  ["ArrowDown", "", () => feed.move(1)],
  ["ArrowUp", "", () => feed.move(-1)],
  ["End", "", toEnd],
  ["?", "these keys", () => help(KEYS)],
];

byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const found = asked(box.value);
  if ("ref" in found) return location.assign(pageOf(found.ref));
  const said = new URLSearchParams(location.search);
  said.delete("q");
  if (found.query) said.set("q", found.query);
  history.pushState(null, "", `${location.pathname}${said.size ? `?${said}` : ""}`);
  feed.element.focus();
  connect();
});

addEventListener("popstate", () => {
  Object.assign(view, read());
  if ((new URLSearchParams(location.search).get("q") ?? "") !== query) return connect();
  choose(); // a place in the page, or other chips: what came stays
});

feed.element.addEventListener("pointerover", (/** @type {PointerEvent} */ event) => {
  const at = event.target instanceof Element ? event.target.closest(".line") : null;
  if (at && !at.contains(acts)) at.lastElementChild?.append(acts);
});

// The button lies over the stream, and would hold up who scrolls with the pointer on it.
newer.addEventListener("wheel", (/** @type {WheelEvent} */ event) => feed.element.scrollBy(0, event.deltaY), { passive: true });

listen(KEYS);
begin().catch((error) => (error instanceof Refused ? refused(error) : wrong(main, error, query)));
