/**
 * The docked panel: one entry with all that is known of it.
 */

import { pageOf } from "./api.js";
import { copy, el, pieces } from "./dom.js";
import { isNested } from "./exact.js";
import { causes, stack } from "./stack.js";
import { block, clean } from "./text.js";
import { corrected, duration, hue, isFailure, moment, number, offset, precise } from "./words.js";

/** @import {Clock, Entry, Row} from "./shapes.js" */

/**
 * @typedef {object} Acts
 * @property {() => void} close
 * @property {(row: Row) => void} only - Shows the hop of the row alone.
 * @property {string} trace - The id of the trace.
 * @property {(row: Row) => HTMLElement | null} evidence - Where the row stands in the error chains.
 */

const FIELDS = ["service", "logger", "area", "user_id", "environment", "release", "span_id", "parent_id", "kind", "why", "origin", "source", "id"];

const DEEP = 3;
/** Levels of the context that stand open. */

const DEEPEST = 40;
/** Levels of the context that are drawn; below is in the raw JSON. */

/**
 * Return the panel of an entry.
 *
 * @param {Row} row - As the timeline has it.
 * @param {Entry | null | undefined} entry - As the store has it; null when it is not there any more, undefined
 *   while it is fetched.
 * @param {Clock | undefined} clock - Of its source.
 * @param {Acts} acts
 * @returns {HTMLElement}
 */
export function detail(row, entry, clock, acts) {
  const panel = el("aside.card.panel", { "aria-label": "Entry", tabindex: -1 });
  const close = el("button", { onclick: acts.close, "aria-label": "Close the panel" }, "✕");
  panel.append(el("div.head", {}, el("h2", {}, el(`span.hue.${hue(row.system)}`, {}, clean(row.system)), ` · ${clean(row.level)}`), close));
  panel.append(el(`pre.message.${isFailure(row) ? "bad" : "plain"}`, { dir: "auto" }, ...pieces(row.message, block)));
  panel.append(fields(row, entry, clock));
  const chain = acts.evidence(row);
  if (chain) panel.append(el("h2", {}, "In the error chain"), chain);
  if (entry?.error) panel.append(el("h2", {}, "Exception"), ...causes(entry.error));
  if (entry?.stack) panel.append(el("h2", {}, "Stack"), stack(String(entry.stack)));
  if (entry?.context && Object.keys(entry.context).length) panel.append(el("h2", {}, "Context"), tree(entry.context, 0));
  if (entry === null) panel.append(el("p.quiet", {}, "The store does not hold this entry by itself; the report knows it."));
  const whole = JSON.stringify(entry ?? row, null, 2);
  panel.append(el("details.stack", {}, el("summary", {}, "Raw JSON"), el("pre.mono", {}, block(whole))), buttons(row, whole, acts));
  return panel;
}

/**
 * @param {Row} row
 * @param {string} whole - The entry as JSON.
 * @param {Acts} acts
 */
function buttons(row, whole, acts) {
  const link = new URL(pageOf(acts.trace, { row: row.id }), location.href).href;
  return el(
    "div.acts",
    {},
    el("button", { onclick: () => copy(whole, "the entry") }, "Copy JSON"),
    el("button", { onclick: () => copy(row.message, "the message") }, "Copy message"),
    el("button", { onclick: () => copy(link, "the link to the row") }, "Copy link"),
    row.span_id && el("button", { onclick: () => acts.only(row) }, "Only this hop"),
  );
}

/**
 * @param {Row} row
 * @param {Entry | null | undefined} entry
 * @param {Clock | undefined} clock
 */
function fields(row, entry, clock) {
  const list = el("dl.fields");
  const add = (/** @type {string} */ name, /** @type {(string | Node)[]} */ ...value) => list.append(el("dt", {}, name), el("dd", {}, ...value));
  add("at", `${offset(row.at_ms)} ms`);
  const by = corrected(clock);
  const badge = by ? [" ", el("span.pill", { title: `how its clock was corrected (${clock?.how})` }, by)] : [];
  add("said", el("span", { title: `${moment(row.raw_timestamp)}, by the clock of its source` }, precise(row.raw_timestamp)), ...badge);
  if (row.duration_ms !== null) add("took", duration(row.duration_ms));
  if (row.count > 1) add("stands for", `${number(row.count)} entries${row.last_timestamp ? `, until ${precise(row.last_timestamp)}` : ""}`);
  if (row.words) add("not kept", clean(row.words));
  /** @type {Record<string, any>} */
  const known = { ...row, ...(entry ?? {}) };
  for (const name of FIELDS) if (known[name]) add(name.replace("_id", ""), el("bdi.mono", {}, ...pieces(String(known[name]))));
  if (entry?.fixed?.length) add("cleaned", clean(entry.fixed.join(", ")));
  return list;
}

/**
 * @param {any} value - An object or a list.
 * @param {number} depth
 */
function tree(value, depth) {
  const list = el("ul.tree.mono");
  for (const [key, inner] of Object.entries(value)) {
    const nested = isNested(inner) && depth < DEEPEST;
    const name = el("span.key", {}, clean(key));
    if (nested) list.append(el("li", {}, el("details", { open: depth < DEEP }, el("summary", {}, name, el("span.quiet", {}, Array.isArray(inner) ? ` [${inner.length}]` : "")), tree(inner, depth + 1))));
    else list.append(el("li", {}, name, " ", el("bdi", {}, ...pieces(typeof inner === "string" ? inner : JSON.stringify(inner)))));
  }
  return list;
}
