/**
 * What limits hold: the quotas of the hour as bars, who is heard less, and the month's budget.
 */

import { card, dollars, facts, meter, sum, table } from "./board.js";
import { el } from "./dom.js";
import { LEVELS } from "./glance.js";
import { clean } from "./text.js";
import { ago, duration, hue, number, plural } from "./words.js";

const DAYS = 31, MONTHS = 6, FORMS = 5;

/**
 * Quotas of the hour: of each system what is its own, borrowed, lent, and what errors took of the reserve.
 *
 * @param {any} status
 */
export function quotas(status) {
  const title = "Quotas of the hour", { quotas: shown } = status;
  if (!status.limits) return card(title, el("p.quiet", {}, "No limits are set (--no-limits), so everything is stored."));
  if (!shown) return card(title, el("p.bad", {}, "The store is away, and only it knows the quotas."));
  const known = Object.entries(shown.systems).filter(([name, one]) => one.limit || one.current || name !== "other");
  const pools = [pool("reserve for errors", shown.essential), pool("critical traces", shown.critical)];
  const head = `${number(shown.current)} of ${number(shown.limit)} rows this hour${shown.servers ? `, shared by ${plural(shown.servers, "server")}` : ""}.`;
  return card(title, el("p", {}, head), el("ul.bars", {}, ...known.map(([name, one]) => quota(name, one, status.now)), ...pools), ...steps(status));
}

/**
 * @param {string} name
 * @param {any} one
 * @param {number} now
 */
function quota(name, one, now) {
  const own = one.current - one.borrowed;
  const whole = Math.max(one.limit, own + one.borrowed + one.lent, 1);
  const notes = [`${number(one.remaining)} left`];
  if (one.borrowed) notes.push(`${number(one.borrowed)} borrowed`);
  if (one.lent) notes.push(`${number(one.lent)} lent`);
  if (one.reserve) notes.push(`${number(one.reserve)} of the reserve`);
  if (one.reset_ms && one.remaining <= 0) notes.push(`more in ${duration(one.reset_ms)}`);
  if (one.last_attempt) notes.push(`tried ${ago(one.last_attempt, now)}`);
  const words = `${clean(name)}: ${number(one.current)} of ${number(one.limit)} rows, ${notes.join(", ")}`;
  return el(
    "li",
    {},
    el(`b.hue.${hue(name)}`, {}, clean(name)),
    meter(name, words, [["own", own / whole], ["borrowed", one.borrowed / whole], ["lent", one.lent / whole]]),
    el("span.n", {}, `${number(one.current)} of ${number(one.limit)}`),
    el("span.quiet.notes", {}, notes.join(" · ")),
  );
}

/**
 * @param {string} name
 * @param {{used: number, limit: number}} one
 */
function pool(name, one) {
  const words = `${name}: ${number(one.used)} of ${number(one.limit)}`;
  return el("li", {}, el("span.quiet", {}, name), meter("", words, [["reserve", one.limit ? one.used / one.limit : 0]]), el("span.n", {}, `${number(one.used)} of ${number(one.limit)}`));
}

/** Who is heard less for a while, and what loops in all servers. @param {any} status */
function steps({ guard }) {
  if (!guard) return [];
  const slowed = guard.slowed.map((/** @type {any} */ one) => [el(`span.hue.${hue(one.system)}`, {}, clean(one.system)), el("span.mono", {}, clean(one.source ?? "")), number(one.step), number(one.limit)]);
  const hot = guard.hot_everywhere.slice(0, FORMS).map((/** @type {any} */ one) => [clean(one.form), one.systems.map(clean).join(", "), number(one.count)]);
  return [
    el("h3", {}, "Adaptive steps"),
    slowed.length
      ? table("Sources that are heard less", ["system", "source", "#step", "#entries a minute"], slowed)
      : el("p.quiet", {}, "No source says more than it may, so all are heard in full."),
    hot.length ? table("Forms that repeat in all servers", ["repeats everywhere", "systems", "#count"], hot) : null,
  ];
}

/**
 * The month's budget: how far it is used, what it costs, how it is going, and the days and months so far.
 *
 * @param {any} status
 */
export function budget(status) {
  const { budget: shown } = status;
  if (!shown) return card("Budget of the month", el("p.quiet", {}, status.limits ? "The store is away, and only it knows what the month has cost." : "No limits are set, so no budget either."));
  const part = shown.limit ? shown.used / shown.limit : 0;
  const { levels } = shown;
  const words = `${Math.round(part * 100)} % of the budget are used`;
  const bar = meter("", words, [[`spent.${shown.level}`, part]]);
  const marks = [["warn", levels.warn], ["bad", levels.essential_only]].map(([kind, at]) => el(`span.at.${kind}`, { style: { left: `${((at / levels.exhausted) * 100).toFixed(2)}%` }, title: `alert at ${number(at)} writes` }));
  bar.append(...marks);
  const bySystem = Object.entries(shown.usd_by_system).map(([name, usd]) => [el(`span.hue.${hue(name)}`, {}, clean(name)), number(shown.by_system[name] ?? 0), dollars(usd)]);
  return card(
    `Budget of ${clean(shown.month)}`,
    el("p", {}, el("b", { class: shown.level === "ok" ? "good" : shown.level === "warn" ? "warn" : "bad" }, LEVELS[shown.level] ?? clean(shown.level)), `: ${clean(shown.projection.sentence)}.`),
    bar,
    facts([
      ["used", `${number(shown.used)} of ${number(shown.limit)} writes, ${dollars(shown.usd)} of ${dollars(shown.budget_usd)}`],
      ["left", `${number(shown.remaining)} writes, ${dollars(shown.usd_remaining)}`],
      ["at this rate", `${number(shown.projection.writes)} writes by the month's end, ${dollars(shown.projected_usd)}`],
      ["alerts at", `${number(levels.warn)}, ${number(levels.essential_only)} and ${number(levels.exhausted)} writes`],
    ]),
    bySystem.length ? table("Cost by system", ["system", "#writes", "#cost"], bySystem) : null,
    days(shown.days),
    months(shown.months),
  );
}

/** @param {any[]} all - The last day first. */
function days(all) {
  const shown = all.slice(0, DAYS).reverse();
  if (shown.length < 2) return null;
  const most = Math.max(1, ...shown.map((day) => day.writes));
  const bars = shown.map((day) => el("i", { title: `${clean(day.day)}: ${number(day.writes)} writes, ${dollars(day.usd)}`, style: { height: `${((day.writes / most) * 100).toFixed(1)}%` } }));
  const words = shown.map((day) => `${clean(day.day)} ${number(day.writes)}`).join(", ");
  return el("div.days", { role: "img", "aria-label": `Writes a day: ${words}` }, ...bars);
}

/** @param {Record<string, Record<string, number>>} all */
function months(all) {
  const shown = Object.entries(all).sort().reverse().slice(0, MONTHS);
  return shown.length ? facts(shown.map(([month, systems]) => [clean(month), `${number(sum(systems))} writes`])) : null;
}
