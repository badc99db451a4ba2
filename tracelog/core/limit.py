"""
The adaptive limiter: a source that says too much is listened to less, and more again when it calms down.

Each key has a limit for the minute, one of a few steps. At the end of a minute that offered more than the
limit it goes one step down; after one that offered at most half of it, or nothing at all, one step up. A
flood of 1,200 a minute is cut to 50, 25, 12, 6, 6 …; a source that falls silent is back after three minutes.
"""

from collections.abc import Hashable, Sequence
from typing import Final

import msgspec

from tracelog.core.bounded import Bounded

MINUTE_S: Final = 60.0


class Allowance(msgspec.Struct, gc=False):
    """
    One key's present minute.

    Attributes:
        start: When the minute began, seconds.
        limit: How many it lets through.
        step: Place of *limit* in the steps.
        offered: How many asked so far.
    """

    start: float
    limit: int
    step: int = 0
    offered: int = 0


class Adaptive:
    """
    Counts per key and minute, and adapts.

    Args:
        steps: Limits of a minute, falling; a new key starts with the first.
        cap: Keys remembered; at most twice as many. A forgotten key starts anew.
        minute_s: Seconds of a minute, which may be longer than that.
    """

    def __init__(self, steps: Sequence[int], cap: int, minute_s: float = MINUTE_S) -> None:
        self._minute_s = minute_s
        self._steps = tuple(steps)
        self._keys: Bounded[Hashable, Allowance] = Bounded(cap)

    def allows(self, key: Hashable, now: float) -> bool:
        """
        Count one that *key* offers at *now* (seconds, monotonic), and return whether it may pass.
        """
        allowance = self._keys.young.get(key) or self._known(key, now)
        if now - allowance.start >= self._minute_s:
            self._turn(allowance, now)
        allowance.offered = offered = allowance.offered + 1
        return offered <= allowance.limit

    def offered(self, key: Hashable, now: float) -> int:
        """
        Return how many *key* has offered in the minute that *now* falls into.
        """
        allowance = self._keys.get(key)
        return 0 if allowance is None or now - allowance.start >= self._minute_s else allowance.offered

    def limit(self, key: Hashable, now: float) -> int:
        """
        Return the limit of the minute of *key* that *now* falls into, for a status page.
        """
        allowance = self._keys.get(key)
        if allowance is None:
            return self._steps[0]
        if now - allowance.start >= self._minute_s:
            self._turn(allowance, now)
        return allowance.limit

    def _known(self, key: Hashable, now: float) -> Allowance:
        fresh = Allowance(now, self._steps[0])
        return self._keys.meet(key, fresh) or fresh

    def slowed(self, now: float, most: int = 50) -> list[tuple[Hashable, int]]:
        """
        Return keys whose limit is below the first step, with it, the lowest first; at most so many.
        """
        known = [(key, self.limit(key, now)) for key in (*self._keys.young, *self._keys.old)]
        first = self._steps[0]
        return sorted([each for each in known if each[1] < first], key=lambda each: each[1])[:most]

    def __len__(self) -> int:
        return len(self._keys)

    def _turn(self, allowance: Allowance, now: float) -> None:
        minutes = int((now - allowance.start) // self._minute_s)
        step = allowance.step
        if allowance.offered > allowance.limit:
            step += 1
        elif allowance.offered * 2 <= allowance.limit:
            step -= 1
        step = min(step, len(self._steps) - 1) - (minutes - 1)
        allowance.step = step = max(step, 0)
        allowance.limit = self._steps[step]
        allowance.start += minutes * self._minute_s
        allowance.offered = 0
