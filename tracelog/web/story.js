/**
 * The two cards on top: what failed and how it travelled, and where the time went. The sentences are the
 * report's own, the same as in the terminal.
 */

import { el, pieces } from "./dom.js";
import { why } from "./evidence.js";
import { clean } from "./text.js";
import { corrected, duration, hue, moment, plural, who } from "./words.js";

/** @import {Chain, Line, Report} from "./shapes.js" */
/** @typedef {(id: string) => void} Open - Opens an entry. */

const MOST = 6;
/** Systems that are told at once; further ones are behind a word. */

const ELSEWHERE = ["cause", "then", "time", "page", "ledger"];
/** Parts of the brief that stand at places of their own: as steps, in the other card, at the foot. */

/**
 * Return the card *what failed*.
 *
 * @param {Report} report
 * @param {Open} open
 */
export function failed(report, open) {
  const { story } = report;
  const chain = report.chains.find((one) => !one.handled);
  const card = el("section.card", { "aria-labelledby": "headline" }, el("h2", {}, story.ok ? "What happened" : "What failed"));
  card.append(el("h1", { id: "headline" }, el(`span.${story.ok ? "good" : "bad"}`, { "aria-hidden": "true" }, story.ok ? "✓ " : "✗ "), el("bdi", {}, ...pieces(story.headline))));
  card.append(el("p.facts.quiet", {}, story.facts.join(" · ")));
  if (chain) card.append(travelled(report, chain, open));
  card.append(told(story.lines.filter((line) => !ELSEWHERE.includes(line.part)), open));
  if (story.missing.length) card.append(el("p.warn.facts", {}, story.missing.join("; ")));
  return card;
}

/**
 * Return the card *where the time went*.
 *
 * @param {Report} report
 * @param {Open} open
 */
export function time(report, open) {
  const shares = report.insights.filter((insight) => insight.kind === "share" && (insight.cost_ms ?? 0) > 0);
  const sum = shares.reduce((total, insight) => total + (insight.cost_ms ?? 0), 0) || 1;
  const systemOf = (/** @type {{summary: string}} */ insight) => hue(insight.summary.split(" ")[0]);
  const card = el("section.card", { "aria-labelledby": "times" }, el("h2", { id: "times" }, "Where the time went"));
  const bars = shares.map((insight) => el(`i.${systemOf(insight)}`, { style: { width: `${((insight.cost_ms ?? 0) / sum) * 100}%` }, title: clean(insight.summary) }));
  if (bars.length) card.append(el("div.share", { "aria-hidden": "true" }, ...bars));
  const items = shares.map((insight) => el(`li.hue.${systemOf(insight)}`, {}, clean(insight.summary)));
  card.append(...few([el("li", {}, el("b", {}, duration(report.duration_ms)), " in all"), ...items], "shares"));
  card.append(told(report.story.lines.filter((line) => line.part === "time").slice(0, 1), open));
  card.append(...few(clocks(report), "shares.quiet"));
  return card;
}

/**
 * Return *items* as a list; of many the first, and the others behind a word.
 *
 * @param {HTMLElement[]} items
 * @param {string} classes
 */
function few(items, classes) {
  if (items.length <= MOST + 1) return [el(`ul.${classes}`, {}, ...items)];
  const more = el("details.quiet", {}, el("summary", {}, `and ${items.length - MOST} more`), el(`ul.${classes}`, {}, ...items.slice(MOST)));
  return [el(`ul.${classes}`, {}, ...items.slice(0, MOST)), more];
}

/**
 * Lines of the report as a list of labels and sentences.
 *
 * @param {Line[]} lines
 * @param {Open} open
 */
function told(lines, open) {
  if (!lines.length) return "";
  const list = el("dl.told");
  for (const line of lines) {
    const text = [line.lead, line.says, line.body].filter(Boolean).join(" ");
    const shown = line.id ? [el("button", { onclick: () => open(line.id) }, ...pieces(text))] : pieces(text);
    if (line.label || !list.lastElementChild) list.append(el("dt", {}, line.label));
    list.append(el("dd", {}, el("bdi", {}, ...shown)));
  }
  return list;
}

/**
 * The chain as steps, each a button that opens its entry and tells how sure the step is.
 *
 * @param {Report} report
 * @param {Chain} chain
 * @param {Open} open
 */
function travelled(report, chain, open) {
  const links = new Map(chain.links.map((link) => [link.to, link]));
  const rows = new Map(report.timeline.map((row) => [row.id, row]));
  const lines = report.story.lines.filter((line) => line.part === "cause" || line.part === "then");
  const steps = lines.map((line) => {
    if (!line.id) return el("li", {}, el("span.quiet", {}, line.says ? `${line.says} ` : "", ...pieces(line.body)));
    const link = links.get(line.id);
    const [name, ...when] = line.lead.split(" ");
    const words = [el(`span.hue.${hue(rows.get(line.id)?.system)}`, {}, name), el("bdi", {}, ...pieces(line.body)), el("span.quiet", {}, when.join(" "))];
    const button = el("button", { onclick: () => open(line.id), title: `${clean(line.body)} (${link ? why(link) : "the first cause"})`, class: link ? "" : "root" }, ...words);
    return el("li", {}, link && el("span.quiet", { "aria-hidden": "true" }, "→"), button);
  });
  return el("ol.steps", { "aria-label": `How it travelled, ${Math.round(chain.confidence * 100)} % sure` }, ...steps);
}

/**
 * What is to be known of each system's clock and of when it was heard last.
 *
 * @param {Report} report
 * @returns {HTMLElement[]}
 */
function clocks(report) {
  const several = new Set(report.systems.map((one) => one.system)).size < report.systems.length;
  return report.systems.map((system) => {
    const clock = corrected(system.clock);
    const badge = clock && el("span.pill", { title: `how far it was moved, and how sure that is (${system.clock.how})` }, clock);
    const errors = system.errors ? `, ${plural(system.errors, "error")}` : "";
    const title = `first ${moment(system.first)}, last ${moment(system.last)}`;
    const name = several ? who(system) : system.system;
    return el("li", { title }, el(`span.hue.${hue(system.system)}`, {}, clean(name)), ` ${plural(system.entries, "entry", "entries")}${errors} `, badge);
  });
}
