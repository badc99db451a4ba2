/**
 * The whole trace at a glance: a lane for each system with its spans, entries, failures and silences, the critical
 * path below, and what is in sight. Dragging over it chooses the time that the rows show; a click goes there. Readers without a pointer
 * zoom by keys, and those without the picture have the same facts as rows: it is hidden from screen readers.
 */

import { el, fill, shape } from "./dom.js";
import { clean } from "./text.js";
import { duration, hue, isFailure } from "./words.js";
import { endOf } from "./view.js";

/** @import {Item, Report, Row} from "./shapes.js" */
/** @typedef {[number, number]} Span */

const LANE = 18, WIDE = 1000;

const CELLS = 500;
/** Places of a lane: entries that fall into the same one are one mark, so ten thousand draw as fast as ten. */

const MOST = 8;
/** Lanes with a name of their own; further systems share one, else the rows would begin below the screen. */

export class Lanes {
  /**
   * @param {(span: Span) => void} onChoose - Called with the time that was dragged over.
   * @param {(ms: number) => void} onSeek - Called with the moment that was clicked.
   */
  constructor(onChoose, onSeek) {
    this.element = el("div.lanes", { "aria-hidden": "true" });
    this.axis = el("div.axis", { "aria-hidden": "true" });
    this.chosen = el("div.chosen", { hidden: true });
    this.seen = el("div.seen", { hidden: true });
    this.onChoose = onChoose;
    this.onSeek = onSeek;
    this.total = 1;
  }

  /**
   * Draw *report*.
   *
   * @param {Report} report
   */
  show(report) {
    this.total = Math.max(1, report.duration_ms);
    const lanes = grouped(report);
    const path = this.path(report, lanes.length * LANE);
    const high = lanes.length * LANE + (path.length ? 6 : 0);
    const drawing = shape("svg", { viewBox: `0 0 ${WIDE} ${high}`, preserveAspectRatio: "none", height: high });
    drawing.append(hatch(), ...this.silences(report, lanes.length * LANE), ...lanes.flatMap(([name, rows], i) => this.lane(rows, hue(name), i * LANE)), ...path);
    const plot = el("div.plot", { style: { height: `${high}px` } }, drawing, this.seen, this.chosen);
    this.listen(plot);
    fill(this.element, el("div", {}, ...lanes.map(([name]) => el(`div.name.hue.${hue(name)}`, { title: clean(name) }, clean(name)))), plot);
    fill(this.axis, ...[0, 0.25, 0.5, 0.75, 1].map((part) => el("span", {}, part ? duration(part * this.total) : "0")));
  }

  /**
   * Mark *span* as chosen.
   *
   * @param {Span | null} span
   */
  mark(span) {
    this.place(this.chosen, span);
  }

  /**
   * Mark the time of the rows that are in sight.
   *
   * @param {Item | undefined} first
   * @param {Item | undefined} last
   */
  sight(first, last) {
    const at = (/** @type {Item} */ item) => (item.aside === undefined ? item.at_ms : item.ends);
    this.place(this.seen, first && last ? [at(first), Math.max(at(first), at(last))] : null);
  }

  /**
   * @param {HTMLElement} element
   * @param {Span | null} span
   */
  place(element, span) {
    element.hidden = !span;
    if (!span) return;
    element.style.left = `${(span[0] / this.total) * 100}%`;
    element.style.width = `${((Math.min(this.total, span[1]) - span[0]) / this.total) * 100}%`;
  }

  /**
   * @param {Row[]} rows
   * @param {string} color
   * @param {number} top
   */
  lane(rows, color, top) {
    const spans = rows.filter((row) => row.duration_ms !== null || row.count > 1);
    /** @type {Map<number, boolean>} */
    const marks = new Map();
    for (const row of rows) {
      const place = Math.min(CELLS - 1, Math.floor((row.at_ms / this.total) * CELLS));
      if (isFailure(row) || !marks.has(place)) marks.set(place, isFailure(row));
    }
    return [
      ...covered(spans).map(([from, to]) => this.box(`rect.span.${color}`, from, to, top + 4, LANE - 8)),
      ...[...marks].map(([place, failed]) => shape(failed ? "rect.failed" : `rect.dot.${color}`, { x: (place / CELLS) * WIDE - (failed ? 1 : 0.5), y: top + (failed ? 2 : 6), width: failed ? 3 : 1.5, height: failed ? LANE - 4 : LANE - 12 })),
    ];
  }

  /**
   * @param {Report} report
   * @param {number} high
   */
  silences(report, high) {
    return report.timeline.filter((row) => row.gap_before_ms !== null).map((row) => this.box("rect.silence", row.at_ms - (row.gap_before_ms ?? 0), row.at_ms, 0, high));
  }

  /**
   * @param {Report} report
   * @param {number} top
   */
  path(report, top) {
    const at = new Map(report.timeline.filter((row) => row.span_id && row.duration_ms !== null).map((row) => [row.span_id, row]));
    const steps = report.critical_path.flatMap((step) => at.get(step.span_id) ?? []);
    return steps.map((row) => this.box(`rect.critical.${hue(row.system)}`, row.at_ms, endOf(row), top + 2, 3));
  }

  /**
   * @param {string} name
   * @param {number} from
   * @param {number} to
   * @param {number} y
   * @param {number} height
   */
  box(name, from, to, y, height) {
    const x = (Math.max(0, from) / this.total) * WIDE;
    return shape(name, { x, y, width: Math.max(1, (to / this.total) * WIDE - x), height });
  }

  /** @param {HTMLElement} plot */
  listen(plot) {
    /** @type {number | null} */
    let began = null;
    const at = (/** @type {PointerEvent} */ event) => {
      const box = plot.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.total;
    };
    /** @type {(event: PointerEvent) => Span} */
    const span = (event) => [Math.min(began ?? 0, at(event)), Math.max(began ?? 0, at(event))];
    plot.addEventListener("pointerdown", (event) => {
      began = at(event);
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", (event) => {
      if (began !== null) this.mark(span(event));
    });
    plot.addEventListener("pointerup", (event) => {
      if (began === null) return;
      const chosen = span(event);
      began = null;
      if (chosen[1] - chosen[0] > this.total / 200) this.onChoose(chosen);
      else this.onSeek(chosen[0]);
    });
    plot.addEventListener("pointercancel", () => {
      began = null;
    });
  }
}

/**
 * Rows by lane: in order of appearance; where there are many systems, the failing and the talkative ones, then the
 * rest.
 *
 * @param {Report} report
 * @returns {[string, Row[]][]}
 */
function grouped(report) {
  /** @type {Map<string, Row[]>} */
  const rows = new Map(report.systems.map((system) => [system.system, []]));
  for (const row of report.timeline) rows.get(row.system)?.push(row);
  const lanes = [...rows];
  if (lanes.length <= MOST + 1) return lanes;
  const weight = new Map(lanes.map(([name, said]) => [name, said.filter(isFailure).length * 1e6 + said.length]));
  const heavy = new Set([...weight].sort((a, b) => b[1] - a[1]).slice(0, MOST).map(([name]) => name));
  const others = lanes.filter(([name]) => !heavy.has(name));
  return [...lanes.filter(([name]) => heavy.has(name)), [`${others.length} others`, others.flatMap(([, said]) => said)]];
}

/**
 * Times that *rows* cover together, as few intervals.
 *
 * @param {Row[]} rows
 */
function covered(rows) {
  /** @type {Span[]} */
  const found = [];
  const spans = rows.map((row) => /** @type {Span} */ ([row.at_ms, endOf(row)])).sort((a, b) => a[0] - b[0]);
  for (const [from, to] of spans) {
    const last = found.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}

function hatch() {
  return shape("defs", {}, shape("pattern", { id: "hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse" }, shape("path.hatch-line", { d: "M0 8L8 0" })));
}
