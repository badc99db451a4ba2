/**
 * What the reader chose to see; it stands in the address, so that a link shows the same.
 */

/**
 * @typedef {object} View
 * @property {Set<string>} off - Systems that are not shown.
 * @property {Set<string>} levels - Levels that are not shown.
 * @property {string} text - What a row has to contain.
 * @property {[number, number] | null} span - Milliseconds from the start that are looked at; null for all.
 * @property {string | null} row - The entry that is open.
 */

/** @returns {View} */
export function read(search = location.search) {
  const said = new URLSearchParams(search);
  const span = (said.get("at") ?? "").split("-").map(Number);
  return {
    off: names(said.get("hide")),
    levels: names(said.get("hush")),
    text: said.get("has") ?? "",
    span: span.length === 2 && span[1] > span[0] ? [span[0], span[1]] : null,
    row: said.get("row"),
  };
}

/** Put *view* into the address, without a step in the history. */
export function keep(view) {
  const said = new URLSearchParams(location.search);
  const wanted = {
    hide: [...view.off].join(","),
    hush: [...view.levels].join(","),
    has: view.text,
    at: view.span ? view.span.map((ms) => Math.round(ms)).join("-") : "",
    row: view.row ?? "",
  };
  for (const [name, value] of Object.entries(wanted)) value ? said.set(name, value) : said.delete(name);
  history.replaceState(null, "", `${location.pathname}${said.size ? `?${said}` : ""}`);
}

/** Whether *row* is to be shown. */
export function shows(view, row) {
  if (view.off.has(row.system) || view.levels.has(row.level)) return false;
  if (view.span && (endOf(row) < view.span[0] || row.at_ms > view.span[1])) return false;
  return !view.text || row.message.toLowerCase().includes(view.text.toLowerCase());
}

/** When *row* was over: the end of its span, or its last entry, or its only moment; milliseconds. */
export function endOf(row) {
  if (row.duration_ms !== null) return row.at_ms + row.duration_ms;
  return row.last_timestamp ? row.at_ms + Math.max(0, row.last_timestamp - row.raw_timestamp) : row.at_ms;
}

function names(text) {
  return new Set((text ?? "").split(",").filter(Boolean));
}
