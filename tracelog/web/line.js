/**
 * One line of the live view: when, who, how bad, what, how often and until when, and the way to its trace.
 */

import { pageOf } from "./api.js";
import { el, fill, pieces, shape } from "./dom.js";
import { because } from "./reasons.js";
import { marks } from "./row.js";
import { beginning, clean } from "./text.js";
import { clock, hue, moment, number, precise, who } from "./words.js";

/** @import {Beats} from "./beats.js" */
/** @import {Shown} from "./flow.js" */
/** @import {Line} from "./feed.js" */

const LONGEST = 400;
/** Characters of a message that a line holds: more than the widest screen shows. */

const SPARK_HEIGHT = 14, BAR = 4;
/** Units of the drawing; a bar with its gap. */

/**
 * Return the line of *row*, which is drawn again where it stands.
 *
 * @param {Shown} row
 * @returns {Line}
 */
export function line(row) {
  const text = el("div.text", { role: "gridcell" }), until = el("div.until.mono", { role: "gridcell" }), spark = el("div.spark", { role: "gridcell" });
  const at = el("div.at.mono", { role: "gridcell", title: moment(row.timestamp) }, precise(row.timestamp).slice(0, -4));
  const link = el("a", { tabindex: -1, href: placeOf(row) }, clean(row.trace_id.slice(0, 8)));
  const level = clean(row.level);
  const element = el("div.line", { role: "row", class: `${level} ${hue(row.system)}` }, at, el("div.who.hue", { role: "gridcell" }, clean(who(row))), el("div.level", { role: "gridcell" }, level), text, until, spark, el("div.trace.mono", { role: "gridcell" }, link));
  const update = () => {
    fill(text, ...marks({ ...row, words: because(row.why) }), el("bdi", {}, ...pieces(said(row))));
    until.textContent = row.count > 1 ? `– ${clock(ends(row))}` : "";
    if (row.count > 1) fill(spark, drawing(row.beats));
    element.setAttribute("aria-label", sentence(row));
    link.setAttribute("href", placeOf(row));
    text.title = row.message.length > 60 ? clean(row.message) : "";
    until.title = row.count > 1 ? `${number(row.count)} times, ${moment(row.timestamp)} to ${moment(ends(row))}` : "";
  };
  update();
  return { element, update };
}

/**
 * What a line says, as one text: for screen readers, and to be copied.
 *
 * @param {Shown} row
 */
export function sentence(row) {
  const times = row.count > 1 ? `${number(row.count)} times until ${clock(ends(row))}` : "";
  return [`${clock(row.timestamp)} UTC`, clean(who(row)), clean(row.level), times, said(row)].filter(Boolean).join(", ");
}

/**
 * The page of the trace, at the entry that the row shows.
 *
 * @param {Shown} row
 */
export function placeOf(row) {
  return pageOf(row.trace_id, { row: row.entry_id });
}

/** @param {Shown} row */
function said(row) {
  const type = row.error?.type ?? "";
  const text = beginning(row.message, LONGEST);
  return clean(type && !row.message.includes(type) ? `${text} (${beginning(type, LONGEST)})` : text);
}

/** @param {Shown} row */
function ends(row) {
  return row.last_timestamp ?? row.timestamp;
}

/** @param {Beats} beats */
function drawing({ counts, width }) {
  const most = Math.max(...counts);
  const bars = counts.map((count, place) => (count ? `M${place * BAR + 1.5} ${SPARK_HEIGHT}V${(SPARK_HEIGHT - Math.max(1, (count / most) * SPARK_HEIGHT)).toFixed(1)}` : ""));
  return shape("svg", { viewBox: `0 0 80 ${SPARK_HEIGHT}`, "aria-hidden": "true" }, shape("title", {}, `how often, each bar ${number(width / 1000)} s`), shape("path", { d: bars.join("") }));
}
