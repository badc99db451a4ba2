"""
What stands beside a name, within text, so that its value follows: a separator, a comma, a tag, a gap.

The match that is found says by its pattern what it is, and `read_value` reads the value accordingly.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from tracelog.core.redact_rules import Group
from tracelog.core.redact_values import Value, value_at

SEPARATOR: Final = re.compile(
    rb"(?:\]|%5[Dd])?(\\{0,15}[\"'`])?\]?[ \t]{0,8}(=>|:=|[:=]|%3[AaDd])([ \t]{0,8})(?![:=~>]|//)"
)
"""Between a name and its value. Not `==`, `::` and `=~`, which compare and qualify, nor an address's `://`."""

_FOLLOWS: Final = frozenset(bytes([code]) for code in b" \t\\\"'`]=:>%")
"""What can follow a name that has a value."""

_OPENERS: Final = frozenset((b"<", b":"))
_ELEMENT: Final = re.compile(rb"(?:[ \t][^<>]{0,200})?>([^<>]{1,4096})</")
_ELEMENT_OPENS: Final = re.compile(rb"<(?:[A-Za-z0-9_.-]{1,40}:)?\Z")
_LONGEST_OPENING: Final = 42

_PAIR: Final = re.compile(rb"\\{0,15}[\"'][ ]?,[ ]?(?=b?\\{0,15}[\"'])")
_PAIR_OPENS: Final = re.compile(rb"[\[(]b?\\{0,15}[\"']\Z")
"""What stands behind and before the name of a header printed as a pair: `('authorization', 'Token abc')`."""

_LONGEST_PAIR_OPENING: Final = 18
_NO_SECRET: Final = re.compile(rb"[A-Za-z_. -]*")
"""The second of two names: `('token', 'session')`."""

_GAP: Final = re.compile(rb"[ \t]{1,4}")


class Name(NamedTuple):
    """
    A sensitive name in a text.
    """

    start: int
    end: int
    group: Group


def separates(data: bytes, place: int) -> bool:
    """
    Whether what stands at *place* would separate a name from its value.
    """
    return SEPARATOR.match(data, place) is not None


def beside(data: bytes, start: int, end: int) -> re.Match[bytes] | None:
    """
    Return what follows the name from *start* to *end*, if it looks as if a value came next.
    """
    if data[end : end + 1] not in _FOLLOWS:
        return None
    if (separator := SEPARATOR.match(data, end)) is not None:
        return separator
    if (pair := _PAIR.match(data, end)) is not None:
        return pair if _PAIR_OPENS.search(data, max(0, start - _LONGEST_PAIR_OPENING), start) else None
    if data.startswith(b"--", start) or data[end + 1 : end + 2] == b"'":
        return _GAP.match(data, end)
    if data[start - 1 : start] not in _OPENERS:
        return None
    element = _ELEMENT.match(data, end)
    opens = element and _ELEMENT_OPENS.search(data, max(0, start - _LONGEST_OPENING), start)
    return element if opens else None


def _element(_data: bytes, _name: Name, found: re.Match[bytes]) -> Value:
    """
    Return the text of an element of XML.
    """
    return Value(*found.span(1), bare=False)


def _second(data: bytes, name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return the value of a header printed as a pair, unless it is one more name in a list of them.
    """
    value = value_at(data, found.end())
    if value is None or name.group.plain or _NO_SECRET.fullmatch(data, value.start, value.end):
        return None
    return value


def _option(data: bytes, name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return the value that a space parts from *name*: `--password x`, and `PASSWORD 'x'` of SQL.
    """
    value = value_at(data, found.end())
    if value is None or data.startswith(b"-", value.start):
        return None
    return value if name.group.plain or data.startswith(b"--", name.start) else None


_READERS: Final[dict[re.Pattern[bytes], Callable[[bytes, Name, re.Match[bytes]], Value | None]]] = {
    _ELEMENT: _element,
    _PAIR: _second,
    _GAP: _option,
}
"""Who reads the value, by what stands beside the name."""


def read_value(data: bytes, name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return the value behind *name*, beside which *found* stands and is no separator; None when it is none.
    """
    return _READERS[found.re](data, name, found)
