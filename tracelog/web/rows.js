/**
 * The timeline as a list of rows of which only those in sight are in the document, so ten thousand scroll like ten.
 */

import { el } from "./dom.js";
import { line } from "./row.js";
import { clean } from "./text.js";
import { milliseconds } from "./words.js";

/** @import {Item, Report, Row} from "./shapes.js" */

const HEIGHT = 28;
/** Pixels of a row, the same as in the style sheet: the place of a row is a product. */

const AROUND = 12;
/** Rows kept above and below what is in sight. */

export class Rows {
  /**
   * @param {(row: Row) => void} onOpen - Called with the row that the reader opens.
   * @param {(first: Item | undefined, last: Item | undefined) => void} onSight - Called with what is in sight.
   */
  constructor(onOpen, onSight) {
    this.element = el("div.rows", { role: "grid", tabindex: 0, "aria-label": "Timeline", "aria-readonly": "true" });
    /** @type {Item[]} */
    this.items = [];
    /** @type {[number, number]} */
    this.domain = [0, 1];
    /** @type {Set<string>} */
    this.critical = new Set();
    this.on = -1;
    /** @type {Map<number, HTMLElement>} */
    this.drawn = new Map();
    this.onOpen = onOpen;
    this.onSight = onSight;
    this.waiting = false;
    const again = () => this.soon();
    addEventListener("scroll", again, { passive: true });
    addEventListener("resize", again, { passive: true });
  }

  /**
   * Show other rows.
   *
   * @param {Item[]} items
   * @param {[number, number]} domain - Milliseconds from the left to the right edge.
   * @param {Set<string>} critical - Spans of the critical path.
   */
  show(items, domain, critical) {
    Object.assign(this, { items, domain, critical });
    this.element.style.height = `${items.length * HEIGHT}px`;
    this.element.setAttribute("aria-rowcount", String(items.length));
    this.drawn.forEach((row) => row.remove());
    this.drawn.clear();
    this.draw();
    this.point();
  }

  /**
   * Move by *step* rows from the chosen one to the next that *wanted* takes; return whether there was one.
   *
   * @param {number} step
   * @param {(row: Row) => boolean} [wanted]
   */
  move(step, wanted = () => true) {
    let place = this.on;
    /** @type {Item | undefined} */
    let item;
    do item = this.items[(place += step)];
    while (item && (item.aside !== undefined || !wanted(item)));
    if (item) this.choose(place);
    return Boolean(item);
  }

  /**
   * Choose the row of the entry *id*; return whether it is there.
   *
   * @param {string} id
   */
  find(id) {
    const place = this.items.findIndex((item) => item.id === id);
    if (place >= 0) this.choose(place);
    return place >= 0;
  }

  /** @param {number} place */
  choose(place) {
    this.drawn.get(this.on)?.classList.remove("on");
    this.drawn.get(this.on)?.removeAttribute("aria-selected");
    this.on = place;
    const item = this.items[place];
    if (item && item.aside === undefined) this.onOpen(item);
    this.bringIntoSight(place);
    this.draw();
    this.point();
  }

  point() {
    const row = this.drawn.get(this.on);
    row?.classList.add("on");
    row?.setAttribute("aria-selected", "true");
    if (row) this.element.setAttribute("aria-activedescendant", row.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  /**
   * Scroll to the moment *ms*, without choosing a row.
   *
   * @param {number} ms
   */
  seek(ms) {
    const found = this.items.findIndex((item) => (item.aside === undefined ? item.at_ms : item.ends) >= ms);
    const place = found < 0 ? this.items.length - 1 : found;
    scrollBy(0, this.element.getBoundingClientRect().top + place * HEIGHT - innerHeight / 2);
  }

  /** @param {number} place */
  bringIntoSight(place) {
    const top = this.element.getBoundingClientRect().top + place * HEIGHT;
    const head = document.querySelector(".map")?.getBoundingClientRect().bottom ?? 0;
    const panel = document.querySelector(".panel");
    const covered = panel && getComputedStyle(panel).position === "fixed" ? panel.getBoundingClientRect().top : innerHeight;
    const foot = covered - HEIGHT * 2;
    if (top < head + HEIGHT) scrollBy(0, top - head - HEIGHT * 3);
    else if (top > foot) scrollBy(0, top - foot + HEIGHT * 2);
  }

  /** The row at the top of the sight, and where it stands; null for who looks at what is above all rows. */
  place() {
    const top = this.element.getBoundingClientRect().top;
    const head = document.querySelector(".map")?.getBoundingClientRect().bottom ?? 0;
    let at = Math.ceil((head - top) / HEIGHT);
    if (at <= 0) return null;
    while (this.items[at]?.aside !== undefined) at++;
    const id = this.items[at]?.id;
    return id ? { id, top: top + at * HEIGHT } : null;
  }

  /**
   * Scroll so that a row stands where it stood when `place` returned *place*.
   *
   * @param {{id: string, top: number} | null} place
   */
  hold(place) {
    const at = place ? this.items.findIndex((item) => item.id === place.id) : -1;
    if (place && at >= 0) scrollBy(0, this.element.getBoundingClientRect().top + at * HEIGHT - place.top);
  }

  /** Draw before the next picture: many scroll events fall into one. */
  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const top = -this.element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / HEIGHT) - AROUND);
    const last = Math.min(this.items.length, Math.ceil((top + innerHeight) / HEIGHT) + AROUND);
    for (const [place, row] of this.drawn) {
      if (place >= first && place < last) continue;
      row.remove();
      this.drawn.delete(place);
    }
    const more = document.createDocumentFragment();
    for (let place = first; place < last; place++) if (!this.drawn.has(place)) more.append(this.made(place));
    this.element.append(more);
    const seen = (/** @type {number} */ place) => this.items[Math.min(this.items.length - 1, Math.max(0, place))];
    this.onSight(seen(first && first + AROUND), seen(last - (last < this.items.length ? AROUND : 1)));
  }

  /** @param {number} place */
  made(place) {
    const row = line(this.items[place], this.domain, this.critical);
    row.id = `row-${place}`;
    row.setAttribute("aria-rowindex", String(place + 1));
    row.style.top = `${place * HEIGHT}px`;
    row.classList.toggle("even", place % 2 === 1);
    row.classList.toggle("on", place === this.on);
    if (this.items[place].aside === undefined) row.addEventListener("click", () => this.choose(place));
    this.drawn.set(place, row);
    return row;
  }
}

/**
 * Rows of *report*, and between them what was silent.
 *
 * @param {Report} report
 * @returns {Item[]}
 */
export function withAsides(report) {
  return report.timeline.flatMap((row) => {
    const shown = row.why ? { ...row, words: report.story.whys[row.why] } : row;
    if (row.gap_before_ms === null) return [shown];
    const said = report.story.silences[row.id] ?? `${milliseconds(row.gap_before_ms)} of silence`;
    return [{ aside: clean(said), ends: row.at_ms }, shown];
  });
}
