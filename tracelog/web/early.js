/**
 * What the address names, and its report asked for at once: this file is small and needs no other, so the answer is
 * on its way while the rest of the page arrives.
 */

/** Where the server is, also when it is mounted below another one. */
export const ROOT = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

/** The trace that the address names, as it is written there; empty when it names none. */
export const REF = decoded(location.pathname.slice(`${ROOT}/debug`.length).replace(/^\//, ""));

/** @type {Map<string, Promise<Response>>} */
const begun = new Map();

if (location.pathname.startsWith(`${ROOT}/debug/`) && REF && !location.hash) {
  const url = `${ROOT}/api/v1/traces/${encodeURIComponent(REF)}/report`;
  const answer = fetch(url, { headers: { accept: "application/json" } });
  answer.catch(() => {}); // whoever takes it tells; until then it is nobody's
  begun.set(url, answer);
  document.documentElement.classList.add("one"); // keeps the room of the buttons, so that nothing jumps
}

/**
 * Return the answer from *url* that was asked for early, once; undefined when none was.
 *
 * @param {string} url
 */
export function taken(url) {
  const answer = begun.get(url);
  begun.delete(url);
  return answer;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // half an escape names no trace, and the server says so
  }
}
