"""
Loops: entries that repeat are folded into rows that stand for many, and no count is lost.

A loop opens with the first entry that folds. A row tells of it after 1 second, then after 2, 4, 8 … 60 more,
and once more when it has been quiet. Each row looks like the first entry it stands for and carries the number
and the time of the last, so whatever reads entries reads it too.
"""

from collections.abc import Callable, Hashable
from typing import Final

import msgspec

from tracelog.core.entry import Entry
from tracelog.core.outline import outline

FIRST_S: Final = 1.0
"""How soon the first row of a loop is told: soon enough to be seen live."""

Tell = Callable[[Entry, int, float, str], None]
"""Takes the first entry a row stands for, how many, the time of the last (Unix ms) and why they folded."""


class Loop(msgspec.Struct, gc=False):
    """
    One open loop.

    Attributes:
        last_at: When an entry folded last.
        next_at: When the next row is due, *interval* seconds after the one before.
        count: Entries since the last row; *first* and *last_timestamp* are of these.
    """

    last_at: float
    next_at: float
    interval: float = FIRST_S
    count: int = 0
    first: Entry | None = None
    last_timestamp: float = 0.0


class Loops:
    """
    The open loops of one kind.

    Args:
        why: The reason that their rows give.
        quiet_s: Seconds without an entry after which a loop ends.
        longest_s: Seconds between two rows at most.
        cap: Loops open at a time; beyond it the one that opened first is told and ends.
        tell: Called for every row.
    """

    def __init__(self, why: str, quiet_s: float, longest_s: float, cap: int, tell: Tell) -> None:
        self._why = why
        self._quiet_s = quiet_s
        self._longest_s = longest_s
        self._cap = cap
        self._tell = tell
        self._open: dict[Hashable, Loop] = {}
        self._soonest = 0.0

    def add(self, key: Hashable, entry: Entry, now: float) -> bool:
        """
        Fold *entry* if the loop *key* is open, and return whether it was. One that has been quiet ends first.
        """
        loop = self._open.get(key)
        if loop is None:
            return False
        if now - loop.last_at >= self._quiet_s:
            self._end(key, loop)
            return False
        timestamp = entry.timestamp
        if loop.count == 0:
            loop.first = outline(entry)
            loop.last_timestamp = timestamp
        elif timestamp > loop.last_timestamp:
            loop.last_timestamp = timestamp
        loop.count += 1
        loop.last_at = now
        return True

    def open(self, key: Hashable, entry: Entry, now: float) -> None:
        """
        Open the loop *key*, which is not open, with *entry*.
        """
        if len(self._open) >= self._cap:
            oldest = next(iter(self._open))
            self._end(oldest, self._open[oldest])
        soonest = now + min(FIRST_S, self._quiet_s)
        self._soonest = min(self._soonest, soonest) if self._open else soonest
        self._open[key] = Loop(
            now, now + FIRST_S, count=1, first=outline(entry), last_timestamp=entry.timestamp
        )

    def sweep(self, now: float) -> None:
        """
        Tell the rows that are due at *now*, and end the loops that are quiet.
        """
        if now < self._soonest or not self._open:
            return
        soonest = now + self._longest_s
        for key, loop in list(self._open.items()):
            if now - loop.last_at >= self._quiet_s:
                self._end(key, loop)
                continue
            if now >= loop.next_at:
                self._row(loop)
                loop.interval = min(loop.interval * 2, self._longest_s)
                loop.next_at = now + loop.interval
            soonest = min(soonest, loop.next_at, loop.last_at + self._quiet_s)
        self._soonest = soonest

    def tell(self) -> None:
        """
        Tell what every loop holds so far; they stay open.
        """
        for loop in self._open.values():
            self._row(loop)

    def end(self) -> None:
        """
        Tell what every loop still holds and end them all.
        """
        for key, loop in list(self._open.items()):
            self._end(key, loop)

    @property
    def waiting(self) -> int:
        """
        How many folded entries no row has told of yet.
        """
        return sum(loop.count for loop in self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def _end(self, key: Hashable, loop: Loop) -> None:
        del self._open[key]
        self._row(loop)

    def _row(self, loop: Loop) -> None:
        if loop.first is None:
            return
        first, count = loop.first, loop.count
        loop.first, loop.count = None, 0
        self._tell(first, count, loop.last_timestamp, self._why)
