/**
 * Numbers and times as the report says them everywhere: the same rules as the terminal's and Markdown's.
 */

const SECOND = 1000, MINUTE = 60_000, HOUR = 3_600_000;

/** Offsets stay in milliseconds up to 100 s: within one request the eye compares digits, not units. */
const IN_MS_BELOW = 100_000;

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `0.4 ms`, `64 ms`, `2.17 s`, `3 min 07 s`, `2 h 05 min`. */
export function duration(ms) {
  if (ms < 9.95) return `${ms.toFixed(1).replace(/\.0$/, "")} ms`;
  if (ms < SECOND - 0.5) return `${ms.toFixed(0)} ms`;
  if (ms < MINUTE - 5) return `${(ms / SECOND).toFixed(2)} s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < HOUR / SECOND) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.round(ms / MINUTE);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** Whole milliseconds with thousands marked: `2,081 ms`; beyond 100 s as `duration`. */
export function milliseconds(ms) {
  return ms >= 9.95 && ms < IN_MS_BELOW ? `${number(ms)} ms` : duration(ms);
}

/** `+2,081`, from the start of the trace. */
export function offset(ms) {
  return ms < IN_MS_BELOW ? `+${number(ms)}` : `+${duration(ms)}`;
}

/** `1,090` */
export function number(count) {
  return grouped.format(count);
}

/** `1 error`, `2 errors`, `3 entries`. */
export function plural(count, noun, many = `${noun}s`) {
  return `${number(count)} ${count === 1 ? noun : many}`;
}

/** `14:40:03.921` by the reader's own clock. */
export function clock(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** `just now`, `3 min ago`. */
export function ago(ms, now) {
  const past = now - ms;
  if (past < 5_000) return "just now";
  if (past < MINUTE) return `${Math.round(past / SECOND)} s ago`;
  return past < HOUR ? `${Math.round(past / MINUTE)} min ago` : `${Math.floor(past / HOUR)} h ago`;
}

/** The class of a system's hue: its own, or the one that all others share. */
export function hue(system) {
  return ["browser", "worker", "convex", "backend"].includes(system) ? system : "other";
}

/** Control, zero-width, tag and direction characters would lie about what a text says: each shows as a dot. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;

/** What a program wrote, harmless to read. */
export function clean(text) {
  return String(text).replace(HIDDEN, "·");
}

const REDACTED = /(?:\[REDACTED:|‹)([\w.-]{1,64})(?::([A-Za-z0-9]{1,64}))?[\]›]/g;

/** Parts of *text*: strings, and `{rule, tag}` where a secret stood. */
export function parts(text) {
  const found = [];
  let last = 0;
  for (const hit of text.matchAll(REDACTED)) {
    if (hit.index > last) found.push(text.slice(last, hit.index));
    found.push({ rule: hit[1], tag: hit[2] ?? "" });
    last = hit.index + hit[0].length;
  }
  if (last < text.length) found.push(text.slice(last));
  return found;
}

function two(count) {
  return String(count).padStart(2, "0");
}
