/**
 * The page of one trace: cards, lanes, filters, rows and the panel, joined by the view that stands in the address.
 */

import { address, get, pageOf, text } from "./api.js";
import { detail } from "./detail.js";
import { copy, el, fill } from "./dom.js";
import { Lanes } from "./lanes.js";
import { Rows } from "./rows.js";
import { failed, time } from "./story.js";
import { keep, read, shows } from "./view.js";
import { clean, clock, hue, milliseconds, number } from "./words.js";

const LEVELS = ["fatal", "error", "warn", "info", "log", "debug"];

const FOR_AGENT = 2000;
/** Tokens of what *copy for agent* copies. */

export class Trace {
  constructor(main, tools) {
    this.main = main;
    this.tools = tools;
    this.view = read();
    this.rows = new Rows((row) => this.open(row));
    this.lanes = new Lanes((span) => this.change({ span }));
    this.entries = null;
  }

  /**
   * Fetch the trace *ref* and show it.
   *
   * @throws {import("./api.js").Refused}
   */
  async load(ref) {
    const report = await get(`/api/v1/traces/${encodeURIComponent(ref)}/report`);
    this.report = report;
    if (report.trace_id !== ref) history.replaceState(null, "", pageOf(report.trace_id) + location.search);
    document.title = `${report.story.ok ? "✓" : "✗"} ${clean(report.story.headline)} · tracelog`;
    this.items = withAsides(report);
    this.draw();
    this.fetchEntries(report.trace_id);
  }

  draw() {
    const { report, view } = this;
    const go = (id) => this.goTo(id);
    this.filters = el("div.bar-of-filters");
    this.foot = el("div.foot");
    this.panel = el("div");
    this.timeline = el("section.card", { "aria-label": "Timeline" }, this.filters, this.lanes.element, this.lanes.axis, this.rows.element, this.foot);
    this.work = el("div.work", {}, this.timeline);
    fill(this.main, el("div.answers", {}, failed(report, go), time(report, go)), this.work);
    this.main.setAttribute("aria-busy", "false");
    fill(this.tools, ...this.actions());
    this.lanes.show(report);
    this.refresh();
    if (view.row) this.goTo(view.row);
  }

  /** Take *changes* into the view and show what it shows now. */
  change(changes) {
    Object.assign(this.view, changes);
    keep(this.view);
    this.refresh();
  }

  refresh() {
    const { report, view } = this;
    const critical = new Set(report.critical_path.map((step) => step.span_id));
    const wanted = this.hop ? (item) => item.span_id === this.hop || item.parent_id === this.hop : () => true;
    const items = this.items.filter((item) => (item.aside ? !this.hop && !view.text && inSpan(view, item) : shows(view, item) && wanted(item)));
    this.rows.on = items.findIndex((item) => item.id === view.row);
    this.rows.show(items, view.span ?? [0, Math.max(1, report.duration_ms)], critical);
    this.lanes.mark(view.span);
    fill(this.filters, ...this.chips());
    const entries = items.filter((item) => !item.aside).length;
    const all = report.timeline.length;
    fill(this.foot, ...(entries < all ? [el("p", {}, `${number(entries)} of ${number(all)} rows are shown by these filters. `, el("button", { onclick: () => this.all() }, "Show all"))] : []), ...report.story.missing.map((line) => el("p", {}, clean(line))), el("p", {}, clean(report.story.ledger)));
  }

  /** Take every filter away. */
  all() {
    this.hop = null;
    this.change({ off: new Set(), levels: new Set(), text: "", span: null });
  }

  chips() {
    const { report, view } = this;
    const systems = counted(report.timeline, "system");
    const levels = counted(report.timeline, "level");
    const chip = (name, count, set, classes) => {
      const flip = () => {
        set.has(name) ? set.delete(name) : set.add(name);
        this.change({});
      };
      return el(`button.chip.${classes}`, { "aria-pressed": String(!set.has(name)), onclick: flip }, `${clean(name)} ${number(count)}`);
    };
    const box = el("input", { type: "search", value: view.text, placeholder: "text in rows", "aria-label": "Text that rows contain", id: "has" });
    box.addEventListener("input", () => this.typed(box));
    return [
      el("div.chips", { role: "group", "aria-label": "Systems" }, ...[...systems].map(([name, count]) => chip(name, count, view.off, `hue.${hue(name)}`))),
      el("div.chips", { role: "group", "aria-label": "Levels" }, ...LEVELS.filter((name) => levels.has(name)).map((name) => chip(name, levels.get(name), view.levels, ["fatal", "error"].includes(name) ? "bad" : "plain"))),
      box,
      view.span || this.hop ? el("button", { onclick: () => ((this.hop = null), this.change({ span: null })) }, this.hop ? "All hops" : "Whole time ", this.hop ? "" : el("kbd", {}, "0")) : el("span.quiet", {}, "drag over the lanes to zoom"),
    ];
  }

  typed(box) {
    this.change({ text: box.value });
    const again = document.getElementById("has");
    again.focus();
    again.setSelectionRange(box.selectionStart, box.selectionEnd);
  }

  actions() {
    const { trace_id: id } = this.report;
    const path = `/api/v1/traces/${encodeURIComponent(id)}/export`;
    const save = (form, name) => el("a.button", { href: address(path, { format: form }), download: `${id}.${form}` }, name);
    const agent = el("button", { onclick: () => this.forAgent(), title: "Markdown within 2,000 tokens (c)" }, "Copy for agent");
    const link = el("button", { onclick: () => copy(location.href, "the link") }, "Link to this view");
    const others = el("details.menu", {}, el("summary.button", {}, "Export"), el("div", {}, save("json", "JSON"), save("ndjson", "NDJSON"), save("md", "Markdown"), link));
    this.until = el("span.quiet");
    return [this.until, agent, others];
  }

  async forAgent() {
    const path = `/api/v1/traces/${encodeURIComponent(this.report.trace_id)}/export`;
    await copy(await text(path, { format: "md", budget: FOR_AGENT }), "the brief");
  }

  /** Open the entry *id*, taking filters away that hide it. */
  goTo(id) {
    if (this.rows.find(id)) return;
    if (!this.items.some((item) => item.id === id)) return;
    this.all();
    this.rows.find(id);
  }

  open(row) {
    if (row.aside) return;
    this.view.row = row.id;
    keep(this.view);
    const acts = { close: () => this.close(), only: (one) => ((this.hop = one.span_id), this.change({})) };
    this.panel.remove();
    this.panel = detail(row, this.entries?.get(row.id) ?? (this.entries ? null : { ...row, context: {} }), acts);
    this.work.classList.add("open");
    this.work.append(this.panel);
  }

  close() {
    this.panel.remove();
    this.work.classList.remove("open");
    this.view.row = null;
    keep(this.view);
    this.rows.element.focus({ preventScroll: true });
  }

  /** The entries in full come after the first picture, which does not need them. */
  async fetchEntries(id) {
    const trace = await get(`/api/v1/traces/${encodeURIComponent(id)}`);
    this.until.textContent = `kept until ${clock(trace.expires_at).slice(0, 5)}`;
    this.entries = new Map(trace.entries.map((entry) => [entry.id, entry]));
    const row = this.items.find((item) => item.id === this.view.row);
    if (row) this.open(row);
  }
}

/** Rows of *report*, and between them what was silent. */
function withAsides(report) {
  return report.timeline.flatMap((row) => {
    const shown = row.why ? { ...row, words: report.story.whys[row.why] } : row;
    if (row.gap_before_ms === null) return [shown];
    const said = report.story.silences[row.id] ?? `${milliseconds(row.gap_before_ms)} of silence`;
    return [{ aside: clean(said), at_ms: null, ends: row.at_ms }, shown];
  });
}

function inSpan(view, item) {
  return !view.span || (item.ends >= view.span[0] && item.ends <= view.span[1]);
}

/** How many rows there are by *field*; the report's rows, not what the filters leave. */
function counted(rows, field) {
  const counts = new Map();
  for (const row of rows) counts.set(row[field], (counts.get(row[field]) ?? 0) + 1);
  return counts;
}
