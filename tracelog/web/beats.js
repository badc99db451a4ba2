/**
 * How often something came over its time, in a bounded number of parts: when the time grows beyond them, two parts
 * become one.
 */

const PARTS = 20;
/** Bars of a sparkline. */

const FIRST_WIDTH_MS = 1_000;

export class Beats {
  /** @param {number} from - When it began, Unix milliseconds. */
  constructor(from) {
    this.from = from;
    /** Milliseconds of a part. */
    this.width = FIRST_WIDTH_MS;
    /** @type {number[]} */
    this.counts = [];
  }

  /**
   * Note that it came *count* times at *at*, Unix milliseconds; what is before the beginning counts as then.
   *
   * @param {number} at
   * @param {number} count
   */
  add(at, count) {
    const past = Math.max(0, at - this.from);
    while (past >= this.width * PARTS) this.halve();
    const place = Math.floor(past / this.width);
    while (this.counts.length <= place) this.counts.push(0);
    this.counts[place] += count;
  }

  /**
   * Note *count* times from the beginning to *to*, of which no more is known: as if evenly.
   *
   * @param {number} to
   * @param {number} count
   */
  spread(to, count) {
    const whole = to - this.from;
    if (whole <= 0) return this.add(this.from, count);
    this.add(to, 0);
    this.counts = this.counts.map((before, place) => before + (count * Math.min(this.width, whole - place * this.width)) / whole);
  }

  halve() {
    this.width *= 2;
    const { counts } = this;
    this.counts = counts.filter((_, place) => place % 2 === 0).map((count, place) => count + (counts[2 * place + 1] ?? 0));
  }
}
