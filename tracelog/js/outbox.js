/**
 * Entries that wait to be sent: numbered, bounded, sealed one by one, counted wherever they end.
 */

/**
 * @typedef {{level: string, message: string, [field: string]: any}} Entry
 * @typedef {{entry: Entry, chars: number, json?: string, bytes?: any, over?: boolean}} Item
 * @typedef {{accepted?: number, duplicate?: number, suppressed_by?: Record<string, number>, limited?: Record<string, number>, rejected?: {reason: string}[], retry_after?: number, remaining_quota?: number | null, received_at?: number, error?: string}} Answer
 */

/** Bytes of one body, and of all keepalive bodies in flight: browsers refuse beyond 65,536 (Fetch §4.6). */
export const ROOM = 60000;
/** What a body holds beside its entries, at most. */
const HEAD = 2000;
/** Entries of one body: half of what the server takes. */
const BATCH = 500;
/** Entries and characters that wait at most; then the lowest level goes first. */
const WAITING = 2000;
const WAITING_CHARS = 2e6;
/** @type {Record<string, number>} */
export const RANKS = { debug: 0, log: 1, info: 1, warn: 2, error: 3, fatal: 4 };

/** @param {string} text */
export const bytesOf = (text) => new TextEncoder().encode(text).length;

/**
 * @param {string} source who speaks
 * @param {(entry: Entry) => Entry | string} seal the final form of an entry, or why it is not sent
 */
export function outbox(source, seal) {
  /** @type {Record<string, any>} */
  const stats = { emitted: 0, stored: 0, suppressed: {}, limited: {}, rejected: {}, dropped: {}, unsent: {} };
  /** @type {Item[]} */
  let waiting = [];
  /** @type {Item[]} */
  let flying = [];
  let chars = 0;
  let seq = 0;
  let told = 0;

  /**
   * @param {string} outcome
   * @param {string} reason
   */
  const count = (outcome, reason, n = 1) => {
    stats[outcome][reason] = (stats[outcome][reason] ?? 0) + n;
  };

  const report = () => ({ ...stats, in_flight: waiting.length + flying.length });

  /** @param {Item} item */
  const sealed = (item) => {
    if (item.json) return true;
    /** @type {Entry | string} */
    let found = "redact_failed";
    try {
      found = seal(item.entry);
    } catch {
      // what could not be shown to be free of secrets is not sent, but counted
    }
    if (typeof found === "string") {
      count("dropped", found);
      return false;
    }
    item.json = JSON.stringify(found);
    item.bytes = bytesOf(item.json) + 1;
    return true;
  };

  /**
   * Takes what waits, in order, as far as one body of so many bytes holds it. An entry that is larger goes alone
   * where there are more than `ROOM`; a page that goes keeps it, for the browser would refuse it.
   *
   * @param {number} bytes
   */
  const take = (bytes) => {
    /** @type {Item[]} */
    const batch = [];
    let left = bytes - HEAD;
    while (waiting.length && batch.length < BATCH) {
      const [item] = waiting;
      const isGood = !item.over && sealed(item);
      if (isGood && item.bytes > left && (batch.length || bytes <= ROOM)) break;
      waiting.shift();
      chars -= item.chars;
      if (!isGood) continue;
      left -= item.bytes;
      batch.push(item);
    }
    return batch;
  };

  /** @param {Item[]} items */
  const land = (items) => {
    flying = flying.filter((item) => !items.includes(item));
  };

  return {
    report,
    isDue: () => waiting.length || told < stats.emitted,
    /** Whether an error waits: there is room for those where there is none for others. */
    isUrgent: () => waiting.some(({ entry }) => RANKS[entry.level] >= RANKS.error),
    /**
     * The next body, of so many bytes at most; what is in it is under way until it is settled or comes back.
     *
     * @param {number} bytes
     */
    pack(bytes) {
      const items = take(bytes);
      const body = `{"report":${JSON.stringify(report())},"source":"${source}","entries":[${items.map(({ json }) => json)}]}`;
      flying.push(...items);
      told = stats.emitted;
      return { items, body };
    },
    /** Takes back what is under way, to be sent again. */
    back(items = flying) {
      land(items);
      for (const item of items) chars += item.chars;
      waiting = [...items, ...waiting];
    },
    /**
     * Counts what became of entries that an answer tells of, each once however often it was sent.
     *
     * @param {Item[]} items
     * @param {Answer} answer
     */
    settle(items, { accepted = 0, duplicate = 0, suppressed_by, limited, rejected = [] }) {
      land(items);
      const fresh = items.filter((item) => !item.over);
      for (const item of fresh) item.over = true;
      stats.stored += Math.min(accepted + duplicate, fresh.length);
      if (fresh.length < items.length) return;
      for (const [outcome, reasons] of Object.entries({ suppressed: suppressed_by, limited })) {
        for (const [reason, n] of Object.entries(reasons ?? {})) count(outcome, reason, n);
      }
      for (const { reason } of rejected) count("rejected", reason);
    },
    /** What nobody has confirmed, as JSON; first what was never sent. */
    left: () => [...waiting, ...flying].filter(sealed).map(({ json }) => /** @type {string} */ (json)),
    /**
     * Takes an entry; with `why` it is only counted.
     *
     * @param {Entry} entry
     * @param {string | null} [why]
     */
    add(entry, why) {
      stats.emitted += 1;
      if (why) return count("suppressed", why) ?? count("unsent", why);
      /** @type {Item} */
      const item = { entry: { ...entry, source, seq: seq++ }, chars: 500 + entry.message.length + (entry.stack?.length ?? 0) };
      waiting.push(item);
      chars += item.chars;
      while (waiting.length > WAITING || chars > WAITING_CHARS) {
        const lowest = waiting.reduce((low, each) => (RANKS[each.entry.level] < RANKS[low.entry.level] ? each : low));
        waiting.splice(waiting.indexOf(lowest), 1);
        chars -= lowest.chars;
        count("dropped", "queue_overflow");
      }
    },
  };
}
