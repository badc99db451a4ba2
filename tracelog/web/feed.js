/**
 * A long list that grows at its end and follows it, until the reader scrolls away. Only lines in sight are in
 * the document.
 */

import { el } from "./dom.js";

const HEIGHT = 26;
/** Pixels of a line, the same as in the style sheet. */

const AROUND = 10;

export class Feed {
  /**
   * @param {(row: any) => HTMLElement} line - Makes the line of a row.
   * @param {() => void} onFollow - Called when following begins or ends.
   */
  constructor(line, onFollow) {
    this.line = line;
    this.onFollow = onFollow;
    this.rows = [];
    this.drawn = new Map();
    this.follows = true;
    this.newer = 0;
    this.all = el("div.all", { role: "list" });
    this.element = el("div.stream", { tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Recent events" }, this.all);
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    addEventListener("resize", () => this.soon());
  }

  /** Show *rows*, of which *added* came since the last time, and those whose ids are in *changed* anew. */
  show(rows, added = 0, changed = new Set()) {
    this.rows = rows;
    if (!this.follows) this.newer += added;
    for (const [row, line] of this.drawn) {
      if (!changed.has(row.id)) continue;
      line.remove();
      this.drawn.delete(row);
    }
    this.soon();
  }

  /** Go to the end and stay there. */
  follow() {
    this.follows = true;
    this.newer = 0;
    this.soon();
    this.onFollow();
  }

  soon() {
    this.asked ??= requestAnimationFrame(() => {
      this.asked = undefined;
      this.draw();
    });
  }

  draw() {
    const box = this.element;
    this.all.style.height = `${this.rows.length * HEIGHT}px`;
    if (this.follows) box.scrollTop = box.scrollHeight;
    const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - AROUND);
    const last = Math.min(this.rows.length, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + AROUND);
    const wanted = new Set(this.rows.slice(first, last));
    for (const [row, line] of this.drawn) {
      if (wanted.has(row)) continue;
      line.remove();
      this.drawn.delete(row);
    }
    for (let place = first; place < last; place++) {
      const row = this.rows[place];
      let line = this.drawn.get(row);
      if (!line) {
        line = this.line(row);
        this.drawn.set(row, line);
        this.all.append(line);
      }
      line.style.top = `${place * HEIGHT}px`;
    }
  }

  scrolled() {
    const box = this.element;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < HEIGHT;
    if (atEnd !== this.follows) {
      this.follows = atEnd;
      if (atEnd) this.newer = 0;
      this.onFollow();
    }
    this.soon();
  }
}
