/**
 * What a Convex function says leaves with it, however much it is.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import rules from "../../tracelog/core/rules.json" with { type: "json" };
import { tracelog } from "../../tracelog/js/convex.js";

// the server adds them to the file that it gives out
rules.guard = { run_burst: 5, run_window_s: 1, hot_above: 30, hot_window_s: 10, longest_s: 60, normal: [50, 25, 12, 6] };

const word = (at) => String(at).replace(/[0-9]/g, (digit) => "abcdefghij"[digit]);
const talk = (_ctx, _args, log) => {
  for (let at = 0; at < 1200; at += 1) log.error(`${word(at)} failed`);
};

test("a function that says more than one body holds sends or schedules all of it", async () => {
  const bodies = [];
  globalThis.fetch = async (_, { body }) => (bodies.push(body), Response.json({ accepted: JSON.parse(body).entries.length }));
  const { traced } = tracelog({ url: "http://logs.example", ship: "logs:send" });
  await traced(talk)({ runAction() {} }, {});
  await traced(talk)({ scheduler: { runAfter: async (_ms, _ship, { body }) => bodies.push(body) } }, {});
  const said = bodies.map((body) => JSON.parse(body).entries.length);
  assert.deepEqual(said, [500, 500, 201, 500, 500, 201]);
});

test("the server may stand below a path", async () => {
  const asked = [];
  globalThis.fetch = async (url) => (asked.push(String(url)), Response.json({ accepted: 1 }));
  for (const url of ["https://logs.example", "https://logs.example/", "https://api.example/logs/"]) await tracelog({ url }).traced(() => {})({ runAction() {} }, {});
  assert.deepEqual(asked, ["https://logs.example/log", "https://logs.example/log", "https://api.example/logs/log"]);
});
