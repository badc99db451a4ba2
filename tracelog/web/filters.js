/**
 * The bar of filters: a chip for each system and level with the number of its rows, and a box for text. It is made
 * once and then only changed, so that the focus stays where the reader has it.
 */

import { el, fill } from "./dom.js";
import { clean } from "./text.js";
import { duration, hue, number } from "./words.js";

/** @import {Report, Row} from "./shapes.js" */
/** @import {View} from "./view.js" */

export const LEVELS = ["fatal", "error", "warn", "info", "log", "debug"];

const MOST = 8;
/** Chips of systems in sight; further ones are behind a word. */

export class Filters {
  /**
   * @param {Report} report
   * @param {View} view
   * @param {(changes: Partial<View>) => void} change
   */
  constructor(report, view, change) {
    this.view = view;
    this.change = change;
    /** @type {(() => void)[]} */
    this.updates = [];
    const systems = [...counted(report.timeline, "system")].sort((a, b) => b[1] - a[1]);
    const levels = counted(report.timeline, "level");
    const chips = systems.map(([name, count]) => this.chip(name, count, "off", systems, `hue.${hue(name)}`));
    const more = chips.length > MOST + 1 ? el("details.more", {}, el("summary.chip.button", {}, `${chips.length - MOST} more systems`), el("div.chips", {}, ...chips.slice(MOST))) : null;
    const said = LEVELS.filter((name) => levels.has(name)).map((name) => /** @type {[string, number]} */ ([name, levels.get(name) ?? 0]));
    this.box = el("input", { type: "search", value: view.text, placeholder: "text in rows", "aria-label": "Text that rows contain", id: "has" });
    this.box.addEventListener("input", () => change({ text: this.box.value }));
    this.zoom = el("span.quiet");
    this.element = el(
      "div.bar-of-filters",
      {},
      el("div.chips", { role: "group", "aria-label": "Systems" }, ...(more ? [...chips.slice(0, MOST), more] : chips)),
      el("div.chips", { role: "group", "aria-label": "Levels" }, ...said.map(([name, count]) => this.chip(name, count, "levels", said, ["fatal", "error"].includes(name) ? "bad" : "plain"))),
      this.box,
      this.zoom,
    );
  }

  /**
   * Show what the view is now.
   *
   * @param {number} shown - Rows that it leaves.
   * @param {number} total
   */
  update(shown, total) {
    const { view } = this;
    for (const update of this.updates) update();
    if (document.activeElement !== this.box) this.box.value = view.text;
    fill(
      this.zoom,
      shown < total && `${number(shown)} of ${number(total)} rows `,
      view.hop && el("button.chip", { onclick: () => this.change({ hop: null }), title: "show all hops" }, `one hop ✕`),
      view.span && el("button.chip", { onclick: () => this.change({ span: null }), title: "show the whole time (0)" }, `${duration(view.span[0])} – ${duration(view.span[1])} ✕`),
      !view.hop && !view.span && "drag over the lanes to zoom",
    );
  }

  /**
   * @param {string} name
   * @param {number} count
   * @param {"off" | "levels"} field - Of the view: the set that says what is not shown.
   * @param {[string, number][]} all - Its neighbours and itself.
   * @param {string} classes
   */
  chip(name, count, field, all, classes) {
    const flip = (/** @type {MouseEvent} */ event) => {
      const names = all.map(([one]) => one);
      this.change({ [field]: flipped(this.view[field], name, event.shiftKey ? names : null) });
    };
    const button = el(`button.chip.${classes}`, { onclick: flip, title: "with Shift: this one alone" }, `${clean(name)} ${number(count)}`);
    this.updates.push(() => button.setAttribute("aria-pressed", String(!this.view[field].has(name))));
    return button;
  }
}

/**
 * Return what is not shown once the chip *name* was pressed.
 *
 * @param {Set<string>} off - What was not shown before.
 * @param {string} name
 * @param {string[] | null} names - All chips of the group, when *name* is to stand alone, or no longer.
 */
export function flipped(off, name, names) {
  if (!names) return new Set(off.has(name) ? [...off].filter((one) => one !== name) : [...off, name]);
  const others = names.filter((one) => one !== name);
  return new Set(!off.has(name) && others.every((one) => off.has(one)) ? [] : others);
}

/**
 * How many rows there are by *field*; the report's rows, not what the filters leave.
 *
 * @param {Row[]} rows
 * @param {"system" | "level"} field
 */
function counted(rows, field) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const row of rows) counts.set(row[field], (counts.get(row[field]) ?? 0) + 1);
  return counts;
}
