/**
 * `/admin`: how the server is, read again every few seconds, and what an administrator may do.
 */

import { acts } from "./acts.js";
import { get } from "./api.js";
import { budget, heard, outcomes, quotas, redacted, sentence, store } from "./cards.js";
import { el, fill } from "./dom.js";
import { help, listen } from "./keys.js";
import { ask, byLink } from "./signin.js";
import { clock } from "./words.js";

const EVERY_MS = 5_000;

const main = document.getElementById("main");
const when = el("span.quiet", { role: "status" });
const cards = el("div.cards");
const desk = el("div.cards.acts");
const head = el("h1");

async function read() {
  try {
    show(await get("/api/v1/status"));
  } catch (error) {
    if (error.status === 401) return ask(main, "Administration needs a read key; actions need an admin key.");
    when.textContent = error.message;
    when.classList.add("bad");
  }
  setTimeout(read, EVERY_MS);
}

function show(status) {
  if (main.getAttribute("aria-busy") === "true") {
    fill(main, head, cards, desk);
    fill(desk, ...acts());
  }
  main.setAttribute("aria-busy", "false");
  head.textContent = sentence(status);
  when.classList.remove("bad");
  when.textContent = `as of ${clock(status.now).slice(0, 8)}`;
  fill(cards, quotas(status), outcomes(status), budget(status), store(status), heard(status), redacted(status));
}

const KEYS = { "?": ["these keys", () => {}] };

document.getElementById("tools").append(when, el("button", { onclick: () => help(KEYS), "aria-label": "Keys" }, "?"));
listen(KEYS);
byLink().then(read);
