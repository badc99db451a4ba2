/**
 * Numbers and times as the report says them everywhere: the rules of `correlation/words.py` and `render/text.py`,
 * held equal to them by the vectors in `tests/vectors/words.json`. Times of day are in UTC, as in the terminal.
 */

const SECOND = 1000, MINUTE = 60_000, HOUR = 3_600_000, DAY = 86_400_000;

/** Offsets stay in milliseconds up to 100 s: within one request the eye compares digits, not units. */
const IN_MS_BELOW = 100_000;

const SEEN_MS = 0.05;
/** Corrections below it would be shown as nothing. */

/**
 * `0.4 ms`, `64 ms`, `2.17 s`, `3 min 07 s`, `2 h 05 min`.
 *
 * @param {number} ms
 */
export function duration(ms) {
  if (ms < 9.95) return `${fixed(ms, 1).replace(/\.0$/, "")} ms`;
  if (ms < SECOND - 0.5) return `${fixed(ms, 0)} ms`;
  if (ms < MINUTE - 5) return `${fixed(ms / SECOND, 2)} s`;
  const seconds = Number(fixed(ms / SECOND, 0));
  if (seconds < HOUR / SECOND) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Number(fixed(ms / MINUTE, 0));
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/**
 * Whole milliseconds with thousands marked: `2,081 ms`; beyond 100 s as `duration`.
 *
 * @param {number} ms
 */
export function milliseconds(ms) {
  return ms >= 9.95 && ms < IN_MS_BELOW ? `${number(ms)} ms` : duration(ms);
}

/**
 * `+2,081`, from the start of the trace.
 *
 * @param {number} ms
 */
export function offset(ms) {
  return ms < IN_MS_BELOW ? `+${number(ms)}` : `+${duration(ms)}`;
}

/**
 * By how much a clock was moved: `+12 ms`, `−1.84 s`.
 *
 * @param {number} ms
 */
function moved(ms) {
  return `${ms < 0 ? "−" : "+"}${duration(Math.abs(ms))}`;
}

/**
 * How a clock was corrected: `clock −1.84 s ±12 ms`; empty when it was left alone.
 *
 * @param {import("./shapes.js").Clock | undefined} clock
 */
export function corrected(clock) {
  if (!clock || clock.how === "none") return "";
  const spread = clock.uncertainty_ms === null ? "" : ` ±${duration(clock.uncertainty_ms)}`;
  const by = Math.abs(clock.offset_ms) < SEEN_MS ? "" : ` ${moved(clock.offset_ms)}`;
  return by || spread ? `clock${by}${spread}` : "";
}

/**
 * `1,090`
 *
 * @param {number} count
 */
export function number(count) {
  return fixed(count, 0).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * `1 error`, `2 errors`, `3 entries`.
 *
 * @param {number} count
 * @param {string} noun
 * @param {string} [many]
 */
export function plural(count, noun, many = `${noun}s`) {
  return `${number(count)} ${count === 1 ? noun : many}`;
}

/**
 * `14:40:03`
 *
 * @param {number} ms - Unix milliseconds.
 */
export function clock(ms) {
  const second = Math.floor((((ms % DAY) + DAY) % DAY) / SECOND);
  return `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
}

/**
 * `14:40:03.921 UTC`
 *
 * @param {number} ms - Unix milliseconds.
 */
export function precise(ms) {
  return `${clock(ms)}.${String(Math.floor(((ms % SECOND) + SECOND) % SECOND)).padStart(3, "0")} UTC`;
}

/**
 * `2026-11-22 14:40:03.921 UTC`
 *
 * @param {number} ms - Unix milliseconds.
 */
export function moment(ms) {
  const date = new Date(Math.floor(ms));
  return Number.isNaN(date.getTime()) ? `${fixed(ms, 0)} ms of Unix time` : `${date.toISOString().slice(0, 10)} ${precise(ms)}`;
}

/**
 * `just now`, `3 min ago`.
 *
 * @param {number} ms
 * @param {number} now
 */
export function ago(ms, now) {
  const past = now - ms;
  if (past < 5_000) return "just now";
  if (past < MINUTE) return `${Math.round(past / SECOND)} s ago`;
  if (past < HOUR) return `${Math.round(past / MINUTE)} min ago`;
  return past < 2 * DAY ? `${Math.floor(past / HOUR)} h ago` : `${Math.floor(past / DAY)} days ago`;
}

/**
 * How long something is still to come: `43 min`, `5 h`, `29 days`.
 *
 * @param {number} ms - From now.
 */
export function left(ms) {
  if (ms < HOUR) return `${Math.max(1, Math.round(ms / MINUTE))} min`;
  return ms < 2 * DAY ? `${Math.round(ms / HOUR)} h` : `${Math.round(ms / DAY)} days`;
}

/**
 * The class of a system's hue: its own, or the one that all others share.
 *
 * @param {string | undefined} system
 */
export function hue(system) {
  return system !== undefined && ["browser", "worker", "convex", "backend"].includes(system) ? system : "other";
}

/**
 * Who speaks: `backend`, or `backend/billing` where several services do.
 *
 * @param {{system: string, service?: string | null}} one
 */
export function who(one) {
  return one.service ? `${one.system}/${one.service}` : one.system;
}

/** @param {{level: string}} one */
export function isFailure(one) {
  return one.level === "error" || one.level === "fatal";
}

/**
 * *value* with so many digits behind the point. Halves go to the even digit, as Python rounds; `toFixed` takes the
 * larger.
 *
 * @param {number} value
 * @param {number} digits
 */
function fixed(value, digits) {
  const said = value.toFixed(digits);
  const isHalf = Math.abs(value * 2 ** (digits + 1)) % 2 === 1;
  if (!isHalf) return said;
  const whole = Math.round(Number(said) * 10 ** digits);
  return whole % 2 ? ((whole - 1) / 10 ** digits).toFixed(digits) : said;
}

/** @param {number} count */
function two(count) {
  return String(count).padStart(2, "0");
}
