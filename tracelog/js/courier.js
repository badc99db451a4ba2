/**
 * One body brought to the server, what its answer means for what was in it, and how long to wait after it.
 *
 * @import { Answer, Item } from "./outbox.js"
 */

const LONGEST_S = 60;

/**
 * @param {object} around
 * @param {{back: (items: Item[]) => void, settle: (items: Item[], answer: Answer) => void}} around.box where items come from
 * @param {string[]} around.urls where to send: the next one when one does not answer
 * @param {(body: string, keepalive?: boolean) => Promise<Response>} around.post sends to the first of them
 * @param {(text: string) => void} around.complain
 */
export function courier({ box, urls, post, complain }) {
  const clock = { offset_ms: 0, uncertainty_ms: Infinity };
  let failures = 0;

  /** @param {number} [seconds] */
  const rest = (seconds = 0) => {
    made.pause = Math.max(made.pause, Date.now() + Math.min(LONGEST_S, seconds) * 1000);
  };

  /**
   * @param {Item[]} items
   * @param {number} atLeast
   */
  const retry = (items, atLeast) => {
    box.back(items);
    failures += 1;
    const seconds = 2 ** Math.min(failures, 7) * (0.25 + Math.random() / 4);
    rest(failures < urls.length ? 0 : Math.max(seconds, atLeast));
  };

  const made = {
    clock,
    /** Nothing is to be sent before this time. */
    pause: 0,
    /**
     * Returns the answer, if it was one of a server of ours.
     *
     * @param {{items: Item[], body: string}} parcel
     * @param {boolean} [keepalive]
     */
    async send({ items, body }, keepalive) {
      const began = Date.now();
      try {
        const reply = await post(body, keepalive);
        /** @type {Answer | null} */
        const answer = await reply.json().catch(() => null);
        const half = (Date.now() - began) / 2;
        if (answer?.received_at && half < clock.uncertainty_ms) Object.assign(clock, { offset_ms: Math.round(answer.received_at - began - half), uncertainty_ms: half });
        if (answer && "accepted" in answer) {
          failures = 0;
          rest(answer.retry_after);
          box.settle(items, answer);
          return answer;
        }
        const reason = `http_${reply.status}`;
        // a proxy that is asked too often knows nothing of entries: they wait as they do for a server in trouble
        if (/408|429|5../.test(reason)) return retry(items, Number(reply.headers.get("retry-after")) || 0);
        failures = 0;
        rest(LONGEST_S);
        box.settle(items, { rejected: items.map(() => ({ reason })) });
        complain(`the server refused entries: ${answer?.error ?? reason}`);
      } catch {
        urls.push(...urls.splice(0, 1));
        retry(items, 0);
      }
    },
  };
  return made;
}
