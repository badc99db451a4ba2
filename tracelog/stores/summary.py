"""
One line about a trace, folded from its entries as they arrived: the same fold in every store.
"""

from typing import Final, Protocol

import msgspec

from tracelog.core.entry import ERROR_RANK, RANK
from tracelog.stores.values import TraceSummary

TITLE_CHARS: Final = 200
"""A title is one line of a list, not the message."""

MAX_SYSTEMS: Final = 32
"""Names listed for one trace; made-up systems must not make its line long."""


class Line(Protocol):
    """
    What the fold reads of an entry.
    """

    timestamp: float
    system: str
    level: str
    message: str


class Gist(msgspec.Struct):
    """
    The few fields of an entry's JSON that the fold reads; the others are skipped undecoded.
    """

    timestamp: float = 0.0
    system: str = ""
    level: str = ""
    message: str = ""


class Summary(msgspec.Struct):
    """
    What has been folded so far.

    Attributes:
        entries: How many; *errors* of them error or worse.
        first_ms: Smallest timestamp, *last_ms* the largest.
        opening: Title taken from the first entry, *failure* from the first error.
    """

    trace_id: str
    entries: int = 0
    errors: int = 0
    first_ms: float = 0.0
    last_ms: float = 0.0
    systems: list[str] = []
    opening: str = ""
    failure: str = ""

    def add(self, entry: Line) -> None:
        """
        Fold the next entry in.
        """
        if self.entries == 0:
            self.first_ms = self.last_ms = entry.timestamp
            self.opening = title_of(entry.message)
        self.entries += 1
        self.first_ms = min(self.first_ms, entry.timestamp)
        self.last_ms = max(self.last_ms, entry.timestamp)
        if entry.system not in self.systems and len(self.systems) < MAX_SYSTEMS:
            self.systems.append(entry.system)
        if RANK.get(entry.level, 1) >= ERROR_RANK:
            self.failure = self.failure if self.errors else title_of(entry.message)
            self.errors += 1

    def view(self, *, expires_at_ms: float | None, stored: int | None = None) -> TraceSummary:
        """
        Return the line as it is shown; *stored* when more were written than are left.
        """
        return TraceSummary(
            trace_id=self.trace_id,
            first_ms=self.first_ms,
            last_ms=self.last_ms,
            entries=self.entries if stored is None else stored,
            errors=self.errors,
            systems=list(self.systems),
            title=self.failure if self.errors else self.opening,
            expires_at_ms=expires_at_ms,
        )


def title_of(message: str) -> str:
    """
    Return the first line of *message* that says anything, cut to `TITLE_CHARS`.
    """
    for line in message[: 4 * TITLE_CHARS].splitlines():
        if line.strip():
            return line.strip()[:TITLE_CHARS]
    return ""
