/**
 * What a search finds: traces, and the entries themselves.
 */

import { get, pageOf } from "./api.js";
import { el, fill } from "./dom.js";
import { card, entryLine, traceLine } from "./list.js";
import { told } from "./menu.js";
import { clean } from "./text.js";
import { number, plural } from "./words.js";

/** @import {Entry} from "./shapes.js" */

const TRACES = 50, ENTRIES = 100;

/** What can name a trace: `word:` alone would be a field of the search language. */
const A_REF = /^(latest|latest-error|[A-Za-z0-9_.:-]{8,128})$/;
const FIELDS = /^-?(level|system|service|user|area|trace|dur|since|until|logger|kind|span|parent|origin|id|why|error|message|stack|seq|count|source|environment|release):/;
const ID = /^[0-9a-f]{8,64}$/;
const PARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const LATEST = /^latest(-error)?$/;

/**
 * Return what *text*, as it was typed or pasted, asks for: a reference to a trace, or a search.
 *
 * @param {string} text - A trace id or its beginning, a `traceparent` with or without the header's name, the
 *   address of a trace's page, or a search.
 * @returns {{ref: string} | {query: string}}
 */
export function asked(text) {
  const said = text.trim();
  const page = /^https?:\/\/\S+?\/debug\/([^/?#\s]+)/.exec(said);
  if (page) return { ref: decodeURIComponent(page[1]) };
  const bare = said.replace(/^["']?(traceparent|x-trace-id)["']?\s*[:=]\s*["']?/i, "").replace(/["',;]+$/, "");
  const lower = bare.toLowerCase();
  if (PARENT.test(lower) || LATEST.test(lower)) return { ref: lower };
  return ID.test(bare) ? { ref: bare } : { query: said };
}

/**
 * Show what *query* finds; a word that is the id of a trace, or the beginning of one, leads to the trace.
 *
 * @param {HTMLElement} main
 * @param {string} query
 */
export async function search(main, query) {
  const id = A_REF.test(query) && !FIELDS.test(query) && (await named(query));
  if (id) return location.replace(pageOf(id));
  const [{ traces, cursor }, entries] = await Promise.all([get("/api/v1/traces", { q: query, limit: TRACES }), get("/api/v1/search", { q: query, limit: ENTRIES })]);
  const lines = traces.map((/** @type {any} */ one) => traceLine(one));
  const count = `${number(traces.length)}${cursor ? "+" : ""} ${traces.length === 1 ? "trace" : "traces"}`;
  const hits = el("div", {});
  fill(main, el("h1.unseen", {}, "Found"), el("div.start", {}, card(`${count} with ${clean(query)}`, lines, "Nothing that is still kept says this. Entries stay for an hour, pinned traces longer. An id is found by its first 8 characters."), hits));
  if (lines.length) fill(hits, listed(query, entries));
  main.setAttribute("aria-busy", "false");
}

/**
 * Return the id of the only trace that *word* names; an id of hexadecimal digits also when somebody wrote it in capitals.
 *
 * @param {string} word
 * @returns {Promise<string | null>}
 */
async function named(word) {
  const lower = word.toLowerCase();
  for (const name of new Set([word, ID.test(lower) ? lower : word])) {
    const { traces } = await get("/api/v1/traces", { q: `trace:"${name}"`, limit: 2 });
    if (traces.length === 1) return traces[0].trace_id;
  }
  return null;
}

/**
 * The card of entries, which grows by a page at a time.
 *
 * @param {string} query
 * @param {{entries: Entry[], cursor: string | null, missing?: any}} page
 */
function listed(query, page) {
  const shown = card("Entries", page.entries.map(entryLine), "");
  const list = shown.querySelector("ul");
  const title = shown.querySelector("h2");
  const more = el("button", {}, "Older entries");
  let { cursor } = page;
  const tell = () => {
    const count = list?.children.length ?? 0;
    title.textContent = cursor ? `The latest ${number(count)} entries` : plural(count, "entry", "entries");
    more.hidden = !cursor;
  };
  const older = async () => {
    const next = await get("/api/v1/search", { q: query, limit: ENTRIES, cursor });
    cursor = next.cursor;
    list?.append(...next.entries.map(entryLine));
    tell();
  };
  more.addEventListener("click", () => told(older()));
  tell();
  if (page.missing?.length) shown.append(el("p.warn", {}, `${plural(page.missing.length, "trace")} went meanwhile, with entries that belong here.`));
  shown.append(more);
  return shown;
}
