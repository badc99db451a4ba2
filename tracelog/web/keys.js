/**
 * The keyboard: every key in one table, which the help sheet shows.
 */

import { el } from "./dom.js";

/**
 * Listen for keys.
 *
 * @param {Record<string, [string, () => void]>} table - By key: what it does, in words and in fact.
 */
export function listen(table) {
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, dialog");
    if (event.key === "Escape" && typing?.blur) typing.blur();
    if ((typing && event.key !== "Escape") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("button, a, summary") && (event.key === "Enter" || event.key === " ")) return;
    if (event.key === "?") {
      event.preventDefault();
      help(table);
      return;
    }
    const found = table[event.key];
    if (!found) return;
    event.preventDefault();
    found[1]();
  });
}

/** Show what the keys do. */
export function help(table) {
  const list = el("dl.helps");
  for (const [key, [words]] of Object.entries(table)) if (words) list.append(el("dt", {}, el("kbd", {}, key)), el("dd", {}, words));
  const sheet = el("dialog", { "aria-label": "Keys" }, el("h2", {}, "Keys"), list, el("p", {}, el("button", { onclick: () => sheet.close(), autofocus: true }, "Close")));
  document.body.append(sheet);
  sheet.addEventListener("close", () => sheet.remove());
  sheet.showModal();
}
