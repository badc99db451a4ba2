/**
 * The parts of the browser client, each held against its promise without a browser.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { describe, frames } from "../../tracelog/js/errors.js";
import { guard } from "../../tracelog/js/guard.js";
import { redactor } from "../../tracelog/js/redact.js";
import { shipper } from "../../tracelog/js/ship.js";
import { format, show } from "../../tracelog/js/text.js";

const rules = JSON.parse(readFileSync(new URL("../../tracelog/core/rules.json", import.meta.url), "utf8"));
// a page's timers die with it; those of a test must not keep the process
const { setTimeout } = globalThis;
globalThis.setTimeout = (work, ms) => setTimeout(work, ms).unref();

const NUMBERS = { run_burst: 5, run_window_s: 1, hot_above: 30, hot_window_s: 10, longest_s: 60, normal: [50, 25, 12, 6] };

test("stacks of all engines read the same", () => {
  const chromium = "TypeError: no\nof two lines\n    at pay (https://a/x.js:1:2)\n    at async https://a/x.js:3:4";
  assert.equal(frames(chromium), "\n    at pay (https://a/x.js:1:2)\n    at async https://a/x.js:3:4");
  const firefox = "pay@https://a/x.js:1:2\nasync*go@https://cdn/react@18/x.js:3:4\n@https://a/:5:6\nsetTimeout handler*later@https://a/:7:8\n";
  assert.equal(
    frames(firefox),
    "\n    at pay (https://a/x.js:1:2)\n    at go (https://cdn/react@18/x.js:3:4)\n    at https://a/:5:6\n    at later (https://a/:7:8)",
  );
  assert.equal(frames("global code@https://a/:1:2\nmodule code\n[native code]"), "\n    at global code (https://a/:1:2)\n    at module code\n    at [native code]");
  assert.equal(frames(""), "");
});

test("causes are told to the end, circles and all", () => {
  const error = new Error("outer");
  error.cause = error;
  const told = describe(error);
  assert.equal(told.error.cause.cause.message, "outer");
  assert.equal(told.stack.match(/Caused by/g).length, 7);
  assert.deepEqual(describe(null).error, { type: "object", message: "null" });
  assert.deepEqual(describe(Symbol("s")).error, { type: "symbol", message: "Symbol(s)" });
});

test("texts are bounded, however much is logged", () => {
  let deep = {};
  for (let depth = 0; depth < 1000; depth += 1) deep = { deep };
  assert.ok(show(deep).length < 100);
  const wide = Array.from({ length: 500 }, () => Array.from({ length: 500 }, () => ({ a: 1 })));
  assert.ok(show(wide).length < 20000);
  assert.equal(format(Array(500).fill("x".repeat(1000))).length, 20000);
});

test("what redaction costs grows with the text and no faster", () => {
  const { text } = redactor(rules.redaction);
  const hostile = ["eyJ", "sk-", "password=", "token: ", "a=b&", "://a:", '"', "\\\\", "secret", "((((", "key ", "bearer ", "MII", "hooks/", "0"];
  for (const piece of hostile) {
    const began = performance.now();
    text(piece.repeat(Math.ceil(20000 / piece.length)));
    assert.ok(performance.now() - began < 1000, piece);
  }
});

test("a text with too many secrets is replaced from there on", () => {
  const { text } = redactor(rules.redaction);
  const clean = text(Array.from({ length: 300 }, (_, at) => `password=secret${at}x`).join(" "));
  assert.ok(clean.endsWith("[REDACTED:flood]"));
  assert.ok(!clean.includes("secret"));
});

test("a loop is told once with its count, and ends when it is quiet", () => {
  const rows = [];
  const watch = guard(NUMBERS, (first, count, last, why) => rows.push([first.message, count, last, why]));
  const say = (now) => watch.refuses({ level: "error", message: "again", timestamp: now }, now);
  assert.deepEqual(Array.from({ length: 8 }, (_, at) => say(at)), [null, null, null, null, null, "loop", "loop", "loop"]);
  watch.sweep(500);
  assert.deepEqual(rows, []);
  watch.sweep(1100);
  assert.deepEqual(rows, [["again", 3, 7, "loop"]]);
  assert.equal(say(1200), "loop"); // the window before was too full
  watch.sweep(Infinity);
  assert.deepEqual(rows[1], ["again", 1, 1200, "loop"]);
  assert.equal(say(9000), null);
});

test("messages of one form fold together", () => {
  const rows = [];
  const watch = guard(NUMBERS, (first, count) => rows.push([first.message, count]));
  const refused = Array.from({ length: 40 }, (_, at) => watch.refuses({ level: "error", message: `took ${at} ms`, timestamp: at }, at));
  assert.deepEqual([refused.filter((why) => why === null).length, refused.filter((why) => why === "loop_template").length], [30, 10]);
  watch.sweep(Infinity);
  assert.deepEqual(rows, [["took 30 ms", 10]]);
});

test("a page that says too much is heard less, and more again when it is calm", () => {
  const watch = guard({ ...NUMBERS, hot_above: 1e9 }, () => {});
  const letters = (at) => String(at).replace(/[0-9]/g, (digit) => "abcdefghij"[digit]);
  const passed = (minute, offered) => {
    let n = 0;
    for (let at = 0; at < offered; at += 1) n += watch.refuses({ level: "log", message: letters(minute * 1000 + at), timestamp: 0 }, minute * 60000 + at) === null;
    return n;
  };
  assert.deepEqual([0, 1, 2, 3, 4].map((minute) => passed(minute, 100)), [50, 25, 12, 6, 6]);
  assert.equal(passed(5, 1), 1);
  assert.equal(passed(6, 100), 12);
  assert.equal(passed(20, 100), 50);
  assert.equal(watch.refuses({ level: "error", message: "an error passes", timestamp: 0 }, 20 * 60000 + 500), null);
});

/** A shipper whose server answers what `answers` says, one after the other; the last one stays. */
function ship(answers, seal = (entry) => entry) {
  const bodies = [];
  const complaints = [];
  const fetch = async (url, { body, keepalive }) => {
    bodies.push({ url, keepalive, ...JSON.parse(body) });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === "refused") throw new TypeError("Failed to fetch");
    const [status, said] = answer;
    return { status, headers: new Headers({ "retry-after": "0" }), json: async () => said ?? { accepted: JSON.parse(body).entries.length } };
  };
  const made = shipper({ source: "s", urls: ["https://a/log", "https://b/log"], fetch, seal, complain: (text) => complaints.push(text) });
  const add = (message, level = "log") => made.add({ level, message });
  return { ...made, add, bodies, complaints };
}

test("a batch says who speaks, what became of everything, and the numbers of its entries", async () => {
  const { add, flush, bodies, stats } = ship([[200]]);
  add("a");
  add("b");
  await flush();
  assert.deepEqual(bodies[0].entries.map(({ seq, source, message }) => [seq, source, message]), [[0, "s", "a"], [1, "s", "b"]]);
  assert.deepEqual([bodies[0].source, bodies[0].report.emitted, stats().stored, stats().in_flight], ["s", 2, 2, 0]);
});

test("who is not reached is left for the next address, and entries arrive in order", async () => {
  const { add, flush, bodies, stats } = ship(["refused", [200]]);
  add("a");
  add("b");
  await flush();
  assert.deepEqual(bodies.map(({ url }) => url), ["https://a/log", "https://b/log"]);
  assert.deepEqual(bodies[1].entries.map(({ message }) => message), ["a", "b"]);
  assert.equal(stats().stored, 2);
});

test("an answer without room is counted by its reasons", async () => {
  const { add, flush, stats } = ship([[200, { accepted: 1, duplicate: 1, suppressed_by: { loop: 2 }, limited: { trace_quota: 1 }, rejected: [{ reason: "too_large" }] }]]);
  for (let at = 0; at < 6; at += 1) add("x");
  await flush();
  const { stored, suppressed, limited, rejected, in_flight } = stats();
  assert.deepEqual({ stored, suppressed, limited, rejected, in_flight }, { stored: 2, suppressed: { loop: 2 }, limited: { trace_quota: 1 }, rejected: { too_large: 1 }, in_flight: 0 });
});

test("a proxy that is asked too often is asked again, and an answer without sense harms nothing", async () => {
  for (const status of [429, 408, 503]) {
    const { add, flush, stats } = ship([[status, {}]]);
    add("a");
    await flush();
    assert.deepEqual([stats().in_flight, stats().rejected], [1, {}]);
  }
});

test("after the end nothing is tried again, until something is said anew", async () => {
  const timers = [];
  const { setTimeout: real } = globalThis;
  globalThis.setTimeout = (work, ms) => timers.push(ms) && real(work, ms);
  const { add, close, stats } = ship([[503, {}]]);
  add("a");
  await close();
  assert.deepEqual([timers.length, stats().in_flight], [1, 1]); // the one that the entry began, which is cleared
  add("b");
  assert.equal(timers.length, 2);
  globalThis.setTimeout = real;
});

test("a refusal is final and told; trouble of the server is not", async () => {
  const refused = ship([[403, { error: "pages of origin x may not send here" }]]);
  refused.add("a");
  await refused.flush();
  assert.deepEqual(refused.stats().rejected, { http_403: 1 });
  assert.match(refused.complaints[0], /may not send/);
  const trouble = ship([[503, {}], [503, {}], [200]]);
  trouble.add("a");
  await trouble.flush();
  assert.equal(trouble.stats().in_flight, 1);
});

test("what leaves with a page fits into what browsers take, and what is over comes back", () => {
  const { add, leave, bodies } = ship([[200]]);
  for (let at = 0; at < 200; at += 1) add(`${at} ${"ü".repeat(300)}`);
  const left = leave();
  const sent = bodies.flatMap(({ entries }) => entries);
  assert.deepEqual(left.slice(200 - sent.length).map((json) => JSON.parse(json)), sent); // nobody has confirmed it
  assert.equal(left.length, 200);
  assert.deepEqual([leave().length, bodies.flatMap(({ entries }) => entries).length], [200, sent.length]); // and once is enough
  assert.ok(bodies.every(({ keepalive }) => keepalive));
  assert.ok(new TextEncoder().encode(JSON.stringify(bodies)).length < 65536);
  assert.ok(sent.length > 60);
});

test("an entry that no browser takes from a page that goes is left for the next page", () => {
  const { add, leave, bodies } = ship([[200]]);
  add("語".repeat(20000));
  assert.deepEqual([leave().length, bodies.length], [1, 0]);
});

test("entries that were sent twice are counted once", async () => {
  const { add, flush, leave, stats } = ship([[200]]);
  add("a");
  const first = flush();
  leave();
  await first;
  await new Promise(setImmediate);
  assert.deepEqual([stats().stored, stats().in_flight, stats().emitted], [1, 0, 1]);
});

test("what waits is bounded; the lowest level goes first", () => {
  const { add, stats, leave } = ship(["refused"]);
  add("important", "error");
  for (let at = 0; at < 2500; at += 1) add(`x${at}`);
  assert.deepEqual([stats().dropped.queue_overflow, stats().in_flight], [501, 2000]);
  assert.ok(leave().length <= 2000);
});

test("what cannot be shown to be clean is not sent", async () => {
  const { add, flush, stats, bodies } = ship([[200]], ({ message }) => {
    if (message === "bad") throw new Error("no");
    return { message };
  });
  add("bad");
  add("good");
  await flush();
  assert.deepEqual([stats().dropped, bodies[0].entries], [{ redact_failed: 1 }, [{ message: "good" }]]);
});
