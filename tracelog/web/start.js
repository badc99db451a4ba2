/**
 * The page before a trace is chosen: failing and recent traces, what a search finds, or what to paste to begin.
 */

import { address, get, pageOf } from "./api.js";
import { el, fill } from "./dom.js";
import { pieces } from "./rows.js";
import { ago, clean, duration, hue, number, plural } from "./words.js";

const RECENT = 30;

/** Show where to begin. */
export async function start(main) {
  const { traces } = await get("/api/v1/traces", { limit: RECENT });
  const failing = traces.filter((trace) => trace.errors > 0);
  const cards = traces.length ? [listed("Failing", failing, "No trace of the last hour has an error."), listed("Recent", traces, "")] : [nothing()];
  fill(main, el("h1.unseen", {}, "Recent traces"), el("div.start", {}, ...cards));
  main.setAttribute("aria-busy", "false");
}

/** Show the traces that *query* finds. */
export async function search(main, query) {
  const { traces } = await get("/api/v1/traces", { q: query, limit: 100 });
  fill(main, el("h1.unseen", {}, "Found"), el("div.start", {}, listed(`${plural(traces.length, "trace")} with ${query}`, traces, "Nothing that is still kept says this. Entries stay for an hour.")));
  main.setAttribute("aria-busy", "false");
}

function listed(title, traces, otherwise) {
  const now = Date.now();
  const card = el("section.card", {}, el("h2", {}, title));
  if (!traces.length) card.append(el("p.quiet", {}, otherwise));
  const list = el("ul.list");
  for (const trace of traces) {
    const systems = trace.systems.flatMap((name, i) => [i ? " " : "", el(`span.hue.${hue(name)}`, {}, clean(name))]);
    const facts = el("span.quiet", {}, `${number(trace.entries)} · ${duration(trace.last_ms - trace.first_ms)} · `, ...systems);
    const title = el("b", { class: trace.errors ? "bad" : "" }, ...(trace.errors ? ["✗ "] : []), ...pieces(trace.title ?? trace.trace_id));
    list.append(el("li", {}, el("a", { href: pageOf(trace.trace_id) }, el("span.quiet", {}, ago(trace.last_ms, now)), title, facts)));
  }
  card.append(list);
  return card;
}

function nothing() {
  const here = location.origin + address("");
  return el(
    "section.card",
    {},
    el("h1", {}, "Nothing logged yet"),
    el("p", {}, "Two lines in a Python program, and its next request is here:"),
    el("pre.mono", {}, `import tracelog\ntracelog.configure(service="shop", url="${here}")`),
    el("p", {}, "One line in a page:"),
    el("pre.mono", {}, `<script src="${here}/tracelog.js" data-service="web"></script>`),
    el("p", {}, "Or from a terminal:"),
    el("pre.mono", {}, `curl -X POST ${here}/log -d '{"trace_id":"test_123","message":"hello"}'`),
  );
}
