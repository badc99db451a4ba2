/**
 * The vectors that Python and JavaScript share: both give the answers that stand there.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { formatBaggage, parseBaggage, parseTracestate, readHeaders, writeHeaders } from "../../tracelog/js/carrier.js";
import { noise, template } from "../../tracelog/js/guard.js";
import { parseTraceparent } from "../../tracelog/js/headers.js";
import { levelOf } from "../../tracelog/js/levels.js";
import { redactor } from "../../tracelog/js/redact.js";
import { draw, keeps } from "../../tracelog/js/sample.js";
import { format } from "../../tracelog/js/text.js";

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const vectors = (name) => read(`../vectors/${name}.json`);
const rules = read("../../tracelog/core/rules.json");
const joined = (text) => [].concat(text).join("");

/** Runs `check` on every case, each a test of its own. */
function each(title, cases, check) {
  describe(title, () => {
    for (const one of cases) test(JSON.stringify(one).slice(0, 100), () => check(one));
  });
}

const headers = vectors("headers");
each("a traceparent is read", headers.traceparent, ({ text, parsed }) => assert.deepEqual(parseTraceparent(text), parsed));
each("tracestate headers are joined", headers.tracestate, ({ values, joined: text }) => assert.equal(parseTracestate(values), text));
each("baggage is read", headers.baggage, ({ text, items }) => assert.deepEqual(parseBaggage(text), items));
each("baggage is written", headers.baggage_written, ({ items, text }) => assert.equal(formatBaggage(items), text));
each("headers give the trace", headers.read, ({ headers: given, incoming }) => assert.deepEqual(readHeaders(given), incoming));
each("headers hand the trace on", headers.write, ({ trace, span_id, headers: told }) => assert.deepEqual(writeHeaders(trace, span_id), told));

each("a level is read", vectors("levels").cases, ({ field, value, level }) => assert.equal(levelOf(field, value), level));

const sampled = vectors("sample");
each("a trace is sampled", sampled.cases, ({ trace_id, number, kept }) => {
  assert.equal(draw(trace_id), number);
  for (const [rate, isKept] of Object.entries(kept)) assert.equal(keeps(trace_id, Number(rate)), isKept, rate);
});

const isNoise = noise(rules);
each("noise is known by its rule", vectors("noise").cases, ({ message, level, rule }) => assert.equal(isNoise(message, level), rule));

each("a message has a template", vectors("fold").cases, ({ message, template: form }) => assert.equal(template(message).toWellFormed(), form));

const { text, value } = redactor(rules.redaction);
const redaction = vectors("redaction");
each("secrets are taken out of texts", redaction.texts, ({ text: given, clean }) => {
  assert.equal(text(joined(given)), clean);
  assert.equal(text(clean), clean);
});
each("secrets are taken out of values", redaction.values, ({ value: given, clean }) => assert.deepEqual(value(given), clean));
each("what only the server redacts is left alone", redaction.server, ({ text: given }) => assert.equal(text(joined(given)), joined(given)));

each("a console call is formatted", vectors("console").cases, ({ args, text: shown }) => assert.equal(format(args), shown));
