/**
 * The page before a trace is chosen: failing and recent traces, or what to paste to begin.
 */

import { address, get } from "./api.js";
import { el, fill } from "./dom.js";
import { card, traceLine } from "./list.js";
import { Newer } from "./newer.js";
import { isSigned } from "./signin.js";
import { number, plural } from "./words.js";

/** @import {Summary} from "./shapes.js" */

const RECENT = 30, FAILING = 10;

const AGAIN_MS = 2_000;
/** While there is nothing, this page waits for the first trace: whoever pastes the lines sees them work. */

/** What is listed: the entries of each trace. @type {Map<string, number>} */
let listed = new Map();

/**
 * Show where to begin; return what looks for newer traces.
 *
 * @param {HTMLElement} main
 */
export async function start(main) {
  /** @type {Newer} */
  const newer = new Newer(fresher, (count) => `${count === RECENT ? `${number(count)}+ traces` : plural(count, "trace")} newer, show`, () => lay(main, newer));
  await lay(main, newer);
  return newer;
}

/**
 * @param {HTMLElement} main
 * @param {Newer} newer
 */
async function lay(main, newer) {
  /** @type {[{traces: Summary[]}, {traces: Summary[]}]} */
  const [recent, failing] = await Promise.all([get("/api/v1/traces", { limit: RECENT }), get("/api/v1/traces", { limit: FAILING, errors: 1 })]);
  const any = recent.traces.length > 0;
  const at = document.activeElement instanceof HTMLAnchorElement ? document.activeElement.href : "";
  listed = new Map(recent.traces.map((one) => [one.trace_id, one.entries]));
  const cards = any ? [card("Failing", failing.traces.map((one) => traceLine(one)), "No trace that is still kept has an error."), card("Recent", recent.traces.map((one) => traceLine(one)), "")] : [nothing()];
  fill(main, any && el("h1.unseen", {}, "Recent traces"), el("div.start", {}, ...cards), newer.element);
  main.setAttribute("aria-busy", "false");
  if (document.activeElement === document.body && at) [...main.querySelectorAll("a")].find((link) => link.href === at)?.focus({ preventScroll: true });
  if (!any) wait(main, newer);
}

/** How many of the latest traces are not listed, or have more entries now. */
async function fresher() {
  if (!listed.size) return 0; // the page waits for the first trace
  /** @type {{traces: Summary[]}} */
  const { traces } = await get("/api/v1/traces", { limit: RECENT });
  return traces.filter((one) => (listed.get(one.trace_id) ?? 0) < one.entries).length;
}

/**
 * @param {HTMLElement} main
 * @param {Newer} newer
 */
function wait(main, newer) {
  setTimeout(async () => {
    try {
      const { traces } = await get("/api/v1/traces", { limit: 1 });
      if (traces.length) await lay(main, newer);
      else wait(main, newer);
    } catch {
      wait(main, newer); // a server that is being restarted comes back
    }
  }, AGAIN_MS);
}

/**
 * Return what to paste to begin.
 *
 * @param {string} [then] - What will be seen.
 */
export function nothing(then = "This page shows the first trace as soon as it arrives.") {
  const here = location.origin + address("");
  return el(
    "section.card",
    {},
    el("h1", {}, "Nothing logged yet"),
    el("p", {}, "Two lines in a Python program:"),
    el("pre.mono", { tabindex: 0, "aria-label": "Python" }, `import tracelog; tracelog.configure(service="shop", url="${here}"${isSigned() ? ', key="INGEST KEY"' : ""})\ntracelog.get_logger().info("hello")`),
    el("p", {}, "One line in a page:"),
    el("pre.mono", { tabindex: 0, "aria-label": "HTML" }, `<script src="${here}/tracelog.js" data-service="web"${isSigned() ? ' data-key="PUBLIC KEY"' : ""}></script>`),
    el("p", {}, "Or from a terminal:"),
    el("pre.mono", { tabindex: 0, "aria-label": "Shell" }, `curl ${here}/log${isSigned() ? " -H 'Authorization: Bearer INGEST KEY'" : ""} -d '{"trace_id":"test_123","message":"hello"}'`),
    el("p.quiet", { role: "status" }, then),
  );
}
