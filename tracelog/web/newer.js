/**
 * What came behind an open page: looked for while somebody looks, told by a quiet button, shown when it is pressed.
 */

import { Refused } from "./api.js";
import { announce, el } from "./dom.js";
import { told } from "./menu.js";

const FIRST_MS = 5_000, LONGEST_MS = 15_000;
/** Between two looks; a look that finds nothing is followed by a longer wait, for on some stores each is billed. */

const SLOWER = 1.2;

export class Newer {
  /**
   * @param {() => Promise<number>} look - Returns how many are newer than what is shown.
   * @param {(count: number) => string} words - What the button says.
   * @param {() => Promise<void>} show - Shows them.
   */
  constructor(look, words, show) {
    this.look = look;
    this.words = words;
    this.show = show;
    this.count = 0;
    this.wait = FIRST_MS;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.element = el("button.newer", { hidden: true, title: "show what came (n)", onclick: () => this.press() });
    const now = () => document.visibilityState === "visible" && this.begin();
    addEventListener("visibilitychange", now);
    addEventListener("focus", now);
    this.later();
  }

  /** Look at once, and often: the reader is back. */
  begin() {
    this.wait = FIRST_MS;
    this.again();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), this.wait);
  }

  async again() {
    clearTimeout(this.timer);
    if (document.visibilityState !== "visible") return; // who comes back begins again
    try {
      const count = await this.look();
      this.wait = count === this.count ? Math.min(LONGEST_MS, this.wait * SLOWER) : FIRST_MS;
      this.tell(count);
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // what is shown stays, and the next look may find the server again
    }
    this.later();
  }

  /** @param {number} count */
  tell(count) {
    if (count && !this.count) announce(this.words(count));
    this.count = count;
    this.element.hidden = !count;
    this.element.textContent = count ? this.words(count) : "";
  }

  /** Show what is newer, if there is anything. */
  press() {
    if (!this.count) return;
    this.tell(0);
    told(this.show());
  }
}
