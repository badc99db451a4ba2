/**
 * `traceparent` read and written, after W3C Trace Context level 2.
 */

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const W3C_TRACE = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN = /^(?!0{16})[0-9a-f]{16}$/;

/**
 * The parts of a `traceparent`; null when it is invalid. A later version than 00 may be longer.
 *
 * @param {string} text
 * @returns {{trace_id: string, parent_id: string, flags: number} | null}
 */
export function parseTraceparent(text) {
  const found = TRACEPARENT.exec(text.replace(/^[ \t]+|[ \t]+$/g, ""));
  if (!found || (found[1] === "00" && found[5] !== undefined)) return null;
  return { trace_id: found[2], parent_id: found[3], flags: parseInt(found[4], 16) };
}

/**
 * The `traceparent` of a call; null when the ids are none of W3C's. Only defined flags are passed on.
 *
 * @param {string} traceId
 * @param {string} spanId
 */
export function formatTraceparent(traceId, spanId, flags = 1) {
  if (!W3C_TRACE.test(traceId) || !SPAN.test(spanId)) return null;
  return `00-${traceId}-${spanId}-0${flags & 3}`;
}

/**
 * Whether a text can name a trace.
 *
 * @param {unknown} text
 */
export const isTraceId = (text) => typeof text === "string" && /^[A-Za-z0-9_.:-]{1,128}$/.test(text) && /[^0]/.test(text);
