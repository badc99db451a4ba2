"""
Where a value within text begins and ends: quoted at any depth of JSON in JSON, bare, or an object or list.
"""

import re
from typing import Final, NamedTuple

from tracelog.core.redact_mark import MARK
from tracelog.core.redact_replace import BLANKS, SLASHES_BY_DEPTH

LARGEST_CONTAINER: Final = 64 * 1024
"""Bytes of an object or list in a text that are walked through; one that is longer counts as ended there."""

HTML_QUOTE: Final = rb"&(?:amp;)?(?:quot|apos|#0?3[49]|#[xX]2[27]);"
"""A quote as HTML has it in texts and attributes."""

_OPEN: Final = re.compile(rb"[bBuUrRfF]{0,2}(\\{0,15})([\"'`])|()(%b)" % HTML_QUOTE)
_WRAPPED: Final = re.compile(
    rb"(?:(?!(?:self|this|req|request|os|process|settings|config|conf|cfg|env|ctx|args|params|options)\.)"
    rb"[A-Za-z_][A-Za-z0-9_.]{0,40}\(|\(string\)[ ](?:\(len=[0-9]{1,6}\)[ ])?"
    rb"|string\([0-9]{1,6}\)[ ]){1,2}"
    rb"(?=[bBuUrRfF]{0,2}\\{0,15}[\"'`])|![!a-z]{1,10}[ ]|&[A-Za-z0-9_]{1,20}[ ]"
)
"""What is around a value and not secret: `SecretStr('…')`, Go's `(string) (len=7) "…"`, tags of YAML."""

_LONGEST_BLOCK: Final = 64 * 1024
"""Bytes of a string in three quotes."""

_INDENTED: Final = re.compile(
    rb"[|>][-+0-9]{0,2}[ \t]{0,8}(?:(?:\r?\n|(?:\\{1,15}r)?\\{1,15}n){1,4}[ \t]{1,64}"
    rb"(?:[^\r\n\"\\]|\\(?!\\{0,14}[nr\"])){1,4096}){1,64}"
)
"""A block of YAML: all lines that are indented."""

_NEXT_NAME: Final = rb"(?![A-Za-z0-9_.-]{1,64}[ \t]?[:=])"
_RUN: Final = rb"[^ \t\r\n\"'`<>\\,;&(){}\[\]|]+"
_BARE: Final = re.compile(
    rb"%(run)b(?:\\(?![abfnrtuvx\"'`/\\])(?:%(run)b)?|[,;&(){}\[\]|]+%(next)b%(run)b)*"
    % {b"run": _RUN, b"next": _NEXT_NAME}
)
"""A run without spaces and quotes. A comma, bracket or `&` is part of it unless another `name=` follows."""

_OUTER_END: Final = re.compile(rb"\\{0,15}\"%b(?:[],:}]|\Z)" % BLANKS)
"""The end of a JSON string, seen from within single quotes that nobody closed."""

_TOKEN: Final = re.compile(rb"([^\\\"'`\[\](){}]*)(?:(\\{0,15})([\"'`])|([\[{(])|([\]})])|(\\+)|\Z)")
_BACKSLASH: Final = 0x5C
_NAMED: Final = re.compile(rb"%b(?::|=>)" % BLANKS)
_NUMBER: Final = re.compile(rb"(?<![^\[,: \t\r\n])[0-9]{3,}(?![^\],} \t\r\n])")
_SHORTEST_NUMBER: Final = 3
_REFERENCE: Final = re.compile(rb"\$\{[^{}\r\n\"']{0,80}\}")
"""`${DB_PASSWORD}`: one word in spite of its brackets."""

_COOKIE: Final = re.compile(
    rb"[ ]{0,8}([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256})(?:=\"?([^;\" \t\r\n\\]*)\"?)?[ ]{0,8}"
)
_NEXT_COOKIE: Final = re.compile(b";" + _COOKIE.pattern)


_BRACKETED: Final = re.compile(
    rb"(?:\[(?=[^\]]{4,256}\])|\((?=[^)]{4,256}\))|<(?=[^>]{4,256}>))"
    rb"(?=[^0-9\[\](){}<>]*[0-9])(?!0x|[0-9.:-]+[\])>]|-?[0-9.]+[eE][+-]?[0-9]+[\])>])"
    rb"([^ \t\r\n\"'`<>\\,;&(){}\[\]|]{4,256})[\])>]"
)
"""One word with a digit in brackets of a log: `password=[…]`. Others are lists, types, remarks."""

_BRACED: Final = re.compile(
    rb"\{(?=[^}]{4,256}\}(?:;|\Z))(?![a-z_.]*[0-9]{0,2}\})([^ \t\r\n\"'`<>\\,;:&(){}\[\]|]{4,256})\}"
)
"""`PWD={…};` of ODBC; what looks like a name is the place of one in a template."""

_GO_TYPE: Final = re.compile(rb"(?:\[\]|map\[string\])(?:string|interface \{\}|any)(?=\{)")
"""`[]string{"…"}`, as Go prints a list with its type."""

_TUPLE: Final = re.compile(rb"\([bBuUrR]?\\{0,15}[\"']")
"""`auth=('bob', '…')`."""

STRUCTURE: Final = re.compile(
    rb"%b[][,:{}](?:[][,:{} \t\r\n0-9.eE+-]|\\{1,15}[nrt]|true|false|null|NaN|Infinity)*" % BLANKS
)
"""What stands between two strings of JSON, where the end of one was taken for the begin of another."""


class Value(NamedTuple):
    """
    Where a value stands.

    Attributes:
        bare: Whether it has no quotes.
    """

    start: int
    end: int
    bare: bool


def value_at(data: bytes, place: int) -> Value | None:
    """
    Return the string or the bare value that begins at *place*, without its quotes; None when there is none.
    """
    if (wrapped := _WRAPPED.match(data, place)) is not None:
        place = wrapped.end()
    if (block := _INDENTED.match(data, place)) is not None:
        return Value(*block.span(), bare=False)
    if (opening := _OPEN.match(data, place)) is not None:
        slashes, quote = (opening[1], opening[2]) if opening[2] else (b"", opening[4])
        mark = slashes + quote
        if data.startswith(mark + mark, opening.end()):
            start = opening.end() + 2 * len(mark)
            end = data.find(3 * mark, start, start + _LONGEST_BLOCK)
            if end > start:
                return Value(start, end, bare=False)
        return Value(opening.end(), closing(data, opening.end(), len(slashes), quote), bare=False)
    if (bare := _REFERENCE.match(data, place) or _BARE.match(data, place)) is not None:
        return Value(place, bare.end(), bare=True)
    return None


def in_brackets(data: bytes, place: int) -> re.Match[bytes] | None:
    """
    Return what stands in brackets at *place* and is one value, its first group; None when it is none.
    """
    return _BRACKETED.match(data, place) or _BRACED.match(data, place)


def container_at(data: bytes, place: int) -> int | None:
    """
    Return where an object, a list or a tuple opens that begins at *place*, behind its type; None without one.
    """
    if (typed := _GO_TYPE.match(data, place)) is not None:
        return typed.end()
    return place if data[place : place + 1] in {b"[", b"{"} or _TUPLE.match(data, place) else None


def closing(data: bytes, place: int, slashes: int, quote: bytes) -> int:
    """
    Return where the string ends that goes on at *place*: at its *quote*, the end of its line, or of the text.

    JSON in a string has its quotes escaped, once for each depth: *slashes* is how many stood before the
    opening one. More of them escape a quote within the string; fewer belong to the string around.
    """
    end = _closing(data, place, slashes, quote)
    outer = _OUTER_END.search(data, place, end) if quote != b'"' else None
    return outer.start() if outer else end


def _closing(data: bytes, place: int, slashes: int, quote: bytes) -> int:
    found = data.find(quote, place)
    while found >= 0:
        if (line_end := data.find(b"\n", place, found)) >= 0:
            return line_end
        first = found
        while first > place and data[first - 1] == _BACKSLASH:
            first -= 1
        if (outer := _outer_slashes(found - first, slashes)) >= 0:
            return found - outer
        if (found - first - slashes) % (2 * slashes + 2) == 0:
            return found - slashes
        place = found + 1
        found = data.find(quote, place)
    line_end = data.find(b"\n", place)
    return line_end if line_end >= 0 else len(data)


def _outer_slashes(number: int, slashes: int) -> int:
    """
    Return how many of *number* backslashes belong to the quote behind them, if it ends a string around the
    one with *slashes*; below 0 when it does not.
    """
    if number < slashes:
        return number
    for depth in SLASHES_BY_DEPTH:
        if depth >= slashes:
            break
        if (number - depth) % (2 * depth + 2) == 0:
            return depth
    return -1


def leaves(data: bytes, place: int) -> tuple[list[Value], int]:
    """
    Return the values within the object or list that begins at *place*, without its names, and where it ends.
    """
    found: list[Value] = []
    depth, limit = 0, min(len(data), place + LARGEST_CONTAINER)
    while place < limit and (token := _TOKEN.match(data, place)) is not None:
        between, slashes, quote, opens, closes, _ = token.groups()
        if len(between) >= _SHORTEST_NUMBER:
            numbers = _NUMBER.finditer(data, place, token.end(1))
            found += [Value(*number.span(), bare=True) for number in numbers]
        if opens and (mark := MARK.match(data, token.end(1))) is not None:
            place = mark.end()
            continue
        place = token.end()
        if quote is not None:
            end = closing(data, place, len(slashes), quote)
            if not data.startswith(slashes + quote, end):
                found.append(Value(place, end, bare=False))
                return found, end  # nobody closed it: what follows belongs to the string around
            after = end + len(slashes) + 1
            if not _NAMED.match(data, after):
                found.append(Value(place, end, bare=False))
            place = after
        depth += bool(opens) - bool(closes)
        if depth <= 0:
            break
    return found, place


def cookie_values(data: bytes, start: int, end: int) -> list[tuple[bytes, Value]] | None:
    """
    Return the names and values of the cookies between *start* and *end* (RFC 6265 section 4).

    None when something else stands there.
    """
    pairs: list[tuple[bytes, Value]] = []
    place = start
    while pair := (_NEXT_COOKIE if pairs else _COOKIE).match(data, place, end):
        pairs.append((pair[1], Value(*pair.span(2), bare=False)))
        place = pair.end()
    if place < end or not pairs or pairs[0][1].start < 0:
        return None
    return [(name, value) for name, value in pairs if value.start >= 0]
