"""
Secrets of a statement of SQL, whose names stand apart from them.

`INSERT INTO users (name, password) VALUES ('a', 'b')`: the list of columns says which value of each row is a
secret. Placeholders (`?`, `$1`, `%s`) are none.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from tracelog.core.redact_flood import FLOOD
from tracelog.core.redact_names import Names
from tracelog.core.redact_pairs import PairFinder
from tracelog.core.redact_replace import MAX_SECRETS, Span
from tracelog.core.redact_rules import Group
from tracelog.core.redact_values import STRUCTURE, Value, closing, leaves, value_at

VALUES: Final = b"values"
"""The word between the columns and the rows, in any case."""

_BLANKS: Final = rb"(?:[ \t\r\n]|\\{1,15}[nrt]){0,16}"
_HEAD: Final = re.compile(rb"(?i:values)%b\(" % _BLANKS)
_COLUMNS_END: Final = re.compile(rb"\)%b\Z" % _BLANKS)
LOOSE: Final = rb"\)(?:[ \t\r\n]|\\{1,15}[nrt]){0,16}(?i:values)(?:[ \t\r\n]|\\{1,15}[nrt]){0,16}\("
"""What such a statement has in encoded bytes."""

LONGEST_COLUMNS: Final = 4_096
"""Bytes of the list of columns: no table that is written to by hand has longer ones."""

_LONGEST_GAP: Final = 40
_LONGEST_QUOTE: Final = 16
_MOST_COLUMNS: Final = 200

_COLUMN: Final = re.compile(rb"[A-Za-z0-9_.-]{1,128}")
_BETWEEN: Final = re.compile(rb"%b(?:,%b)?" % (_BLANKS, _BLANKS))
_NEXT_ROW: Final = re.compile(rb"\)%b,%b\(" % (_BLANKS, _BLANKS))
_PREFIX: Final = re.compile(rb"[NnEeXxBb](?=\\{0,15}[\"'])")
_BARE: Final = re.compile(rb"%\([A-Za-z0-9_]{1,128}\)s|[^,()'\"\\ \t\r\n]{1,512}")
_PLACEHOLDERS: Final = frozenset((b"$", b"?", b":", b"@", b"%"))
"""First signs of what stands for a value that is given elsewhere: `$1`, `?`, `:name`, `@p1`, `%s`."""


class ColumnFinder:
    """
    Finds the values of sensitive columns.

    Args:
        names: Tells the names.
        pairs: Tells which values are secrets.
        rank: The rank of all that is found.
    """

    def __init__(self, names: Names, pairs: PairFinder, rank: int) -> None:
        self._names = names
        self._pairs = pairs
        self._rank = rank

    def spans(self, data: bytes, places: Iterable[int]) -> Iterator[Span]:
        """
        Return the secrets in *data* behind the words `VALUES` at *places*, in ascending order.
        """
        done = found = 0
        for place in places:
            if place < done or (head := _HEAD.match(data, place)) is None:
                continue
            groups = self._columns(data, place)
            done = head.end()
            if not any(groups):
                continue
            for group, value in cells(data, head.end(), groups):
                done = max(done, value.end)
                if group is None or _is_given(data, value):
                    continue
                for secret in self._pairs.within(data, value, group):
                    found += 1
                    yield Span(secret.start, secret.end, self._rank, group.name, quote_of(data, value))
                if found > MAX_SECRETS:
                    yield Span(value.end, len(data), self._rank, FLOOD)
                    return

    def _columns(self, data: bytes, place: int) -> list[Group | None]:
        """
        Return for each column before the word at *place* the group of its name; nothing without a list.
        """
        close = _COLUMNS_END.search(data, max(0, place - _LONGEST_GAP), place)
        if close is None:
            return []
        opened = data.rfind(b"(", max(0, close.start() - LONGEST_COLUMNS), close.start())
        if opened < 0:
            return []
        return column_groups(self._names, data[opened + 1 : close.start()])


def column_groups(names: Names, columns: bytes) -> list[Group | None]:
    """
    Return for each of *columns*, as they stand between brackets, the group of its name.
    """
    found = [_COLUMN.search(column) for column in columns.split(b",", _MOST_COLUMNS)]
    return [names.of_run(name[0]) if name else None for name in found]


def cells(data: bytes, place: int, groups: list[Group | None]) -> Iterator[tuple[Group | None, Value]]:
    """
    Yield each value of the rows that begin at *place*, with the group of its column.
    """
    while True:
        for group in groups:
            between = _BETWEEN.match(data, place)
            place = between.end() if between else place
            value = _cell(data, place)
            if value is None:
                break
            if value.bare and data.startswith(b"(", value.end):  # a call: `crypt('a', gen_salt('bf'))`
                arguments, place = leaves(data, value.end)
                yield from ((group, argument) for argument in arguments)
                continue
            yield group, value
            place = value.end if value.bare else _behind_quote(data, value.end)
        between = _BETWEEN.match(data, place)
        following = _NEXT_ROW.match(data, between.end() if between else place)
        if following is None:
            return
        place = following.end()


def _cell(data: bytes, place: int) -> Value | None:
    """
    Return the value at *place*: a string with doubled quotes in it, a number, a word.
    """
    if (prefix := _PREFIX.match(data, place)) is not None:
        place = prefix.end()
    if (bare := _BARE.match(data, place)) is not None:
        return Value(place, bare.end(), bare=True)
    value = value_at(data, place)
    if value is None or value.bare or STRUCTURE.fullmatch(data, value.start, value.end):
        return None
    quote = data[value.start - 1 : value.start]
    ahead = data[max(0, value.start - _LONGEST_QUOTE) : value.start - 1]
    slashes = len(ahead) - len(ahead.rstrip(b"\\"))
    end = value.end
    while data[end : end + 2] == 2 * quote:
        end = closing(data, end + 2, slashes, quote)
    return value._replace(end=end)


def quote_of(data: bytes, value: Value) -> bytes:
    """
    Return the quote for the mark of *value*: none where it has its own, or where one follows right behind.
    """
    return b"'" if value.bare and data[value.end : value.end + 1] not in {b"'", b'"'} else b""


def _is_given(data: bytes, value: Value) -> bool:
    word = data[value.start : value.end]
    return value.bare and (word[:1] in _PLACEHOLDERS or word.upper() == b"DEFAULT")


def _behind_quote(data: bytes, place: int) -> int:
    while data[place : place + 1] == b"\\":
        place += 1
    return place + 1
