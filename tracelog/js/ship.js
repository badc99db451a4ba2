/**
 * Entries on their way to the server: numbered, in batches, kept while nobody takes them, counted wherever they end.
 */

/** Bytes of one body, and of all keepalive bodies in flight: browsers refuse beyond 65,536 (Fetch §4.6). */
const ROOM = 60000;
/** What a body holds beside its entries, at most. */
const HEAD = 2000;
/** Entries of one body: half of what the server takes. */
const BATCH = 500;
/** Entries and characters that wait at most; then the lowest level goes first. */
const WAITING = 2000;
const WAITING_CHARS = 2e6;
const SOON_MS = 1000;
const LONGEST_MS = 60000;
/** Browsers give room for keepalive back late. */
const LATE_MS = 600;
const RANKS = { debug: 0, log: 1, info: 1, warn: 2, error: 3, fatal: 4 };

const utf8 = new TextEncoder();

/**
 * @param {object} around
 * @param {string} around.source who speaks
 * @param {string[]} around.urls where to send: the next one when one does not answer
 * @param {typeof fetch} around.fetch the page's own, untouched
 * @param {(entry: object) => object | string} around.seal the final form of an entry, or why it is not sent
 * @param {(text: string) => void} around.complain
 */
export function shipper({ source, urls, fetch, seal, complain }) {
  const stats = { emitted: 0, stored: 0, duplicate: 0, suppressed: {}, limited: {}, rejected: {}, dropped: {}, unsent: {}, in_flight: 0 };
  const clock = { offset_ms: 0, uncertainty_ms: Infinity };
  let waiting = [];
  let flying = [];
  let chars = 0;
  let room = ROOM;
  let seq = 0;
  let pause = 0;
  let failures = 0;
  let told = 0;
  let timer;
  let sending;

  const count = (outcome, reason, n = 1) => {
    stats[outcome][reason] = (stats[outcome][reason] ?? 0) + n;
  };

  const report = () => ({ ...stats, in_flight: waiting.length + flying.length });

  const later = (ms) => {
    timer ??= setTimeout(() => {
      timer = undefined;
      flush();
    }, ms);
  };

  const sealed = (item) => {
    if (item.json) return true;
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
    item.bytes = utf8.encode(item.json).length + 1;
    return true;
  };

  /** Takes what waits, in order, as far as one body of so many bytes holds it. */
  const take = (bytes) => {
    const batch = [];
    let left = bytes - HEAD;
    while (waiting.length && batch.length < BATCH) {
      const [item] = waiting;
      const isGood = !item.over && sealed(item);
      if (isGood && item.bytes > left && (batch.length || bytes < ROOM)) break;
      waiting.shift();
      chars -= item.chars;
      if (!isGood) continue;
      left -= item.bytes;
      batch.push(item);
    }
    return batch;
  };

  const land = (items) => {
    flying = flying.filter((item) => !items.includes(item));
  };

  const back = (items) => {
    land(items);
    for (const item of items) chars += item.chars;
    waiting = [...items, ...waiting];
  };

  const rest = (ms) => {
    pause = Math.max(pause, Date.now() + ms);
  };

  const retry = (items, atLeast) => {
    back(items);
    failures += 1;
    const ms = Math.min(LONGEST_MS, 500 * 2 ** Math.min(failures, 7)) * (0.5 + Math.random() / 2);
    rest(failures < urls.length ? 0 : Math.max(ms, atLeast));
  };

  /** Counts what became of entries that an answer tells of, each once however often it was sent. */
  const account = (items, { accepted = 0, duplicate = 0, suppressed_by, limited, rejected = [], retry_after = 0 }) => {
    const fresh = items.filter((item) => !item.over);
    for (const item of fresh) item.over = true;
    stats.stored += Math.min(accepted + duplicate, fresh.length);
    if (fresh.length < items.length) return;
    for (const [outcome, reasons] of Object.entries({ suppressed: suppressed_by, limited })) {
      for (const [reason, n] of Object.entries(reasons ?? {})) count(outcome, reason, n);
    }
    for (const { reason } of rejected) count("rejected", reason);
    rest(Math.min(LONGEST_MS, retry_after * 1000));
  };

  const answered = (items, status, answer, retryAfter) => {
    if (status === 408 || status >= 500) return retry(items, retryAfter * 1000);
    land(items);
    failures = 0;
    if (answer && "accepted" in answer) return account(items, answer);
    const reason = `http_${status}`;
    account(items, { rejected: items.map(() => ({ reason })), retry_after: LONGEST_MS / 1000 });
    complain(`the server refused entries: ${answer?.error ?? reason}`);
  };

  const post = (body, keepalive) =>
    fetch(urls[0], { method: "POST", body, keepalive, credentials: "omit", headers: { "content-type": "text/plain" } });

  const send = async (items, keepalive) => {
    const body = `{"report":${JSON.stringify(report())},"source":"${source}","entries":[${items.map(({ json }) => json)}]}`;
    const bytes = keepalive ? utf8.encode(body).length : 0;
    const began = Date.now();
    flying.push(...items);
    told = stats.emitted;
    room -= bytes;
    try {
      const reply = await post(body, keepalive);
      const answer = await reply.json().catch(() => null);
      measure(answer?.received_at - began, (Date.now() - began) / 2);
      answered(items, reply.status, answer, Number(reply.headers.get("retry-after")));
    } catch {
      urls.push(urls.shift());
      retry(items, 0);
    }
    if (bytes) setTimeout(() => (room += bytes), LATE_MS);
  };

  const measure = (ahead, half) => {
    if (half < clock.uncertainty_ms && ahead) Object.assign(clock, { offset_ms: Math.round(ahead - half), uncertainty_ms: half });
  };

  const isDue = () => waiting.length || told < stats.emitted;

  const flush = () => {
    sending ??= (async () => {
      while (isDue() && Date.now() >= pause) await send(take(ROOM), false);
      if (isDue()) later(pause - Date.now());
    })().finally(() => (sending = undefined));
    return sending;
  };

  return {
    source,
    clock,
    flush,
    post,
    stats: () => structuredClone({ ...report(), source, clock }),
    /** Sends what there is while the page goes away, and returns as JSON what the browser does not take. */
    leave() {
      back(flying);
      while (isDue()) {
        const batch = take(room);
        if (!batch.length && waiting.length) break;
        send(batch, true);
      }
      return waiting.filter(sealed).map(({ json }) => json);
    },
    /** Takes an entry; with `why` it is only counted. */
    add(entry, why) {
      stats.emitted += 1;
      if (why) return count("suppressed", why) ?? count("unsent", why);
      const item = { entry: { ...entry, source, seq: seq++ }, chars: 500 + entry.message.length + (entry.stack?.length ?? 0) };
      waiting.push(item);
      chars += item.chars;
      while (waiting.length > WAITING || chars > WAITING_CHARS) {
        const lowest = waiting.reduce((low, each) => (RANKS[each.entry.level] < RANKS[low.entry.level] ? each : low));
        waiting.splice(waiting.indexOf(lowest), 1);
        chars -= lowest.chars;
        count("dropped", "queue_overflow");
      }
      later(SOON_MS);
    },
  };
}
