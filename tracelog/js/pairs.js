/**
 * Values that are secret by the name beside them: which names, which values, and where a value ends.
 */

/** Tries of one rule in one text, and values found in one; what is beyond is replaced as a whole. */
export const TRIES = 200;
const LONGEST_NAME = 128;
/** @typedef {any} Group a row of `keys.groups` in `rules.json`, and what was made of it */

const WORDS = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g;
const RUN = /[A-Za-z0-9_.-]+/g;
const SEPARATOR =
  /(?:\x1b\[[0-9;]{0,12}m)*(?:\]|%5[Dd])?(\\{0,15}["'`]|&(?:amp;)?(?:quot|apos|#0?3[49]|#[xX]2[27]);)?\]?(?:[ \t]{0,8}(=>|:=|[:=]|%3[AaDd]|&#(?:61|x3[Dd]);)|[ \t]{1,8}(->|→)(?=[ \t]))([ \t]{0,8})(?:\x1b\[[0-9;]{0,12}m)*(?![:=~>]|\/\/)/y;
const OPEN = /[bBuUrR]{0,2}(\\{0,15})(["'`])|()(&(?:amp;)?(?:quot|apos|#0?3[49]|#[xX]2[27]);)/y;
/** What is around a value and not secret: `Some("…")`, `string(7) "…"`, tags of YAML. */
const WRAPPED =
  /(?:(?:(?!(?:self|this|req|request|os|process|settings|config|conf|cfg|env|ctx|args|params|options)\.)[A-Za-z_][A-Za-z0-9_.]{0,40}\(|\(string\) (?:\(len=[0-9]{1,6}\) )?|string\([0-9]{1,6}\) ){1,2}(?=[bBuUrRfF]{0,2}\\{0,15}["'`])|![!a-z]{1,10} )/y;
const BARE =
  /(?:\$\{[^{}\r\n"']{0,80}\}|[^ \x1b\t\r\n"'`<>\\,;&(){}[\]|]+(?:\\(?![abfnrtuvx"'`/\\])(?:[^ \x1b\t\r\n"'`<>\\,;&(){}[\]|]+)?|[,;&(){}[\]|]+(?![A-Za-z0-9_.-]{1,64}[ \t]?[:=])[^ \x1b\t\r\n"'`<>\\,;&(){}[\]|]+)*)/y;
/** A name right behind a colour of a terminal, whose last letters look like a part of it. */
const COLOUR = /\x1b\[[0-9;]{0,12}m([A-Za-z0-9_.-]+)$/;
const RANDOM = /^[A-Za-z0-9+/_-]{20,512}={0,2}$/;
const DIGITS = /^-?([0-9]{1,13})(?:\.[0-9]{1,17})?$/;
const PLAIN_WORD = /^[A-Za-z][a-z]*[.,:;!?]?$/;
/** The next field of a line: `auth=oauth2 user=bob`. */
const FIELD = /[a-z_]{1,24}=[A-Za-z0-9]/y;
const HEADER = /[^\r\n"'\\]*/y;
/** The rest of a line, in which only `name="value"` has quotes of its own. */
const LINE = /(?:[^\r\n"'\\=]+|=(?:\\{0,15}"[^"\\\r\n]*\\{0,15}")?)*/y;

/** The scheme of an `Authorization` that nobody registered. */
const ANY_SCHEME = /[A-Za-z][A-Za-z-]{1,24}[ \t]{1,4}(?:(?=\[REDACTED:)|(?=[^ \t\r\n"'\\]*[0-9])(?=[^ \t\r\n"'\\]*[A-Za-z])(?=[^ \t\r\n"'\\]{8}))/y;
/** What stands before the kind of a thing at AWS, whose name follows. */
const ARN = /arn:[a-z-]{3,12}:[a-z-]{1,24}:[a-z0-9-]{0,24}:[0-9]{0,12}:$/;

/** @param {string} name */
const words = (name) => (name.match(WORDS) ?? []).map((word) => word.toLowerCase());
/** @param {string} text */
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
/** @type {Map<string, RegExp>} */
const compiled = new Map();
/**
 * A pattern of the rules that a whole text must fit, made once.
 *
 * @param {string} pattern
 */
function fitted(pattern) {
  const found = compiled.get(pattern) ?? new RegExp(`^(?:${pattern})$`);
  compiled.set(pattern, found);
  return found;
}

/** @param {string[]} phrases */
const joined = (phrases) => phrases.map((phrase) => phrase.split(" ").map(escaped).join("[-_. ]?")).join("|");

/**
 * Tells which group of sensitive names a name belongs to.
 *
 * @param {any} keys
 */
export function names(keys) {
  const groups = keys.groups
    .filter((/** @type {Group} */ group) => !group.pii)
    .map((/** @type {Group} */ group) => ({ ...group, within: group.contains && new RegExp(joined(group.contains), "i") }));
  const foreign = /** @type {[string, string][]} */ (Object.entries(keys.foreign));
  const answers = new Map();

  /** @param {string} name */
  const classify = (name) => {
    const other = /[^\0-\x7f]/.test(name) && foreign.find(([word]) => name.includes(word) || name.includes(word[0].toUpperCase() + word.slice(1)));
    if (other) return groups.find((/** @type {Group} */ { name: known }) => known === other[1]);
    const parts = words(name);
    if (name.length > LONGEST_NAME || !parts.length) return null;
    if (keys.safe_first.includes(parts[0]) || keys.safe_last.includes(parts.at(-1))) return null;
    if (parts.some((part) => keys.safe_words.includes(part))) return null;
    const sentence = ` ${parts.join(" ")} `;
    return (
      groups.find((/** @type {Group} */ { within }) => within?.test(name)) ??
      groups.find(
        (/** @type {Group} */ { ends, whole }) =>
          ends?.some((/** @type {string} */ end) => sentence.endsWith(` ${end} `)) || whole?.some((/** @type {string} */ all) => sentence === ` ${all} `),
      ) ??
      null
    );
  };

  return (/** @type {string} */ name) => {
    if (!answers.has(name)) {
      if (answers.size >= 1000) answers.clear();
      answers.set(name, classify(name));
    }
    return answers.get(name);
  };
}

/** @param {string} text */
export function looksRandom(text) {
  const kinds = text.replace(/[^]/g, (letter) => (/[0-9]/.test(letter) ? "0" : /[a-z]/.test(letter) ? "a" : /[A-Z]/.test(letter) ? "A" : "-"));
  const changes = [...kinds].filter((kind, at) => at && kind !== kinds[at - 1]).length;
  return RANDOM.test(text) && ["0", "a", "A"].every((kind) => kinds.includes(kind)) && changes >= 0.4 * kinds.length;
}

/**
 * Whether a text under a name is no secret: empty, a mere number, a word, a placeholder.
 *
 * @param {any} keys
 * @param {Group} group
 * @param {string} given
 */
export function harmless(keys, group, given) {
  if (group.chance) return !looksRandom(given);
  const text = given.trim().replace(/[.,;:!?]+$/, "");
  if (!text || keys.safe_values.includes(text.toLowerCase()) || fitted(keys.placeholder).test(text)) return true;
  const number = DIGITS.exec(text);
  if (number && number[1].length <= (group.counts ? 13 : group.digits ? 2 : 3)) return true;
  return Boolean(group.unless) && fitted(group.unless).test(text);
}

/**
 * Whether a number under a name is a count, a size or a time.
 *
 * @param {Group} group
 * @param {number} given
 */
export function harmlessNumber(group, given) {
  if (group.chance || Math.abs(given) < (group.counts ? 1e13 : 128)) return true;
  return Boolean(group.unless) && fitted(group.unless).test(String(given));
}

/**
 * Finds values beside sensitive names: `password=…`, `"token": "…"`, `Cookie: …`.
 *
 * @typedef {{start: number, end: number, name?: string, quote?: string}} Span
 * @param {any} keys
 * @param {(name: string) => Group} groupOf
 */
export function pairFinder(keys, groupOf) {
  const scheme = new RegExp(`(?:${keys.schemes.join("|")})[ \\t]{1,4}(?![a-z_]{1,24}=[A-Za-z0-9])`, "iy");
  const lineScheme = new RegExp(`(?:${keys.line_schemes.join("|")})[a-z0-9-]{0,24}[ \\t]`, "iy");
  /** @type {(regex: RegExp, text: string, place: number) => RegExpExecArray | null} */
  const at = (regex, text, place) => ((regex.lastIndex = place), regex.exec(text));

  /**
   * Whether what stands behind an arrow is one more step: `password -> otp`, `secret -> map of it`.
   *
   * @type {(text: string, start: number, end: number) => boolean}
   */
  const isStep = (text, start, end) => {
    const word = text.slice(start, end);
    return Boolean(groupOf(word)) || (PLAIN_WORD.test(word) && text[end] === " ");
  };

  /** @type {(text: string, group: Group, name: string, separator: RegExpExecArray, place: number) => Span | null} */
  const read = (text, group, name, separator, place) => {
    const opening = at(OPEN, text, place);
    if (opening) {
      const start = place + opening[0].length;
      return { start, end: closing(text, start, (opening[1] ?? "").length, opening[2] ?? opening[4]) };
    }
    const bare = at(BARE, text, place);
    if (!bare) return null;
    let end = place + bare[0].length;
    const [, quote, sign, arrow, gap] = separator;
    if (arrow && isStep(text, place, end)) return null;
    const ahead = separator.index - name.length;
    if (sign === ":" && !gap && ARN.test(text.slice(Math.max(0, ahead - 84), ahead))) return null;
    const encoded = sign?.[0] === "%" ? text.slice(place, end).indexOf("%26") : -1;
    if (encoded >= 0) return { start: place, end: place + encoded, quote };
    const line = group.plain ? null : at(lineScheme, text, place);
    const isLine = line && !(sign === "=" && at(FIELD, text, place + line[0].length));
    if (isLine || (group.cookies && bare[0].includes("="))) {
      return { start: place, end: place + /** @type {RegExpExecArray} */ (at(isLine ? LINE : HEADER, text, place))[0].length };
    }
    if (group.plain) return { start: place, end, quote };
    const after = at(scheme, text, place) ?? (group.name === "auth" ? at(ANY_SCHEME, text, place) : null);
    if (after) return read(text, { ...group, plain: true }, name, separator, place + after[0].length);
    const prose = (arrow || (sign === ":" && gap)) && !quote;
    if (prose && PLAIN_WORD.test(bare[0]) && PLAIN_WORD.test(name)) return null;
    return bare[0].length >= (prose ? 6 : 3) ? { start: place, end, quote } : null;
  };

  /** @type {(text: string, span: Span) => Span[]} */
  const cookies = (text, { start, end }) => {
    const found = [];
    for (const pair of text.slice(start, end).matchAll(/([^=; ]+)=([^;]*)/g)) {
      if (keys.cookie_attributes.includes(pair[1].toLowerCase())) continue;
      const first = start + pair.index + pair[1].length + 1;
      found.push({ start: first, end: first + pair[2].length });
    }
    return found;
  };

  return (/** @type {string} */ text) => {
    /** @type {Span[]} */
    const spans = [];
    let done = 0;
    for (const run of text.matchAll(RUN)) {
      const end = run.index + run[0].length;
      if (run.index < done || !/[:="'`%&\x1b\]\\ \t]/.test(text[end] ?? "")) continue;
      if (text.startsWith("[REDACTED:", run.index - 10)) continue;
      const separator = at(SEPARATOR, text, end);
      const group = separator && named(text, run, end, groupOf);
      if (!group) continue;
      const behind = end + separator[0].length;
      const value = read(text, group, run[0], separator, behind + (at(WRAPPED, text, behind)?.[0].length ?? 0));
      if (!value) continue;
      const within = group.cookies && text.slice(value.start, value.end).includes("=") ? cookies(text, value) : [value];
      for (const each of within) {
        const after = group.plain ? null : at(scheme, text, each.start);
        const start = after && after[0].length < each.end - each.start ? each.start + after[0].length : each.start;
        const secret = text.slice(start, each.end);
        if (secret.startsWith("[REDACTED:") || harmless(keys, group, secret)) continue;
        spans.push({ start, end: each.end, name: group.name, quote: each.quote });
        done = value.end;
      }
      if (spans.length > TRIES) return [...spans, { start: end, end: text.length, name: "flood" }];
    }
    return spans;
  };
}

/**
 * The group of a name in a text, seen together with the word before it: `your API key`.
 *
 * @param {string} text
 * @param {RegExpExecArray} run
 * @param {number} end
 * @param {(name: string) => Group} groupOf
 */
function named(text, run, end, groupOf) {
  const before = text[run.index - 1];
  if (before === "\\") return groupOf(run[0]) ?? groupOf(run[0].slice(1));
  const colour = before === "[" || before === ";" ? COLOUR.exec(text.slice(Math.max(0, run.index - 16), end)) : null;
  const group = groupOf(colour ? colour[1] : run[0]);
  if ((group && !group.chance) || before !== " ") return group;
  const word = /[A-Za-z0-9_.-]{1,24}$/.exec(text.slice(Math.max(0, run.index - 25), run.index - 1));
  const two = word ? `${word[0]} ${run[0]}` : "";
  const both = word && groupOf(two);
  const found = both?.within?.exec(two);
  const spans = word && (!found || (found.index < word[0].length && found.index + found[0].length > word[0].length + 1));
  return both && !both.chance && spans ? both : group;
}

/**
 * Where the string ends that goes on at a place: at its quote, which has as many backslashes as the opening one.
 *
 * @param {string} text
 * @param {number} place
 * @param {number} slashes
 * @param {string} quote
 */
function closing(text, place, slashes, quote) {
  const line = text.indexOf("\n", place);
  const limit = line < 0 ? text.length : line;
  for (let found = text.indexOf(quote, place); found >= 0 && found < limit; found = text.indexOf(quote, found + 1)) {
    let first = found;
    while (first > place && text[first - 1] === "\\") first -= 1;
    if (found - first < slashes) return first;
    if ((found - first - slashes) % (2 * slashes + 2) === 0) return found - slashes;
  }
  return limit;
}
