/**
 * JSON whose whole numbers stay as they were logged: above 2^53 a number of JavaScript is another one.
 */

/** What newer engines have beside the two methods that the checker knows (TC39: JSON.parse source text access). */
const JSON_ = /** @type {JSON & {rawJSON?: (text: string) => object, isRawJSON?: (value: unknown) => boolean}} */ (JSON);

const LONG = /[:[,]\s*-?\d{16}/;
/** Where there is none, no value has to be looked at one by one. */

/**
 * Return the value of *text*; whole numbers that JavaScript cannot hold are kept as they are written.
 *
 * @param {string} text
 * @returns {any}
 */
export function parsed(text) {
  const raw = JSON_.rawJSON;
  if (!raw || !LONG.test(text)) return JSON.parse(text);
  /** @type {(key: string, value: any, said?: {source?: string}) => any} */
  const kept = (_, value, said) => (typeof value === "number" && /^-?\d{16,}$/.test(said?.source ?? "") && !Number.isSafeInteger(value) ? raw(said?.source ?? "") : value);
  return JSON.parse(text, kept);
}

/**
 * Whether *value* has parts of its own: a list or an object, and no number that is kept as text.
 *
 * @param {unknown} value
 */
export function isNested(value) {
  return value !== null && typeof value === "object" && !JSON_.isRawJSON?.(value) && Object.keys(value).length > 0;
}
