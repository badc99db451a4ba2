r"""
Marks put in the places of secrets, without harm to what is around.

The text may be UTF-8 and may be JSON, at any depth of JSON in JSON: letters stay whole, an escape such as
`\n` stays what it is, and a bare number becomes a string.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from tracelog.core.redact_flood import FLOOD, rest_of
from tracelog.core.redact_mark import Marker

MAX_SECRETS: Final = 1_000
"""Secrets replaced one by one in a text. A text with more is a dump of them: its rest is replaced as one."""

_CONTINUED: Final = frozenset(bytes([code]) for code in range(0x80, 0xC0))
"""Bytes of UTF-8 that are no first ones."""

_ESCAPE: Final = re.compile(rb"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[abfnrtv0])")
_LONGEST_ESCAPE: Final = 6

_JSON_BEGINS: Final = frozenset((b"[", b"{"))
"""What a text of JSON begins with that has no quotes to tell it by: a list of numbers."""

_NUMBERS: Final = re.compile(rb"[0-9]+|-?[0-9]+[.][0-9]+(?:,[ ]?-?[0-9]+[.][0-9]+)?")
"""Numbers as JSON may have them bare; coordinates are two of a list."""

_NEAR: Final = 512
"""Bytes around a number in which the signs of JSON are looked for: more than a name may have."""

BLANKS: Final = rb"(?:[ \t\r\n]|\\{1,15}[nrt]){0,64}"
"""The pattern of what JSON may have between its signs, escaped where it is JSON in JSON."""

_BEFORE_VALUE: Final = re.compile(rb"[:\[,]%b\Z" % BLANKS)
_AFTER_VALUE: Final = re.compile(rb"%b[],}]" % BLANKS)
SLASHES_BY_DEPTH: Final = (0, 1, 3, 7, 15)
"""Backslashes before a quote of JSON in JSON. Further ones are letters of the string, two for each."""


class Span(NamedTuple):
    """
    A secret found: where it stands, how specific its rule is (lower is more), and the rule's name.

    Attributes:
        quote: Put around the mark, where the secret was a bare JSON value; None when that is unknown.
    """

    start: int
    end: int
    rank: int
    name: str
    quote: bytes | None = None


class Replaced(NamedTuple):
    """
    A text with marks in it.

    Attributes:
        data: The text.
        spans: What was replaced, in order and apart.
        lengths: Of what stands in the place of each.
    """

    data: bytes
    spans: list[Span]
    lengths: list[int]


def replace(data: bytes, spans: Iterable[Span], marker: Marker) -> Replaced:
    """
    Return *data* with a mark for each of *spans*.
    """
    merged = list(islice(_merged(data, spans), MAX_SECRETS + 1))
    if len(merged) > MAX_SECRETS:
        merged[MAX_SECRETS:] = [Span(merged[MAX_SECRETS].start, len(data), 0, FLOOD)]
    if merged and merged[-1].name == FLOOD:
        return _flooded(data, merged, marker)
    return _marked(data, merged, marker)


def _flooded(data: bytes, merged: list[Span], marker: Marker) -> Replaced:
    """
    Return *data* with marks, the last of which stands for all its rest and leaves JSON closed behind it.
    """
    *spans, flood = merged
    mark = marker.mark(FLOOD, data[flood.start :])
    start, closed = rest_of(data, flood.start, mark)
    if spans and spans[-1].start < start < spans[-1].end:
        start, closed = flood.start, mark
    kept = _marked(data[:start], [span for span in spans if span.end <= start], marker)
    return Replaced(
        kept.data + closed, [*kept.spans, flood._replace(start=start)], [*kept.lengths, len(closed)]
    )


def _marked(data: bytes, merged: list[Span], marker: Marker) -> Replaced:
    pieces: list[bytes] = []
    lengths: list[int] = []
    position = 0
    for start, end, _, name, given in merged:
        secret = data[start:end]
        number = given is None and _NUMBERS.fullmatch(secret)
        bare = _quote_of_number(data, start, end) if number else given or b""
        parts = secret.split(b",") if number and bare else [secret]  # two numbers of a list stay two
        mark = b",".join(bare + marker.mark(name, part.strip()) + bare for part in parts)
        pieces += (data[position:start], mark)
        lengths.append(len(mark))
        position = end
    pieces.append(data[position:])
    return Replaced(b"".join(pieces), merged, lengths)


def quote_behind(text: bytes, quote: bytes) -> bytes:
    """
    Return the *quote* that stands behind *text*, with those backslashes at its end that belong to the quote.
    """
    slashes = len(text) - len(text.rstrip(b"\\"))
    for depth in SLASHES_BY_DEPTH:
        if slashes >= depth and (slashes - depth) % (2 * depth + 2) == 0:
            return b"\\" * depth + quote
    return quote


def _merged(data: bytes, spans: Iterable[Span]) -> Iterator[Span]:
    """
    Return *spans* in order and apart: of those that overlap, a flood or the widest first one names the rule.
    """
    whole = filter(None, (_whole_letters(data, span) for span in spans))
    current: Span | None = None
    for span in sorted(whole, key=lambda span: (span.start, -span.end, span.rank)):
        if current is not None and span.start < current.end:
            name = FLOOD if span.name == FLOOD else current.name
            current = current._replace(end=max(current.end, span.end), name=name)
            continue
        if current is not None:
            yield current
        current = span
    if current is not None:
        yield current


def _whole_letters(data: bytes, span: Span) -> Span | None:
    """
    Return *span* with whole letters of UTF-8 and without halves of escapes; None when nothing is left.
    """
    start, end = span.start, span.end
    while start > 0 and data[start : start + 1] in _CONTINUED:
        start -= 1
    while data[end : end + 1] in _CONTINUED:
        end += 1
    start = _behind_escape(data, start)
    while end < len(data) and data[end - 1 : end] == b"\\":
        end -= 1
    end = _behind_escape(data, end)
    if start >= end:
        return None
    return span if (start, end) == (span.start, span.end) else span._replace(start=start, end=end)


def _behind_escape(data: bytes, place: int) -> int:
    """
    Return the end of the escape that *place* stands in; *place* where it stands in none.
    """
    slash = data.rfind(b"\\", max(0, place - _LONGEST_ESCAPE), place)
    escape = _ESCAPE.match(data, slash) if slash >= 0 else None
    return max(place, escape.end()) if escape else place


def _quote_of_number(data: bytes, start: int, end: int) -> bytes:
    """
    Return the quote that makes a JSON string of the number from *start* to *end*, if it is a JSON value.
    """
    before = data[max(0, start - _NEAR) : start]
    if not _AFTER_VALUE.match(data, end) or not _BEFORE_VALUE.search(before):
        return b""
    last = before.rfind(b'"')
    if last < 0:
        return b'"' if data[:1] in _JSON_BEGINS else b""
    return quote_behind(before[:last], b'"')
