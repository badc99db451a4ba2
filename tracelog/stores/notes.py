"""
What a trace keeps of the server's own rows that found no place in it: their counts, and the first of them.

A line for each kind, system and reason, so its size is bounded however much was refused; a reader sees each
as one row. A row that comes again under its id is noted once. `lua/notes.lua` tells the same to Redis.
"""

import re
from typing import Final

import msgspec

from tracelog.core.entry import LARGEST_COUNT, Entry, decode_entry, encode_entry
from tracelog.core.suppressed import OTHER
from tracelog.core.wire import DECODE_ERRORS

LINES: Final = 8
"""As many reasons as a trace has rows about in the server, see `GuardSettings.suppressed_rows`; what finds no
line goes into one more."""

HEARD: Final = 32
"""Rows remembered by name: who makes a row repeats it within a second, and makes few for a trace in that."""

REST: Final = f"suppressed - {OTHER}"

_BLANK: Final = re.compile("[ \t-\r]")
_LINE: Final = re.compile(r"(\S+ \S+ \S+) (\d+) (-?\d+\.\d{3}) ([^\n]*)")


class _Line(msgspec.Struct):
    count: int
    last: float
    body: str


class Notes:
    """
    Of one trace.

    Args:
        text: As `written` gave it, likewise *heard*; empty for none.
    """

    def __init__(self, text: str = "", heard: str = "") -> None:
        self._heard = dict.fromkeys(filter(None, heard.split("\n")))
        self._lines = {
            key: _Line(int(count), float(last), body) for key, count, last, body in _LINE.findall(text)
        }

    def knows(self, entry_id: str) -> bool:
        """
        Whether the row of this id was noted a moment ago.
        """
        return entry_id in self._heard

    def note(self, row: Entry, body: bytes) -> None:
        """
        Add what *row* counts; *body* is its JSON.
        """
        key = " ".join(_word(part) for part in (row.kind, row.system, row.why))
        if key not in self._lines and len(self._lines) >= LINES:
            key = REST
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(0, row.timestamp, body.decode().replace("\n", " "))
        line.count = min(line.count + (row.count or 1), LARGEST_COUNT)
        line.last = max(line.last, row.timestamp if row.last_timestamp is None else row.last_timestamp)
        self._heard[row.id] = None
        if len(self._heard) > HEARD:
            del self._heard[next(iter(self._heard))]

    def written(self) -> tuple[str, str]:
        """
        Return the lines, and which rows they know, as text.
        """
        lines = [f"{key} {line.count} {line.last:.3f} {line.body}" for key, line in self._lines.items()]
        return "\n".join(lines), "\n".join(self._heard)

    def rows(self) -> list[bytes]:
        """
        Return a row for each line, as JSON: the first that it counts, with the count and last moment of all.
        """
        return [row for key, line in self._lines.items() for row in _row(key, line)]


def _row(key: str, line: _Line) -> list[bytes]:
    try:
        row = decode_entry(line.body.encode())
    except DECODE_ERRORS:
        return []  # somebody else wrote here
    if key == REST:
        row.kind, row.why = "suppressed", OTHER
    row.count, row.last_timestamp = line.count, line.last
    return [encode_entry(row)]


def _word(part: str | None) -> str:
    return _BLANK.sub("_", part) if part else "-"
