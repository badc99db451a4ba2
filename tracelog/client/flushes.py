"""
Those who wait for delivery: each for what was logged before it asked, however much is logged after.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, SupportsFloat

LONGEST_S: Final = 86_400.0
"""No wait is longer: locks of some systems cannot count much further."""

USUAL_S: Final = 2.0
"""What `flush` and `shutdown` wait when nobody says how long."""


def wait_seconds(timeout: object) -> float:
    """
    Return how long a wait of *timeout* seconds is, at most `LONGEST_S`; what is no number is `USUAL_S`.

    A `flush(None)` that raised would leave undelivered what it was called to deliver.
    """
    seconds = USUAL_S
    with suppress(Exception):  # a number of a make that does not keep to the rules is none
        if isinstance(timeout, int | float):
            seconds = timeout
        elif isinstance(timeout, SupportsFloat):
            seconds = float(timeout)
    return USUAL_S if seconds != seconds else min(max(0.0, seconds), LONGEST_S)  # noqa: PLR0124 - NaN


class Flush:
    """
    Somebody waiting.

    Attributes:
        target: Number behind the last entry that was there when the thread first saw it; None before.
        tried: Whether delivery was tried since.
        delivered: Whether all up to the target was.
    """

    __slots__ = ("_waiting", "delivered", "target", "tried")

    def __init__(self) -> None:
        self.target: int | None = None
        self.tried = False
        self.delivered = False
        self._waiting = threading.Lock()
        self._waiting.acquire()

    def wait(self, timeout: float) -> None:
        """
        Wait until it is settled, for at most *timeout* seconds.
        """
        if self._waiting.acquire(timeout=max(0.0, timeout)):
            self._waiting.release()

    def settle(self, *, delivered: bool) -> None:
        """
        Let go of who waits.
        """
        with suppress(RuntimeError):  # somebody else settled it at the same time
            self.delivered = delivered
            self._waiting.release()


class Flushes:
    """
    All who wait. Each change is one step of a set, so that no lock is needed.
    """

    def __init__(self) -> None:
        self._waiting: set[Flush] = set()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def ask(self) -> Flush:
        flush = Flush()
        self._waiting.add(flush)
        return flush

    def leave(self, flush: Flush) -> None:
        self._waiting.discard(flush)

    def snapshot(self) -> list[Flush]:
        """
        Return who waits now. What these logged before is in the queue, or was taken out of it already.
        """
        return list(self._waiting)

    def aim(self, asking: list[Flush], seq: int) -> bool:
        """
        Give those *asking* who are new the target *seq*, and return whether one wants a try at once.
        """
        urgent = False
        for flush in asking:
            if flush.target is None:
                flush.target = seq
            urgent = urgent or not flush.tried
        return urgent

    def settle(self, delivered: Callable[[int], bool]) -> None:
        """
        Let go of those whose target is *delivered*.
        """
        for flush in list(self._waiting):
            if flush.target is None:
                continue  # came while the thread was busy
            flush.tried = True
            if delivered(flush.target):
                self._waiting.discard(flush)
                flush.settle(delivered=True)

    def dismiss(self) -> None:
        """
        Let go of all: nothing will be delivered any more.
        """
        while self._waiting:
            self._waiting.pop().settle(delivered=False)
