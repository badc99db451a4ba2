/**
 * `/admin`: how the server is, as it changes, and what may be changed.
 */

import { capture, cleanup, mutes } from "./acts.js";
import { Refused, get } from "./api.js";
import { become } from "./board.js";
import { store } from "./depot.js";
import { announce, byId, el, fill } from "./dom.js";
import { glance, sentence } from "./glance.js";
import { wrong } from "./gone.js";
import { help, listen } from "./keys.js";
import { audit, keys } from "./keyring.js";
import { budget, quotas } from "./quotas.js";
import { ask, byLink, entered, heed, out, reasonToAsk } from "./signin.js";
import { follow } from "./stream.js";
import { outcomes, processing, redacted, sources } from "./sums.js";
import { clean } from "./text.js";
import { clock } from "./words.js";

/** @import {Keys} from "./keys.js" */

const LOOK_MS = 60_000;
/** Between two closer looks at the store, and at what others may have changed. */

const main = byId("main"), tools = byId("tools");
const mark = el("span.mark");
const head = el("h1"), old = el("p.bad", { hidden: true }), health = el("div");
const left = el("div.column"), right = el("div.column"), below = el("div.wide");
const barred = el("p.barred", { hidden: true, id: "barred" });

const switches = capture(again), tidy = cleanup(again), muted = mutes(again), ring = keys(again), records = audit();
const desk = [switches, tidy, muted, ring, records];

/** The last status. @type {any} */
let status = null;
/** What the closer look at the store found. @type {any} */
let looked = null;
let changes = -1;
let isAdmin = false;
let connection = "";
let looks = 0;
let end = () => {};

async function begin() {
  heed(main);
  await byLink();
  fill(tools, mark, out(), el("button", { onclick: () => help(KEYS), "aria-label": "Keys" }, "?"));
  addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? connect() : rest()));
  setInterval(() => status && connection === "live" && again(), LOOK_MS);
  connect();
}

function connect() {
  end();
  be("connecting", "connecting");
  end = follow("/api/v1/status/live", {}, {
    open: () => be("live", "live"),
    row: show,
    gap: () => {}, // of a state nothing is missed
    lost: (error, againMs) => be("lost", `${clean(error.message)}; trying again in ${againMs / 1000} s`),
    refused,
  });
}

/** Nobody looks: nothing is asked. */
function rest() {
  end();
  be("held", "resting");
}

/**
 * @param {string} now
 * @param {string} words
 */
function be(now, words) {
  if (now !== connection && now !== "connecting") announce(words);
  connection = now;
  mark.className = `mark ${now}`;
  mark.textContent = words;
  old.hidden = now !== "lost" || !status;
  if (status) old.textContent = `The server does not answer. What stands here is as of ${clock(status.now)} UTC.`;
}

/** @param {Refused} error */
async function refused(error) {
  if (error.status === 401 || error.status === 403) {
    if (await entered()) return connect();
    fill(tools, el("button", { onclick: () => help(KEYS), "aria-label": "Keys" }, "?"));
    return ask(main, reasonToAsk(error, "A read key shows how the server is; an admin key may change something, too.", status !== null));
  }
  be("stopped", clean(error.message));
  if (!status) wrong(main, error, "");
}

/** @param {any} now - The status. */
function show(now) {
  const isFirst = status === null, wasOk = status?.store.ok;
  status = now;
  if (isFirst) lay();
  mark.textContent = `live · ${clock(now.now)} UTC`;
  draw();
  if (now.store.ok !== wasOk && !isFirst) announce(sentence(now));
  if (now.changes === changes && now.store.ok === wasOk) return;
  changes = now.changes;
  again();
}

function lay() {
  const change = el("section", { "aria-label": "What can be changed" }, el("h2.plain", {}, "What can be changed"), barred, el("div.cards", {}, el("div.column", {}, switches.element, tidy.element), el("div.column", {}, muted.element), ring.element, records.element));
  fill(main, head, old, health, el("div.cards", {}, left, right, below), change);
  main.setAttribute("aria-busy", "false");
}

function draw() {
  head.className = status.store.ok ? "" : "bad";
  head.textContent = sentence(status);
  put(health, glance(status));
  put(left, quotas(status), budget(status), processing(status));
  put(right, outcomes(status), store(status, looked), redacted(status));
  put(below, sources(status));
}

/**
 * @param {Element} parent
 * @param {...HTMLElement} cards
 */
function put(parent, ...cards) {
  const wanted = /** @type {Element} */ (parent.cloneNode(false));
  wanted.append(...cards);
  become(parent, wanted);
}

/** Ask how everything stands that is not in the stream. What an older look finds late is not shown. */
async function again() {
  const mine = ++looks;
  await entered();
  const [may, found] = await Promise.allSettled([get("/api/v1/keys"), get("/api/v1/health/store")]);
  if (mine !== looks) return;
  if (may.status === "fulfilled") isAdmin = true;
  else if (may.reason.status === 401 || may.reason.status === 403) isAdmin = false;
  looked = found.status === "fulfilled" ? found.value : null;
  barred.hidden = isAdmin;
  fill(barred, "This is a read key, and a change needs an admin key. ", el("button", { onclick: () => ask(main, "An admin key of this server, please.") }, "Sign in with one"));
  for (const one of desk) {
    one.field.title = isAdmin ? "" : "a change needs an admin key";
    isAdmin ? one.field.removeAttribute("aria-describedby") : one.field.setAttribute("aria-describedby", "barred");
  }
  draw();
  for (const one of desk) if (mine === looks) await one.read(isAdmin);
}

/** @param {number} step */
function toCard(step) {
  const cards = /** @type {HTMLElement[]} */ ([...main.querySelectorAll("section.card")]);
  const at = cards.findIndex((one) => one.contains(document.activeElement));
  cards[Math.max(0, Math.min(cards.length - 1, at + step))]?.focus();
}

/** @type {Keys} */
const KEYS = [
  ["j", "next card", () => toCard(1)],
  ["k", "card before", () => toCard(-1)],
  ["g", "to the top", () => (main.focus(), scrollTo(0, 0))],
  ["c", "to the clean-up", () => tidy.element.focus()],
  ["m", "to the mutes", () => muted.element.focus()],
  ["n", "to the keys", () => ring.element.focus()],
  ["r", "look at the store again", () => again()],
  ["Escape", "leaves a box", () => {}],
  ["?", "these keys", () => help(KEYS)],
];

listen(KEYS);
begin().catch((error) => (error instanceof Refused ? refused(error) : wrong(main, error, "")));
