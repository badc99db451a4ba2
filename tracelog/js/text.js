/**
 * Values as text, as a console shows them: any value at all, bounded, without running the page's own code.
 */

const DEPTH = 6;
/** Members shown of one object or list, and parts shown of one call: more is data, not a log line. */
const MEMBERS = 100;
const PARTS = 1000;
/** Characters of one text: more is cut when the entry is made. */
const TEXT_CHARS = 20000;

/**
 * What JSON can hold of a value; what it cannot hold is named.
 *
 * Getters are not called: a log line must not change what it tells of.
 *
 * @param {unknown} value
 * @param {unknown[]} around what it is a member of
 * @returns {any}
 */
export function plain(value, depth = 0, around = [], room = { left: PARTS }) {
  if (typeof value === "string") return value.slice(0, TEXT_CHARS);
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  try {
    if (typeof value === "function") return `[function ${value.name}]`;
    if (typeof value !== "object") return String(value);
    if (around.includes(value)) return "[circular]";
    if (room.left-- < 1 || depth >= DEPTH) return "[…]";
    return members(value, (part) => plain(part, depth + 1, [...around, value], room));
  } catch {
    return "[unreadable]";
  }
}

/**
 * @param {any} value
 * @param {(part: unknown) => any} inner
 */
function members(value, inner) {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value.nodeType === 1) return `<${value.localName}${value.id && "#"}${value.id}>`;
  if (value instanceof Map || value instanceof Set) value = [...value];
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from({ length: Math.min(/** @type {any} */ (value).length, MEMBERS) }, (_, at) => inner(/** @type {any} */ (value)[at]));
  const keys = Object.keys(value).slice(0, MEMBERS);
  if (!keys.length && value.toString !== Object.prototype.toString) return String(value.toJSON?.() ?? value);
  /** @type {Record<string, any>} */
  const shown = {};
  for (const key of keys) {
    const own = Object.getOwnPropertyDescriptor(value, key);
    shown[key] = own && "value" in own ? inner(own.value) : "[getter]";
  }
  return shown;
}

/**
 * A value as it stands in a message: texts as they are, all else as JSON.
 *
 * @param {unknown} value
 */
export function show(value) {
  const found = plain(value);
  return typeof found === "string" ? found : JSON.stringify(found);
}

/**
 * The text of a console call, after the formatter of the WHATWG Console Standard (§2.2.1).
 *
 * @param {unknown[]} args
 */
export function format(args) {
  let rest = args.slice(0, MEMBERS);
  if (rest.length > 1 && typeof rest[0] === "string") {
    const [first, ...values] = rest;
    const text = first.replace(/%[sdifoOc%]/g, (found) => {
      if (found === "%%") return "%";
      if (!values.length) return found;
      const value = show(values.shift());
      return CONVERT[found] ? CONVERT[found](value) : value;
    });
    rest = [text, ...values];
  }
  return rest.map(show).join(" ").slice(0, TEXT_CHARS);
}

/** @param {string} text */
const whole = (text) => parseInt(text, 10);

/**
 * What becomes of the text of a value, by its specifier.
 *
 * @type {Record<string, (text: string) => any>}
 */
const CONVERT = { "%d": whole, "%i": whole, "%f": parseFloat, "%c": () => "" };
