"""
What the calling threads share with the one that ships: the queue, its budget, and the count of what they
drop.

No lock anywhere. A list append and the step of a counter are one step each under the interpreter's lock, so
that signal handlers and finalizers may log in the middle of anything.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from tracelog.client.cells import Cells
from tracelog.core.account_format import DROPS
from tracelog.core.entry import DEFAULT_LIMITS

__all__ = ["DROPS", "SLOT", "Drops", "Gate", "LongRow"]

SLOT: Final = 256
"""Bytes of queue memory that an ordinary entry is counted as; a larger one takes up several slots."""


class LongRow:
    """
    A row above what an entry may hold, which the background thread has to cut.

    It is no `bytes`, so that whoever joins the rows of a batch comes upon it: measuring each of them for the
    few that are long costs a tenth of what the background thread spends on an entry besides redaction.
    """

    __slots__ = ("_row",)

    def __init__(self, row: bytes) -> None:
        self._row = row

    def encode(self) -> bytes:
        """
        Return the row.
        """
        return self._row


class Drops:
    """
    How many entries the calling threads have dropped, by reason.

    Attributes:
        cells: Where they are counted; others may take over at any time.
    """

    def __init__(self) -> None:
        self.cells = Cells()

    def count(self, reason: str) -> None:
        next(self.cells.drop[reason])

    def read(self) -> dict[str, int]:
        """
        Return the totals.
        """
        return self.cells.dropped()


class Gate:
    """
    What a log call looks at, for as long as its client lives, whoever ships for it.

    Attributes:
        queue: Rows in order; callers append, the shipping thread takes from the front.
        high_water: How long the queue may get before `full` must be asked. It is 0 while the thread sleeps or
            has not started, so that the first call wakes it, and nothing else in the call has to know.
        budget: The same, less the sleeping.
        charged: Slots that large rows have taken beyond one each, ever.
        slot: Bytes that count as one entry; set with the budget.
        full: Decides for a call that found the queue at its high water: whether the entry is dropped.
        drops: What was.
        tick: Stepped once for each row that goes into the queue; see `cells.py`.
    """

    __slots__ = ("budget", "charged", "drops", "full", "high_water", "queue", "slot", "tick")

    def __init__(self) -> None:
        self.queue: list[Any] = []
        self.high_water = 0
        self.budget = 0
        self.charged = 0
        self.slot = SLOT
        self.full: Callable[[int], bool] = _unattended
        self.drops = Drops()
        self.tick: Iterator[Any] = self.drops.cells.append

    def attend(self, full: Callable[[int], bool], budget: int, slot: int) -> None:
        """
        Let *full* decide from now on, with a *budget* of slots, each of *slot* bytes.
        """
        self.slot = slot
        self.budget = budget
        self.high_water = 0
        self.full = full

    def empty(self) -> None:
        """
        Forget everything: in a forked child it is the parent's.
        """
        self.queue.clear()
        self.count_in(Cells())

    def count_in(self, cells: Cells) -> None:
        """
        Count in *cells* from now on. Each swap is one step, and who looks for the old ones steps them at
        once: no other thread comes between.
        """
        self.drops.cells = cells
        self.tick = cells.append

    def go_on_in(self, cells: Cells) -> Cells:
        """
        Count on in *cells*, and return those that nobody steps any more. Whoever reads meanwhile never sees
        less than before: numbers are given out by these totals.
        """
        before = self.drops.cells
        cells.follow(before)
        self.count_in(cells)
        cells.carry(before)
        return before

    def put(self, row: Any, size: int) -> None:
        """
        Queue *row*, which needs *size* bytes. Whoever queues one above `SLOT` does it here.
        """
        self.charge(size)
        is_long = size > DEFAULT_LIMITS.entry and type(row) is bytes
        self.queue.append(LongRow(row) if is_long else row)
        next(self.tick)

    def charge(self, size: int) -> None:
        """
        Take from the budget what *size* bytes need beyond one slot.

        Two threads at once may count as one: the shipping thread measures anew at each look.
        """
        slots = size // self.slot
        self.charged += slots
        self.budget -= slots
        self.high_water -= slots


def _unattended(_rank: int) -> bool:
    return False
