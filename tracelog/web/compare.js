/**
 * One trace compared with another: what is new, gone, slower or different. The server aligns the two by pattern.
 */

import { get, pageOf, traceAt } from "./api.js";
import { el, dialog, fill, pieces } from "./dom.js";
import { traceLine } from "./list.js";
import { beginning, clean } from "./text.js";
import { hue, milliseconds, number, plural, who } from "./words.js";

/** @import {Change, Difference, Report, Side, Summary} from "./shapes.js" */

const RECENT = 50;
const LONGEST = 300;

/** @type {[string, string][]} */
const KINDS = [
  ["new", "New"],
  ["gone", "Gone"],
  ["slower", "Slower"],
  ["field", "Other values"],
  ["more", "More often"],
  ["fewer", "Less often"],
  ["faster", "Faster"],
];

/**
 * Let the reader choose what to compare the trace *id* with.
 *
 * @param {string} id
 */
export async function choose(id) {
  const { traces } = await get("/api/v1/traces", { limit: RECENT });
  const others = traces.filter((/** @type {Summary} */ one) => one.trace_id !== id);
  const box = el("input", { id: "other", "aria-label": "The other trace", placeholder: "trace id, its first 8 characters, latest", autocomplete: "off", required: true });
  const form = el("form", {}, box, " ", el("button", {}, "Compare"));
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    location.assign(pageOf(id, { with: box.value.trim() }));
  });
  const lines = others.map((/** @type {Summary} */ one) => traceLine(one, pageOf(id, { with: one.trace_id })));
  const list = lines.length ? el("ul.list.tall", {}, ...lines) : el("p.quiet", {}, "There is no other trace yet.");
  dialog("Compare with an earlier trace", form, list).classList.add("wide");
}

/**
 * Show what changed from the trace *other* to the trace *ref*.
 *
 * @param {HTMLElement} main
 * @param {string} ref
 * @param {string} other
 */
export async function compare(main, ref, other) {
  /** @type {[Report, Report]} */
  const [after, before] = await Promise.all([get(traceAt(ref, "report")), get(traceAt(other, "report"))]);
  /** @type {Difference} */
  const found = await get("/api/v1/diff", { a: before.trace_id, b: after.trace_id });
  document.title = "compared · tracelog";
  const swap = el("a.button", { href: pageOf(before.trace_id, { with: after.trace_id }) }, "Swap");
  fill(
    main,
    el("div.answers.halves", {}, side("Before", before, found.a), side("After", after, found.b)),
    el("section.card", {}, el("div.head", {}, el("h2", {}, summary(found)), swap), ...groups(found), el("p.quiet", {}, `${plural(found.same, "pattern")} as before${found.more ? `; ${plural(found.more, "more change")} not listed` : ""}.`)),
  );
  main.setAttribute("aria-busy", "false");
}

/** @param {Difference} found */
function summary(found) {
  const total = found.changes.length + found.more;
  const errors = found.changes.filter((change) => change.kind === "new" && change.level === "error").length;
  return total ? `${plural(total, "change")}, ${errors ? plural(errors, "new error") : "no new error"}` : "Nothing changed";
}

/**
 * @param {string} title
 * @param {Report} report
 * @param {Side} size
 */
function side(title, report, size) {
  const { story } = report;
  const head = el("h1", {}, el(`span.${story.ok ? "good" : "bad"}`, { "aria-hidden": "true" }, story.ok ? "✓ " : "✗ "), el("a", { href: pageOf(report.trace_id) }, el("bdi", {}, ...pieces(story.headline))));
  return el("section.card", {}, el("h2", {}, title), head, el("p.facts.quiet", {}, story.facts.join(" · ")), el("p.facts.quiet", {}, `${plural(size.entries, "entry", "entries")}, ${plural(size.errors, "error")}`));
}

/** @param {Difference} found */
function groups(found) {
  const longest = Math.max(1, ...found.changes.filter((one) => one.kind === "slower" || one.kind === "faster").flatMap((one) => [one.before ?? 0, one.after ?? 0]));
  return KINDS.flatMap(([kind, title]) => {
    const changes = found.changes.filter((change) => change.kind === kind);
    if (!changes.length) return [];
    return [el("h3", {}, `${title} ${number(changes.length)}`), el("ul.list.changes", {}, ...changes.map((change) => line(change, longest)))];
  });
}

/**
 * @param {Change} change
 * @param {number} longest - Milliseconds that are as wide as the column.
 */
function line(change, longest) {
  const bad = change.level === "error" && change.kind !== "gone";
  const hop = change.hop && change.hop !== change.message ? ` in ${clean(beginning(change.hop, 60))}` : "";
  const text = el("b", { class: bad ? "bad" : "" }, bad ? el("span", { "aria-hidden": "true" }, "✗ ") : "", el("bdi", {}, ...pieces(beginning(change.message, LONGEST))), change.count > 1 ? ` ×${number(change.count)}` : "");
  const name = el("span", {}, el(`span.hue.${hue(change.system)}`, {}, clean(who(change))), el("span.quiet", {}, hop));
  return el("li", {}, el("a", { href: pageOf(change.trace_id, { row: change.id }) }, name, text, values(change, longest)));
}

/**
 * What was before and what is now.
 *
 * @param {Change} change
 * @param {number} longest
 */
function values(change, longest) {
  const before = change.before ?? 0, after = change.after ?? 0;
  if (change.kind === "slower" || change.kind === "faster") {
    const bar = (/** @type {number} */ ms, /** @type {string} */ name) => el(`i.${name}`, { style: { width: `${(ms / longest) * 100}%` } });
    return el("span.pair", {}, `${milliseconds(before)} → ${milliseconds(after)}`, el("span.bars", { "aria-hidden": "true" }, bar(before, "was"), bar(after, "now")));
  }
  if (change.kind === "more" || change.kind === "fewer") return el("span", {}, `×${short(before)} → ×${short(after)}`);
  if (change.kind !== "field") return el("span.quiet", {}, clean(change.level));
  const others = (change.patterns ?? 1) > 1 ? ` and in ${plural((change.patterns ?? 1) - 1, "more pattern")}` : "";
  return el("bdi.mono", {}, `${clean(change.field ?? "")}: `, ...pieces(change.was || "(absent)"), " → ", ...pieces(change.now || "(absent)"), others);
}

/** @param {number} value */
function short(value) {
  return String(Number(value.toPrecision(3)));
}
