"""
Counters that calling threads step: numbers in memory that a file may stand behind, so that they outlive the
process.

A step is one call into the interpreter (a number is drawn and stored within it), so no other thread and no
signal can come between, and what the memory holds is exact at whatever moment the process is killed. It
costs 60 to 90 ns of a log call, as much as a counter and a store of their own, which other threads overtake.
"""

from collections.abc import Iterator
from itertools import count, repeat
from operator import setitem
from typing import Any

from tracelog.core.account_format import COUNTED, DROPS


class Cells:
    """
    Counts from 0 in *memory*, one cell each for what was queued and for every reason of `DROPS`.

    Args:
        memory: Numbers of 64 bits that are 0; memory of this process when not given.
    """

    __slots__ = ("_carried", "_memory", "append", "drop")

    def __init__(self, memory: memoryview | None = None) -> None:
        self._memory = memoryview(bytearray(8 * len(COUNTED))).cast("Q") if memory is None else memory
        self._carried = dict.fromkeys(COUNTED, 0)
        steps = [_steps(self._memory, place) for place in range(len(COUNTED))]
        self.append = steps[0]
        self.drop = dict(zip(DROPS, steps[1:], strict=True))

    def read(self) -> dict[str, int]:
        """
        Return all totals, by name.
        """
        return {name: self._memory[place] + self._carried[name] for place, name in enumerate(COUNTED)}

    def carry(self, before: "Cells") -> None:
        """
        Go on from what *before*, which nobody steps any more, has counted.
        """
        self._carried = before.read()


def _steps(memory: memoryview, place: int) -> Iterator[None]:
    """
    Return what stores 1, 2, 3 … at *place* of *memory*, one number a step.
    """
    store: Any = setitem
    return map(store, repeat(memory), repeat(place), count(1))
