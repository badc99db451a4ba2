/**
 * All headers of a trace, read and written: for workers, which hand them on. After W3C Trace Context and Baggage.
 */

import { formatTraceparent, isTraceId, parseTraceparent } from "./headers.js";

const STATE_KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/;
const STATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const STATE_MEMBERS = 32;
const STATE_CHARS = 512;
const STATE_LONG = 128;
const BAGGAGE_KEY = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/;
const BAGGAGE_MEMBERS = 64;
const BAGGAGE_BYTES = 8192;
/** What a value may not hold (W3C Baggage §3.3.1.3), and halves of surrogate pairs, which no UTF-8 can hold. */
const UNSAFE = /[^A-Za-z0-9_.~!#$&'()*+\-/:<=>?@[\]^`{|}]/gu;
const HALVES = /\p{Surrogate}/gu;
/** Read in this order, and only when no `traceparent` came. */
const ID_HEADERS = ["x-trace-id", "x-request-id", "x-correlation-id"];

/** @param {string} text */
const bare = (text) => text.replace(/^[ \t]+|[ \t]+$/g, "");

/**
 * The valid list that the `tracestate` headers make together; empty when one member is bad.
 *
 * @param {string[]} values
 */
export function parseTracestate(values) {
  const members = new Map();
  for (const member of values.flatMap((value) => value.split(",")).map(bare)) {
    if (!member) continue;
    const at = member.indexOf("=");
    const [key, value] = [member.slice(0, at), member.slice(at + 1)];
    if (at < 0 || !STATE_KEY.test(key) || !STATE_VALUE.test(value)) return "";
    if (!members.has(key)) members.set(key, value);
    if (members.size > STATE_MEMBERS) return "";
  }
  const kept = [...members].map(([key, value]) => `${key}=${value}`);
  while (kept.join().length > STATE_CHARS) {
    const long = kept.findLastIndex((member) => member.length > STATE_LONG);
    kept.splice(long < 0 ? kept.length - 1 : long, 1);
  }
  return kept.join();
}

/**
 * The names and decoded values of a `baggage` header; members that break the grammar are left out.
 *
 * @param {string} text
 * @returns {Record<string, string>}
 */
export function parseBaggage(text) {
  /** @type {Record<string, string>} */
  const items = {};
  for (const member of shortBaggage(text).split(",")) {
    const [, key, value] = /^([^=;]*)=([^;]*)/.exec(member) ?? [];
    if (key !== undefined && BAGGAGE_KEY.test(bare(key))) items[bare(key)] = unquote(bare(value));
  }
  return items;
}

/**
 * Percent-encoding read as UTF-8; bytes that are none become U+FFFD.
 *
 * @param {string} text
 */
function unquote(text) {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => new TextDecoder().decode(Uint8Array.from(run.slice(1).split("%"), (byte) => parseInt(byte, 16))));
}

/**
 * The items as a `baggage` header, values percent-encoded.
 *
 * @param {Record<string, string>} items
 */
export function formatBaggage(items) {
  const members = Object.entries(items).filter(([key]) => BAGGAGE_KEY.test(key));
  return shortBaggage(members.map(([key, value]) => `${key}=${value.replace(HALVES, "?").replace(UNSAFE, encodeURIComponent)}`).join());
}

/** @param {string} text */
function shortBaggage(text) {
  const kept = [];
  let room = BAGGAGE_BYTES;
  for (const part of text.split(",")) {
    const member = bare(part).replace(/\t/g, " ");
    if (!member.includes("=") || member.length > room || !/^[\x20-\x7e]*$/.test(member)) continue;
    if (kept.length === BAGGAGE_MEMBERS) break;
    room -= member.length + 1;
    kept.push(member);
  }
  return kept.join();
}

/**
 * The trace that headers carry, or null when a new one must be started.
 *
 * @param {Iterable<[string, string]>} headers
 */
export function readHeaders(headers) {
  /** @type {Record<string, string[]>} */
  const found = {};
  for (const [name, value] of headers) (found[name.toLowerCase()] ??= []).push(value);
  const baggage = shortBaggage((found.baggage ?? []).join());
  if (found.traceparent) {
    const parent = found.traceparent.length === 1 ? parseTraceparent(found.traceparent[0]) : null;
    return parent && { ...parent, tracestate: parseTracestate(found.tracestate ?? []), baggage };
  }
  for (const name of ID_HEADERS) {
    const trace_id = bare(found[name]?.[0] ?? "");
    if (isTraceId(trace_id)) return { trace_id, parent_id: null, flags: 1, tracestate: "", baggage };
  }
  return null;
}

/**
 * The headers that hand a trace to a system that `spanId` calls.
 *
 * @param {{trace_id: string, flags?: number, tracestate?: string, baggage?: string}} trace
 * @param {string} spanId
 * @returns {Record<string, string>}
 */
export function writeHeaders({ trace_id, flags, tracestate, baggage = "" }, spanId) {
  /** @type {Record<string, string>} */
  const headers = {};
  const traceparent = formatTraceparent(trace_id, spanId, flags);
  if (traceparent) headers.traceparent = traceparent;
  if (traceparent && tracestate) headers.tracestate = tracestate;
  if (shortBaggage(baggage)) headers.baggage = shortBaggage(baggage);
  if (isTraceId(trace_id)) headers["x-trace-id"] = trace_id;
  return headers;
}
