/**
 * What an isolate has to send outlives the invocations that said it.
 */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { isolate } from "../../tracelog/js/isolate.js";

const { now } = Date;
const { fetch } = globalThis;
const { warn } = console;
afterEach(() => Object.assign(globalThis, { fetch }) && Object.assign(console, { warn }) && Object.assign(Date, { now }));

/** An isolate whose server answers what `answers` say, one after the other; a promise that never ends as well. */
function open(answers, url = "https://logs.example") {
  const bodies = [];
  globalThis.fetch = async (_, { body }) => {
    bodies.push(JSON.parse(body));
    return answers.shift() ?? Response.json({ accepted: bodies.at(-1).entries.length });
  };
  const home = isolate({ url, key: "", system: "worker", seal: (entry) => entry });
  const say = (message, level = "info") => home.add({ level, message });
  return { ...home, say, bodies };
}

test("a call that ended with its invocation is made again, and nothing is counted twice", async () => {
  const { say, ship, stats, bodies } = open([new Promise(() => {})]);
  say("a");
  ship();
  await new Promise(setImmediate);
  say("b");
  await ship();
  Date.now = () => now() + 41000;
  await ship();
  assert.deepEqual(bodies.map(({ entries }) => entries.map(({ message }) => message)), [["a"], ["b"], ["a"]]);
  assert.deepEqual([stats().stored, stats().in_flight], [2, 0]);
});

test("one full trace holds back no other; a used-up quota holds back what is no warning", async () => {
  const full = Response.json({ accepted: 0, limited: { trace_quota: 1 }, retry_after: 3600, remaining_quota: 9 }, { status: 429 });
  const empty = Response.json({ accepted: 1, remaining_quota: 0, retry_after: 30 });
  const { say, ship, stats, bodies } = open([full, empty]);
  say("into a full trace");
  await ship();
  say("the last one");
  await ship();
  say("no room");
  say("worth it", "warn");
  await ship();
  assert.deepEqual([bodies.length, stats().suppressed, stats().limited, stats().in_flight], [2, { quota: 1 }, { trace_quota: 1 }, 1]);
  Date.now = () => now() + 31000;
  say("room again");
  await ship();
  assert.deepEqual(bodies[2].entries.map(({ message }) => message), ["worth it", "room again"]);
});

test("without an address nothing is sent, which is said once a minute", async () => {
  const said = [];
  console.warn = (text) => said.push(text);
  const { say, ship, stats } = open([], "");
  for (let n = 0; n < 3; n += 1) {
    say("x");
    await ship();
  }
  assert.deepEqual([said.length, stats().in_flight], [1, 3]);
  assert.match(said[0], /TRACELOG_URL/);
});
