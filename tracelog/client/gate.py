"""
What the calling threads share with the one that ships: the queue, its budget, and the count of what they
drop.

No lock anywhere. A list append and the step of a counter are one step each under the interpreter's lock, so
that signal handlers and finalizers may log in the middle of anything.
"""

from collections.abc import Callable
from itertools import count
from typing import Any, Final

DROPS: Final = ("queue_overflow", "after_close", "reentrant", "invalid")
"""Why a calling thread gives an entry up: no room, the client was shut down, it was logged by a sink or hook
of the shipping thread, no row can hold it."""

SLOT: Final = 256
"""Bytes of queue memory that an ordinary entry is counted as; a larger one takes up several slots."""


class Drops:
    """
    How many entries the calling threads have dropped, by reason.
    """

    def __init__(self) -> None:
        self._counters = {reason: count() for reason in DROPS}
        self._looks = 0

    def count(self, reason: str) -> None:
        next(self._counters[reason])

    def read(self) -> dict[str, int]:
        """
        Return the totals. Only who holds the books' lock calls this: looking is a step of each counter, too.
        """
        looks, self._looks = self._looks, self._looks + 1
        return {reason: next(counter) - looks for reason, counter in self._counters.items()}


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
    """

    __slots__ = ("budget", "charged", "drops", "full", "high_water", "queue", "slot")

    def __init__(self) -> None:
        self.queue: list[Any] = []
        self.high_water = 0
        self.budget = 0
        self.charged = 0
        self.slot = SLOT
        self.full: Callable[[int], bool] = _unattended
        self.drops = Drops()

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
        self.drops = Drops()

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
