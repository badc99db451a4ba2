/**
 * Where an entry stands in the error chains: what led to it, what came of it, and on what that rests.
 */

import { el, pieces } from "./dom.js";
import { beginning, clean } from "./text.js";
import { hue, offset, plural, who } from "./words.js";

/** @import {Link, Report, Row} from "./shapes.js" */
/** @typedef {(id: string) => void} Open - Opens an entry. */

const LONGEST = 160;

/** @type {Record<string, string>} */
const KINDS = {
  exception: "both tell of one exception",
  parent_hop: "it failed in a hop that this one called",
  same_hop: "it failed in the same hop",
  http_status: "it tells of the status that was answered",
  outlasted: "this one stopped waiting while that was still at work",
  shared_value: "both mention the same id",
  unknown_hop: "its caller is not known, and this one was open all the while",
  time_order: "neither has a hop; it came before",
};

/**
 * Return what the chains of *report* say of *row*; null when it is in none.
 *
 * @param {Report} report
 * @param {Row} row
 * @param {Open} open
 * @returns {HTMLElement | null}
 */
export function evidence(report, row, open) {
  const rows = new Map(report.timeline.map((one) => [one.id, one]));
  const list = el("dl.fields");
  const add = (/** @type {string} */ name, /** @type {(string | Node)[]} */ ...value) => list.append(el("dt", {}, name), el("dd", {}, ...value));
  const step = (/** @type {string} */ id) => {
    const one = rows.get(id);
    if (!one) return clean(id);
    return el("button.step", { onclick: () => open(id) }, el(`span.hue.${hue(one.system)}`, {}, `${offset(one.at_ms)} ${clean(who(one))} `), ...pieces(beginning(one.message, LONGEST)));
  };
  for (const chain of report.chains) {
    if (chain.root === row.id) add("first cause", `${percent(chain.confidence)} sure`);
    for (const link of chain.links) {
      if (link.to === row.id) add("because of", step(link.from), el("div.quiet", {}, why(link)), ...further(link).map(step));
      if (link.from === row.id) add("led to", step(link.to));
    }
  }
  return list.firstChild ? list : null;
}

/**
 * The reason of *link* as a sentence, which also the steps of the chain show.
 *
 * @param {Link} link
 */
export function why(link) {
  const seen = further(link).length;
  return `${KINDS[link.kind] ?? link.kind.replaceAll("_", " ")}, ${percent(link.confidence)} sure${seen ? `, seen in ${plural(seen, "further entry", "further entries")}` : ""}`;
}

/**
 * What *link* rests on beside the two that it joins.
 *
 * @param {Link} link
 */
function further(link) {
  return link.evidence.filter((id) => id !== link.from && id !== link.to);
}

/** @param {number} part */
function percent(part) {
  return `${Math.round(part * 100)} %`;
}
