/**
 * The line above a stream: whether it flows and how fast, and what of all that was logged is not in it.
 */

import { address, get } from "./api.js";
import { announce, el, fill } from "./dom.js";
import { FOLDED, because } from "./reasons.js";
import { clean } from "./text.js";
import { duration, number } from "./words.js";

const STATUS_MS = 10_000;
/** Between two looks at what was dropped. */

const RATE_MS = 5_000;
/** The rate is the mean of so long. */

const LATE_S = 36;
/** Three intervals of a processor: behind that, none works, or an archive holds it up. */

/** @typedef {"connecting" | "live" | "lost" | "stopped"} Connection */

/** @type {[words: string, outcome: string, takes: (reason: string) => boolean][]} */
const LOSSES = [
  ["over quotas", "limited", () => true],
  ["refused", "rejected", () => true],
  ["lost before sending", "dropped", () => true],
  ["not kept", "suppressed", (reason) => !FOLDED.has(reason)],
];

export class State {
  constructor() {
    /** @type {Connection} */
    this.connection = "connecting";
    this.words = "connecting";
    /** What waits while the reader has paused; null while not. @type {number | null} */
    this.paused = null;
    this.missed = 0;
    /** Whether the stream said that the store cannot be read. */
    this.isDry = false;
    /** @type {any} The server's status, as far as it is known. */
    this.status = null;
    /** @type {[at: number, count: number][]} */
    this.came = [];
    /** Asks no more. */
    this.leave = () => {};
    this.mark = el("span.mark");
    this.drops = el("summary.button");
    this.list = el("dl");
    this.late = el("span.warn");
    const where = el("a", { href: address("/debug") }, "every entry is under its trace");
    this.element = el(
      "div.state",
      {},
      this.mark,
      el("details.menu.drops", {}, this.drops, el("div", {}, this.list)),
      this.late,
      el("span.quiet.about", {}, "A temporary view of recent processed events, kept 60 minutes, times in UTC; ", where, "."),
    );
  }

  /** Ask the server now, and then again and again, while somebody looks. */
  watch() {
    const again = () => document.visibilityState === "visible" && this.ask();
    const timer = setInterval(again, STATUS_MS);
    addEventListener("visibilitychange", again);
    this.leave = () => {
      clearInterval(timer);
      removeEventListener("visibilitychange", again);
    };
    this.ask();
  }

  async ask() {
    try {
      this.status = await get("/api/v1/status");
    } catch {
      return; // the mark tells of a server that does not answer, and what was known stays
    }
    this.show();
  }

  /**
   * Show that the store is away, or back, and tell it to screen readers.
   *
   * @param {boolean} isDry
   */
  dry(isDry) {
    this.isDry = isDry;
    announce(isDry ? "the store is away" : "the store is back");
    this.show();
    if (!isDry) this.ask();
  }

  /**
   * Whether the server runs and its store does not answer: nothing comes, and nobody knows what was dropped. The
   * stream knows it first; the status may be older than what it said.
   */
  get isAway() {
    return this.connection === "live" ? this.isDry : this.status?.store?.ok === false;
  }

  /**
   * Show another state of the connection, and tell it to screen readers.
   *
   * @param {Connection} connection
   * @param {string} words
   */
  be(connection, words) {
    if (connection !== this.connection) announce(words);
    Object.assign(this, { connection, words });
    this.show();
  }

  /** @param {number} count */
  count(count) {
    const now = Date.now(), last = this.came.at(-1);
    if (last && now - last[0] < 100) last[1] += count;
    else this.came.push([now, count]);
    if (now - this.came[0][0] > 2 * RATE_MS) this.came = this.recent(now);
  }

  show() {
    const now = Date.now();
    this.came = this.recent(now);
    const rate = this.came.reduce((sum, [, count]) => sum + count, 0) / (RATE_MS / 1000);
    const speed = `${number(rate > 0 && rate < 1 ? 1 : rate)}/s`;
    const paused = this.paused === null ? "" : `paused, ${number(this.paused)} new wait · `;
    const isDry = this.isDry && this.connection === "live";
    this.mark.className = `mark ${this.paused !== null ? "held" : isDry ? "lost" : this.connection}`;
    this.mark.textContent = `${paused}${isDry ? "the store is away, nothing comes" : this.connection === "live" ? `live · ${speed}` : clean(this.words)}`;
    this.losses();
    this.late.textContent = this.lateness();
  }

  /** Forget what belonged to the search before. */
  begin() {
    this.missed = 0;
    this.came = [];
  }

  /** Whether nothing is processed: there is no processor inside, and none beside has ever told of work. */
  get isOff() {
    const processing = this.status?.processing;
    return Boolean(processing) && !processing.inside && !processing.counts.entries;
  }

  losses() {
    const { ledger, processing } = this.isAway ? { ...this.status, ledger: null } : (this.status ?? {});
    const sampled = processing?.counts.sampled ?? 0, cut = processing?.cut ?? 0;
    /** @type {[words: string, reasons: [reason: string, count: number][]][]} */
    const families = LOSSES.map(([words, outcome, takes]) => [words, counts(ledger?.[outcome]).filter(([reason]) => takes(reason))]);
    families.push(["not processed, as the queue was full", [["", cut]]], ["missed by this page, which was too slow", [["", this.missed]]]);
    const isLoss = families.some(([, reasons]) => sum(reasons));
    families.push(["folded", counts(ledger?.suppressed).filter(([reason]) => FOLDED.has(reason))], ["left out by the sample", [["", sampled]]]);
    const told = families.filter(([, reasons]) => sum(reasons));
    // Only what changed is drawn: the reader may have the list open.
    const words = told.map(([name, reasons]) => `${number(sum(reasons))} ${name.split(",")[0]}`).join(" · ") || (ledger ? "nothing dropped" : this.status || this.isAway ? "drops are not known" : "…");
    if (this.drops.textContent === words) return;
    this.drops.textContent = words;
    this.drops.classList.toggle("warn", isLoss);
    fill(this.list, ...told.flatMap(([name, reasons]) => [el("dt", {}, number(sum(reasons))), el("dd", {}, name), ...reasons.filter(([reason]) => reason).flatMap(detail)]));
    if (!told.length && !ledger && (this.status || this.isAway)) fill(this.list, el("dt", {}, "?"), el("dd", {}, "Only the store has the counts, and it is away."));
    else if (!told.length) fill(this.list, el("dt", {}, "0"), el("dd", {}, "All that was logged is stored, and all that is stored is told here."));
  }

  lateness() {
    const lag = this.status?.processing?.lag_s ?? 0;
    if (this.isOff) return "nothing is processed";
    return lag > LATE_S ? `processing is ${duration(lag * 1000)} behind: no processor works, or an archive is away` : "";
  }

  /** @param {number} now */
  recent(now) {
    return this.came.filter(([at]) => now - at <= RATE_MS);
  }
}

/**
 * @param {Record<string, number> | undefined} all
 * @returns {[string, number][]}
 */
function counts(all) {
  return Object.entries(all ?? {});
}

/** @param {[string, number][]} reasons */
function sum(reasons) {
  return reasons.reduce((total, [, count]) => total + count, 0);
}

/** @param {[string, number]} part */
function detail([reason, count]) {
  return [el("dt.quiet", {}, number(count)), el("dd.quiet", {}, because(reason))];
}
