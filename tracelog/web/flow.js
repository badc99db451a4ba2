/**
 * What came over the live stream, as the page keeps it: bounded, counted, in the order of arrival. A row that comes
 * again replaces its former state where it stands.
 */

import { Beats } from "./beats.js";

/** @import {LiveRow} from "./shapes.js" */

/** @typedef {LiveRow & {beats: Beats}} Shown */

/** @typedef {{fresh: number, left: number, changed: Set<Shown>}} Change - Rows that joined, left at the top, changed. */

const MOST = 10_000;
/** Rows kept: what the server keeps, too. */

export class Flow {
  /** @param {(row: LiveRow) => boolean} passes - Whether a row is to be shown. */
  constructor(passes) {
    this.passes = passes;
    /** @type {Shown[]} */
    this.rows = [];
    /** @type {Shown[]} Those that are to be shown. */
    this.shown = [];
    /** @type {Map<string, Shown>} */
    this.byId = new Map();
    /** @type {Map<string, LiveRow>} What came and is not yet among the rows; the latest state of each. */
    this.held = new Map();
    /** @type {{system: Map<string, number>, level: Map<string, number>}} Log calls behind all rows. */
    this.counts = { system: new Map(), level: new Map() };
  }

  /** Forget all. */
  clear() {
    this.rows = [];
    this.shown = [];
    for (const map of [this.byId, this.held, this.counts.system, this.counts.level]) map.clear();
  }

  /**
   * Take a row; return how many log calls it tells of that were not known.
   *
   * @param {LiveRow} row
   */
  take(row) {
    const known = this.held.get(row.id) ?? this.byId.get(row.id);
    this.held.set(row.id, row);
    if (this.held.size > MOST) {
      const [oldest] = this.held.keys();
      this.held.delete(oldest);
    }
    return Math.max(0, row.count - (known?.count ?? 0));
  }

  /** How many rows wait that are new and would be shown. */
  waiting() {
    let count = 0;
    for (const row of this.held.values()) if (!this.byId.has(row.id) && this.passes(row)) count++;
    return count;
  }

  /**
   * Let what is held join the rows.
   *
   * @returns {Change}
   */
  join() {
    const isFirst = this.rows.length === 0;
    const changed = new Set(), fresh = [];
    for (const row of this.held.values()) {
      const known = this.byId.get(row.id);
      if (known) changed.add(this.renew(known, row));
      else fresh.push(this.made(row));
    }
    this.held.clear();
    // What a page begins with comes in the order of its last change; it is shown as it would have been seen coming.
    if (isFirst) fresh.sort((a, b) => a.timestamp - b.timestamp);
    const passing = fresh.filter(this.passes);
    this.rows.push(...fresh);
    this.shown.push(...passing);
    return { fresh: passing.length, left: this.shorten(), changed };
  }

  /** Choose anew what is shown: `passes` judges otherwise now. */
  choose() {
    this.shown = this.rows.filter(this.passes);
  }

  shorten() {
    const gone = this.rows.splice(0, Math.max(0, this.rows.length - MOST));
    for (const row of gone) {
      this.byId.delete(row.id);
      this.count(row, -row.count);
    }
    const left = gone.filter(this.passes).length;
    this.shown.splice(0, left);
    return left;
  }

  /**
   * @param {LiveRow} row
   * @returns {Shown}
   */
  made(row) {
    const made = { ...row, beats: new Beats(row.timestamp) };
    made.beats.spread(row.last_timestamp ?? row.timestamp, row.count);
    this.byId.set(row.id, made);
    this.count(row, row.count);
    return made;
  }

  /**
   * @param {Shown} known
   * @param {LiveRow} row
   */
  renew(known, row) {
    const more = row.count - known.count;
    this.count(row, more);
    if (more > 0) known.beats.add(row.last_timestamp ?? row.timestamp, more);
    return Object.assign(known, row);
  }

  /**
   * @param {LiveRow} row
   * @param {number} more
   */
  count(row, more) {
    for (const field of /** @type {const} */ (["system", "level"])) {
      const counts = this.counts[field];
      const count = (counts.get(row[field]) ?? 0) + more;
      if (count > 0) counts.set(row[field], count);
      else counts.delete(row[field]);
    }
  }
}
