/**
 * One invocation of a worker: the loggers of the traces that it works for, told together when it is over.
 *
 * @import { Entry } from "./outbox.js"
 * @import { Around, Log, Trace } from "./hop.js"
 * @import { Home } from "./isolate.js"
 */

import { guard, summary } from "./guard.js";
import { hop, newTrace } from "./hop.js";
import { RANKS } from "./outbox.js";
import { attempt } from "./page.js";
import { keeps } from "./sample.js";

/** Milliseconds that what a handler left running may take until the rest is told without it. */
const LEFT_MS = 15000;

/**
 * @typedef {object} Plan
 * @property {Home} home what is said goes there
 * @property {any} [rules] numbers by which repeats fold; without them nothing folds
 * @property {number} sample share of traces whose lines below a warning are kept when nothing fails
 * @property {Omit<Around, "take" | "complain">} around
 */

/**
 * @param {Plan} plan
 * @param {(promise: Promise<any>) => void} wait keeps the invocation alive beside its response
 */
export function invocation({ home, rules, sample, around }, wait) {
  /** @type {Set<Promise<any>>} */
  const left = new Set();
  /** @type {(() => void)[]} */
  const ends = [];
  let isEnding = false;
  let isOver = false;

  /** @param {Promise<any>} [work] what is told is sent after it */
  const tell = (work = Promise.resolve()) => {
    isEnding = true;
    const told = work.then(() => {
      for (const end of ends) end();
      isEnding = false;
      isOver = true;
      return home.ship();
    });
    attempt(() => wait(told.catch((error) => home.complain(String(error)))));
  };

  const settled = async () => {
    /** @type {any} */
    let timer;
    const late = new Promise((done) => (timer = setTimeout(done, LEFT_MS)));
    await Promise.race([Promise.allSettled(left), late]);
    clearTimeout(timer);
  };

  /**
   * A logger for one trace. Each has its own guard: a batch of a queue is no flood.
   *
   * @param {Trace | null | undefined} trace
   * @param {string} name
   * @returns {Log}
   */
  const join = (trace, name) => {
    const place = trace ?? newTrace();
    /** @type {Entry[]} */
    const held = [];
    let isKept = keeps(place.trace_id, sample);

    const release = () => {
      for (const entry of held.splice(0)) home.add(entry, isKept || RANKS[entry.level] >= RANKS.warn ? null : "sampled");
    };

    const watch = rules && guard(rules, (...folded) => home.add(summary(...folded)));

    /** @param {Entry} entry */
    const take = (entry) => {
      const why = watch?.refuses(entry, Date.now());
      if (why) return home.add(entry, why);
      held.push(entry);
      // what an error explains is sent with it
      isKept ||= RANKS[entry.level] >= RANKS.error;
      if (isKept) release();
      if (isOver && !isEnding) tell();
    };

    ends.push(() => {
      watch?.sweep(Infinity);
      release();
    });
    return hop({ ...around, take, complain: home.complain }, place, name);
  };

  return {
    join,
    /** @param {Promise<any>} promise what is left running may log, too: it is told in the same call */
    leave(promise) {
      left.add(promise);
      wait(promise);
    },
    /** Tells everything, beside the response. */
    end: () => tell(settled()),
  };
}
