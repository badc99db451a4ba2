/**
 * The pages say numbers, times and characters as Python does, and know what was pasted into their box.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Beats } from "../../tracelog/web/beats.js";
import { Flow } from "../../tracelog/web/flow.js";
import { beginning, block, clean, oneLine, parts } from "../../tracelog/web/text.js";
import { clock, duration, milliseconds, moment, number, offset, plural } from "../../tracelog/web/words.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/words.json", import.meta.url), "utf8"));

test("texts are shown as in the terminal", () => {
  for (const { text, line, block: shown } of vectors.texts) {
    assert.equal(clean(text), line);
    assert.equal(block(text), shown);
  }
});

test("exactly the hidden characters are escaped", () => {
  const hidden = new Set(vectors.hidden.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i)));
  for (let point = 0; point < 0x110000; point++) {
    const character = String.fromCodePoint(point);
    if ((oneLine(character) !== character) !== hidden.has(point)) assert.fail(`U+${point.toString(16)}`);
  }
});

test("durations, numbers and moments are said as in the terminal", () => {
  for (const { ms, ...said } of vectors.durations) assert.deepEqual({ duration: duration(ms), milliseconds: milliseconds(ms), offset: offset(ms) }, said, String(ms));
  for (const { count, ...said } of vectors.numbers) assert.deepEqual({ number: number(count), plural: plural(count, "entry", "entries") }, said);
  for (const { ms, ...said } of vectors.moments) assert.deepEqual({ clock: clock(ms), moment: moment(ms) }, said);
});

test("a secret's mark is a part of its own, a cut text has no half character", () => {
  assert.deepEqual(parts(clean("Bearer [REDACTED:bearer:9c41], ok")), ["Bearer ", { rule: "bearer", tag: "9c41" }, ", ok"]);
  assert.equal(beginning("ab🎉cd", 3), "ab…");
  assert.equal(beginning("ab🎉cd", 4), "ab🎉…");
  assert.equal(beginning("ab", 2), "ab");
});

test("beats keep every count in twenty parts, however long they go on", () => {
  const beats = new Beats(1_000);
  let sum = 0;
  for (const past of [-5, 0, 900, 1_100, 19_900, 25_000, 3_600_000, 1e15]) {
    beats.add(1_000 + past, 3);
    sum += 3;
    assert.ok(beats.counts.length <= 20);
    assert.equal(beats.counts.reduce((a, b) => a + b), sum);
  }
  const even = new Beats(0);
  even.spread(4_500, 90);
  assert.deepEqual(even.counts, [20, 20, 20, 20, 10]);
  const once = new Beats(7);
  once.spread(7, 100);
  assert.deepEqual(once.counts, [100]);
});

const row = (id, more = {}) => ({ id, entry_id: id, trace_id: "t", timestamp: 1, system: "worker", level: "info", message: "m", count: 1, ...more });

test("a flow begins in the order of time, renews rows in place, and counts all whatever is shown", () => {
  const flow = new Flow((one) => one.level !== "debug");
  for (const one of [row("c", { timestamp: 3 }), row("a"), row("b", { timestamp: 2, level: "debug", count: 5 })]) flow.take(one);
  assert.deepEqual(flow.join(), { fresh: 2, left: 0, changed: new Set() });
  assert.deepEqual(flow.shown.map((one) => one.id), ["a", "c"]);
  assert.equal(flow.take(row("a", { count: 4, last_timestamp: 9 })), 3);
  assert.equal(flow.take(row("a", { count: 4, last_timestamp: 9 })), 0);
  flow.take(row("d", { timestamp: 0 }));
  assert.equal(flow.waiting(), 1);
  assert.deepEqual([...flow.join().changed].map((one) => [one.id, one.count]), [["a", 4]]);
  assert.deepEqual(flow.shown.map((one) => one.id), ["a", "c", "d"]);
  assert.deepEqual(Object.fromEntries(flow.counts.level), { info: 6, debug: 5 });
});

test("a flow is bounded, also while it waits, and what left is counted no more", () => {
  const flow = new Flow((one) => one.level !== "debug");
  for (let i = 0; i < 25_000; i++) flow.take(row(`${i}`, { level: i % 2 ? "debug" : "warn", system: `s${i % 3}` }));
  flow.join();
  for (let i = 25_000; i < 25_100; i++) flow.take(row(`${i}`, { level: i % 2 ? "debug" : "warn" }));
  assert.equal(flow.join().left, 50);
  assert.deepEqual([flow.rows.length, flow.shown.length, flow.byId.size], [10_000, 5_000, 10_000]);
  assert.deepEqual(Object.fromEntries(flow.counts.level), { debug: 5_000, warn: 5_000 });
  assert.equal([...flow.counts.system.values()].reduce((a, b) => a + b), 10_000);
});
