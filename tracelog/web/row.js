/**
 * One row of the timeline: a sentence, with its part of the waterfall behind the text.
 */

import { el, pieces } from "./dom.js";
import { beginning, clean } from "./text.js";
import { hue, isFailure, milliseconds, moment, number, offset, who } from "./words.js";
import { endOf } from "./view.js";

/** @import {Aside, Item, Row} from "./shapes.js" */

const LONGEST = 400;
/** Characters of a message that a row holds: more than the widest screen shows. */

/**
 * @param {Item} item
 * @param {[number, number]} domain - Milliseconds from the left to the right edge.
 * @param {Set<string>} critical - Spans of the critical path.
 * @returns {HTMLElement}
 */
export function line(item, domain, critical) {
  return item.aside === undefined ? entry(item, domain, critical) : silence(item);
}

/** @param {Aside} item */
function silence(item) {
  return el("div.row.aside", { role: "row" }, cell("at", ""), cell("", ""), cell("track", item.aside), cell("took", ""));
}

/**
 * @param {Row} item
 * @param {[number, number]} domain
 * @param {Set<string>} critical
 */
function entry(item, domain, critical) {
  const took = item.duration_ms === null ? "" : milliseconds(item.duration_ms);
  const text = said(item);
  const label = [`${offset(item.at_ms)} ms`, clean(who(item)), item.level, text, took && `took ${took}`].filter(Boolean).join(", ");
  const row = el("div.row", { role: "row", class: `${item.level} ${item.kind ?? ""} ${hue(item.system)}`, "aria-label": label });
  const at = cell("at.mono", offset(item.at_ms));
  at.title = `${moment(item.raw_timestamp)} by its own clock`;
  const track = cell("track", "", bar(item, domain, critical), el("bdi.text", { title: text.length > 60 ? text : null }, ...marks(item), ...pieces(text)));
  row.append(at, cell("hue", clean(who(item))), track, cell("took", took));
  return row;
}

/**
 * @param {Row} item
 * @param {[number, number]} domain
 * @param {Set<string>} critical
 */
function bar(item, [from, to], critical) {
  const wide = to - from || 1;
  const left = Math.min(1, Math.max(0, item.at_ms - from) / wide);
  const width = Math.max(0, (Math.min(to, endOf(item)) - from) / wide - left);
  const mark = el("span.bar", { style: { left: `${left * 100}%`, width: `${width * 100}%` } });
  if (item.span_id && item.duration_ms !== null && critical.has(item.span_id)) {
    mark.classList.add("critical");
    mark.title = "on the critical path";
  }
  return mark;
}

/** @param {Row} item */
function said(item) {
  const text = beginning(item.message, LONGEST);
  return clean(item.error && !item.message.includes(item.error) ? `${text}: ${beginning(item.error, LONGEST)}` : text);
}

/**
 * What stands before the text: marks of failures, repeats, what was not kept, what was held back, what anybody may
 * have written.
 *
 * @param {{level: string, kind?: string | null, count: number, why?: string, words?: string, origin?: string}} item
 */
export function marks(item) {
  const found = [];
  const mark = (/** @type {string} */ text, title = "") => found.push(el("span.pill", { title: title || null }, text), " ");
  if (isFailure(item)) found.push(el("span", { "aria-hidden": "true" }, "✗ "));
  if (item.kind === "suppressed") {
    mark(`${number(item.count)} not kept`);
    found.push(`${clean(item.words ?? item.why ?? "")} · `);
  } else if (item.count > 1) mark(`×${number(item.count)}`, "so many in a row said the same");
  if (item.kind === "context") mark("before the error", "held back, and brought out by the error");
  if (item.origin === "public") mark("public", "it came with a public key: anybody may have written it");
  return found;
}

/**
 * @param {string} classes
 * @param {string} text
 * @param {...Node} children
 */
function cell(classes, text, ...children) {
  return el(classes ? `div.${classes}` : "div", { role: "gridcell" }, ...(children.length ? children : [text]));
}
