/**
 * The docked panel: one entry with all that is known of it.
 */

import { copy, el } from "./dom.js";
import { pieces } from "./rows.js";
import { clean, clock, duration, hue, offset } from "./words.js";

const FIELDS = ["service", "logger", "area", "user_id", "environment", "release", "span_id", "parent_id", "kind", "why", "origin", "source", "id"];

const LIBRARY = /site-packages|dist-packages|node_modules|\/lib\/python\d|<frozen |node:internal|webpack-internal:\/\/\/\.\/node_modules|\(native\)/;
/** A line of a stack that is not the program's own. */

const DEEP = 3;
/** Levels of the context that stand open. */

/**
 * Return the panel of an entry.
 *
 * @param {any} row - As the timeline has it.
 * @param {any} entry - As the store has it; null when it is not there any more.
 * @param {{close: () => void, only: (row: any) => void}} acts
 */
export function detail(row, entry, acts) {
  const panel = el("aside.card.panel", { "aria-label": "Entry", tabindex: -1 });
  const close = el("button", { onclick: acts.close, "aria-label": "Close the panel" }, "✕");
  panel.append(el("div.head", {}, el("h2", {}, el(`span.hue.${hue(row.system)}`, {}, clean(row.system)), ` · ${clean(row.level)}`), close));
  panel.append(el(`pre.message.${["error", "fatal"].includes(row.level) ? "bad" : "plain"}`, {}, ...pieces(row.message)));
  panel.append(fields(row, entry));
  if (entry?.error) panel.append(el("h2", {}, "Exception"), ...causes(entry.error));
  if (entry?.stack) panel.append(el("h2", {}, "Stack"), stack(entry.stack));
  if (entry?.context && Object.keys(entry.context).length) panel.append(el("h2", {}, "Context"), tree(entry.context, 0));
  if (!entry) panel.append(el("p.quiet", {}, "The store does not hold this entry any more; the report knew it."));
  const raw = el("details.stack", {}, el("summary", {}, "Raw JSON"), el("pre.mono", {}, clean(JSON.stringify(entry ?? row, null, 2))));
  const only = row.span_id ? el("button", { onclick: () => acts.only(row) }, "Only this hop") : null;
  panel.append(raw, el("div.acts", {}, el("button", { onclick: () => copy(JSON.stringify(entry ?? row, null, 2), "the entry") }, "Copy"), only ?? ""));
  return panel;
}

function fields(row, entry) {
  const list = el("dl.fields");
  const add = (name, ...value) => list.append(el("dt", {}, name), el("dd", {}, ...value));
  add("at", `${offset(row.at_ms)} ms `, el("span.quiet", { title: "by the clock of its source" }, clock(row.raw_timestamp)));
  if (row.duration_ms !== null) add("took", duration(row.duration_ms));
  if (row.count > 1) add("stands for", `${row.count} entries${row.last_timestamp ? `, until ${clock(row.last_timestamp)}` : ""}`);
  for (const name of FIELDS) if (entry?.[name] ?? row[name]) add(name.replace("_id", ""), el("span.mono", {}, clean(entry?.[name] ?? row[name])));
  if (entry?.fixed?.length) add("cleaned", clean(entry.fixed.join(", ")));
  return list;
}

function causes(error) {
  const lines = [];
  for (let one = error, depth = 0; one && depth < 12; one = one.cause, depth++) {
    lines.push(el("pre.mono", {}, depth ? el("span.quiet", {}, "caused by ") : "", el("b", {}, clean(one.type ?? "")), ": ", ...pieces(String(one.message ?? ""))));
  }
  return lines;
}

/** A stack with runs of library frames folded into one line. */
function stack(text) {
  const box = el("div.stack.mono");
  let run = [];
  const end = () => {
    if (run.length > 2) box.append(el("details", {}, el("summary", {}, `… ${run.length} lines of libraries`), el("pre", {}, run.join("\n"))));
    else if (run.length) box.append(el("pre.quiet", {}, run.join("\n")));
    run = [];
  };
  let library = false;
  for (const line of clean(text).split("\n")) {
    if (/^\s*(File "|at |\S+@)/.test(line)) library = LIBRARY.test(line);
    else if (!/^\s/.test(line)) library = false;
    if (library) run.push(line);
    else {
      end();
      box.append(el("pre", {}, ...pieces(line)));
    }
  }
  end();
  return box;
}

function tree(value, depth) {
  const list = el("ul.tree.mono");
  for (const [key, inner] of Object.entries(value)) {
    const nested = inner !== null && typeof inner === "object" && Object.keys(inner).length;
    const name = el("span.key", {}, clean(key));
    if (nested) list.append(el("li", {}, el("details", { open: depth < DEEP }, el("summary", {}, name, el("span.quiet", {}, Array.isArray(inner) ? ` [${inner.length}]` : "")), tree(inner, depth + 1))));
    else list.append(el("li", {}, name, " ", ...pieces(typeof inner === "string" ? inner : JSON.stringify(inner))));
  }
  return list;
}
