/**
 * Why a stream shows nothing, and what to do about it.
 */

import { address } from "./api.js";
import { el } from "./dom.js";
import { HINTS } from "./gone.js";
import { nothing } from "./start.js";
import { clean } from "./text.js";

/** @import {Refused} from "./api.js" */

/**
 * @typedef {object} About - What the reader asked for.
 * @property {string} query
 * @property {Refused | null} refusal - Why the server ended it.
 * @property {() => void} showAll - Shows what the chips hide.
 * @property {() => void} again - Asks for the stream from its beginning.
 */

const SAMPLE = "Warnings and errors appear here as they come; of debug and info those of the traces in the sample, 20 % unless the server was told otherwise.";

/** @type {Record<string, (about: About) => HTMLElement>} */
const WHYS = {
  refused: ({ refusal }) => card("This did not work", clean(refusal?.message ?? ""), HINTS[refusal?.status ?? 0] ?? ""),
  filtered: ({ showAll }) => card("Nothing of this is shown", "The chips above hide all that came.", el("button", { onclick: showAll }, "Show all")),
  searched: ({ query }) => card("Nothing yet that this search finds", `What comes and fits ${clean(query)} appears here.`, el("a.button", { href: address("/debug", { q: query }) }, "Search what is stored")),
  cleared: ({ again }) => card("Cleared", "What comes from now on appears here.", el("button", { onclick: again }, "Show again what came before")),
  away: () => card("The store is away", "Nothing can be stored or shown until it is back; what clients hold comes then."),
  quiet: () => card("Nothing to show in this hour", SAMPLE, el("a.button", { href: address("/debug") }, "Traces that are stored")),
  nothing: () => el("div", {}, nothing(SAMPLE)),
  off: () =>
    card(
      "Nothing is processed, so nothing comes here",
      "This server runs without a processor (--no-process), and none has worked beside it. Start one at the same store:",
      el("pre.mono", { tabindex: 0, "aria-label": "Shell" }, "tracelog process --store URL"),
      "or serve without --no-process. Everything that is stored is found meanwhile under ",
      el("a", { href: address("/debug") }, "debug"),
      ".",
    ),
};

/**
 * Return what says why nothing is shown.
 *
 * @param {string} why - A name of the table.
 * @param {About} about
 */
export function because(why, about) {
  return WHYS[why](about);
}

/**
 * @param {string} title
 * @param {string} first
 * @param {...(string | Node)} rest
 */
function card(title, first, ...rest) {
  return el("section.card.narrow", { role: "alert" }, el("h2.plain", {}, title), el("p", {}, first), el("div", {}, ...rest));
}
