"""
When to leave a failing store alone: after a fault for half a second, then twice as long each time, 30 s at
most.

One caller at a time is let through to see whether it works again; all others go on without it at no cost.
"""

from typing import Final

FIRST_S: Final = 0.5
LONGEST_S: Final = 30.0

PROBE_S: Final = 5.0
"""A probe that reports nothing for so long is taken for lost: its caller was cancelled."""


class Breaker:
    """
    The state between a caller and something that may fail. Times are monotonic seconds.

    Attributes:
        failures: Since it last worked.
    """

    __slots__ = ("_probe_at", "_until", "failures")

    def __init__(self) -> None:
        self.failures = 0
        self._until = 0.0
        self._probe_at: float | None = None

    def allows(self, now: float) -> bool:
        """
        Whether to try now. After a fault, who gets True must call `succeeded` or `failed`.
        """
        if self.failures == 0:
            return True
        if now < self._until or (self._probe_at is not None and now < self._probe_at + PROBE_S):
            return False
        self._probe_at = now
        return True

    def succeeded(self) -> bool:
        """
        Note that it works; return whether it did not before.
        """
        was_open = self.failures > 0
        self.failures, self._probe_at = 0, None
        return was_open

    def failed(self, now: float) -> None:
        """
        Note a fault; those of calls that were under way together count once.
        """
        if self._probe_at is None and self.failures:
            return
        self.failures += 1
        self._probe_at = None
        self._until = now + wait_after(self.failures)

    def wait(self, now: float) -> float:
        """
        Return for how many seconds nothing will be tried, 0 when it may be.
        """
        return max(0.0, self._until - now) if self.failures else 0.0


def wait_after(failures: int) -> float:
    """
    Return the seconds to wait after so many faults in a row, at least one.
    """
    return min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 16))
