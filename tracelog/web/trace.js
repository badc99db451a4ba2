/**
 * The page of one trace: cards, lanes, filters, rows and the panel, joined by the view that stands in the address.
 */

import { Refused, get, getExact, pageOf, traceAt } from "./api.js";
import { detail } from "./detail.js";
import { announce, el, fill, note } from "./dom.js";
import { evidence } from "./evidence.js";
import { Filters } from "./filters.js";
import { Lanes } from "./lanes.js";
import { buttons, forAgent, told } from "./menu.js";
import { Newer } from "./newer.js";
import { Rows, withAsides } from "./rows.js";
import { failed, time } from "./story.js";
import { clean } from "./text.js";
import { isFailure, number, plural } from "./words.js";
import { endOf, keep, read, shows } from "./view.js";

/** @import {Aside, Entry, Item, Report, Row, Summary} from "./shapes.js" */
/** @import {View} from "./view.js" */

const NEAREST_MS = 0.5;
/** Nothing is zoomed nearer: clocks tell no more. */

export class Trace {
  /**
   * @param {HTMLElement} main
   * @param {HTMLElement} tools
   * @param {Report} report
   */
  constructor(main, tools, report) {
    this.report = report;
    this.view = read();
    /** @type {Item[]} */
    this.items = [];
    /** @type {Set<string>} */
    this.critical = new Set();
    /** @type {Promise<Map<string, Entry>> | null} */
    this.entries = null;
    /** Entries that the page knows of, and those that were stored at the last look. */
    this.known = this.stored = 0;
    /** @type {Filters} */ this.filters;
    this.lanes = new Lanes((span) => this.change({ span }), (ms) => this.seek(ms));
    this.rows = new Rows((row) => this.open(row), (first, last) => this.lanes.sight(first, last));
    this.answers = el("div.answers");
    this.foot = el("div.foot");
    /** @type {HTMLElement | null} */
    this.panel = null;
    this.take(report);
    const timeline = el("section.card", { "aria-label": "Timeline" }, this.filters.element, el("div.map", {}, this.lanes.element, this.lanes.axis), this.rows.element, this.foot);
    this.work = el("div.work", {}, timeline);
    this.newer = new Newer(() => this.fresher(), (count) => `${plural(count, "entry", "entries")} newer, show`, () => this.renew());
    fill(main, this.answers, this.work, this.newer.element);
    main.setAttribute("aria-busy", "false");
    tools.prepend(...buttons(report.trace_id).filter((child) => child instanceof Node));
    this.refresh();
    if (this.view.row) this.goTo(this.view.row);
  }

  /**
   * Let the page be about *report*.
   *
   * @param {Report} report
   */
  take(report) {
    this.report = report;
    this.items = withAsides(report);
    this.critical = new Set(report.critical_path.map((step) => step.span_id));
    this.entries = null;
    this.known = Math.max(this.stored, report.ledger.entries);
    this.filters = new Filters(report, this.view, (changes) => this.change(changes));
    const open = (/** @type {string} */ id) => this.goTo(id);
    fill(this.answers, failed(report, open), time(report, open));
    this.lanes.show(report);
    document.title = `${report.story.ok ? "✓" : "✗"} ${clean(report.story.headline)} · tracelog`;
  }

  /** How many entries came since this report was made. */
  async fresher() {
    const { trace_id } = this.report;
    /** @type {{traces: Summary[]}} */
    const { traces } = await get("/api/v1/traces", { q: `trace:"${trace_id}"`, limit: 5 });
    this.stored = traces.find((one) => one.trace_id === trace_id)?.entries ?? 0;
    return Math.max(0, this.stored - this.known);
  }

  /** Show what came; the view, the panel and the row at the top of the sight stay. */
  async renew() {
    const report = await get(traceAt(this.report.trace_id, "report"));
    const place = this.rows.place(), before = this.filters.element;
    const inside = before.contains(document.activeElement) || document.activeElement === document.body; // a button that went
    this.take(report);
    before.replaceWith(this.filters.element);
    this.refresh();
    this.rows.hold(place);
    if (inside) this.rows.element.focus({ preventScroll: true });
  }

  /**
   * Take *changes* into the view, show what it shows now, and say how much that is.
   *
   * @param {Partial<View>} changes
   */
  change(changes) {
    Object.assign(this.view, changes);
    keep(this.view);
    const shown = this.refresh();
    announce(`${number(shown)} of ${plural(this.report.timeline.length, "row")} shown`);
  }

  refresh() {
    const { report, view } = this;
    const quiet = Boolean(view.hop || view.text || view.off.size || view.levels.size);
    const items = this.items.filter((item) => (item.aside === undefined ? shows(view, item) : !quiet && within(view, item)));
    this.rows.on = items.findIndex((item) => item.id === view.row && view.row !== null);
    this.rows.show(items, view.span ?? [0, Math.max(1, report.duration_ms)], this.critical);
    this.lanes.mark(view.span);
    const shown = items.filter((item) => item.aside === undefined).length;
    this.filters.update(shown, report.timeline.length);
    this.tell(shown);
    return shown;
  }

  /**
   * Say under the rows what is not among them.
   *
   * @param {number} shown
   */
  tell(shown) {
    const { story, timeline } = this.report;
    const hidden = shown < timeline.length && el("p", {}, `${number(shown)} of ${plural(timeline.length, "row")} are shown by these filters. `, el("button", { onclick: () => this.all() }, "Show all"));
    fill(this.foot, hidden, ...story.missing.map((line) => el("p", {}, clean(line))), el("p", {}, clean(story.ledger)));
  }

  /** Take every filter away. */
  all() {
    this.change({ off: new Set(), levels: new Set(), text: "", span: null, hop: null });
  }

  /**
   * Look nearer (*factor* below 1) or from further away, around the chosen row or the middle.
   *
   * @param {number} factor
   */
  zoom(factor) {
    const total = Math.max(1, this.report.duration_ms);
    const [from, to] = this.view.span ?? [0, total];
    const row = this.rows.items[this.rows.on];
    const middle = row?.aside === undefined && row && row.at_ms >= from && row.at_ms <= to ? Math.min(total, (row.at_ms + Math.min(to, endOf(row))) / 2) : (from + to) / 2;
    const half = Math.max(NEAREST_MS, ((to - from) * factor) / 2);
    this.look(middle - half, middle + half);
  }

  /**
   * Look at an earlier (*part* below 0) or later time, by this part of what is looked at.
   *
   * @param {number} part
   */
  pan(part) {
    if (!this.view.span) return;
    const [from, to] = this.view.span;
    const total = Math.max(1, this.report.duration_ms);
    const by = Math.max(-from, Math.min(total - to, (to - from) * part));
    this.look(from + by, to + by);
  }

  /**
   * Go to the rows of the moment *ms*; a zoom that leaves it out moves there.
   *
   * @param {number} ms
   */
  seek(ms) {
    const [from, to] = this.view.span ?? [0, Infinity];
    if (ms < from || ms > to) {
      const wide = to - from;
      const begin = Math.max(0, Math.min(this.report.duration_ms - wide, ms - wide / 2));
      this.look(begin, begin + wide);
    }
    this.rows.seek(ms);
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  look(from, to) {
    const total = Math.max(1, this.report.duration_ms);
    this.change({ span: from <= 0 && to >= total ? null : [Math.max(0, from), Math.min(total, to)] });
  }

  nextError() {
    if (!this.rows.move(1, isFailure)) note("no further error");
  }

  copyForAgent() {
    told(forAgent(this.report.trace_id));
  }

  /**
   * Open the entry *id*, taking filters away that hide it.
   *
   * @param {string} id
   */
  goTo(id) {
    if (this.rows.find(id) || !this.items.some((item) => item.id === id)) return;
    this.all();
    this.rows.find(id);
  }

  /** @param {Row} row */
  open(row) {
    this.view.row = row.id;
    keep(this.view);
    this.dock(row, undefined);
    this.entries ??= this.fetched();
    this.entries.then(
      (entries) => this.view.row === row.id && this.dock(row, entries.get(row.id) ?? null),
      (error) => this.lost(error),
    );
  }

  /**
   * Say why the entries are not here: the panel stays with what the report knows, and the next one asks again.
   *
   * @param {unknown} error
   */
  lost(error) {
    this.entries = null;
    if (!(error instanceof Refused)) throw error;
    this.panel?.append(el("p.warn", {}, error.message));
    note(error.message);
  }

  /**
   * Dock the panel of *row*; focus that was in the one before goes on in it.
   *
   * @param {Row} row
   * @param {Entry | null | undefined} entry
   */
  dock(row, entry) {
    const inside = this.panel?.contains(document.activeElement) ?? false;
    const acts = { trace: this.report.trace_id, close: () => this.close(), only: (/** @type {Row} */ one) => this.change({ hop: one.span_id }), evidence: (/** @type {Row} */ one) => evidence(this.report, one, (id) => this.goTo(id)) };
    const panel = detail(row, entry, this.clockOf(row), acts);
    if (this.panel) this.panel.replaceWith(panel);
    else this.work.append(panel);
    this.panel = panel;
    this.work.classList.add("open");
    if (inside) panel.focus({ preventScroll: true });
  }

  /** @param {Row} row */
  clockOf(row) {
    const systems = this.report.systems.filter((one) => one.system === row.system);
    return (systems.find((one) => one.service === row.service) ?? systems[0])?.clock;
  }

  /** Go from the rows into the panel. */
  into() {
    this.panel?.focus({ preventScroll: true });
  }

  close() {
    if (!this.panel) return;
    this.panel.remove();
    this.panel = null;
    this.work.classList.remove("open");
    this.view.row = null;
    keep(this.view);
    this.rows.element.focus({ preventScroll: true });
  }

  /** The entries in full are fetched when the first is opened: neither rows nor cards need them. */
  async fetched() {
    const { entries } = await getExact(traceAt(this.report.trace_id));
    return new Map(entries.map((/** @type {Entry} */ entry) => [entry.id, entry]));
  }
}

/**
 * Fetch the trace *ref* and show it.
 *
 * @param {HTMLElement} main
 * @param {HTMLElement} tools
 * @param {string} ref
 * @throws {import("./api.js").Refused}
 */
export async function load(main, tools, ref) {
  /** @type {Report} */
  const report = await get(traceAt(ref, "report"));
  if (report.trace_id !== ref) history.replaceState(null, "", pageOf(report.trace_id) + location.search);
  return new Trace(main, tools, report);
}

/**
 * @param {View} view
 * @param {Aside} item
 */
function within(view, item) {
  return !view.span || (item.ends >= view.span[0] && item.ends <= view.span[1]);
}
