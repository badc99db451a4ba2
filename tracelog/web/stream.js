/**
 * Live streams: server-sent events, joined again where they broke off. It is read with `fetch`, because an
 * `EventSource` neither says why it was refused nor tries again after an answer such as 503.
 */

import { Refused, opened } from "./api.js";

/** @import {Said} from "./api.js" */

/**
 * @typedef {object} Told - Who is told what.
 * @property {() => void} open - The stream flows.
 * @property {(error: Refused, againMs: number) => void} lost - It broke off, and is joined again after so long.
 * @property {(error: Refused) => void} refused - It is not to be had, and is not asked for again.
 * @property {(data: any) => void} row - What is told as it is now: a row, new or changed; the status.
 * @property {(store: {ok: boolean, cause: string | null}) => void} [store] - Whether it can be read, when that changes.
 * @property {(missed: number) => void} gap - So many events were passed over, because this reader was too slow.
 */

const FIRST_WAIT_MS = 1_000, LONGEST_WAIT_MS = 15_000;
/** A server that is being replaced is back within a second or two; after that, patience. */

const SILENCE_MS = 40_000;
/** The server says something every 15 s, so after two of these were missed nobody is there. */

const LATER = new Set([408, 425, 429]);
/** Refusals that pass. */

/**
 * Follow the events of *path*; return what ends it.
 *
 * @param {string} path
 * @param {Said} query
 * @param {Told} told
 * @returns {() => void}
 */
export function follow(path, query, told) {
  const end = new AbortController();
  run(path, query, told, end.signal);
  return () => end.abort();
}

/**
 * @param {string} path
 * @param {Said} query
 * @param {Told} told
 * @param {AbortSignal} ended
 */
async function run(path, query, told, ended) {
  const at = { last: "", wait: FIRST_WAIT_MS };
  while (!ended.aborted) {
    let error = new Refused(0, "the server ended the stream");
    try {
      await join(path, query, at, told, ended);
    } catch (caught) {
      error = caught instanceof Refused ? caught : new Refused(0, "the connection broke off");
    }
    if (ended.aborted) return;
    if (error.status >= 400 && error.status < 500 && !LATER.has(error.status)) return told.refused(error);
    told.lost(error, at.wait);
    await new Promise((done) => setTimeout(done, at.wait));
    at.wait = Math.min(LONGEST_WAIT_MS, at.wait * 2);
  }
}

/**
 * Read one connection to its end.
 *
 * @param {string} path
 * @param {Said} query
 * @param {{last: string, wait: number}} at - The last event that was heard, and how long to wait before the next try.
 * @param {Told} told
 * @param {AbortSignal} ended
 */
async function join(path, query, at, told, ended) {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), SILENCE_MS);
  try {
    const answer = await opened(path, query, at.last ? { "last-event-id": at.last } : {}, AbortSignal.any([ended, silent.signal]));
    told.open();
    at.wait = FIRST_WAIT_MS;
    let rest = "";
    for await (const text of texts(answer)) {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_MS);
      const parts = (rest + text).split("\n\n");
      rest = parts.pop() ?? "";
      if (ended.aborted) return;
      for (const part of parts) heard(part, at, told);
    }
  } finally {
    clearTimeout(timer);
    silent.abort();
  }
}

/** @param {Response} answer */
async function* texts(answer) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield decoder.decode(value, { stream: true });
  }
}

/**
 * @param {string} part - The lines of an event, or of a comment.
 * @param {{last: string}} at
 * @param {Told} told
 */
function heard(part, at, told) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of part.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
  }
  if (!fields.data) return;
  if (fields.id) at.last = fields.id;
  const data = JSON.parse(fields.data);
  if (fields.event === "gap") told.gap(data.missed);
  else if (fields.event === "store") told.store?.(data);
  else told.row(data);
}
