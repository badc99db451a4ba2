/**
 * How the server is, in one sentence and a line for each of its parts.
 */

import { sum } from "./board.js";
import { el } from "./dom.js";
import { FOLDED } from "./reasons.js";
import { clean } from "./text.js";
import { clock, duration, left, number, plural } from "./words.js";

const SILENT_MS = 600_000;
/** Who said nothing for ten minutes is not logging now. */

const LATE_S = 36;
/** Three intervals of a processor: behind that, none works, or an archive holds it up. */

/** @typedef {[part: string, mark: "good" | "warn" | "bad" | "quiet", words: string]} Told */

/** What the month's budget allows at present. @type {Record<string, string>} */
export const LEVELS = {
  ok: "within the budget",
  warn: "most of the budget is used",
  essential_only: "nearly all of the budget is used: only errors and first lines are kept",
  exhausted: "the budget is used up: only critical lines are kept",
};

/** @type {Record<string, Told[1]>} */
const MARKS = { ok: "good", warn: "warn", essential_only: "bad", exhausted: "bad" };

/** @type {Record<Told[1], string>} */
const SIGNS = { good: "✓", warn: "!", bad: "✗", quiet: "·" };

/**
 * Return how things are as one sentence.
 *
 * @param {any} status
 */
export function sentence(status) {
  if (!status.store.ok) return `The store is away, so nothing can be stored or read: ${clean(status.store.cause ?? "it does not answer")}.`;
  const lost = refused(status);
  const said = [logging(status), lost ? `${plural(lost, "entry was", "entries were")} not kept` : "nothing was refused"];
  if (status.budget) said.push(clean(status.budget.projection.sentence));
  const late = processing(status);
  if (late[1] !== "good") said.push(late[2]);
  return `${said.join("; ")}.`;
}

/**
 * Return the parts of the server, each with a mark and a few words.
 *
 * @param {any} status
 */
export function glance(status) {
  const told = [server(status), store(status), entries(status), limits(status), budget(status), processing(status), alerts(status)];
  const rows = told.map(([part, mark, words]) => el("li", {}, el(`b.${mark}`, {}, el("span", { "aria-hidden": "true" }, SIGNS[mark]), ` ${part}`), " ", el("span", {}, words)));
  return el("ul.glance", { "aria-label": "Health" }, ...rows);
}

/** @param {any} status */
function logging(status) {
  const seen = Object.values(status.systems);
  if (!seen.length) return "No system has logged yet";
  const silent = seen.filter((one) => status.now - one.last_seen > SILENT_MS).length;
  const loud = seen.length - silent;
  if (!loud) return `${plural(silent, "system is", "systems are")} silent`;
  const all = `${plural(loud, "system is", "systems are")} logging`;
  return silent ? `${all}, ${number(silent)} silent` : all;
}

/** How many entries are not here and in no row that counts them. @param {any} status */
function refused({ ledger }) {
  if (!ledger) return 0;
  const unfolded = Object.entries(ledger.suppressed).filter(([reason]) => !FOLDED.has(reason));
  return sum(ledger.limited) + sum(ledger.rejected) + sum(ledger.dropped) + sum(Object.fromEntries(unfolded));
}

/** @param {any} status @returns {Told} */
function server(status) {
  const since = `${clean(status.phase)} for ${left(status.uptime_s * 1000)}`;
  if (status.faults) return ["server", "warn", `${since}; ${plural(status.faults, "fault")} of its own, told where it was started`];
  return ["server", status.phase === "ready" ? "good" : "warn", since];
}

/** @param {any} status @returns {Told} */
function store({ store: shown }) {
  if (!shown.ok) return ["store", "bad", clean(shown.cause ?? "it does not answer")];
  const warnings = shown.warnings ?? [];
  return ["store", warnings.length ? "warn" : "good", warnings.length ? clean(warnings[0]) : `${clean(shown.kind)} answers`];
}

/** @param {any} status @returns {Told} */
function entries(status) {
  const { ledger } = status;
  if (!ledger) return ["entries", "quiet", "only the store knows what became of them"];
  const lost = refused(status);
  const words = `${number(ledger.stored)} of ${number(ledger.emitted)} stored${lost ? `, ${number(lost)} not kept` : ""}`;
  return ["entries", lost || ledger.unreported ? "warn" : "good", words];
}

/** @param {any} status @returns {Told} */
function limits(status) {
  if (!status.limits) return ["quotas", "quiet", "none are set: everything is stored (--no-limits)"];
  if (!status.quotas) return ["quotas", "quiet", "only the store knows them"];
  const { current, limit, systems } = status.quotas;
  const full = Object.values(systems).some((one) => one.limit && one.remaining <= 0);
  const slowed = status.guard?.slowed.length ?? 0;
  const words = `${number(current)} of ${number(limit)} rows this hour${slowed ? `; ${plural(slowed, "source")} heard less` : ""}`;
  const unanswered = status.gate?.unanswered ?? 0;
  return ["quotas", full || slowed || unanswered ? "warn" : "good", unanswered ? `${words}; ${plural(unanswered, "call")} without an answer` : words];
}

/** @param {any} status @returns {Told} */
function budget({ budget: shown, limits: any }) {
  if (!shown) return ["budget", "quiet", any ? "only the store knows it" : "none is set"];
  return ["budget", MARKS[shown.level] ?? "warn", LEVELS[shown.level] ?? clean(shown.level)];
}

/** @param {any} status @returns {Told} */
function processing({ processing: shown }) {
  if (!shown) return ["processing", "quiet", "only the store knows"];
  if (!shown.inside && !shown.counts.entries) return ["processing", "warn", "nothing is processed: start `tracelog process`, or serve without --no-process"];
  if (shown.lag_s > LATE_S) return ["processing", "warn", `processing is ${duration(shown.lag_s * 1000)} behind`];
  if (shown.cut) return ["processing", "warn", `${number(shown.cut)} were not processed, as the queue was full`];
  return ["processing", "good", shown.waiting ? `${plural(shown.waiting, "write")} waiting` : "nothing waits"];
}

/** @param {any} status @returns {Told} */
function alerts({ alerts: shown }) {
  const failed = shown.failed + shown.dropped;
  const last = shown.last?.error ? `; the last at ${clock(shown.last.at_ms)} UTC: ${clean(shown.last.error)}` : shown.last ? "; the last one did" : "";
  if (failed) return ["alerts", "warn", `${plural(failed, "notice")} did not reach the webhook${last}`];
  if (!shown.kinds.length) return ["alerts", "quiet", "none are wanted"];
  return ["alerts", "good", `${shown.kinds.map(clean).join(", ")}: ${shown.url ? `${plural(shown.sent, "notice")} sent` : "told in the logs"}`];
}
