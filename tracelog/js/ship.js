/**
 * What waits on its way to the server: once a second, again when nobody took it, and at once when a page goes.
 *
 * @import { Answer, Entry } from "./outbox.js"
 */

import { courier } from "./courier.js";
import { RANKS, ROOM, bytesOf, outbox } from "./outbox.js";

const SOON_MS = 1000;
/** Browsers give room for keepalive back late. */
const LATE_MS = 600;

/**
 * @param {object} around
 * @param {string} around.source who speaks
 * @param {string[]} around.urls where to send: the next one when one does not answer
 * @param {typeof fetch} around.fetch the page's own, untouched
 * @param {(entry: Entry) => Entry | string} around.seal the final form of an entry, or why it is not sent
 * @param {(text: string) => void} around.complain
 */
export function shipper({ source, urls, fetch, seal, complain }) {
  const box = outbox(source, seal);
  let room = ROOM;
  /** @type {any} undefined where none runs, 0 where none shall run */
  let timer;
  /** @type {Promise<void> | undefined} */
  let sending;
  /** Until then the server has room for errors only. */
  let full = 0;
  let hurried = false;

  /** @param {number} ms */
  const later = (ms) => {
    timer ??= setTimeout(() => {
      timer = undefined;
      flush();
    }, ms);
  };

  /**
   * @param {string} body
   * @param {boolean} [keepalive]
   */
  const post = (body, keepalive) =>
    fetch(urls[0], { method: "POST", body, keepalive, credentials: "omit", headers: { "content-type": "text/plain" } });

  const out = courier({ box, urls, post, complain });

  const wait = () => Math.max(out.pause, box.isUrgent() ? 0 : full) - Date.now();

  /** @param {Answer | void} answer */
  const heed = (answer) => {
    if (!answer) return;
    // one trace that is full is no matter of the others
    const isOfTrace = answer.remaining_quota !== 0 && Object.keys(answer.limited ?? {}).every((reason) => reason.startsWith("trace_"));
    full = isOfTrace ? 0 : out.pause;
    out.pause = 0;
  };

  const flush = () => {
    hurried = false;
    sending ??= (async () => {
      while (box.isDue() && wait() <= 0) heed(await out.send(box.pack(ROOM + 1)));
      if (box.isDue()) later(wait());
    })().finally(() => (sending = undefined));
    return sending;
  };

  return {
    source,
    clock: out.clock,
    flush,
    post,
    stats: () => structuredClone({ ...box.report(), source, clock: out.clock }),
    /** Sends what there is while the page goes away, and returns as JSON what the browser does not take. */
    leave() {
      // what went with keepalive arrives without this page
      if (room === ROOM) box.back();
      while (box.isDue()) {
        const parcel = box.pack(room);
        if (!parcel.items.length && box.left().length) break;
        const bytes = bytesOf(parcel.body);
        room -= bytes;
        out.send(parcel, true).then(() => setTimeout(() => (room += bytes), LATE_MS));
      }
      return box.left();
    },
    /** Sends what there is, once more; nothing is tried again after that. */
    close() {
      clearTimeout(timer);
      timer = 0;
      return flush();
    },
    /**
     * @param {Entry} entry
     * @param {string | null} [why]
     */
    add(entry, why) {
      box.add(entry, why);
      timer ||= undefined;
      if (!why && RANKS[entry.level] >= RANKS.error && Date.now() < full && !hurried) {
        hurried = true;
        clearTimeout(timer);
        timer = undefined;
      }
      if (!why) later(SOON_MS);
    },
  };
}
