/**
 * The status as cards: quotas, what was not kept, the budget, the store, who was heard, what was replaced.
 */

import { el } from "./dom.js";
import { ago, clean, duration, hue, number, plural } from "./words.js";

const LEVELS = { ok: "within budget", warn: "80 % of the budget are used", essential_only: "only errors and first lines are kept: 95 % of the budget are used", exhausted: "the budget is used up: only critical lines are kept" };

/** How things are, as one sentence. */
export function sentence(status) {
  const systems = Object.keys(status.systems);
  const heard = systems.length ? `${plural(systems.length, "system")} ${systems.length === 1 ? "is" : "are"} logging` : "No system has logged yet";
  const refused = status.ledger ? sum(status.ledger.limited) : 0;
  const limits = status.limits ? (refused ? `${plural(refused, "entry", "entries")} were over a limit` : "nothing was refused") : "no limits are set";
  const store = status.store.ok ? "" : ` The store is away: ${status.store.cause}.`;
  const budget = status.budget ? `, ${status.budget.projection.sentence}` : "";
  return `${heard}; ${limits}${budget}.${store}`;
}

/** Quotas of the hour: own, borrowed, lent, and what errors took of the reserve. */
export function quotas(status) {
  const { quotas: shown, guard } = status;
  if (!shown) return card("Quotas of the hour", el("p.quiet", {}, "No limits are set (`--no-limits`): everything is stored."));
  const slowed = new Map((guard?.slowed ?? []).map((one) => [one.system ?? one[0], one]));
  const rows = Object.entries(shown.systems).filter(([name, one]) => one.limit || one.current || name !== "other").flatMap(([name, one]) => quota(name, one, slowed.has(name)));
  const pool = (name, one) => [el("span.quiet", {}, name), bar([["", one.used / one.limit]]), el("span", {}, `${number(one.used)} of ${number(one.limit)}`)];
  const together = [["reserve", shown.essential], ["critical", shown.critical]].flatMap(([name, one]) => pool(name, one));
  const head = `${number(shown.current)} of ${number(shown.limit)} rows this hour, shared by ${plural(shown.servers, "server")}`;
  return card("Quotas of the hour", el("p", {}, head), el("div.quota", {}, ...rows, ...together));
}

function quota(name, one, isSlowed) {
  const whole = Math.max(one.limit + one.borrowed + one.reserve, one.current + one.lent, 1);
  const own = Math.max(0, one.current - one.borrowed - one.reserve);
  const parts = [["", own / whole], ["borrowed", one.borrowed / whole], ["reserve", one.reserve / whole], ["lent", one.lent / whole]];
  const notes = [one.borrowed ? `${number(one.borrowed)} borrowed` : "", one.lent ? `${number(one.lent)} lent` : "", one.reserve ? `${number(one.reserve)} of the reserve` : "", isSlowed ? "heard less" : ""].filter(Boolean);
  const reset = one.reset_ms ? `, free again in ${duration(one.reset_ms)}` : "";
  const title = `${number(one.current)} rows of ${number(one.limit)} own${notes.length ? `, ${notes.join(", ")}` : ""}${one.current ? reset : ""}`;
  return [el(`span.hue.${hue(name)}`, {}, clean(name)), bar(parts, hue(name), title), el("span", { title }, `${number(one.current)} of ${number(one.limit)}`, el("span.quiet", {}, notes.length ? ` · ${notes.join(" · ")}` : ""))];
}

/** What became of entries: a table that adds up. */
export function outcomes(status) {
  const { ledger } = status;
  if (!ledger) return card("What became of entries", el("p.quiet", {}, "The store keeps no counts now."));
  const rows = [["stored", "", ledger.stored]];
  for (const kind of ["suppressed", "limited", "rejected", "dropped"]) for (const [why, count] of Object.entries(ledger[kind])) rows.push([kind, why.replaceAll("_", " "), count]);
  for (const kind of ["in_flight", "unreported"]) if (ledger[kind]) rows.push([kind.replace("_", " "), "", ledger[kind]]);
  const body = rows.map(([kind, why, count]) => el("tr", {}, el("td", {}, kind), el("td", {}, clean(why)), el("td.n", {}, number(count))));
  const total = el("tr", {}, el("td", { colspan: 2 }, ledger.balanced ? "logged" : "logged (this does not add up yet: entries are on their way)"), el("td.n", {}, number(ledger.emitted)));
  const head = el("tr", {}, el("th", {}, "outcome"), el("th", {}, "reason"), el("th.n", {}, "entries"));
  const note = ledger.duplicate ? el("p.quiet", {}, `${number(ledger.duplicate)} came twice and were stored once.`) : "";
  return card("What became of entries", el("table", {}, el("thead", {}, head), el("tbody", {}, ...body), el("tfoot", {}, total)), note);
}

/** The month's budget, how it is going, and the days so far. */
export function budget(status) {
  const shown = status.budget;
  if (!shown) return card("Budget of the month", el("p.quiet", {}, "No limits are set, so no budget either."));
  const part = shown.limit ? shown.used / shown.limit : 0;
  const meter = el(`div.meter.spent.${shown.level}`, { role: "img", "aria-label": `${Math.round(part * 100)} % used` }, el("i", { style: { width: `${Math.min(100, part * 100)}%` } }), el("span.at80"), el("span.at95"));
  const most = Math.max(1, ...shown.days.map((day) => day.writes));
  const days = shown.days.map((day) => el("i", { title: `${day.day}: ${number(day.writes)} writes, $${day.usd.toFixed(2)}`, style: { height: `${(day.writes / most) * 100}%` } }));
  return card(
    `Budget of ${shown.month}`,
    el("p", { class: shown.level === "ok" ? "" : "bad" }, LEVELS[shown.level] ?? shown.level, ". ", shown.projection.sentence, "."),
    meter,
    el("p.quiet", {}, `${number(shown.used)} of ${number(shown.limit)} writes · $${shown.usd.toFixed(2)} of $${shown.budget_usd.toFixed(2)} · ${number(shown.remaining)} left`),
    days.length ? el("div.days", { role: "img", "aria-label": "Writes a day" }, ...days) : "",
  );
}

/** The store and what it warns of. */
export function store(status) {
  const { store: shown } = status;
  const facts = Object.entries(shown).filter(([name, value]) => !["ok", "cause", "warnings"].includes(name) && value !== null && typeof value !== "object");
  const said = (name, value) => (name.endsWith("bytes") ? size(value) : typeof value === "number" ? number(value) : String(value));
  const list = el("dl.facts", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name.replace(/_bytes$/, "").replaceAll("_", " ")), el("dd", {}, clean(said(name, value)))]));
  const warnings = (shown.warnings ?? []).map((text) => el("li.warn", {}, clean(text)));
  return card("Store", el("p", { class: shown.ok ? "good" : "bad" }, shown.ok ? "answers" : clean(shown.cause ?? "away")), list, warnings.length ? el("ul.plain", {}, ...warnings) : el("p.quiet", {}, "Nothing to recommend."));
}

/** Who was heard, and when last. */
export function heard(status) {
  const rows = Object.entries(status.systems).map(([name, one]) => el("tr", {}, el(`td.hue.${hue(name)}`, {}, clean(name)), el("td.n", {}, number(one.sources)), el("td.n", {}, ago(one.last_seen, status.now))));
  const head = el("tr", {}, el("th", {}, "system"), el("th.n", {}, "sources"), el("th.n", {}, "last heard"));
  return card("Who was heard", rows.length ? el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)) : el("p.quiet", {}, "Nobody yet."));
}

/** Secrets that were replaced, by rule. */
export function redacted(status) {
  const rules = Object.entries(status.redacted);
  const rows = rules.map(([rule, count]) => el("tr", {}, el("td", {}, clean(rule)), el("td.n", {}, number(count))));
  return card("Secrets replaced", rows.length ? el("table", {}, el("tbody", {}, ...rows)) : el("p.quiet", {}, "None by this server since it started."));
}

/** A card with a heading. */
export function card(title, ...children) {
  return el("section.card", {}, el("h2", {}, title), ...children);
}

function bar(parts, name = "other", title = "") {
  return el(`div.meter.${name}`, { title, "aria-hidden": "true" }, ...parts.filter(([, part]) => part > 0).map(([kind, part]) => el(kind ? `i.${kind}` : "i", { style: { width: `${Math.min(1, part) * 100}%` } })));
}

function size(bytes) {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function sum(counts) {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
