/**
 * Chips of a stream: systems and levels with counts that grow. A chip stays where it is, so that it is not under way
 * when somebody points at it.
 */

import { el } from "./dom.js";
import { LEVELS, flipped } from "./filters.js";
import { clean } from "./text.js";
import { hue, number } from "./words.js";

/** @import {Flow} from "./flow.js" */
/** @import {View} from "./view.js" */

const MOST = 8;
/** Systems in sight; further ones are behind a word: a public sender may make up any number. */

const EVER = 200;
/** Systems that have a chip at all. */

export class Chips {
  /**
   * @param {View} view
   * @param {(changes: Partial<View>) => void} change
   */
  constructor(view, change) {
    this.view = view;
    this.change = change;
    /** All systems with their counts, also those without a chip. @type {Map<string, number>} */
    this.known = new Map();
    /** @type {Map<string, HTMLButtonElement>} */
    this.systems = new Map();
    this.first = el("div.chips", { role: "group", "aria-label": "Systems" });
    this.rest = el("div.chips");
    this.word = el("summary.chip.button");
    this.more = el("details.more", { hidden: true }, this.word, this.rest);
    this.first.append(this.more);
    this.levels = new Map(LEVELS.map((name) => [name, this.chip(name, "levels", ["fatal", "error"].includes(name) ? "bad" : "plain")]));
    this.element = el("div.filters", {}, this.first, el("div.chips", { role: "group", "aria-label": "Levels" }, ...this.levels.values()));
    for (const name of view.off) this.add(name);
  }

  /** Go to the first chip. */
  focus() {
    this.element.querySelector("button:not([hidden])")?.focus();
  }

  /**
   * Show the counts of *flow*: of all its rows, whatever is filtered.
   *
   * @param {Flow} flow
   */
  update({ counts }) {
    for (const name of counts.system.keys()) if (!this.systems.has(name) && this.systems.size < EVER) this.add(name);
    this.known = counts.system;
    for (const [name, chip] of this.systems) {
      const count = counts.system.get(name) ?? 0;
      if (!count && chip.parentNode === this.rest && !this.view.off.has(name)) this.leave(name, chip);
      else this.tell(chip, name, count, this.view.off);
    }
    for (const [name, chip] of this.levels) {
      const count = counts.level.get(name) ?? 0;
      chip.hidden = !count && !this.view.levels.has(name);
      this.tell(chip, name, count, this.view.levels);
    }
  }

  /** @param {string} name */
  add(name) {
    const chip = this.chip(name, "off", `hue.${hue(name)}`);
    this.systems.set(name, chip);
    if (this.systems.size <= MOST) this.more.before(chip);
    else this.rest.append(chip);
    this.count();
  }

  /**
   * @param {string} name
   * @param {HTMLButtonElement} chip
   */
  leave(name, chip) {
    chip.remove();
    this.systems.delete(name);
    this.count();
  }

  count() {
    const { length } = this.rest.children;
    this.more.hidden = !length;
    this.word.textContent = `${number(length)} more`;
  }

  /**
   * @param {string} name
   * @param {"off" | "levels"} field
   * @param {string} classes
   * @returns {HTMLButtonElement}
   */
  chip(name, field, classes) {
    const flip = (/** @type {MouseEvent} */ event) => {
      const all = field === "off" ? [...this.systems.keys(), ...this.known.keys()] : LEVELS;
      this.change({ [field]: flipped(this.view[field], name, event.shiftKey ? all : null) });
    };
    return el(`button.chip.${classes}`, { onclick: flip, title: "with Shift: this one alone" });
  }

  /**
   * @param {HTMLButtonElement} chip
   * @param {string} name
   * @param {number} count
   * @param {Set<string>} off
   */
  tell(chip, name, count, off) {
    const text = `${clean(name)} ${number(count)}`;
    if (chip.textContent !== text) chip.textContent = text;
    chip.setAttribute("aria-pressed", String(!off.has(name)));
  }
}
