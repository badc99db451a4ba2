/**
 * The whole trace at a glance: a lane for each system with its spans, entries, failures and silences, and the
 * critical path below. Dragging over it chooses the time that the rows show.
 */

import { el, fill, shape } from "./dom.js";
import { clean, duration, hue } from "./words.js";
import { endOf } from "./view.js";

const LANE = 18, WIDE = 1000;

const CELLS = 500;
/** Places of a lane: entries that fall into the same one are one mark, so ten thousand draw as fast as ten. */

export class Lanes {
  /**
   * @param {(span: [number, number] | null) => void} onChoose - Called with the chosen time; null for all.
   */
  constructor(onChoose) {
    this.element = el("div.lanes", { "aria-hidden": "true" });
    this.axis = el("div.axis", { "aria-hidden": "true" });
    this.chosen = el("div.chosen", { hidden: true });
    this.onChoose = onChoose;
    this.total = 1;
  }

  /**
   * Draw *report*.
   */
  show(report) {
    this.total = Math.max(1, report.duration_ms);
    const systems = [...new Set(report.systems.map((system) => system.system))];
    const path = this.path(report);
    const high = systems.length * LANE + (path.length ? 6 : 0);
    const drawing = shape("svg", { viewBox: `0 0 ${WIDE} ${high}`, preserveAspectRatio: "none", height: high });
    drawing.append(hatch(), ...this.silences(report, systems.length * LANE), ...systems.flatMap((name, i) => this.lane(report, name, i * LANE)), ...path);
    const plot = el("div.plot", { style: { height: `${high}px` } }, drawing, this.chosen);
    const names = el("div", {}, ...systems.map((name) => el(`div.name.hue.${hue(name)}`, {}, clean(name))));
    this.plot = plot;
    this.listen(plot);
    fill(this.element, names, plot);
    fill(this.axis, ...[0, 0.25, 0.5, 0.75, 1].map((part) => el("span", {}, part ? duration(part * this.total) : "0")));
  }

  /** Mark *span* as chosen. */
  mark(span) {
    this.chosen.hidden = !span;
    if (!span) return;
    this.chosen.style.left = `${(span[0] / this.total) * 100}%`;
    this.chosen.style.width = `${((span[1] - span[0]) / this.total) * 100}%`;
  }

  lane(report, name, top) {
    const rows = report.timeline.filter((row) => row.system === name);
    const spans = rows.filter((row) => row.duration_ms !== null || row.count > 1);
    const marks = new Map();
    for (const row of rows) {
      const failed = row.level === "error" || row.level === "fatal";
      const place = Math.min(CELLS - 1, Math.floor((row.at_ms / this.total) * CELLS));
      if (failed || !marks.has(place)) marks.set(place, failed);
    }
    return [
      ...covered(spans).map(([from, to]) => this.box(`rect.span.${hue(name)}`, from, to, top + 4, LANE - 8)),
      ...[...marks].map(([place, failed]) => shape(failed ? "rect.failed" : `rect.dot.${hue(name)}`, { x: (place / CELLS) * WIDE - (failed ? 1 : 0.5), y: top + (failed ? 2 : 6), width: failed ? 3 : 1.5, height: failed ? LANE - 4 : LANE - 12 })),
    ];
  }

  silences(report, high) {
    const rows = report.timeline.filter((row) => row.gap_before_ms !== null);
    return rows.map((row) => this.box("rect.silence", row.at_ms - row.gap_before_ms, row.at_ms, 0, high));
  }

  path(report) {
    const at = new Map(report.timeline.filter((row) => row.span_id && row.duration_ms !== null).map((row) => [row.span_id, row]));
    const steps = report.critical_path.map((step) => at.get(step.span_id)).filter(Boolean);
    const high = new Set(report.systems.map((system) => system.system)).size * LANE;
    return steps.slice(-1).concat(steps.slice(0, -1)).map((row) => this.box("rect.critical", row.at_ms, endOf(row), high + 2, 2));
  }

  box(name, from, to, y, height) {
    const x = (Math.max(0, from) / this.total) * WIDE;
    return shape(name, { x, y, width: Math.max(1, (to / this.total) * WIDE - x), height });
  }

  listen(plot) {
    let began = null;
    const at = (event) => {
      const box = plot.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.total;
    };
    plot.addEventListener("pointerdown", (event) => {
      began = at(event);
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", (event) => {
      if (began !== null) this.mark([Math.min(began, at(event)), Math.max(began, at(event))]);
    });
    plot.addEventListener("pointerup", (event) => {
      if (began === null) return;
      const span = [Math.min(began, at(event)), Math.max(began, at(event))];
      began = null;
      const wide = span[1] - span[0] > this.total / 200;
      this.onChoose(wide ? span : null);
    });
  }
}

/** Times that *rows* cover together, as few intervals. */
function covered(rows) {
  const found = [];
  for (const [from, to] of rows.map((row) => [row.at_ms, endOf(row)]).sort((a, b) => a[0] - b[0])) {
    const last = found.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}

function hatch() {
  const line = shape("path.hatch-line", { d: "M0 8L8 0" });
  return shape("defs", {}, shape("pattern", { id: "hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse" }, line));
}
