/**
 * The pages say numbers, times and characters as Python does, and know what was pasted into their box.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

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
