/**
 * The server as the pages see it: JSON in, or an error that says what a person can do.
 */

import { ROOT, taken } from "./early.js";
import { parsed } from "./exact.js";

/** @import {Gone} from "./shapes.js" */

/** @typedef {Record<string, string | number | null | undefined>} Said - Parameters; empty ones are left out. */

export class Refused extends Error {
  /**
   * @param {number} status - Of the answer; 0 when there was none.
   * @param {string} message - A sentence for people.
   * @param {Gone | null} [gone] - What is known of a trace that was here.
   * @param {string} [reason] - The same as the message, for programs.
   */
  constructor(status, message, gone = null, reason = "") {
    super(message);
    this.status = status;
    this.gone = gone;
    this.reason = reason;
  }
}

/**
 * Return what the server answers.
 *
 * @param {string} path - Below the root: `/api/v1/traces`.
 * @param {Said} [query]
 * @returns {Promise<any>}
 * @throws {Refused}
 */
export async function get(path, query = {}) {
  const answer = await sent(address(path, query), { headers: { accept: "application/json" } });
  return answer.json();
}

/**
 * The same, with whole numbers as they were logged.
 *
 * @param {string} path
 * @returns {Promise<any>}
 * @throws {Refused}
 */
export async function getExact(path) {
  return parsed(await text(path));
}

/**
 * The same as text.
 *
 * @param {string} path
 * @param {Said} [query]
 */
export async function text(path, query = {}) {
  const answer = await sent(address(path, query), {});
  return answer.text();
}

/**
 * The answer itself, to be read while it comes.
 *
 * @param {string} path
 * @param {Said} query
 * @param {Record<string, string>} headers
 * @param {AbortSignal} signal - Ends it.
 * @throws {Refused}
 */
export async function opened(path, query, headers, signal) {
  return sent(address(path, query), { headers, signal, cache: "no-store" });
}

/**
 * The address of *path* with *query*.
 *
 * @param {string} path
 * @param {Said} [query]
 */
export function address(path, query = {}) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined && value !== "") said.set(name, String(value));
  return `${ROOT}${path}${said.size ? `?${said}` : ""}`;
}

/**
 * The page of a trace.
 *
 * @param {string} ref
 * @param {Said} [query]
 */
export function pageOf(ref, query = {}) {
  return address(`/debug/${encodeURIComponent(ref)}`, query);
}

/**
 * The endpoint of a trace: itself, its `report`, its `export`.
 *
 * @param {string} ref
 * @param {string} [part]
 */
export function traceAt(ref, part = "") {
  return `/api/v1/traces/${encodeURIComponent(ref)}${part && `/${part}`}`;
}

/**
 * Pin the trace *ref*, or take its pin away; return until when it is kept, Unix milliseconds.
 *
 * @param {string} ref
 * @param {boolean} on
 * @returns {Promise<number | null>}
 * @throws {Refused}
 */
export async function pin(ref, on) {
  const answer = await sent(address(`/api/v1/pins/${encodeURIComponent(ref)}`), { method: on ? "POST" : "DELETE" });
  return (await answer.json()).expires_at;
}

/**
 * Change something; return what the server answers.
 *
 * @param {"POST" | "DELETE"} method
 * @param {string} path - With its query.
 * @param {any} [body] - Sent as JSON.
 * @returns {Promise<any>}
 * @throws {Refused}
 */
export async function change(method, path, body) {
  const said = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await sent(address(path), { method, ...said });
  return answer.json();
}

/**
 * Sign in with *key*, or out with an empty one. The answer is a cookie that this page cannot read.
 *
 * @param {string} key
 * @throws {Refused}
 */
export async function signIn(key) {
  await sent(address("/api/v1/session"), { method: "POST", body: key, headers: { "content-type": "text/plain" } });
}

/**
 * @param {string} url
 * @param {RequestInit} options
 */
async function sent(url, options) {
  let answer;
  try {
    answer = await (taken(url) ?? fetch(url, options));
  } catch {
    throw new Refused(0, "The server does not answer. Is `tracelog serve` still running?");
  }
  if (answer.ok) return answer;
  let said;
  try {
    said = await answer.json();
  } catch {
    said = {}; // the status says enough where the body is not ours
  }
  throw new Refused(answer.status, said.error ?? `the server answered ${answer.status}`, said.gone ?? null, said.reason ?? "");
}
