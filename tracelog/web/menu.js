/**
 * What can be done with a trace as a whole: keep it, compare it, take it along.
 */

import { Refused, address, get, pin, text, traceAt } from "./api.js";
import { choose } from "./compare.js";
import { copy, el, note } from "./dom.js";
import { left, moment, number } from "./words.js";

/** @import {Child} from "./dom.js" */
/** @import {Summary} from "./shapes.js" */

const BUDGETS = [500, 1000, 2000, 4000, 8000, 16000];
/** Tokens of what *copy for agent* copies. */

const USUAL = 2000;

const CHOSEN = "tracelog-agent-tokens";
/** Where this browser keeps the reader's choice: it is of the agent, not of the view, so not in the address. */

/** @type {[string, string][]} */
const FORMS = [
  ["json", "JSON"],
  ["ndjson", "NDJSON"],
  ["md", "Markdown"],
  ["html", "HTML, one file"],
  ["otlp", "OpenTelemetry (OTLP)"],
];

/**
 * Return the buttons of the trace *id*.
 *
 * @param {string} id - Whole.
 * @returns {Child[]}
 */
export function buttons(id) {
  const until = el("span.quiet.until");
  const keep = el("button", { disabled: true }, "Pin");
  kept(id, until, keep).catch(() => until.replaceChildren()); // how long it stays is no part of the report
  const agent = el("button", { onclick: () => told(forAgent(id)) }, "Copy for agent");
  const tell = () => (agent.title = `Markdown within ${number(budget())} tokens (c); Export has other budgets`);
  tell();
  return [until, keep, el("button", { onclick: () => told(choose(id)) }, "Compare"), agent, exports(id, tell)];
}

/** How many tokens the reader's agent takes. */
function budget() {
  const chosen = Number(localStorage.getItem(CHOSEN));
  return BUDGETS.includes(chosen) ? chosen : USUAL;
}

/**
 * Return the choice of the budget.
 *
 * @param {() => void} tell - Called when another one was chosen.
 */
function budgets(tell) {
  const options = BUDGETS.map((tokens) => el("option", { value: tokens, selected: tokens === budget() }, `${number(tokens)} tokens`));
  const choice = el("select", { id: "budget" }, ...options);
  choice.addEventListener("change", () => {
    localStorage.setItem(CHOSEN, choice.value);
    tell();
  });
  return el("p.quiet", {}, el("label", { for: "budget" }, "Copy for agent within"), " ", choice);
}

/**
 * Copy the brief of the trace *id*.
 *
 * @param {string} id
 */
export async function forAgent(id) {
  const tokens = budget();
  await copy(await text(traceAt(id, "export"), { format: "md", budget: tokens }), `the brief within ${number(tokens)} tokens`);
}

/**
 * Say what went wrong with *work*, in the note.
 *
 * @param {Promise<void>} work
 */
export async function told(work) {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    note(error.message);
  }
}

/**
 * @param {string} id
 * @param {() => void} tell - Called when another budget was chosen.
 */
function exports(id, tell) {
  const path = traceAt(id, "export");
  const links = FORMS.map(([form, name]) => el("a.button", { href: address(path, { format: form }), download: `${id}.${form === "otlp" ? "otlp.json" : form}` }, name));
  const menu = el(
    "details.menu",
    {},
    el("summary.button", {}, "Export"),
    el(
      "div",
      {},
      ...links,
      el("button", { onclick: () => copy(location.href, "the link") }, "Link to this view"),
      el("button", { onclick: () => copy(id, "the trace id") }, "Trace id"),
      budgets(tell),
      el("p.quiet", {}, el("code", {}, "tracelog import FILE"), " brings all but Markdown back."),
    ),
  );
  const shut = (/** @type {Event} */ event) => {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  };
  menu.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("toggle", () => (menu.open ? addEventListener("pointerdown", shut) : removeEventListener("pointerdown", shut)));
  return menu;
}

/**
 * Tell until when the trace is kept, and let it be pinned or not.
 *
 * @param {string} id
 * @param {HTMLElement} until
 * @param {HTMLButtonElement} button
 */
async function kept(id, until, button) {
  const [{ pins }, { traces }] = await Promise.all([get("/api/v1/pins"), get("/api/v1/traces", { q: `trace:"${id}"`, limit: 5 })]);
  const found = pins.find((/** @type {{trace_id: string}} */ one) => one.trace_id === id);
  const plain = traces.find((/** @type {Summary} */ one) => one.trace_id === id);
  let pinned = Boolean(found);
  const show = (/** @type {number | null} */ ends) => {
    until.textContent = ends === null ? "" : `${pinned ? "pinned" : "kept"} for ${left(ends - Date.now())}`;
    until.title = ends === null ? "" : `until ${moment(ends)}`;
    button.textContent = pinned ? "Unpin" : "Pin";
    button.title = pinned ? "let it go when its hour is over" : "keep it past its hour";
    button.disabled = false;
  };
  show(found?.until_ms ?? plain?.expires_at_ms ?? null);
  button.addEventListener("click", () =>
    told(
      pin(id, !pinned).then((ends) => {
        pinned = !pinned;
        show(ends);
        note(pinned ? "pinned" : "no longer pinned");
      }, refused),
    ),
  );
}

/**
 * Say which key pinning needs: the server only knows that there was none with that right.
 *
 * @param {unknown} error
 */
function refused(error) {
  const denied = error instanceof Refused && (error.status === 401 || error.status === 403);
  throw denied ? new Refused(error.status, "pinning needs an admin key: sign out, and in again with one") : error;
}
