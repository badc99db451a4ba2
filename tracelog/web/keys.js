/**
 * The keyboard: every key in one table, which the help sheet shows.
 */

import { dialog, el } from "./dom.js";

/** @typedef {[key: string, words: string, act: () => void][]} Keys - What each key does, in words (empty: not told) and in fact. */

/**
 * Listen for keys.
 *
 * @param {Keys} table
 */
export function listen(table) {
  addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.closest("dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = target.closest("input, textarea, select");
    if (typing && event.key !== "Escape") return;
    if (target.closest("button, a, summary") && (event.key === "Enter" || event.key === " ")) return;
    if (target.closest(".panel") && event.key.startsWith("Arrow")) return; // they scroll it
    const found = table.find(([key]) => key === event.key);
    if (!found) return;
    if (typing instanceof HTMLElement) {
      typing.blur();
      return;
    }
    event.preventDefault();
    found[2]();
  });
}

/**
 * Show what the keys do.
 *
 * @param {Keys} table
 */
export function help(table) {
  const list = el("dl.helps");
  for (const [key, words] of table) if (words) list.append(el("dt", {}, el("kbd", {}, key)), el("dd", {}, words));
  dialog("Keys", list, el("p.quiet", {}, "Tab goes through buttons and chips. Shift with a chip shows it alone."));
}
