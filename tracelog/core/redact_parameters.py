"""
Secrets of a statement of SQL that are given apart from it, as libraries print them.

`[SQL: UPDATE users SET password=? WHERE id=?]` is followed by `[parameters: ('…', 7)]` by SQLAlchemy,
and Django logs `…; args=('…', 7)`: the statement says which column each value is of.
Parameters that have names are told by these, as any object is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tracelog.core.redact_columns import LONGEST_COLUMNS, cells, column_groups, quote_of
from tracelog.core.redact_flood import FLOOD
from tracelog.core.redact_names import Names
from tracelog.core.redact_pairs import PairFinder
from tracelog.core.redact_replace import MAX_SECRETS, Span
from tracelog.core.redact_rules import Group

LITERALS: Final = (b"[parameters: ", b"; args=")
"""What stands between a statement and its list."""

LOOSE: Final = rb"(?:\[parameters: |; args=)[\[(]"
"""The same with the bracket that opens a list without names."""

_LIST: Final = re.compile(rb"(?:\[parameters: |; args=)\[?\(")

LONGEST_STATEMENT: Final = 8_192
"""Bytes before the list that are read: SQLAlchemy prints statements whole, few are longer."""

_INSERTED: Final = re.compile(
    rb"\(([^()]{1,%d})\)(?:[ \t\r\n]|\\{1,15}[nrt]){0,16}(?i:values)" % LONGEST_COLUMNS
)
_TOKEN: Final = re.compile(
    rb"(?:([A-Za-z0-9_.-]{1,128})(?:\\{0,15}[\"'`]|\])?[ ]{0,4}"
    rb"(?:[=<>]|<>|[!<>]=|(?i:i?like)[ ]|(?i:in)[ ]?\()[ ]{0,4})?"
    rb"(\?|%s|\$[0-9]{1,4}|:[0-9]{1,4})(?![A-Za-z0-9_])"
    rb"|([(),])"
)
"""A placeholder with the name that it is set to or compared with; or what parts the columns of a row."""


_STATEMENTS: Final = ("sql", "query", "statement", "stmt")
_GIVEN: Final = ("params", "parameters", "args", "bindings", "binds", "values")
"""What a statement and its list are called, where a log has them as two fields of one object."""


def apart(value: Mapping[Any, Any]) -> tuple[str, str] | None:
    """
    Return the statement that *value* has in one field, and the key of the list in another.
    """
    statement = next((value[key] for key in _STATEMENTS if isinstance(value.get(key), str)), None)
    given = next((key for key in _GIVEN if isinstance(value.get(key), list | tuple)), None)
    return (statement, given) if statement and given else None


class ParameterFinder:
    """
    Finds the values given for sensitive columns.

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
        Return the secrets in the lists of *data* that are announced at *places*, in ascending order.
        """
        done = found = 0
        for place in places:
            if place < done or (opening := _LIST.match(data, place)) is None:
                continue
            statement = data[max(done, place - LONGEST_STATEMENT) : place]
            groups = list(self.groups(statement))
            done = opening.end()
            if not any(groups):
                continue
            for group, value in cells(data, done, groups):
                done = max(done, value.end)
                if group is None:
                    continue
                for secret in self._pairs.within(data, value, group):
                    found += 1
                    yield Span(secret.start, secret.end, self._rank, group.name, quote_of(data, value))
                if found > MAX_SECRETS:
                    yield Span(value.end, len(data), self._rank, FLOOD)
                    return

    def groups(self, statement: bytes) -> Iterator[Group | None]:
        """
        Yield for each placeholder of *statement* the group of its column.
        """
        head = _INSERTED.search(statement)
        columns = column_groups(self._names, head[1]) if head else []
        depth = column = 0
        for token in _TOKEN.finditer(statement, head.end() if head else 0):
            name, placeholder, sign = token.groups()
            if placeholder is not None:
                in_row = depth == 1 and column < len(columns)
                yield columns[column] if in_row else self._names.of_run(name) if name else None
            elif sign == b",":
                column += depth == 1
            else:
                depth += 1 if sign == b"(" else -1
                column = 0 if depth == 1 and sign == b"(" else column
