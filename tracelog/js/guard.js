/**
 * What a page says too often is told once, with its count; what tools say on their own is not told.
 *
 * The rules and numbers are those of the server, which applies them again.
 *
 * @import { Entry } from "./outbox.js"
 */

const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const SPACES = new RegExp(SPACE);
const FORM_WORDS = 64;
/** Texts remembered: more than a page says, and less than 1 MB. */
const KNOWN = 500;

/**
 * The text with its changing words masked: `took 12 ms rows=3` and `took 9 ms rows=40` share one.
 *
 * @param {string} message
 */
export function template(message) {
  return message
    .split(SPACES)
    .filter(Boolean)
    .slice(0, FORM_WORDS)
    .map((word) => (/[0-9/]/.test(word) ? /^[^=0-9/]*=/.exec(word)?.[0] ?? "" : word) + (/[0-9/]/.test(word) ? "*" : ""))
    .join(" ");
}

/**
 * @param {{noise: {starts: any[], requests: any[]}}} rules
 * @returns {(message: string, level: string) => string | null} the rule by which a message is noise
 */
export function noise({ noise: { starts, requests } }) {
  const rules = [...starts, ...requests].map((rule) => ({ ...rule, regex: new RegExp(`^(?:${rule.pattern})`) }));
  const begins = new Set(starts.map(({ name }) => name));
  return (message, level) => {
    if (level === "error" || level === "fatal") return null;
    const head = message.slice(0, 1000);
    const found = rules.find(
      ({ name, literals, regex }) =>
        literals.some((/** @type {string} */ text) => (begins.has(name) ? message.startsWith(text) : message.includes(text))) && regex.test(head),
    );
    return found ? found.name : null;
  };
}

/**
 * The row that stands for what folded.
 *
 * @param {Entry} first
 * @param {number} count
 * @param {number} last_timestamp
 * @param {string} why
 * @returns {Entry}
 */
export const summary = ({ context, ...first }, count, last_timestamp, why) => {
  const { level, message } = first;
  return { ...first, level, message, kind: "summary", count, last_timestamp, why, context: { ...context, repeated: count } };
};

/**
 * Folds equal messages, and messages of one form, and listens less to a page that says too much.
 *
 * @param {any} numbers as in `GuardSettings`
 * @param {(first: Entry, count: number, last: number, why: string) => void} tell takes what folded
 */
export function guard(numbers, tell) {
  /** @type {Map<string, any>} */
  const known = new Map();
  const steps = numbers.normal;
  /** @type {{start: number, step: number, offered: number} | undefined} */
  let minute;

  /**
   * @param {string} key
   * @param {number} burst
   * @param {number} window
   * @param {number} now
   */
  const heat = (key, burst, window, now) => {
    let seen = known.get(key);
    if (!seen) {
      if (known.size >= KNOWN) end(known.keys().next().value);
      known.set(key, (seen = { start: now, n: 0, hot: false, count: 0, next: 0, every: 1000 }));
    }
    if (now - seen.start >= window) {
      seen.hot = seen.n > burst && now - seen.start < 2 * window;
      seen.start = now;
      seen.n = 0;
    }
    seen.n += 1;
    seen.folds = seen.n > burst || seen.hot;
    return seen;
  };

  /**
   * @param {any} seen
   * @param {Entry} entry
   * @param {string} why
   * @param {number} now
   */
  const fold = (seen, entry, why, now) => {
    if (!seen.count) Object.assign(seen, { first: entry, why });
    if (!seen.next) seen.next = now + seen.every;
    seen.count += 1;
    seen.last = entry.timestamp;
    return why;
  };

  /** @param {any} seen */
  const row = (seen) => {
    if (seen.count) tell(seen.first, seen.count, seen.last, seen.why);
    seen.count = 0;
  };

  /** @param {any} key */
  const end = (key) => {
    row(known.get(key));
    known.delete(key);
  };

  /** @param {number} now */
  const allows = (now) => {
    minute ??= { start: now, step: 0, offered: 0 };
    const { start, step, offered } = minute;
    const gone = Math.floor((now - start) / 60000);
    if (gone > 0) {
      const change = offered > steps[step] ? 1 : offered * 2 <= steps[step] ? -1 : 0;
      const next = Math.min(step + change, steps.length - 1) - (gone - 1);
      minute = { start: start + gone * 60000, step: Math.max(0, next), offered: 0 };
    }
    minute.offered += 1;
    return minute.offered <= steps[minute.step];
  };

  return {
    /**
     * Why an entry is not sent as it is, or null when it is. `now` is in milliseconds, monotonic.
     *
     * @param {Entry} entry
     * @param {number} now
     * @returns {string | null}
     */
    refuses(entry, now) {
      const { level, message } = entry;
      const run = heat(`${level} ${message}`, numbers.run_burst, numbers.run_window_s * 1000, now);
      if (run.folds) return fold(run, entry, "loop", now);
      const form = heat(`${level}|${template(message)}`, numbers.hot_above, numbers.hot_window_s * 1000, now);
      if (form.folds) return fold(form, entry, "loop_template", now);
      return level === "error" || level === "fatal" || allows(now) ? null : "rate";
    },
    /**
     * Tells the rows that are due; all that is left with `now` infinite.
     *
     * @param {number} now
     */
    sweep(now) {
      for (const [key, seen] of known) {
        if (seen.count && now >= seen.next) {
          row(seen);
          seen.every = Math.min(2 * seen.every, numbers.longest_s * 1000);
          seen.next = Number.isFinite(now) ? now + seen.every : 0;
        } else if (!seen.count && now - seen.start > 2 * numbers.hot_window_s * 1000) known.delete(key);
      }
    },
  };
}
