/**
 * A closer look at the store, and what to do about it.
 */

import { card, facts, size } from "./board.js";
import { el } from "./dom.js";
import { clean } from "./text.js";
import { number, plural } from "./words.js";

/**
 * @param {any} status - Tells how it is now.
 * @param {any} looked - What the closer look found; null when there was none.
 */
export function store(status, looked) {
  const title = "Store", now = status.store, seen = looked ?? {};
  const memory = seen.memory, ttl = seen.ttl, kept = seen.persistence, file = seen.file;
  const advice = [...(seen.recommendations ?? [])], warnings = (now.ok && seen.warnings) || now.warnings || [];
  return card(
    title,
    el("p", { class: now.ok ? "good" : "bad" }, el("b", {}, now.ok ? `${clean(now.kind)} answers` : "away"), now.ok ? "" : `: ${clean(now.cause ?? "it does not answer")}`),
    facts([
      ["version", clean(now.version ?? "")],
      ["size", bytes(now.size_bytes)],
      ["keys", count(now.keys)],
      ["holds", holds(seen)],
      ["memory", memory && [bytes(memory.used_bytes), memory.limit_bytes ? `of ${size(memory.limit_bytes)}` : "without a limit", memory.policy ? `policy ${clean(memory.policy)}` : "", memory.fragmentation ? `fragmentation ${memory.fragmentation}` : ""].filter(Boolean).join(", ")],
      ["evicted", seen.evicted ? el("b.bad", {}, number(seen.evicted)) : count(seen.evicted)],
      ["without end", ttl && `${number(ttl.endless)} of ${plural(ttl.looked, "key")} looked at`],
      ["on disk", kept && saved(kept)],
      ["file", file && `${size(file.free_bytes)} free, ${size(file.log_bytes)} in its write-ahead log`],
      ["slowest", seen.slow?.length ? `${number(Math.max(...seen.slow.map((/** @type {any} */ one) => one.ms)))} ms` : ""],
      ["nodes", seen.nodes ? number(Object.keys(seen.nodes).length) : ""],
    ]),
    el("h3", {}, "Recommendations"),
    advice.length || warnings.length
      ? el("ul.plain", {}, ...warnings.map((/** @type {string} */ text) => el("li.warn", {}, clean(text))), ...advice.map((text) => el("li.warn", {}, clean(text))))
      : el("p.quiet", {}, now.ok ? "Nothing to do." : "They are known again when the store is back."),
  );
}

/** @param {any} seen */
function holds(seen) {
  const parts = [["traces", "trace"], ["entries", "entry"], ["pins", "pin"], ["sources", "source"]];
  return parts.filter(([name]) => typeof seen[name] === "number").map(([name, one]) => plural(seen[name], one, name)).join(", ");
}

/** @param {any} kept */
function saved(kept) {
  const log = kept.log ? `append-only file${kept.log_ok === false ? " (failing)" : ""}` : "";
  const saves = kept.saves ? `snapshots${kept.save_ok === false ? " (failing)" : ""}` : "";
  return [log, saves].filter(Boolean).join(", ") || el("span.warn", {}, "nothing is written to disk");
}

/** @param {number | null | undefined} value */
function count(value) {
  return typeof value === "number" ? number(value) : "";
}

/** @param {number | null | undefined} value */
function bytes(value) {
  return typeof value === "number" ? size(value) : "";
}
