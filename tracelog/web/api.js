/**
 * The server as the pages see it: JSON in, or an error that says what a person can do.
 */

/** Where the server is, also when it is mounted below another one. */
export const ROOT = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

export class Refused extends Error {
  /**
   * @param {number} status - Of the answer; 0 when there was none.
   * @param {string} message - A sentence for people.
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Return what the server answers.
 *
 * @param {string} path - Below the root: `/api/v1/traces`.
 * @param {Record<string, any>} [query] - Parameters; null ones are left out.
 * @throws {Refused}
 */
export async function get(path, query = {}) {
  const answer = await asked(path, query);
  return answer.json();
}

/** The same as text. */
export async function text(path, query = {}) {
  const answer = await asked(path, query);
  return answer.text();
}

/** The address of *path* with *query*. */
export function address(path, query = {}) {
  const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return `${ROOT}${path}${said.size ? `?${said}` : ""}`;
}

/** The page of a trace. */
export function pageOf(ref, query = {}) {
  return address(`/debug/${encodeURIComponent(ref)}`, query);
}

/**
 * Return what the server answers to a change.
 *
 * @param {string} method - POST or DELETE.
 * @param {string} path
 * @param {any} [body] - Sent as JSON.
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
 * @throws {Refused}
 */
export async function signIn(key) {
  await sent(address("/api/v1/session"), { method: "POST", body: key, headers: { "content-type": "text/plain" } });
}

async function asked(path, query) {
  return sent(address(path, query), { headers: { accept: "application/json" } });
}

async function sent(url, options) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Refused(0, "The server does not answer. Is `tracelog serve` still running?");
  }
  if (answer.ok) return answer;
  let said = `the server answered ${answer.status}`;
  try {
    said = (await answer.json()).error ?? said;
  } catch {
    // the status says enough where the body is not ours
  }
  throw new Refused(answer.status, said);
}
