/**
 * A long list that grows at its end and follows it, until the reader scrolls away. Only lines in sight are in the
 * document, and a line that changes stays the same element, so that whoever points at it still does.
 */

import { el } from "./dom.js";

/** @typedef {{element: HTMLElement, update: () => void}} Line */

const AROUND = 8;
/** Lines kept above and below what is in sight. */

/** @template Row */
export class Feed {
  /**
   * @param {string} name - Of the list, for screen readers.
   * @param {(row: Row) => Line} line - Makes the line of a row.
   * @param {() => void} onFollow - Called when following begins or ends, and when a row is chosen.
   */
  constructor(name, line, onFollow) {
    this.line = line;
    this.onFollow = onFollow;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Row | null} The chosen one. */
    this.on = null;
    /** @type {Map<Row, Line>} */
    this.drawn = new Map();
    this.follows = true;
    /** Rows that came since following ended. */
    this.newer = 0;
    this.top = 0;
    this.number = 0;
    this.waiting = false;
    this.all = el("div.all", { role: "rowgroup" });
    this.element = el("div.feed", { role: "grid", tabindex: 0, "aria-label": name, "aria-readonly": "true" }, this.all);
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    /** To ask for it costs a computation of all styles. */
    this.measured = 0;
    addEventListener("resize", () => {
      this.measured = 0;
      this.soon();
    });
  }

  /** Pixels of a line: the style sheet says them, and other ones for narrow screens. */
  get height() {
    this.measured ||= parseFloat(getComputedStyle(this.element).getPropertyValue("--line-height"));
    return this.measured;
  }

  /**
   * Show *rows*.
   *
   * @param {Row[]} rows
   * @param {{fresh: number, left: number, changed: Set<Row>}} change - What is different from the time before.
   */
  show(rows, { fresh, left, changed }) {
    this.rows = rows;
    if (!this.follows) {
      this.newer += fresh;
      if (left) this.element.scrollTop = this.top = Math.max(0, this.top - left * this.height);
    }
    for (const row of changed) this.drawn.get(row)?.update();
    this.draw();
  }

  /** Go to the end and stay there. */
  follow() {
    this.on = null;
    this.hold(true);
    this.draw();
  }

  /**
   * Choose the row *step* further that *wanted* takes; return whether there was one.
   *
   * @param {number} step
   * @param {(row: Row) => boolean} [wanted]
   */
  move(step, wanted = () => true) {
    const from = this.on === null ? -1 : this.rows.indexOf(this.on);
    let place = from < 0 ? (step < 0 || this.follows ? this.rows.length : -1) : from;
    if (from < 0 && this.follows && step > 0) place = this.rows.length - 2;
    do place += step;
    while (this.rows[place] && !wanted(this.rows[place]));
    if (!this.rows[place]) return false;
    this.choose(place);
    return true;
  }

  /** @param {number} place */
  choose(place) {
    const { element, height } = this;
    this.on = this.rows[place];
    this.hold(false);
    const top = place * height;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + height > element.scrollTop + element.clientHeight) element.scrollTop = top + height - element.clientHeight;
    this.top = element.scrollTop;
    this.draw();
  }

  /**
   * Scroll by *screens*, wherever the focus is.
   *
   * @param {number} screens - Below 0 to what came before.
   */
  turn(screens) {
    const { element } = this;
    element.scrollTop = Math.max(0, element.scrollTop + screens * (element.clientHeight - this.height));
  }

  /** Choose no row any more. */
  leave() {
    this.on = null;
    this.draw();
  }

  /**
   * The row whose line *target* is in.
   *
   * @param {Element} target
   */
  rowAt(target) {
    for (const [row, line] of this.drawn) if (line.element.contains(target)) return row;
    return null;
  }

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const { element, rows, height, drawn } = this;
    this.all.style.height = `${rows.length * height}px`;
    element.setAttribute("aria-rowcount", String(rows.length));
    if (this.follows) element.scrollTop = rows.length * height;
    this.top = element.scrollTop;
    const first = Math.max(0, Math.floor(this.top / height) - AROUND);
    const last = Math.min(rows.length, Math.ceil((this.top + element.clientHeight) / height) + AROUND);
    const wanted = new Set(rows.slice(first, last));
    for (const [row, line] of drawn) {
      if (wanted.has(row)) continue;
      line.element.remove();
      drawn.delete(row);
    }
    for (let place = first; place < last; place++) this.put(rows[place], place, height);
    this.point();
  }

  /**
   * @param {Row} row
   * @param {number} place
   * @param {number} height
   */
  put(row, place, height) {
    let line = this.drawn.get(row);
    if (!line) {
      line = this.line(row);
      line.element.id = `line-${this.number++}`;
      this.drawn.set(row, line);
      this.all.append(line.element);
    }
    line.element.style.top = `${place * height}px`;
    line.element.setAttribute("aria-rowindex", String(place + 1));
    line.element.classList.toggle("even", place % 2 === 1);
    line.element.classList.toggle("on", row === this.on);
  }

  point() {
    const line = this.on === null ? undefined : this.drawn.get(this.on);
    if (line) this.element.setAttribute("aria-activedescendant", line.element.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  scrolled() {
    const box = this.element;
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < this.height;
    if (isAtEnd && this.on === null) this.hold(true);
    else if (box.scrollTop < this.top) this.hold(false);
    this.soon();
  }

  /** @param {boolean} follows */
  hold(follows) {
    if (follows) this.newer = 0;
    const isOther = follows !== this.follows;
    this.follows = follows;
    if (isOther) this.onFollow();
  }
}
