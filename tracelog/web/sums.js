/**
 * What became of entries, in the server and behind it: tables that add up.
 */

import { address } from "./api.js";
import { card, facts, size, sum, table } from "./board.js";
import { el } from "./dom.js";
import { because } from "./reasons.js";
import { clean } from "./text.js";
import { ago, duration, hue, number, plural } from "./words.js";

/** @type {[outcome: string, words: string][]} */
const OUTCOMES = [["suppressed", "not kept"], ["limited", "over quotas"], ["rejected", "refused"], ["dropped", "lost before sending"]];

const SOURCES = 16, IN_STEP_MS = 1_000;
/** Less is the way here as often as the clock. */

/**
 * What was logged is what was stored and each reason why something was not.
 *
 * @param {any} status
 */
export function outcomes(status) {
  const title = "What became of entries", { ledger } = status;
  if (!ledger) return card(title, el("p.bad", {}, "The store is away, and only it has the counts."));
  const rows = [[el("b", {}, "stored"), "", number(ledger.stored)]];
  for (const [outcome, words] of OUTCOMES) for (const [reason, count] of Object.entries(ledger[outcome])) rows.push([words, because(reason), number(count)]);
  if (ledger.in_flight) rows.push(["on the way", "", number(ledger.in_flight)]);
  if (ledger.unreported) rows.push(["never told of", "their sources went silent", number(ledger.unreported)]);
  const foot = el("tfoot", {}, el("tr", {}, el("td", { colspan: 2 }, ledger.balanced ? "logged" : "logged; this does not add up yet"), el("td.n", {}, number(ledger.emitted))));
  const note = ledger.duplicate ? el("p.quiet", {}, `${plural(ledger.duplicate, "entry", "entries")} came twice and were stored once.`) : null;
  return card(title, table(title, ["outcome", "why", "#entries"], rows, foot), note, el("p.quiet", {}, "Of all sources that were heard within a day."));
}

/**
 * Who was heard last: its clock, and its last words.
 *
 * @param {any} status
 */
export function sources(status) {
  const title = "Sources";
  const others = Object.entries(status.systems).filter(([name]) => !status.heard.some((/** @type {any} */ one) => one.system === name));
  if (!status.heard.length && !others.length) return card(title, el("p.quiet", {}, "Nobody was heard yet."), el("a.button", { href: address("/debug") }, "How to begin"));
  const line = (/** @type {any} */ one) => [
    el("span", {}, el(`b.hue.${hue(one.system)}`, {}, clean(one.system)), one.service ? `/${clean(one.service)}` : "", " ", el("span.mono.quiet", { title: one.source ? clean(one.source) : null }, clean((one.source ?? "").slice(0, 12)))),
    ago(one.last_seen, status.now),
    clock(one.clock_ms),
    el("a", { href: address(`/debug/${encodeURIComponent(one.trace_id)}`, { row: one.id }), class: one.level === "error" || one.level === "fatal" ? "bad" : "" }, el("bdi", {}, clean(one.message) || "(no text)")),
  ];
  const shown = status.heard.slice(0, SOURCES).map(line);
  const silent = others.map(([name, one]) => [el(`b.hue.${hue(name)}`, {}, clean(name)), ago(one.last_seen, status.now), "", el("span.quiet", {}, `${plural(one.sources, "source")}, of which this server has no last words`)]);
  const total = sum(Object.fromEntries(Object.entries(status.systems).map(([name, one]) => [name, one.sources])));
  const of = total ? `${plural(total, "source")} of ${plural(Object.keys(status.systems).length, "system")} within a day. ` : "";
  const note = `${of}Last words are of those that this server heard last. Clocks are bounded by what arrives: an entry cannot come before it was said.`;
  return card(title, table(title, ["source", "#heard", "clock", "last words"], [...shown, ...silent]), el("p.quiet", {}, note));
}

/** @param {number} ms - How far ahead; below 0 how far behind at most. */
function clock(ms) {
  if (Math.abs(ms) < IN_STEP_MS) return el("span.quiet", {}, "in step");
  return ms > 0 ? el("span.warn", {}, `ahead by ${duration(ms)}`) : el("span.quiet", {}, `behind or late by ${duration(-ms)}`);
}

/**
 * What waits to be processed, and what archives took.
 *
 * @param {any} status
 */
export function processing(status) {
  const title = "Processing", { processing: shown } = status;
  if (!shown) return card(title, el("p.bad", {}, "The store is away, and the queue with it."));
  const where = shown.inside ? "inside this server" : shown.counts.entries ? "beside this server" : el("span.warn", {}, "nowhere: start `tracelog process`");
  const counts = Object.entries(shown.counts).filter(([, count]) => count);
  const archives = Object.entries(shown.archived).map(([name, one]) => [clean(name), number(one.sent), number(one.failed), one.dead ? el("b.bad", {}, number(one.dead)) : "0"]);
  return card(
    title,
    facts([
      ["done", where],
      ["backlog", `${plural(shown.waiting, "write")} waiting, ${number(shown.taken)} taken, ${size(shown.bytes)} of ${size(shown.limit_bytes)}`],
      ["behind by", duration(shown.lag_s * 1000)],
      ["not processed", shown.cut ? el("b.bad", {}, `${number(shown.cut)}, as the queue was full`) : ""],
      ["so far", counts.map(([name, count]) => `${number(count)} ${clean(name).replaceAll("_", " ")}`).join(", ")],
      ["live pages", shown.readers ? plural(shown.readers, "reader") : ""],
    ]),
    archives.length ? table("Archives", ["archive", "#sent", "#failed", "#given up"], archives) : el("p.quiet", {}, "No archive: what is logged lives for its hour only."),
  );
}

/**
 * Secrets that were replaced, by rule.
 *
 * @param {any} status
 */
export function redacted(status) {
  const title = "Secrets replaced";
  const all = /** @type {Record<string, number>} */ (status.redacted ?? status.redacted_here);
  const rules = Object.entries(all).sort(([, a], [, b]) => b - a);
  const rows = rules.map(([rule, count]) => [clean(rule), number(count)]);
  const whose = status.redacted ? "By all servers together; clients replace secrets before they send." : "By this server since it started: the store is away, and only it knows of all.";
  return card(title, rows.length ? table(title, ["rule", "#times"], rows) : el("p", {}, "None."), el("p.quiet", {}, whose));
}
