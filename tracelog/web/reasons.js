/**
 * Why entries were not kept, in words: those of `render/reasons.py`.
 */

import { clean } from "./text.js";

/** @type {Record<string, string>} */
const WORDS = {
  system_quota: "over the quota of the system",
  trace_quota: "over the quota of the trace",
  budget: "over the budget",
  rate: "over the rate limit",
  sampled: "sampled out",
  loop: "stopped as loops",
  loop_template: "stopped as loops of one form",
  noise: "known as noise",
  echo: "said by several systems at once",
};

export const FOLDED = new Set(["loop", "loop_template"]);
/** Reasons of what a row stands for that counts it. */

/**
 * Return what *reason* means; one that is not ours is shown as it is.
 *
 * @param {string | undefined} reason
 */
export function because(reason = "") {
  return Object.hasOwn(WORDS, reason) ? WORDS[reason] : clean(reason).replaceAll("_", " ");
}
