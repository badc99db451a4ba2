"""
Those who wait for delivery: each for what was logged before it asked, however much is logged after.
"""

import threading
from collections.abc import Callable
from typing import Final

LONGEST_S: Final = 86_400.0
"""No wait is longer: locks of some systems cannot count much further."""


class Flush:
    """
    Somebody waiting.

    Attributes:
        target: Number behind the last entry that was there when the thread first saw it; None before.
        tried: Whether delivery was tried since.
    """

    __slots__ = ("_done", "target", "tried")

    def __init__(self) -> None:
        self.target: int | None = None
        self.tried = False
        self._done = threading.Lock()
        self._done.acquire()

    @property
    def is_done(self) -> bool:
        return not self._done.locked()

    def wait(self, timeout: float) -> bool:
        """
        Return whether all was delivered within *timeout* seconds.
        """
        if not self._done.acquire(timeout=min(max(0.0, timeout), LONGEST_S)):
            return False
        self._done.release()
        return True

    def done(self) -> None:
        self._done.release()


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
                flush.done()
