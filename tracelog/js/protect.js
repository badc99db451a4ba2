/**
 * What entries pass before they are sent: noise and floods out, secrets out, by the rules that the server has too.
 *
 * @import { Part } from "./core.js"
 */

import { capture, undo } from "./core.js";
import { guard, noise, summary } from "./guard.js";
import { sealer } from "./seal.js";

/**
 * @param {any} rules
 * @returns {Part}
 */
export function protect(rules) {
  const isNoise = noise(rules);
  /** @type {ReturnType<typeof guard> | null} */
  let watch = null;
  return {
    start(_, options) {
      if (options.limits === false || options.limits === "off") return;
      watch = guard(rules.guard, (...folded) => capture(summary(...folded)));
      /** @type {any} */
      const timer = setInterval(() => watch?.sweep(performance.now()), 1000);
      timer?.unref?.();
      undo.push(() => clearInterval(timer));
    },
    refuse: (entry) => (isNoise(entry.message, entry.level) ? "noise" : watch?.refuses(entry, performance.now()) ?? null),
    seal: sealer(rules.redaction),
    sweep: (now) => watch?.sweep(now),
  };
}
