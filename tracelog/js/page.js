/**
 * What a page or worker knows of itself, and the trace that it belongs to.
 */

import { isTraceId, parseTraceparent } from "./headers.js";

/**
 * Random hexadecimal digits, two for each of `bytes`.
 *
 * @param {number} bytes
 */
export const hex = (bytes) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => (byte + 256).toString(16).slice(1)).join("");

/**
 * What `read` returns, or undefined where the page forbids it: storages and frames may throw when looked at.
 *
 * @param {() => any} read
 */
export const attempt = (read) => {
  try {
    return read() ?? undefined;
  } catch {
    // and then there is none
  }
};

/**
 * The trace to go on with: the one given, else the server's from a meta tag or `Server-Timing`, else a new one.
 *
 * @param {string} [given] a trace id or a whole `traceparent`
 * @returns {{trace_id: string, parent_id?: string}}
 */
export function findTrace(given) {
  /** @param {string} name */
  const meta = (name) => attempt(() => /** @type {any} */ (document.querySelector(`meta[name=${name}]`)).content);
  const timing = attempt(
    () => /** @type {any} */ (performance.getEntriesByType("navigation")[0]).serverTiming.find((/** @type {any} */ { name }) => /^trace(parent)?$/.test(name)).description,
  );
  for (const text of [given, meta("traceparent"), timing, meta("trace-id")]) {
    const parent = parseTraceparent(String(text));
    if (parent) return { trace_id: parent.trace_id, parent_id: parent.parent_id };
    if (isTraceId(text)) return { trace_id: text };
  }
  return { trace_id: hex(16) };
}
