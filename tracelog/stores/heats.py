"""
What heat is in a store: the place where servers tell each other which forms of message they meet most.

Obligations, held by one test class over every kind, against the arithmetic of `core/heat.py`:

* A call is counted as a whole and atomically, in windows on the clock of the store.
* What was counted is forgotten within two windows, and never lies in the way of entries.
* What cannot be told now raises `StoreUnavailableError`; it may have been counted, and is not told again.
"""

from collections.abc import Mapping
from typing import Protocol

from tracelog.core.heat import Warmth


class Heat(Protocol):
    """
    Shared counts of forms; the obligations stand at the top of this file.
    """

    async def share(self, posted: Mapping[str, Warmth]) -> Mapping[str, Warmth]:
        """
        Count what this server has met since it told last, by form, and return what all servers of the store
        have met of these forms within a window's length.

        Raises:
            StoreUnavailableError: When the store cannot tell now.
        """
        ...


def window_ms_of(window_s: float) -> int:
    """
    Return the length of a window in whole milliseconds, at least one.
    """
    return max(1, round(window_s * 1000))
