/**
 * The two cards on top: what failed and how it travelled, and where the time went. The sentences are the
 * report's own, the same as in the terminal.
 */

import { el } from "./dom.js";
import { pieces } from "./rows.js";
import { clean, clock, duration, hue, number, plural } from "./words.js";

/**
 * Return the card *what failed*.
 *
 * @param {any} report
 * @param {(id: string) => void} open - Opens an entry.
 */
export function failed(report, open) {
  const story = report.story;
  const chain = report.chains.find((one) => !one.handled);
  const card = el("section.card", { "aria-labelledby": "headline" }, el("h2", {}, story.ok ? "What happened" : "What failed"));
  card.append(el("h1", { id: "headline" }, el(`span.${story.ok ? "good" : "bad"}`, { "aria-hidden": "true" }, story.ok ? "✓ " : "✗ "), ...pieces(story.headline)));
  card.append(el("p.facts.quiet", {}, story.facts.join(" · ")));
  if (chain) card.append(travelled(report, chain, open));
  card.append(told(story.lines.filter((line) => !["cause", "then", "time", "page"].includes(line.part)), open));
  return card;
}

/** Return the card *where the time went*. */
export function time(report, open) {
  const shares = report.insights.filter((insight) => insight.kind === "share" && insight.cost_ms > 0);
  const sum = shares.reduce((total, insight) => total + insight.cost_ms, 0) || 1;
  const systemOf = (insight) => insight.summary.split(" ")[0];
  const card = el("section.card", {}, el("h2", {}, "Where the time went"));
  const bars = shares.map((insight) => el(`i.${hue(systemOf(insight))}`, { style: { width: `${(insight.cost_ms / sum) * 100}%` }, title: insight.summary }));
  if (bars.length) card.append(el("div.share", { "aria-hidden": "true" }, ...bars));
  const items = shares.map((insight) => el(`li.hue.${hue(systemOf(insight))}`, {}, clean(insight.summary)));
  card.append(el("ul.shares", {}, el("li", {}, el("b", {}, duration(report.duration_ms)), " in all"), ...items));
  card.append(told(report.story.lines.filter((line) => line.part === "time").slice(0, 1), open));
  card.append(el("ul.shares.quiet", {}, ...clocks(report)));
  return card;
}

/** Lines of the report as a list of labels and sentences. */
function told(lines, open) {
  const list = el("dl.told");
  for (const line of lines) {
    const text = [line.lead, line.says, line.body].filter(Boolean).join(" ");
    const shown = line.id ? [el("button", { onclick: () => open(line.id) }, ...pieces(text))] : pieces(text);
    list.append(el("dt", {}, line.label), el("dd", {}, ...shown));
  }
  return list;
}

function travelled(report, chain, open) {
  const links = new Map(chain.links.map((link) => [link.to, link]));
  const rows = new Map(report.timeline.map((row) => [row.id, row]));
  const lines = report.story.lines.filter((line) => (line.part === "cause" || line.part === "then") && (line.id || line.part === "then"));
  const steps = lines.map((line) => {
    if (!line.id) return el("li", {}, el("span.quiet", {}, line.body));
    const link = links.get(line.id);
    const why = link ? `${link.kind.replaceAll("_", " ")}, ${Math.round(link.confidence * 100)} % sure, by ${plural(link.evidence.length, "entry", "entries")}` : "the first cause";
    const [who, ...when] = line.lead.split(" ");
    const button = el("button", { onclick: () => open(line.id), title: why, class: link ? "" : "root" }, el(`span.hue.${hue(rows.get(line.id)?.system)}`, {}, `${who} `), ...pieces(line.body), el("span.quiet", {}, ` ${when.join(" ")}`));
    return el("li", {}, link ? el("span.quiet", { "aria-hidden": "true" }, "→") : null, button);
  });
  return el("ol.steps", { "aria-label": `How it travelled, ${Math.round(chain.confidence * 100)} % sure` }, ...steps);
}

/** What is to be known of each system's clock and of when it was heard last. */
function clocks(report) {
  return report.systems.map((system) => {
    const { offset_ms: moved, uncertainty_ms: spread, how } = system.clock;
    const said = how === "none" ? "its own clock" : `clock ${moved < 0 ? "−" : "+"}${duration(Math.abs(moved))}${spread === null ? "" : ` ±${duration(spread)}`}, ${how}`;
    const errors = system.errors ? `, ${plural(system.errors, "error")}` : "";
    const title = `first ${clock(system.first)}, last ${clock(system.last)} by its own clock`;
    return el("li", { title }, el(`span.hue.${hue(system.system)}`, {}, clean(system.system)), ` ${number(system.entries)}${errors} · ${said}`);
  });
}
