/**
 * What entries pass before they are sent: noise and floods out, secrets out, by the rules that the server has too.
 */

import { capture } from "./core.js";
import { guard, noise } from "./guard.js";
import { sealer } from "./seal.js";

/** @param {{redaction: object, noise: object, guard: object}} rules */
export function protect(rules) {
  const isNoise = noise(rules);
  let watch = null;
  return {
    start(_, options) {
      if (options.limits === false || options.limits === "off") return;
      const tell = (first, count, last_timestamp, why) => {
        const { context, ...same } = first;
        capture({ ...same, kind: "summary", count, last_timestamp, why, context: { ...context, repeated: count } });
      };
      watch = guard(rules.guard, tell);
      setInterval(() => watch.sweep(performance.now()), 1000)?.unref?.();
    },
    refuse: (entry) => (isNoise(entry.message, entry.level) ? "noise" : watch?.refuses(entry, performance.now()) ?? null),
    seal: sealer(rules.redaction),
    sweep: (now) => watch?.sweep(now),
  };
}
