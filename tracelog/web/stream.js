/**
 * The live stream: server-sent events, joined again by the browser where they broke off.
 */

import { address } from "./api.js";

/**
 * Follow the events that *query* finds.
 *
 * @param {string} query - In the search language; empty for all.
 * @param {{row: (row: any) => void, gap: (missed: any) => void, state: (state: string) => void}} told - `row` for
 *   each row, new or changed; `gap` for events that were lost on the way; `state` is `live`, `reconnecting` or
 *   `refused`.
 * @returns {() => void} What ends it.
 */
export function follow(query, told) {
  const source = new EventSource(address("/api/v1/live", { q: query }));
  const heard = (event) => told.row(JSON.parse(event.data));
  source.addEventListener("open", () => told.state("live"));
  source.addEventListener("error", () => told.state(source.readyState === EventSource.CLOSED ? "refused" : "reconnecting"));
  source.addEventListener("row", heard);
  source.addEventListener("update", heard);
  source.addEventListener("gap", (event) => told.gap(JSON.parse(event.data)));
  return () => source.close();
}
