/**
 * `/logs`: what was processed in the last hour, as it comes.
 */

import { get, pageOf } from "./api.js";
import { el, fill, shape } from "./dom.js";
import { Feed } from "./feed.js";
import { help, listen } from "./keys.js";
import { pieces } from "./rows.js";
import { ask, byLink } from "./signin.js";
import { follow } from "./stream.js";
import { clean, clock, hue, number, plural } from "./words.js";

const MOST = 20_000;
/** Rows kept; older ones leave at the top. */

const PARTS = 24;
/** Points of a sparkline. */

const LEVELS = ["fatal", "error", "warn", "info", "log", "debug"];
const STATUS_MS = 15_000;

const main = document.getElementById("main");
const box = /** @type {HTMLInputElement} */ (document.getElementById("box"));
const view = { off: new Set(), levels: new Set(), paused: false };
const known = { rows: [], byId: new Map(), waiting: [], changed: new Set(), came: [], missed: 0, state: "reconnecting", dropped: "" };
const state = el("p.state", { role: "status" });
const filters = el("div.filters");
const newer = el("button.newer", { hidden: true, onclick: () => feed.follow() });
const feed = new Feed(line, tell);
let end = () => {};

function begin() {
  const said = new URLSearchParams(location.search);
  box.value = said.get("q") ?? "";
  fill(main, state, filters, el("div.wrap", {}, feed.element, newer));
  main.setAttribute("aria-busy", "false");
  connect();
  setInterval(tick, 1_000);
  setInterval(drops, STATUS_MS);
  drops();
}

function connect() {
  end();
  Object.assign(known, { rows: [], byId: new Map(), waiting: [], changed: new Set(), missed: 0 });
  feed.show([]);
  end = follow(box.value.trim(), {
    row: taken,
    gap: (gap) => ((known.missed += gap.missed ?? 0), tell()),
    state: (now) => ((known.state = now), tell(), now === "refused" && refused()),
  });
}

/** A row came, new or changed: it is shown with the next picture, so a flood costs one drawing. */
function taken(row) {
  const old = known.byId.get(row.id);
  const count = row.count ?? 1;
  known.came.push([Date.now(), count - (old?.count ?? 0)]);
  if (old) {
    noted(old, count - old.count);
    Object.assign(old, row, { count });
    known.changed.add(row.id);
  } else {
    const made = { ...row, count, beats: [] };
    noted(made, count);
    known.byId.set(row.id, made);
    known.waiting.push(made);
  }
  if (!view.paused) soon();
}

let asked;
function soon() {
  asked ??= requestAnimationFrame(() => {
    asked = undefined;
    flush();
  });
}

function flush() {
  const fresh = known.waiting.splice(0);
  known.rows.push(...fresh);
  for (const row of known.rows.splice(0, Math.max(0, known.rows.length - MOST))) known.byId.delete(row.id);
  const changed = new Set(known.changed);
  known.changed.clear();
  feed.show(known.rows.filter(shows), fresh.filter(shows).length, changed);
  chips();
  tell();
}

function shows(row) {
  return !view.off.has(row.system) && !view.levels.has(row.level);
}

function noted(row, count) {
  if (count > 0) row.beats.push([Date.now(), count]);
  if (row.beats.length > PARTS * 4) row.beats.splice(0, PARTS);
}

function line(row) {
  const many = row.count > 1;
  const title = many ? `${number(row.count)} times, ${clock(row.timestamp)} to ${clock(row.last_timestamp ?? row.timestamp)}` : clock(row.timestamp);
  const mark = row.level === "error" || row.level === "fatal" ? "✗ " : "";
  const times = many ? [el("span.pill", {}, `×${number(row.count)}`), " "] : [];
  const made = el("a.line", { role: "listitem", href: pageOf(row.trace_id, { row: row.id }), title, class: `${row.level} ${hue(row.system)}` });
  made.append(el("span.at.mono", {}, clock(row.last_timestamp ?? row.timestamp)), el("span.hue", {}, clean(row.service ? `${row.system}/${row.service}` : row.system)));
  made.append(el("span.text", {}, mark, ...times, ...pieces(row.message)), el("span.sparks", {}, many ? spark(row) : ""), el("span.trace.mono", {}, row.trace_id.slice(0, 8)));
  return made;
}

/** How often a folded row came since it is looked at. */
function spark(row) {
  const [first, last] = [row.beats[0][0], Date.now()];
  const parts = new Array(PARTS).fill(0);
  for (const [at, count] of row.beats) parts[Math.min(PARTS - 1, Math.floor(((at - first) / (last - first + 1)) * PARTS))] += count;
  const high = Math.max(...parts, 1);
  const points = parts.map((count, i) => `${i},${16 - (count / high) * 15}`).join(" ");
  return shape("svg", { viewBox: `0 0 ${PARTS - 1} 16`, preserveAspectRatio: "none", "aria-hidden": "true" }, shape("polyline.spark", { points }));
}

function tick() {
  const since = Date.now() - 5_000;
  known.came = known.came.filter(([at]) => at > since);
  tell();
}

/** The line of state: nothing is lost silently. */
function tell() {
  const rate = Math.round(known.came.reduce((sum, [, count]) => sum + count, 0) / 5);
  const words = view.paused ? `paused, ${number(known.waiting.length)} waiting` : known.state === "live" ? `live · ${number(rate)}/s` : known.state;
  const facts = [known.missed ? `${plural(known.missed, "event")} missed here` : "", known.dropped].filter(Boolean);
  fill(state, el(`span.mark.${known.state === "live" ? "live" : "lost"}`, {}, words), ...facts.map((fact) => el("span.warn", {}, fact)), el("span.quiet", {}, "a temporary view of recent processed entries, kept 60 minutes"));
  newer.hidden = feed.follows;
  newer.textContent = feed.newer ? `▼ ${number(feed.newer)} new` : "▼ to the end";
}

/** What the protection did not keep, from the server's own ledger. */
async function drops() {
  try {
    const { ledger } = await get("/api/v1/status");
    const sum = (counts) => Object.values(counts ?? {}).reduce((total, count) => total + count, 0);
    const limited = sum(ledger?.limited), suppressed = sum(ledger?.suppressed);
    known.dropped = [limited ? `${number(limited)} over quotas` : "", suppressed ? `${number(suppressed)} suppressed` : ""].filter(Boolean).join(", ");
  } catch (error) {
    known.dropped = error.message;
  }
  tell();
}

function chips() {
  const counts = (field) => known.rows.reduce((all, row) => all.set(row[field], (all.get(row[field]) ?? 0) + row.count), new Map());
  const chip = (name, count, set, classes) => {
    const flip = () => (set.has(name) ? set.delete(name) : set.add(name), flush());
    return el(`button.chip.${classes}`, { "aria-pressed": String(!set.has(name)), onclick: flip }, `${clean(name)} ${number(count)}`);
  };
  const systems = counts("system"), levels = counts("level");
  fill(
    filters,
    el("div.chips", { role: "group", "aria-label": "Systems" }, ...[...systems].map(([name, count]) => chip(name, count, view.off, `hue.${hue(name)}`))),
    el("div.chips", { role: "group", "aria-label": "Levels" }, ...LEVELS.filter((name) => levels.has(name)).map((name) => chip(name, levels.get(name), view.levels, ["fatal", "error"].includes(name) ? "bad" : "plain"))),
    el("button", { onclick: pause, "aria-pressed": null }, view.paused ? "Resume" : "Pause", " ", el("kbd", {}, "p")),
  );
}

function pause() {
  view.paused = !view.paused;
  if (!view.paused) soon();
  chips();
  tell();
}

/** An event stream tells no reason; the same question without a stream does. */
async function refused() {
  try {
    await get("/api/v1/search", { q: box.value.trim(), limit: 1 });
    known.dropped = "the server ended the stream; reload to join it again";
    tell();
  } catch (error) {
    if (error.status === 401) ask(main, "Reading logs needs a key of this server.");
    else known.dropped = error.message;
    tell();
  }
}

const KEYS = {
  "/": ["go to the search box", () => box.focus()],
  p: ["pause, and go on", pause],
  G: ["go to the end and follow", () => feed.follow()],
  "?": ["these keys", () => {}],
};

document.getElementById("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = box.value.trim();
  history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : location.pathname);
  connect();
  box.blur();
});
document.getElementById("tools").append(el("button", { onclick: () => help(KEYS), "aria-label": "Keys" }, "?"));
listen(KEYS);
byLink().then(begin);
