"""
When a sink that did not take a parcel is tried again. Pure: the time is handed in, and so is chance.
"""

from typing import Any, Final

FIRST_S: Final = 0.5
CAP_S: Final = 30.0
"""Pauses double from the first to the cap."""

ASKED_CAP_S: Final = 300.0
"""The other end may ask for a pause of this length at most: as long as a parcel is tried by default."""

_MOST_DOUBLINGS: Final = 10


class Retry:
    """
    The pauses of one sink, in seconds of a monotonic clock.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._own = 0.0
        self._asked = 0.0

    def is_due(self, now: float, *, at_once: bool) -> bool:
        """
        Whether a try is due *now*; with *at_once* our own pause is cut short, one that was asked for is kept.
        """
        return now >= (self._asked if at_once else max(self._own, self._asked))

    def failed(self, now: float, asked: Any, chance: float) -> None:
        """
        Note a failure: full jitter over a doubling pause, never shorter than what the other end *asked* for.

        After "Exponential Backoff and Jitter" (AWS Architecture Blog).

        Args:
            now: When it failed.
            asked: Seconds of `Retry-After`; what is no such number is ignored.
            chance: A random number from 0 to 1.
        """
        longest = min(CAP_S, FIRST_S * 2 ** min(self._failures, _MOST_DOUBLINGS))
        self._failures += 1
        self._own = now + longest * chance
        self._asked = now + _seconds(asked)

    def worked(self) -> None:
        """
        Forget what went wrong.
        """
        self._failures = 0
        self._own = self._asked = 0.0


def _seconds(asked: Any) -> float:
    if not isinstance(asked, int | float) or not asked > 0:
        return 0.0
    return min(float(asked), ASKED_CAP_S)
