/**
 * Secrets out of texts and values, by those rules of `rules.json` that look only around the place they match.
 *
 * What a page sends is redacted again by the server, with all rules. The work grows with the text and no faster:
 * patterns are tried where one of their literals stands, at most `TRIES` times each.
 */

import { TRIES, harmless, harmlessNumber, looksRandom, names, pairFinder } from "./pairs.js";

/** A mark that parts what was one word makes the rules look again, this often at most. */
const PASSES = 4;
const KNOWN_TEXTS = 300;

const MARK = /\[REDACTED:[a-z0-9_]{1,40}(?::[0-9a-f]{6})?\]/g;
/** What stands between two strings of JSON. */
const STRUCTURE = /^[\][,:{}](?:[\][,:{}0-9.eE+-]|true|false|null)*$/;
const ESCAPE = /(?:\\[abfnrtv0]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2}|\[[0-9;]{0,10}m)$/;

/**
 * @param {{shapes: any[], keys: any}} rules
 * @returns {{text: (text: string) => string, value: (value: any) => any}}
 */
export function redactor({ shapes, keys }) {
  const finders = shapes.filter(isSimple).map(shapeFinder);
  const groupOf = names(keys);
  const scheme = new RegExp(`^(?:${keys.schemes.join("|")})[ \\t]{1,4}(?![a-z_]{1,24}=[A-Za-z0-9])`, "i");
  const pairs = pairFinder(keys, groupOf);

  /** @param {string} text */
  const find = (text) => {
    const small = text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
    const spans = [...finders.flatMap((each) => each(text, small)), ...pairs(text)];
    if (!spans.length) return spans;
    const marks = [...text.matchAll(MARK)].map((mark) => [mark.index, mark.index + mark[0].length]);
    return spans.filter(({ start, end }) => start < end && !marks.some((mark) => start < mark[1] && mark[0] < end));
  };

  /** @param {string} given */
  const clean = (given) => {
    let text = given;
    for (let pass = 0; pass < PASSES; pass += 1) {
      const spans = find(text);
      if (!spans.length) break;
      text = replace(text, spans);
    }
    return text;
  };

  const known = new Map();
  /**
   * The same addresses, names and stacks come again and again: what they become is remembered.
   *
   * @param {string} given
   */
  const text = (given) => {
    let found = known.get(given);
    if (found === undefined) {
      if (known.size >= KNOWN_TEXTS) known.clear();
      known.set(given, (found = clean(given)));
    }
    return found;
  };

  /** @type {(given: any, group?: any) => any} */
  const value = (given, group) => {
    if (typeof given === "string") {
      const found = text(given);
      const known = group && !group.plain ? (scheme.exec(found)?.[0] ?? "") : "";
      return !group || harmless(keys, group, found.slice(known.length).replace(MARK, "")) ? found : known + mark(group);
    }
    if (typeof given === "number" && group) return harmlessNumber(group, given) ? given : mark(group);
    if (Array.isArray(given)) return given.map((item) => value(item, group));
    if (!given || typeof given !== "object") return given;
    return Object.fromEntries(Object.entries(given).map(([key, item]) => [text(key), value(item, groupOf(key) ?? group)]));
  };

  return { text, value };
}

/** @param {any} group */
const mark = ({ name }) => `[REDACTED:${name}]`;

/** @param {string} text */
const looksLikeToken = (text) => looksRandom(text) || /^(?:[0-9a-f]{32,128}|[0-9A-F]{32,128})$/.test(text);
/** @param {string} text */
const isBasic = (text) => {
  try {
    return atob(text.replace(/-/g, "+").replace(/_/g, "/")).includes(":");
  } catch {
    return false;
  }
};
/** @type {Record<string, (text: string) => boolean>} */
const CHECKS = { token: looksLikeToken, basic: isBasic };

/**
 * The rules that look at nothing far away and need no other rule.
 *
 * @param {any} shape
 */
export const isSimple = (shape) => shape.anchors && !shape.pii && !shape.near && (!shape.check || shape.check in CHECKS);

/**
 * @param {string} text
 * @param {any[]} spans
 */
function replace(text, spans) {
  spans.sort((one, other) => one.start - other.start || other.end - one.end);
  let result = "";
  let place = 0;
  for (const [index, span] of spans.entries()) {
    if (span.start < place) continue;
    let { end } = span;
    for (let next = index + 1; spans[next]?.start < end; next += 1) end = Math.max(end, spans[next].end);
    result += text.slice(place, span.start) + (span.quote ?? "") + mark(span) + (span.quote ?? "");
    place = end;
  }
  return result + text.slice(place);
}

/** @param {any} shape */
function shapeFinder(shape) {
  const flags = shape.ignore_case ? "iy" : "y";
  const regex = new RegExp(shape.pattern, flags);
  const until = shape.through && new RegExp(shape.through);
  const body = shape.body && new RegExp(`[${shape.body}]*`, "y");
  const before = shape.not_after && new RegExp(`[${shape.not_after}]$`);
  const behind = shape.not_before && new RegExp(shape.not_before, "y");
  const unless = shape.unless && new RegExp(`^(?:${shape.unless})$`);
  const check = CHECKS[shape.check];
  const { name, lead, after } = shape;
  const run = lead && new RegExp(`[${lead.chars}]{0,${lead.max}}$`);

  /** @type {(text: string, place: number) => any} */
  const at = (text, place) => {
    const ahead = lead ? run.exec(text.slice(Math.max(0, place - lead.max), place))[0].length : 0;
    if (lead && ahead < lead.min) return null;
    const head = text.slice(Math.max(0, place - ahead - 24), place - ahead);
    if (before && before.test(head) && !ESCAPE.test(head)) return null;
    if (after && !after.some((/** @type {string} */ sign) => head.endsWith(sign))) return null;
    regex.lastIndex = place;
    const found = regex.exec(text);
    if (!found) return null;
    let end = place + found[0].length;
    if (body) {
      body.lastIndex = end;
      const more = body.exec(text)[0];
      const last = until.exec(more);
      end += last ? last.index + last[0].length : more.replace(/\\+$/, "").length;
    }
    if (behind && ((behind.lastIndex = end), behind.test(text))) return null;
    let start = place;
    if (found[1] !== undefined) {
      start += found[1] ? found[0].lastIndexOf(found[1]) : 0;
      end = start + found[1].length;
    }
    if (lead?.secret) start = place - ahead;
    const secret = text.slice(start, end);
    return STRUCTURE.test(secret) || unless?.test(secret) || (check && !check(secret)) ? null : { start, end, name };
  };

  return (/** @type {string} */ text, /** @type {string} */ small) => {
    const searched = shape.ignore_case ? small : text;
    const spans = [];
    let tries = 0;
    for (const anchor of shape.anchors) {
      for (let place = searched.indexOf(anchor); place >= 0; place = searched.indexOf(anchor, place + 1)) {
        if ((tries += 1) > TRIES) return [...spans, { start: place, end: text.length, name: "flood" }];
        const span = at(text, place);
        if (span) {
          spans.push(span);
          place = Math.max(place, span.end - 1);
        }
      }
    }
    return spans;
  };
}

