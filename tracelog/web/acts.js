/**
 * What an administrator switches, mutes and cleans up.
 */

import { change, get } from "./api.js";
import { size, table } from "./board.js";
import { el, fill } from "./dom.js";
import { Shelf, doing, sure } from "./shelf.js";
import { clean } from "./text.js";
import { clock, hue, left, number, plural } from "./words.js";

const CONFIRM = "delete all logs";
/** What the server wants to be told before it empties its store. */

/** @typedef {() => void} Again - Asks how everything stands now. */

/**
 * Whether pages capture.
 *
 * @param {Again} again
 */
export function capture(again) {
  const set = (/** @type {boolean | null} */ to) => doing(change("POST", "/api/v1/switches", { capture: to }), (now) => (now.capture ? "pages capture" : "pages capture nothing")).then(again);
  return new Shelf({
    title: "Capturing in pages",
    ask: () => get("/api/v1/switches"),
    draw: ({ capture: on, said_by: by }) => [
      el("p", {}, el("b", { class: on ? "good" : "warn" }, on ? "On" : "Off"), on ? ": pages with the browser client capture." : ": pages with the browser client capture nothing.", el("span.quiet", {}, by === "operator" ? " An operator said so." : " The settings say so.")),
      el("p.chips", {}, el("button", { "data-act": on ? "off" : "on" }, on ? "Switch off" : "Switch on"), by === "operator" && el("button", { "data-act": "settings" }, "As the settings say")),
      el("p.quiet", {}, "Pages ask every 15 seconds while somebody sees them."),
    ],
    acts: { on: () => set(true), off: () => set(false), settings: () => set(null) },
  });
}

/**
 * Who is not heard for a while.
 *
 * @param {Again} again
 */
export function mutes(again) {
  const end = (/** @type {DOMStringMap} */ { id }) => doing(change("DELETE", `/api/v1/mutes/${encodeURIComponent(id ?? "")}`), () => "heard again").then(again);
  return new Shelf({ title: "Mutes", ask: () => get("/api/v1/mutes"), draw: muted, acts: { end: (given) => void end(given) }, form: muter(again) });
}

/** @param {{mutes: any[]}} found */
function muted({ mutes: all }) {
  const rows = all.map((one) => [
    el("span", {}, one.system ? el(`b.hue.${hue(one.system)}`, {}, clean(one.system)) : "", one.source ? el("span.mono", {}, ` ${clean(one.source)}`) : "", one.errors ? ", errors too" : ""),
    el("span", {}, clean(one.why), el("span.quiet", {}, ` by ${clean(one.by)}`)),
    `${left(one.until_ms - Date.now())} left`,
    el("button", { "data-act": "end", "data-id": one.id, "aria-label": `End the mute of ${clean(one.system ?? one.source)}` }, "End"),
  ]);
  return [rows.length ? table("Mutes", ["who", "why", "#time", "#end"], rows) : el("p.quiet", {}, "Everybody is heard. What is muted is counted, and errors pass unless you say otherwise.")];
}

/** @param {Again} again */
function muter(again) {
  const kind = el("select", { "aria-label": "What to mute" }, el("option", { value: "system" }, "system"), el("option", { value: "source" }, "source"));
  const name = el("input", { "aria-label": "Its name", placeholder: "name", required: true, maxlength: 200, size: 14 });
  const minutes = el("input", { type: "number", "aria-label": "Minutes", value: 60, min: 1, max: 10080, required: true });
  const why = el("input", { "aria-label": "Why", placeholder: "why", maxlength: 200, size: 16 });
  const errors = el("input", { type: "checkbox" });
  const form = el("form.row", {}, kind, name, minutes, el("span.quiet", {}, "min"), why, el("label", {}, errors, " errors too"), el("button", {}, "Mute"));
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const wanted = { [kind.value]: name.value.trim(), minutes: Number(minutes.value), errors: errors.checked, why: why.value.trim() };
    if (await doing(change("POST", "/api/v1/mutes", wanted), (done) => `${clean(done.system ?? done.source)} is muted until ${clock(done.until_ms)} UTC`)) form.reset();
    again();
  });
  return form;
}

/**
 * Clean-up: what is left over, shown before it goes, and everything, which has to be typed.
 *
 * @param {Again} again
 */
export function cleanup(again) {
  const said = el("div", { role: "status" });
  const tell = (/** @type {any[]} */ ...children) => fill(said, ...children);
  const safe = async () => {
    const found = await doing(change("POST", "/api/v1/cleanup", { mode: "safe", dry_run: true }), leftover);
    if (!found) return;
    const any = ["expired", "orphaned", "endless", "silent"].some((name) => found[name]);
    tell(el("p", {}, any ? `Safe to tidy up: ${leftover(found)}.` : "Nothing is left over."), any && el("p.chips", {}, el("button", { "data-act": "remove" }, "Do it"), el("button", { "data-act": "keep" }, "Leave it")));
  };
  const remove = async () => {
    const done = await doing(change("POST", "/api/v1/cleanup", { mode: "safe" }), leftover);
    if (done) tell(el("p", {}, `Tidied up: ${leftover(done)}.`));
    again();
  };
  const form = el(
    "div",
    {},
    el("p.quiet", {}, "What nobody can read any more can go safely. It is shown first; nothing is removed unasked."),
    el("p.chips", {}, el("button", { "data-act": "safe" }, "What is left over?"), el("button.danger", { "data-act": "all" }, "Delete all logs …")),
    said,
  );
  return new Shelf({ title: "Clean-up", form, acts: { safe, remove, keep: () => tell(), all: () => emergency(tell, again) } });
}

/**
 * @param {(...children: any[]) => void} tell
 * @param {Again} again
 */
async function emergency(tell, again) {
  const found = await doing(change("POST", "/api/v1/cleanup", { mode: "emergency", dry_run: true }), everything);
  if (!found) return;
  const go = async () => {
    const done = await doing(change("POST", "/api/v1/cleanup", { mode: "emergency", confirm: CONFIRM }), () => "all logs are deleted");
    if (done) tell(el("p", {}, `Deleted: ${everything(done)}.`));
    again();
  };
  sure("Delete all logs", [`This deletes ${everything(found)}, of every system, for good. Keys, mutes, switches, the audit and what the month has cost stay.`], "Delete all logs", go, CONFIRM);
}

/** @param {any} found */
function leftover(found) {
  const parts = [
    found.expired && `${plural(found.expired, "trace")} whose time is over`,
    found.orphaned && plural(found.orphaned, "key without a trace", "keys without a trace"),
    found.endless && `${plural(found.endless, "key")} that would never end`,
    found.silent && plural(found.silent, "silent source"),
    found.bytes && size(found.bytes),
  ];
  return parts.filter(Boolean).join(", ") || "nothing is left over";
}

/** @param {any} found */
function everything(found) {
  const names = [["traces", "trace"], ["entries", "entry"], ["pins", "pin"]];
  const parts = names.filter(([name]) => typeof found[name] === "number").map(([name, one]) => plural(found[name], one, name));
  if (found.size_bytes) parts.push(size(found.size_bytes));
  return parts.join(", ") || `${number(0)} entries`;
}
