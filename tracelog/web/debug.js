/**
 * `/debug` and `/debug/{ref}`: what the address names, shown.
 */

import { Refused, pageOf } from "./api.js";
import { compare } from "./compare.js";
import { byId, el } from "./dom.js";
import { REF as ref } from "./early.js";
import { asked, search } from "./found.js";
import { wrong } from "./gone.js";
import { help, listen } from "./keys.js";
import { ask, byLink, heed, out, reasonToAsk } from "./signin.js";
import { start } from "./start.js";
import { Trace, load } from "./trace.js";

/** @import {Keys} from "./keys.js" */
/** @import {Newer} from "./newer.js" */

const main = byId("main"), tools = byId("tools");
const box = /** @type {HTMLInputElement} */ (byId("box"));
const said = new URLSearchParams(location.search);
const query = said.get("q") ?? "";
const other = said.get("with") ?? "";

/** @type {Trace | null} */
let trace = null;

/** @type {Newer | null} */
let newer = null;

/** @type {(act: (trace: Trace) => void) => () => void} */
const onTrace = (act) => () => {
  if (trace) act(trace);
};

/** @type {Keys} */
const KEYS = [
  ["/", "go to the search box", () => box.focus()],
  ["j", "next row", onTrace((shown) => shown.rows.move(1))],
  ["k", "row before", onTrace((shown) => shown.rows.move(-1))],
  ["e", "next error", onTrace((shown) => shown.nextError())],
  ["Enter", "from the row into its panel", onTrace((shown) => shown.into())],
  ["Escape", "close the panel, leave a box", onTrace((shown) => shown.close())],
  ["f", "filter rows by text", onTrace((shown) => shown.filters.box.focus())],
  ["+", "zoom in, around the chosen row", onTrace((shown) => shown.zoom(0.5))],
  ["-", "zoom out", onTrace((shown) => shown.zoom(2))],
  ["ArrowLeft", "earlier, when zoomed in", onTrace((shown) => shown.pan(-0.5))],
  ["ArrowRight", "later", onTrace((shown) => shown.pan(0.5))],
  ["0", "the whole time, all rows", onTrace((shown) => shown.all())],
  ["n", "show what came since the page was drawn", () => newer?.press()],
  ["c", "copy for an agent", onTrace((shown) => shown.copyForAgent())],
  ["ArrowDown", "", onTrace((shown) => shown.rows.move(1))],
  ["ArrowUp", "", onTrace((shown) => shown.rows.move(-1))],
  ["?", "these keys", () => help(KEYS)],
];

async function show() {
  await byLink();
  const leave = out();
  if (leave) tools.append(leave);
  if (ref && other) await compare(main, ref, other);
  else if (ref) {
    trace = await load(main, tools, ref);
    box.value = trace.report.trace_id;
    newer = trace.newer;
  } else if (query) await search(main, query);
  else newer = await start(main);
}

byId("find").addEventListener("submit", (event) => {
  const found = asked(box.value);
  if (!("ref" in found)) return;
  event.preventDefault();
  location.assign(pageOf(found.ref));
});

tools.append(el("button", { onclick: () => help(KEYS), "aria-label": "Keys" }, "?"));
listen(KEYS);
heed(main);
box.value = ref || query;
show().catch((error) => {
  if (error instanceof Refused && error.reason.startsWith("key_")) ask(main, reasonToAsk(error, "It stays in this browser for twelve hours, as a cookie that no script can read.", false));
  else wrong(main, error, ref || query);
});
