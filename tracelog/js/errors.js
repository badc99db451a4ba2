/**
 * Errors with all that caused them, their stacks written the same way whichever engine made them.
 */

import { show } from "./text.js";

/** Causes told of one error; a longer chain goes round in a circle or tells nothing new. */
const CAUSES = 8;
const STACK_CHARS = 20000;

/**
 * Whether a value is an error, of this realm or of another: `instanceof` knows only those of this one.
 *
 * @param {unknown} value
 */
export function isError(value) {
  try {
    return value instanceof Error || /Error\]|DOMException/.test(Object.prototype.toString.call(value));
  } catch {
    return false;
  }
}

/**
 * What an entry says of a thrown value.
 *
 * @typedef {{type: string, message: string, cause?: Told}} Told
 * @param {unknown} thrown
 * @returns {{error: Told, stack: string}}
 */
export function describe(thrown) {
  /** @type {string[]} */
  const stacks = [];
  const error = tell(thrown, stacks, "");
  return { error, stack: stacks.join("\n").slice(0, STACK_CHARS) };
}

/**
 * @param {any} thrown
 * @param {string[]} stacks
 * @param {string} lead
 */
function tell(thrown, stacks, lead) {
  const known = isError(thrown) ? thrown : { name: typeof thrown, message: thrown };
  /** @type {Told} */
  const error = { type: show(known.name), message: show(known.message) };
  stacks.push(`${lead}${error.type}: ${error.message}${frames(show(known.stack ?? ""))}`);
  const causes = "cause" in known ? [known.cause] : [];
  for (const cause of causes.concat(known.errors ?? [])) {
    if (stacks.length >= CAUSES) break;
    const told = tell(cause, stacks, "Caused by: ");
    error.cause ??= told;
  }
  return error;
}

/**
 * The frames of a stack as Chromium writes them. Firefox and Safari write `name@place`, and no header.
 *
 * @param {string} stack
 */
export function frames(stack) {
  const first = stack.indexOf("    at ");
  if (first >= 0) return `\n${stack.slice(first)}`;
  const lines = stack.match(/^.*@.*$|^.* code$|^\[native code\]$/gm) ?? [];
  return lines
    .map((line) => {
      const [, name, place] = /** @type {string[]} */ (/^(?:[^@]*\*)?([^@]*)@?(.*)$/.exec(line));
      const where = name && place ? `${name} (${place})` : name || place;
      return `\n    at ${where}`;
    })
    .join("");
}
