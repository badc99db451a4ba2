"""
Marks: what stands in the place of a secret.

`[REDACTED:rule]` names the rule, `[REDACTED:rule:9c41ab]` also carries a tag, a keyed hash of the secret:
equal secrets have equal tags in every system that shares the key, and without the key nobody can test a guess
against a tag. A mark never holds a part of the secret and is never redacted itself.
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Final, NamedTuple

MARK: Final = re.compile(rb"\[REDACTED:[a-z0-9_]{1,40}(?::[0-9a-f]{6})?\]")
MARK_START: Final = b"[REDACTED:"

TAG_BYTES: Final = 3
"""Six hex digits: that two of a hundred secrets share a tag by chance happens once in 3,000 times."""

MAX_SECRETS: Final = 1_000
"""Secrets replaced one by one in a text. A text with more is a dump of them: its rest is replaced as one."""

FLOOD: Final = "flood"
"""The name that the mark of such a rest bears."""

_LONGEST_KEY: Final = 64
"""Bytes that blake2b takes as a key."""

_GLUE: Final = frozenset(bytes([code]) for code in range(128) if chr(code).isalnum() or chr(code) in "_-.+")
"""Characters that names and tokens are made of."""


_NEAR: Final = 256
"""Bytes around a number in which the signs of JSON are looked for."""

_BLANKS: Final = b" \t\r\n"
_BEFORE_VALUE, _AFTER_VALUE = frozenset((b":", b"[", b",")), frozenset((b",", b"]", b"}"))
_QUOTE: Final = re.compile(rb"\\{0,15}\"")

_CONTINUED: Final = frozenset(bytes([code]) for code in range(0x80, 0xC0))
"""Bytes of UTF-8 that are no first ones."""

_ESCAPE: Final = re.compile(rb"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[abfnrtv0])")
_LONGEST_ESCAPE: Final = 6


class Span(NamedTuple):
    """
    A secret found: where it stands, how specific its rule is (lower is more), and the rule's name.

    Attributes:
        quote: Put around the mark, where the secret was a bare JSON number.
    """

    start: int
    end: int
    rank: int
    name: str
    quote: bytes = b""


class Marker:
    """
    Writes marks and counts them. Owned by one thread at a time.

    Args:
        tag_key: Secret of the tags; empty for marks without tags.
    """

    def __init__(self, tag_key: bytes) -> None:
        self._key = tag_key if len(tag_key) <= _LONGEST_KEY else blake2b(tag_key).digest()
        self.hits: dict[str, int] = {}

    def mark(self, name: str, secret: bytes) -> bytes:
        """
        Return the mark for *secret*, and count it.
        """
        self.hits[name] = self.hits.get(name, 0) + 1
        if not self._key:
            return b"[REDACTED:%b]" % name.encode()
        tag = blake2b(secret, key=self._key, digest_size=TAG_BYTES).hexdigest()
        return f"[REDACTED:{name}:{tag}]".encode()

    def replace(self, data: bytes, spans: Iterable[Span]) -> tuple[bytes, bool]:
        """
        Return *data* with a mark for each of *spans*, and whether a mark now parts what was one word.

        In the latter case names and tokens begin or end where they did not before: the rules must look again.
        """
        pieces: list[bytes] = []
        position, parted = 0, False
        merged = list(islice(_merged(data, spans), MAX_SECRETS + 1))
        if len(merged) > MAX_SECRETS:
            merged[MAX_SECRETS:] = [Span(merged[MAX_SECRETS].start, len(data), 0, FLOOD)]
        for start, end, _, name, quote in merged:
            mark = self.mark(name, data[start:end])
            if data[start:end].isdigit():
                quote = _quote_of_number(data, start, end)
            pieces += (data[position:start], quote, mark, quote)
            position = end
            parted = parted or data[start - 1 : start] in _GLUE or data[end : end + 1] in _GLUE
        pieces.append(data[position:])
        return b"".join(pieces), parted


def _quote_of_number(data: bytes, start: int, end: int) -> bytes:
    """
    Return the quote, at whatever depth of JSON in JSON, that makes a string of the number from *start* to *end*.
    """
    before = data[max(0, start - _NEAR) : start]
    if (
        before.rstrip(_BLANKS)[-1:] not in _BEFORE_VALUE
        or data[end : end + _NEAR].lstrip(_BLANKS)[:1] not in _AFTER_VALUE
    ):
        return b""
    return min(_QUOTE.findall(before)[-2:], key=len, default=b"")


def _merged(data: bytes, spans: Iterable[Span]) -> Iterator[Span]:
    """
    Return *spans* in order and apart: of those that overlap, the widest first one names the rule.
    """
    whole = filter(None, (_whole_letters(data, span) for span in spans))
    current: Span | None = None
    for span in sorted(whole, key=lambda span: (span.start, -span.end, span.rank)):
        if current is not None and span.start < current.end:
            current = current._replace(end=max(current.end, span.end))
        else:
            if current is not None:
                yield current
            current = span
    if current is not None:
        yield current


def _whole_letters(data: bytes, span: Span) -> Span | None:
    """
    Return *span* with whole letters of UTF-8 and without halves of escapes; None when nothing is left.

    A rule may see a name or token begin with the `n` of an escaped line end. The text may be JSON: the escape
    must stay what it is.
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
