/**
 * What the reader chose to see; it stands in the address, so that a link shows the same.
 */

/** @import {Row} from "./shapes.js" */

/**
 * @typedef {object} View
 * @property {Set<string>} off - Systems that are not shown.
 * @property {Set<string>} levels - Levels that are not shown.
 * @property {string} text - What a row has to contain.
 * @property {[number, number] | null} span - Milliseconds from the start that are looked at; null for all.
 * @property {string | null} hop - The only hop that is shown; null for all.
 * @property {string | null} row - The entry that is open.
 */

const BURST = 20, EACH_MS = 400;
/** Browsers ignore an address, or throw, when it changes more often than 100 times in 30 s (WebKit; Chromium: 200 in 10 s). */

let spare = BURST, last = 0, waiting = 0;

/**
 * @param {string} [search]
 * @returns {View}
 */
export function read(search = location.search) {
  const said = new URLSearchParams(search);
  const span = (said.get("at") ?? "").split("-").map(Number);
  return {
    off: new Set(said.getAll("hide")),
    levels: new Set(said.getAll("hush")),
    text: said.get("has") ?? "",
    span: span.length === 2 && span[0] >= 0 && span[1] > span[0] ? [span[0], span[1]] : null,
    hop: said.get("hop"),
    row: said.get("row"),
  };
}

/**
 * Put *view* into the address, without a step in the history; while a key is held down not for each of its rows, but
 * the last one is kept.
 *
 * @param {View} view
 */
export function keep(view) {
  const now = performance.now();
  spare = Math.min(BURST, spare + (now - last) / EACH_MS);
  last = now;
  if (spare >= 1) {
    spare--;
    write(view);
  } else if (!waiting) {
    waiting = setTimeout(() => {
      waiting = 0;
      keep(view);
    }, EACH_MS);
  }
}

/** @param {View} view */
function write(view) {
  const said = new URLSearchParams(location.search);
  const wanted = {
    hide: [...view.off],
    hush: [...view.levels],
    has: [view.text],
    at: [view.span ? view.span.map((ms) => Number(ms.toFixed(3))).join("-") : ""],
    hop: [view.hop ?? ""],
    row: [view.row ?? ""],
  };
  for (const [name, values] of Object.entries(wanted)) {
    said.delete(name);
    for (const value of values) if (value) said.append(name, value);
  }
  history.replaceState(null, "", `${location.pathname}${said.size ? `?${said}` : ""}`);
}

/**
 * Whether *row* is to be shown.
 *
 * @param {View} view
 * @param {Row} row
 */
export function shows(view, row) {
  if (view.off.has(row.system) || view.levels.has(row.level)) return false;
  if (view.hop && row.span_id !== view.hop && row.parent_id !== view.hop) return false;
  if (view.span && (endOf(row) < view.span[0] || row.at_ms > view.span[1])) return false;
  if (!view.text) return true;
  const text = view.text.toLowerCase();
  return row.message.toLowerCase().includes(text) || (row.error ?? "").toLowerCase().includes(text);
}

/**
 * When *row* was over: the end of its span, or its last entry, or its only moment; milliseconds.
 *
 * @param {Row} row
 */
export function endOf(row) {
  if (row.duration_ms !== null) return row.at_ms + row.duration_ms;
  return row.last_timestamp ? row.at_ms + Math.max(0, row.last_timestamp - row.raw_timestamp) : row.at_ms;
}
