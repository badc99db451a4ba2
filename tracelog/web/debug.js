/**
 * `/debug` and `/debug/{ref}`: what the address names, shown.
 */

import { ROOT, pageOf } from "./api.js";
import { el, fill } from "./dom.js";
import { help, listen } from "./keys.js";
import { ask, byLink } from "./signin.js";
import { search, start } from "./start.js";
import { Trace } from "./trace.js";

const main = document.getElementById("main");
const tools = document.getElementById("tools");
const box = /** @type {HTMLInputElement} */ (document.getElementById("box"));
const ref = decodeURIComponent(location.pathname.slice(`${ROOT}/debug`.length).replace(/^\//, ""));
const query = new URLSearchParams(location.search).get("q") ?? "";
const trace = new Trace(main, tools);

const A_REF = /^(latest|latest-error|[A-Za-z0-9_.:-]{8,128})$/;
/** What names a trace rather than searching for one: `word:` alone would be a field of the search language. */

const FIELDS = /^(level|system|service|user|area|trace|dur|since|logger|kind):/;

const isFailure = (item) => item.level === "error" || item.level === "fatal";
const onTrace = (act) => () => trace.report && act();

const KEYS = {
  "/": ["go to the search box", () => box.focus()],
  j: ["next row", onTrace(() => trace.rows.move(1))],
  k: ["row before", onTrace(() => trace.rows.move(-1))],
  e: ["next error", onTrace(() => trace.rows.move(1, isFailure))],
  f: ["filter rows by text", onTrace(() => document.getElementById("has").focus())],
  c: ["copy for an agent", onTrace(() => trace.forAgent())],
  0: ["the whole time, all rows", onTrace(() => trace.all())],
  Escape: ["close the panel", onTrace(() => trace.close())],
  ArrowDown: ["", onTrace(() => trace.rows.move(1))],
  ArrowUp: ["", onTrace(() => trace.rows.move(-1))],
  "?": ["these keys", () => {}],
};

function wrong(error) {
  if (error.status === 401) return ask(main, "It stays in this browser for twelve hours, as a cookie that no script can read.");
  const asked = ref || query;
  const gone = error.status === 404 ? "It may have expired: entries are kept for an hour. " : "";
  fill(main, el("section.card", { role: "alert" }, el("h1", {}, error.status === 404 ? `Nothing is here of ${asked.slice(0, 80)}` : "This did not work"), el("p", {}, `${gone}${error.message}`), el("p", {}, el("a.button", { href: `${ROOT}/debug` }, "Recent traces"))));
  main.setAttribute("aria-busy", "false");
}

document.getElementById("find").addEventListener("submit", (event) => {
  const said = box.value.trim();
  if (said && A_REF.test(said) && !FIELDS.test(said)) {
    event.preventDefault();
    location.assign(pageOf(said));
  }
});

tools.append(el("button", { onclick: () => help(KEYS), "aria-label": "Keys" }, "?"));
listen(KEYS);
box.value = ref || query;
byLink()
  .then(() => (ref ? trace.load(ref) : query ? search(main, query) : start(main)))
  .catch(wrong);
