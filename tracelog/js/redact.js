/**
 * Secrets out of texts and values, by the rules of `rules.json` that need no arithmetic and no view of the whole.
 *
 * What a page sends is redacted again by the server, with all rules. The work grows with the text and no faster:
 * patterns are tried where one of their literals stands, at most `TRIES` times each.
 */

const TRIES = 200;
/** A mark that parts what was one word makes the rules look again, this often at most. */
const PASSES = 4;
const KNOWN_TEXTS = 300;
const LONGEST_NAME = 128;

const MARK = /\[REDACTED:[a-z0-9_]{1,40}(?::[0-9a-f]{6})?\]/g;
const WORDS = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g;
const RUN = /[A-Za-z0-9_.-]+/g;
const ESCAPE = /(?:\\[abfnrtv0]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2}|\[[0-9;]{0,10}m)$/;
const SEPARATOR = /(?:\]|%5[Dd])?(\\{0,15}["'`])?\]?[ \t]{0,8}(=>|:=|[:=]|%3[AaDd])([ \t]{0,8})(?![:=~>]|\/\/)/y;
const OPEN = /[bBuUrR]{0,2}(\\{0,15})(["'`])/y;
const BARE =
  /(?:\$\{[^{}\r\n"']{0,80}\}|[^ \t\r\n"'`<>\\,;&(){}[\]|]+(?:\\(?![abfnrtuvx"'`/\\])(?:[^ \t\r\n"'`<>\\,;&(){}[\]|]+)?|[,;&(){}[\]|]+(?![A-Za-z0-9_.-]{1,64}[ \t]?[:=])[^ \t\r\n"'`<>\\,;&(){}[\]|]+)*)/y;
const RANDOM = /^[A-Za-z0-9+/_-]{20,512}={0,2}$/;
const DIGITS = /^-?([0-9]{1,13})(?:\.[0-9]{1,17})?$/;
const PLAIN_WORD = /^[A-Za-z][a-z]*[.,:;!?]?$/;
const HEADER = /[^\r\n"'\\]*/y;
/** The rest of a line, in which only `name="value"` has quotes of its own. */
const LINE = /(?:[^\r\n"'\\=]+|=(?:\\{0,15}"[^"\\\r\n]*\\{0,15}")?)*/y;

/**
 * @param {{shapes: object[], keys: object}} rules
 * @returns {{text: (text: string) => string, value: (value: any) => any}}
 */
export function redactor({ shapes, keys }) {
  const finders = shapes.filter(isSimple).map(shapeFinder);
  const groupOf = names(keys);
  const scheme = new RegExp(`^(?:${keys.schemes.join("|")})[ \\t]{1,4}`, "i");
  const pairs = pairFinder(keys, groupOf);

  const find = (text) => {
    const small = text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
    const spans = [...finders.flatMap((each) => each(text, small)), ...pairs(text)];
    if (!spans.length) return spans;
    const marks = [...text.matchAll(MARK)].map((mark) => [mark.index, mark.index + mark[0].length]);
    return spans.filter(({ start, end }) => start < end && !marks.some((mark) => start < mark[1] && mark[0] < end));
  };

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
  /** The same addresses, names and stacks come again and again: what they become is remembered. */
  const text = (given) => {
    let found = known.get(given);
    if (found === undefined) {
      if (known.size >= KNOWN_TEXTS) known.clear();
      known.set(given, (found = clean(given)));
    }
    return found;
  };

  const value = (given, group) => {
    if (typeof given === "string") {
      const found = text(given);
      const known = group && !group.plain ? (scheme.exec(found)?.[0] ?? "") : "";
      return !group || harmless(keys, group, found.slice(known.length).replace(MARK, "")) ? found : known + mark(group);
    }
    if (typeof given === "number" && group) return Math.abs(given) < (group.counts ? 1e13 : 128) ? given : mark(group);
    if (Array.isArray(given)) return given.map((item) => value(item, group));
    if (!given || typeof given !== "object") return given;
    return Object.fromEntries(Object.entries(given).map(([key, item]) => [text(key), value(item, groupOf(key) ?? group)]));
  };

  return { text, value };
}

const mark = ({ name }) => `[REDACTED:${name}]`;

const looksLikeToken = (text) => looksRandom(text) || /^(?:[0-9a-f]{32,128}|[0-9A-F]{32,128})$/.test(text);
const isBasic = (text) => {
  try {
    return atob(text.replace(/-/g, "+").replace(/_/g, "/")).includes(":");
  } catch {
    return false;
  }
};
const CHECKS = { token: looksLikeToken, basic: isBasic };

/** The rules that look at nothing far away and need no other rule. */
export const isSimple = (shape) => shape.anchors && !shape.pii && !shape.near && (!shape.check || shape.check in CHECKS);

function replace(text, spans) {
  spans.sort((one, other) => one.start - other.start || other.end - one.end);
  let result = "";
  let place = 0;
  for (const [index, span] of spans.entries()) {
    if (span.start < place) continue;
    let { end } = span;
    for (const other of spans.slice(index + 1)) if (other.start < end) end = Math.max(end, other.end);
    result += text.slice(place, span.start) + (span.quote ?? "") + mark(span) + (span.quote ?? "");
    place = end;
  }
  return result + text.slice(place);
}

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

  const at = (text, place) => {
    const ahead = lead ? run.exec(text.slice(Math.max(0, place - lead.max), place))[0].length : 0;
    if (lead && ahead < lead.min) return null;
    const head = text.slice(Math.max(0, place - ahead - 24), place - ahead);
    if (before && before.test(head) && !ESCAPE.test(head)) return null;
    if (after && !after.some((sign) => head.endsWith(sign))) return null;
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
    return unless?.test(secret) || (check && !check(secret)) ? null : { start, end, name };
  };

  return (text, small) => {
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

const words = (name) => (name.match(WORDS) ?? []).map((word) => word.toLowerCase());
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const joined = (phrases) => phrases.map((phrase) => phrase.split(" ").map(escaped).join("[-_. ]?")).join("|");

/** Tells which group of sensitive names a name belongs to. */
function names(keys) {
  const groups = keys.groups
    .filter((group) => !group.pii)
    .map((group) => ({ ...group, within: group.contains && new RegExp(joined(group.contains), "i") }));
  const answers = new Map();

  const classify = (name) => {
    const parts = words(name);
    if (name.length > LONGEST_NAME || !parts.length) return null;
    if (keys.safe_first.includes(parts[0]) || keys.safe_last.includes(parts.at(-1))) return null;
    if (parts.some((part) => keys.safe_words.includes(part))) return null;
    const sentence = ` ${parts.join(" ")} `;
    return (
      groups.find(({ within }) => within?.test(name)) ??
      groups.find(
        ({ ends, whole }) => ends?.some((end) => sentence.endsWith(` ${end} `)) || whole?.some((all) => sentence === ` ${all} `),
      ) ??
      null
    );
  };

  return (name) => {
    if (!answers.has(name)) {
      if (answers.size >= 1000) answers.clear();
      answers.set(name, classify(name));
    }
    return answers.get(name);
  };
}

function looksRandom(text) {
  const kinds = text.replace(/[^]/g, (letter) => (/[0-9]/.test(letter) ? "0" : /[a-z]/.test(letter) ? "a" : /[A-Z]/.test(letter) ? "A" : "-"));
  const changes = [...kinds].filter((kind, at) => at && kind !== kinds[at - 1]).length;
  return RANDOM.test(text) && ["0", "a", "A"].every((kind) => kinds.includes(kind)) && changes >= 0.4 * kinds.length;
}

/** Whether a text under a name is no secret: empty, a mere number, a word, a placeholder. */
function harmless(keys, group, given) {
  if (group.chance) return !looksRandom(given);
  const text = given.trim().replace(/[.,;:!?]+$/, "");
  if (!text || keys.safe_values.includes(text.toLowerCase()) || new RegExp(`^(?:${keys.placeholder})$`).test(text)) return true;
  const number = DIGITS.exec(text);
  if (number && number[1].length <= (group.counts ? 13 : group.digits ? 2 : 3)) return true;
  return Boolean(group.unless) && new RegExp(`^(?:${group.unless})$`).test(text);
}

/** Finds values beside sensitive names: `password=…`, `"token": "…"`, `Cookie: …`. */
function pairFinder(keys, groupOf) {
  const scheme = new RegExp(`(?:${keys.schemes.join("|")})[ \\t]{1,4}`, "iy");
  const lineScheme = new RegExp(`(?:${keys.line_schemes.join("|")})[a-z0-9-]{0,24}[ \\t]`, "iy");
  const at = (regex, text, place) => ((regex.lastIndex = place), regex.exec(text));

  const read = (text, group, name, separator, place) => {
    const opening = at(OPEN, text, place);
    if (opening) {
      const start = place + opening[0].length;
      return { start, end: closing(text, start, opening[1].length, opening[2]) };
    }
    const bare = at(BARE, text, place);
    if (!bare) return null;
    let end = place + bare[0].length;
    const [, quote, sign, gap] = separator;
    const encoded = sign[0] === "%" ? text.slice(place, end).indexOf("%26") : -1;
    if (encoded >= 0) return { start: place, end: place + encoded, quote };
    const isLine = !group.plain && at(lineScheme, text, place);
    if (isLine || (group.cookies && bare[0].includes("="))) {
      return { start: place, end: place + at(isLine ? LINE : HEADER, text, place)[0].length };
    }
    if (group.plain) return { start: place, end, quote };
    const after = at(scheme, text, place);
    if (after) return read(text, { ...group, plain: true }, name, separator, place + after[0].length);
    const prose = sign === ":" && gap && !quote;
    if (prose && PLAIN_WORD.test(bare[0]) && PLAIN_WORD.test(name)) return null;
    return bare[0].length >= (prose ? 6 : 3) ? { start: place, end, quote } : null;
  };

  const cookies = (text, { start, end }) => {
    const found = [];
    for (const pair of text.slice(start, end).matchAll(/([^=; ]+)=([^;]*)/g)) {
      if (keys.cookie_attributes.includes(pair[1].toLowerCase())) continue;
      const first = start + pair.index + pair[1].length + 1;
      found.push({ start: first, end: first + pair[2].length });
    }
    return found;
  };

  return (text) => {
    const spans = [];
    let done = 0;
    for (const run of text.matchAll(RUN)) {
      const end = run.index + run[0].length;
      if (run.index < done || !/[:="'`%\]\\ \t]/.test(text[end] ?? "")) continue;
      const separator = at(SEPARATOR, text, end);
      const group = separator && named(text, run, end, groupOf);
      if (!group) continue;
      const value = read(text, group, run[0], separator, end + separator[0].length);
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

/** The group of a name in a text, seen together with the word before it: `your API key`. */
function named(text, run, end, groupOf) {
  const before = text[run.index - 1];
  if (before === "\\") return groupOf(run[0]) ?? groupOf(run[0].slice(1));
  const group = groupOf(run[0]);
  if ((group && !group.chance) || before !== " ") return group;
  const word = /[A-Za-z0-9_.-]{1,24}$/.exec(text.slice(Math.max(0, run.index - 25), run.index - 1));
  const both = word && groupOf(`${word[0]} ${run[0]}`);
  return both && !both.chance ? both : group;
}

/** Where the string ends that goes on at a place: at its quote, which has as many backslashes as the opening one. */
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
