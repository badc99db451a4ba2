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
from tracelog.core.guard_settings import GuardSettings
from tracelog.core.outline import outline

FIRST_S: Final = 1.0
"""How soon the first row of a loop is told: soon enough to be seen live."""

EARLY: Final = 0.5
"""
Who reads is told of a loop before its next row is due, when no more than this part of the interval is left:
so somebody who keeps reading makes at most twice as many rows of it, and not one each time.
"""


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
        settings: `longest_s` seconds are between two rows at most, `loops` are open at a time; beyond it the
            one that opened first is told and ends.
        tell: Called with every row.
        new_id: Gives a row its id, from the first entry that it stands for.
    """

    def __init__(
        self,
        why: str,
        quiet_s: float,
        settings: GuardSettings,
        *,
        tell: Callable[[Entry], None],
        new_id: Callable[[Entry], str],
    ) -> None:
        self._why = why
        self._quiet_s = quiet_s
        self._longest_s = settings.longest_s
        self._cap = settings.loops
        self._tell = tell
        self._new_id = new_id
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
                self._on_time(loop, now)
            soonest = min(soonest, loop.next_at, loop.last_at + self._quiet_s)
        self._soonest = soonest

    def tell(self, now: float) -> None:
        """
        Tell of loops whose row is nearly due at *now*, see `EARLY`; they stay open.
        """
        for loop in self._open.values():
            if loop.count and loop.next_at - now <= EARLY * loop.interval:
                self._on_time(loop, min(now, loop.next_at))

    def of(self, trace_id: str) -> list[Entry]:
        """
        Return what rows of open loops would say now in a trace; they stay untold.
        """
        return [
            self._made(loop.first, loop)
            for loop in self._open.values()
            if loop.first is not None and loop.first.trace_id == trace_id
        ]

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

    def _on_time(self, loop: Loop, now: float) -> None:
        self._row(loop)
        loop.interval = min(loop.interval * 2, self._longest_s)
        loop.next_at = now + loop.interval

    def _row(self, loop: Loop) -> None:
        if loop.first is None:
            return
        row = self._made(loop.first, loop)
        loop.first, loop.count = None, 0
        self._tell(row)

    def _made(self, first: Entry, loop: Loop) -> Entry:
        return msgspec.structs.replace(
            first,
            id=self._new_id(first),
            kind="summary",
            count=loop.count,
            last_timestamp=loop.last_timestamp,
            why=self._why,
        )
