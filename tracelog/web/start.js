/**
 * The page before a trace is chosen: failing and recent traces, or what to paste to begin.
 */

import { address, get } from "./api.js";
import { el, fill } from "./dom.js";
import { card, traceLine } from "./list.js";
import { isSigned } from "./signin.js";

/** @import {Summary} from "./shapes.js" */

const RECENT = 30, FAILING = 10;

const AGAIN_MS = 2_000;
/** While there is nothing, this page waits for the first trace: whoever pastes the lines sees them work. */

/**
 * Show where to begin.
 *
 * @param {HTMLElement} main
 */
export async function start(main) {
  /** @type {[{traces: Summary[]}, {traces: Summary[]}]} */
  const [recent, failing] = await Promise.all([get("/api/v1/traces", { limit: RECENT }), get("/api/v1/traces", { limit: FAILING, errors: 1 })]);
  const any = recent.traces.length > 0;
  const cards = any ? [card("Failing", failing.traces.map((one) => traceLine(one)), "No trace that is still kept has an error."), card("Recent", recent.traces.map((one) => traceLine(one)), "")] : [nothing()];
  fill(main, any && el("h1.unseen", {}, "Recent traces"), el("div.start", {}, ...cards));
  main.setAttribute("aria-busy", "false");
  if (!any) wait(main);
}

/** @param {HTMLElement} main */
function wait(main) {
  setTimeout(async () => {
    try {
      const { traces } = await get("/api/v1/traces", { limit: 1 });
      if (traces.length) await start(main);
      else wait(main);
    } catch {
      wait(main); // a server that is being restarted comes back
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
