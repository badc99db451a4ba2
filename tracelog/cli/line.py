"""
One entry as one line of a terminal: when, how bad, who, which trace, what. Pure.
"""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Final

from tracelog.core.entry import Entry
from tracelog.core.text import short_id
from tracelog.render.paint import LEVEL_STYLE, paint, system_style
from tracelog.render.text import clean, columns, cut, pad

WHO_WIDTH: Final = 24
"""Widest column of system and service; a longer one keeps its beginning."""

LEAST: Final = 20
"""Columns that a message keeps however narrow the terminal is."""

REF: Final = 8
"""Characters of a trace id that serve as a reference."""

LONG: Final = 1_000
"""Characters of a message that a line holds even where nobody counts columns: what is longer is a dump, which
`--format ndjson` gives whole."""

_COUNT: Final = " (+{:,} characters)"
_GLIMPSE: Final = 5
"""Columns of a text below which its beginning tells nothing, and no room is taken from it for a number."""

_LEVEL_WIDTH: Final = 5


class Lines:
    """
    Entries as lines whose columns agree.

    Args:
        color: Whether to paint them.
        width: Columns at most; None for no bound.
        zone: Of the times shown; default that of this machine.
    """

    def __init__(self, *, color: bool, width: int | None, zone: tzinfo | None = None) -> None:
        self._color = color
        self._width = width
        self._zone = zone
        self._who = 0

    def fit(self, entries: Iterable[Entry]) -> None:
        """
        Make room for who *entries* are from, so that lines shown together are aligned from the first.
        """
        self._who = max([self._who, *(columns(_who(entry)) for entry in entries)])

    def __call__(self, entry: Entry) -> str:
        """
        Return the line of *entry*, without a line end.
        """
        self.fit([entry])
        style = LEVEL_STYLE.get(entry.level, "")
        head = (
            (self._clock(entry.timestamp), "dim"),
            (pad(clean(entry.level), _LEVEL_WIDTH), style),
            (pad(_who(entry), self._who), system_style(entry.system)),
            (pad(short_id(entry.trace_id), REF), "dim"),
        )
        room = LONG
        if self._width is not None:
            taken = sum(columns(text) + 2 for text, _ in head)
            room = min(LONG, max(LEAST, self._width - taken))
        message = _message(entry, room, counted=self._width is not None)
        parts = (*head, (message, style if entry.is_error else ""))
        return "  ".join(paint(text, name, color=self._color) for text, name in parts)

    def _clock(self, timestamp: float) -> str:
        try:
            moment = datetime.fromtimestamp(timestamp / 1000.0, self._zone)
        except (ValueError, OverflowError, OSError):
            return "--:--:--.---"
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def _who(entry: Entry) -> str:
    return cut(clean(entry.system if entry.service is None else f"{entry.system} {entry.service}"), WHO_WIDTH)


def _message(entry: Entry, room: int, *, counted: bool) -> str:
    """
    Return what *entry* says, and how long and how often; within *room* columns where these are *counted*.

    Of a text so long that no line can hold it, the line says how much is left out.
    """
    times = f" \N{MULTIPLICATION SIGN}{entry.count:,}" if entry.count is not None else ""
    took = f" {entry.duration_ms:,.0f} ms" if entry.duration_ms is not None else ""
    text = clean(entry.message)
    left = room - len(took) - len(times) - len(_COUNT.format(len(text)))
    if len(text) > LONG and left >= _GLIMPSE:
        begun = cut(text, left)
        return begun + _COUNT.format(len(text) - len(begun) + 1) + took + times
    whole = text + took + times
    return cut(whole, room) if counted else whole
