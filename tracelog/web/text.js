/**
 * Text of programs made harmless to read: the rules of `core/text.py` and `render/text.py`, held equal to them by
 * the vectors in `tests/vectors/words.json`. What a reader cannot see is shown as its escape, and nothing is removed.
 */

/** Controls, line ends, directions, what is invisible, and halves of characters; why each: `core/text.py`. */
const HIDDEN =
  /[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\ud800-\udfff]/gu;

const PLAIN = /^[\x20-\x7e]*$/;

/** @type {Record<string, string>} */
const SHORT = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };

const MARK = /\[REDACTED:([A-Za-z0-9_.-]{1,64}(?::[A-Za-z0-9]{1,64})?)\]/g;

const SHOWN = /‹([A-Za-z0-9_.-]{1,64})(?::([A-Za-z0-9]{1,64}))?›/g;
/** The same mark as readers see it. */

/**
 * Return *text* as one line in which everything can be seen.
 *
 * @param {unknown} text
 */
export function oneLine(text) {
  const said = String(text);
  return PLAIN.test(said) ? said : said.replace(HIDDEN, escaped);
}

/**
 * Return *text* as `oneLine` does, but with its line ends and tabs kept: for stacks.
 *
 * @param {unknown} text
 */
export function block(text) {
  const said = String(text).replaceAll("\r\n", "\n");
  return marked(said.replace(HIDDEN, (character) => (character === "\n" || character === "\t" ? character : escaped(character))));
}

/**
 * Return *text* as one visible line, with the marks of replaced secrets in angle quotes.
 *
 * @param {unknown} text
 */
export function clean(text) {
  return marked(oneLine(text));
}

/**
 * Return the beginning of *text*, of at most *most* UTF-16 units, without half a character at its end.
 *
 * @param {string} text
 * @param {number} most
 */
export function beginning(text, most) {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return `${text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most)}…`;
}

/**
 * Return the parts of *text*, which is clean: strings, and `{rule, tag}` where a secret stood.
 *
 * @param {string} text
 * @returns {(string | {rule: string, tag: string})[]}
 */
export function parts(text) {
  const found = [];
  let last = 0;
  for (const hit of text.matchAll(SHOWN)) {
    if (hit.index > last) found.push(text.slice(last, hit.index));
    found.push({ rule: hit[1], tag: hit[2] ?? "" });
    last = hit.index + hit[0].length;
  }
  if (last < text.length) found.push(text.slice(last));
  return found;
}

/** @param {string} text */
function marked(text) {
  return text.includes("[REDACTED:") ? text.replace(MARK, "‹$1›") : text;
}

/** @param {string} character */
function escaped(character) {
  const number = character.codePointAt(0) ?? 0;
  if (character in SHORT) return SHORT[character];
  if (number < 0x100 && number !== 0x85) return `\\x${hex(number, 2)}`;
  return number < 0x10000 ? `\\u${hex(number, 4)}` : `\\U${hex(number, 8)}`;
}

/**
 * @param {number} number
 * @param {number} digits
 */
function hex(number, digits) {
  return number.toString(16).padStart(digits, "0");
}
