/**
 * The timeline as rows: sentences, with the waterfall behind them. Only what is in sight is in the document, so
 * ten thousand rows scroll like ten.
 */

import { el } from "./dom.js";
import { clean, hue, milliseconds, number, offset, parts } from "./words.js";
import { endOf } from "./view.js";

const HEIGHT = 28;
/** Pixels of a row, the same as in the style sheet: the place of a row is a product. */

const AROUND = 12;
/** Rows kept above and below what is in sight. */

export class Rows {
  /**
   * @param {(row: any) => void} onOpen - Called with the row that the reader opens.
   */
  constructor(onOpen) {
    this.element = el("div.rows", { role: "grid", tabindex: 0, "aria-label": "Timeline", "aria-readonly": "true" });
    this.items = [];
    this.domain = [0, 1];
    this.critical = new Set();
    this.on = -1;
    this.drawn = new Map();
    this.onOpen = onOpen;
    const again = () => this.draw();
    addEventListener("scroll", again, { passive: true });
    addEventListener("resize", again, { passive: true });
  }

  /**
   * Show other rows.
   *
   * @param {any[]} items - Rows of the report, and `{aside, at_ms}` for what stands between them.
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
  }

  /** Move by *step* rows from the chosen one to the next that *wanted* takes. */
  move(step, wanted = (item) => !item.aside) {
    let place = this.on;
    do place += step;
    while (place >= 0 && place < this.items.length && !wanted(this.items[place]));
    if (place >= 0 && place < this.items.length) this.choose(place);
  }

  /** Choose the row of the entry *id*; return whether it is there. */
  find(id) {
    const place = this.items.findIndex((item) => item.id === id);
    if (place >= 0) this.choose(place);
    return place >= 0;
  }

  choose(place, { open = true } = {}) {
    this.drawn.get(this.on)?.classList.remove("on");
    this.on = place;
    this.bringIntoSight(place);
    this.draw();
    this.drawn.get(place)?.classList.add("on");
    this.element.setAttribute("aria-activedescendant", `row-${place}`);
    if (open) this.onOpen(this.items[place]);
  }

  bringIntoSight(place) {
    const top = this.element.getBoundingClientRect().top + place * HEIGHT;
    const head = document.querySelector(".top").getBoundingClientRect().bottom;
    const foot = innerHeight - HEIGHT * 2;
    if (top < head + HEIGHT) scrollBy(0, top - head - HEIGHT * 3);
    else if (top > foot) scrollBy(0, top - foot + HEIGHT * 2);
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
    for (let place = first; place < last; place++) {
      if (this.drawn.has(place)) continue;
      const row = this.line(this.items[place], place);
      this.drawn.set(place, row);
      this.element.append(row);
    }
  }

  line(item, place) {
    const row = item.aside ? this.aside(item) : this.entry(item, place);
    row.id = `row-${place}`;
    row.setAttribute("aria-rowindex", String(place + 1));
    row.style.top = `${place * HEIGHT}px`;
    if (place % 2) row.classList.add("even");
    if (place === this.on) row.classList.add("on");
    return row;
  }

  aside(item) {
    return el("div.row.aside", { role: "row" }, cell("at", item.at_ms === null ? "" : offset(item.at_ms)), cell("", ""), cell("track", item.aside), cell("took", ""));
  }

  entry(item, place) {
    const who = item.service ? `${item.system}/${item.service}` : item.system;
    const track = cell("track", "", this.bar(item), el("span.text", {}, ...said(item)));
    const row = el("div.row", { role: "row", class: `${item.level} ${item.kind ?? ""} ${hue(item.system)}`, onclick: () => this.choose(place) });
    row.append(cell("at.mono", offset(item.at_ms)), cell("hue", clean(who)), track, cell("took", item.duration_ms === null ? "" : milliseconds(item.duration_ms)));
    return row;
  }

  bar(item) {
    const [from, to] = this.domain;
    const wide = to - from || 1;
    const left = Math.max(0, item.at_ms - from) / wide;
    const right = Math.min(to, endOf(item)) - from;
    const width = Math.max(0, right / wide - left);
    const mark = el("span.bar", { style: { left: `${left * 100}%`, width: `${width * 100}%` } });
    if (item.span_id && item.duration_ms !== null && this.critical.has(item.span_id)) mark.classList.add("critical");
    return mark;
  }
}

function cell(classes, text, ...children) {
  const name = classes ? `div.${classes}` : "div";
  return el(name, { role: "gridcell" }, ...(children.length ? children : [text]));
}

/** What a row says: marks for failures and repeats, and a pill where a secret stood. */
function said(item) {
  const marks = [];
  if (item.level === "error" || item.level === "fatal") marks.push("✗ ");
  if (item.kind === "suppressed") marks.push(el("span.pill", {}, `${number(item.count)} not kept`), ` ${item.words ?? item.why ?? ""} `);
  else if (item.count > 1) marks.push(el("span.pill", {}, `×${number(item.count)}`), " ");
  if (item.kind === "context") marks.push(el("span.pill", { title: "held back, and brought out by the error" }, "before the error"), " ");
  const text = item.error && !item.message.includes(item.error) ? `${item.message}: ${item.error}` : item.message;
  return [...marks, ...pieces(text)];
}

/** *text* as nodes: what programs wrote made harmless, and a pill where a secret stood. */
export function pieces(text) {
  return parts(clean(text)).map((part) =>
    typeof part === "string" ? part : el("span.pill", { title: `a secret stood here (rule ${part.rule}); the same tag is the same secret` }, `‹${part.rule}${part.tag ? `:${part.tag}` : ""}›`),
  );
}
