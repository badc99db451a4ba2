/**
 * Pages instead of a trace: what is known of one that is gone, and what went wrong.
 */

import { Refused, address } from "./api.js";
import { el, fill } from "./dom.js";
import { clean } from "./text.js";
import { ago, duration, hue, moment, plural } from "./words.js";

/** @import {Gone} from "./shapes.js" */

/** @type {Record<string, string>} */
const WHY = {
  expired: "Its time was over: entries are kept for an hour after the last one, unless somebody pins the trace.",
  evicted: "The store needed the room: give it more, log less, or pin what has to stay.",
};

/** @type {Record<number, string>} */
export const HINTS = {
  0: "Try again when it runs.",
  400: "The search language is: words, \"several words\", -without, and fields such as level:error system:worker since:15m dur:>100.",
  404: "It may have expired: entries are kept for an hour. Or it never arrived: what was refused is in `tracelog status`.",
  503: "The store is away. The page can be loaded again when it is back.",
};

/**
 * Show why there is nothing else to show.
 *
 * @param {HTMLElement} main
 * @param {unknown} error
 * @param {string} asked - What was asked for.
 */
export function wrong(main, error, asked) {
  const refused = error instanceof Refused ? error : new Refused(-1, `The page met something it does not know: ${error}`);
  fill(main, refused.gone ? tombstone(refused.gone) : sentence(refused, asked));
  main.setAttribute("aria-busy", "false");
}

/** @param {Gone} gone */
function tombstone(gone) {
  const systems = gone.systems.flatMap((name, i) => [i ? ", " : "", el(`span.hue.${hue(name)}`, {}, clean(name))]);
  const errors = gone.errors ? [", ", el("span.bad", {}, plural(gone.errors, "error"))] : [];
  const facts = el("dl.fields", {});
  const add = (/** @type {string} */ name, /** @type {(string | Node)[]} */ ...value) => facts.append(el("dt", {}, name), el("dd", {}, ...value));
  add("trace", el("span.mono", {}, clean(gone.trace_id)));
  add("held", plural(gone.entries, "entry", "entries"), ...errors);
  add("systems", ...systems);
  add("said", `${moment(gone.first_ms)}, for ${duration(gone.last_ms - gone.first_ms)}`);
  add("gone", `${moment(gone.gone_ms)}, ${ago(gone.gone_ms, Date.now())}`);
  return el("section.card.narrow.gone", { role: "alert" }, el("h1", {}, `This trace is gone: ${clean(gone.why)}`), el("p", {}, WHY[gone.why] ?? ""), facts, back());
}

/**
 * @param {Refused} error
 * @param {string} asked
 */
function sentence(error, asked) {
  const title = error.status === 404 ? `Nothing is here of ${clean(asked.slice(0, 80))}` : "This did not work";
  return el("section.card.narrow", { role: "alert" }, el("h1", {}, title), el("p", {}, clean(error.message)), el("p.quiet", {}, HINTS[error.status] ?? ""), back());
}

function back() {
  return el("p", {}, el("a.button", { href: address("/debug") }, "Recent traces"));
}
