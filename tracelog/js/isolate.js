/**
 * What an isolate has to send, whichever of its requests said it: one outbox for each server, one call a request.
 *
 * @import { Entry } from "./outbox.js"
 */

import { courier } from "./courier.js";
import { RANKS, outbox } from "./outbox.js";
import { attempt, hex } from "./page.js";

/** Bytes of one body: a quarter of what the server takes. */
const CALL_BYTES = 1e6;
/** Longer than a server that is well ever takes, shorter than the 30 s that the runtime gives after a response. */
const ANSWER_MS = 10000;
const TOLD_EVERY_MS = 60000;
/** After this time a call has no end any more: the runtime gave up the invocation that made it. */
const LOST_MS = 40000;

/**
 * @param {object} around
 * @param {string} around.url of the server; nothing is sent without
 * @param {string} around.key its ingest key
 * @param {string} around.system who speaks
 * @param {(entry: Entry) => Entry | string} around.seal
 */
export function isolate({ url, key, system, seal }) {
  const box = outbox(`${system}-${hex(8)}`, seal);
  /** @type {Record<string, string>} */
  const headers = { "content-type": "text/plain", ...(key && { authorization: `Bearer ${key}` }) };
  let told = -Infinity;
  let full = 0;
  let began = 0;

  /** @param {string} text one line a minute at most about our own trouble */
  const complain = (text) => {
    if (Date.now() - told < TOLD_EVERY_MS) return;
    told = Date.now();
    attempt(() => console.warn(`tracelog: ${text}`));
  };

  /** @param {string} body */
  const post = (body) => fetch(`${url}/log`, { method: "POST", body, headers, redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) });
  const out = courier({ box, urls: [url], post, complain });

  return {
    complain,
    stats: () => structuredClone(box.report()),
    /**
     * Takes an entry; with `why` it is only counted. While the server has no room, only what is worth a warning waits.
     *
     * @param {Entry} entry
     * @param {string | null} [why]
     */
    add: (entry, why) => box.add(entry, why ?? (Date.now() < full && RANKS[entry.level] < RANKS.warn ? "quota" : null)),
    /** Sends what waits in one call, unless the server asked for peace; what is beyond a call waits for the next. */
    async ship() {
      if (!url) return complain("no TRACELOG_URL is set, or it is no address: entries are kept and not sent");
      if (Date.now() - began > LOST_MS) box.back();
      if (!box.isDue() || Date.now() < out.pause) return;
      began = Date.now();
      const answer = await out.send(box.pack(CALL_BYTES));
      const isOfTrace = Object.keys(answer?.limited ?? {}).every((reason) => reason === "trace_quota");
      if (answer?.remaining_quota === 0 || !isOfTrace) full = out.pause;
      else if (answer) out.pause = 0; // one trace is full, which is no matter of the others
    },
  };
}

/** @typedef {ReturnType<typeof isolate>} Home */
