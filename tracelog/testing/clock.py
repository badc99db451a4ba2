"""
A clock that a test moves by hand.
"""

from typing import Final

NOON: Final = 1_795_348_800.0
"""22 November 2026, 12:00 UTC, in Unix seconds: a time that every reader can recognise."""


class FakeClock:
    """
    Stands still until it is told otherwise; call it wherever `time.time` or `time.monotonic` is asked for.

    Args:
        now: Seconds it shows first.
    """

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> float:
        """
        Move on, or back when *seconds* is negative, as a corrected system clock does; return the new time.
        """
        self.now += seconds
        return self.now
