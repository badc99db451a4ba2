/**
 * Lists of traces and of entries, as links to where they can be read.
 */

import { pageOf } from "./api.js";
import { el, pieces } from "./dom.js";
import { beginning, clean } from "./text.js";
import { ago, duration, hue, isFailure, moment, number, who } from "./words.js";

/** @import {Entry, Summary} from "./shapes.js" */

const SYSTEMS = 5;
const LONGEST = 300;
/** Characters of a message in a list. */

/**
 * Return a card with *title* and *items*, or with a sentence when there are none.
 *
 * @param {string} title
 * @param {HTMLElement[]} items
 * @param {string} otherwise
 */
export function card(title, items, otherwise) {
  return el("section.card", {}, el("h2", {}, title), items.length ? el("ul.list", {}, ...items) : el("p.quiet", {}, otherwise));
}

/**
 * Return the line of a trace.
 *
 * @param {Summary} trace
 * @param {string} [href] - Where it leads, if not to the trace.
 */
export function traceLine(trace, href = pageOf(trace.trace_id)) {
  const names = trace.systems.slice(0, SYSTEMS).flatMap((name, i) => [i ? " " : "", el(`span.hue.${hue(name)}`, {}, clean(name))]);
  const others = trace.systems.length > SYSTEMS ? ` +${trace.systems.length - SYSTEMS}` : "";
  const facts = el("span.quiet", {}, `${number(trace.entries)} · ${duration(trace.last_ms - trace.first_ms)} · `, ...names, others);
  const title = el("b", { class: trace.errors ? "bad" : "" }, trace.errors ? el("span", { "aria-hidden": "true" }, "✗ ") : "", el("bdi", {}, ...pieces(beginning(trace.title || trace.trace_id, LONGEST))));
  return el("li", {}, el("a", { href, title: `trace ${clean(trace.trace_id)}` }, when(trace.last_ms), title, facts));
}

/**
 * Return the line of an entry.
 *
 * @param {Entry} entry
 */
export function entryLine(entry) {
  const bad = isFailure(entry);
  const title = el("b", { class: bad ? "bad" : "" }, bad ? el("span", { "aria-hidden": "true" }, "✗ ") : "", el("bdi", {}, ...pieces(beginning(entry.message, LONGEST))));
  const facts = el("span.quiet", {}, `${clean(entry.level)} · `, el(`span.hue.${hue(entry.system)}`, {}, clean(who(entry))));
  return el("li", {}, el("a", { href: pageOf(entry.trace_id, { row: entry.id }) }, when(entry.timestamp), title, facts));
}

/** @param {number} ms */
function when(ms) {
  return el("span.quiet", { title: moment(ms) }, ago(ms, Date.now()));
}
