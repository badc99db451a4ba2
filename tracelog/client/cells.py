"""
Counters that calling threads step: numbers in memory that a file may stand behind, so that they outlive the
process.

A step is one call into the interpreter, so no other thread and no signal can come between. The number is
drawn and stored within it: what the memory holds is exact at whatever moment the process is killed. That
costs 60 to 90 ns, as much as a counter and a store of their own, which other threads overtake; so where no
file is kept, a plain counter does for what is queued, at less than half of it.
"""

from collections.abc import Callable, Iterator
from itertools import count, repeat
from operator import setitem
from typing import Any

from tracelog.core.account_format import COUNTED, DROPS


class Cells:
    """
    Counts from 0, one cell each for what was queued and for every reason of `DROPS`.

    Args:
        memory: Numbers of 64 bits that are 0, one a cell, which a file stands behind.
    """

    __slots__ = ("_carried", "_memory", "append", "drop")

    def __init__(self, memory: memoryview | None = None) -> None:
        self._memory = memoryview(bytearray(8 * len(COUNTED))).cast("Q") if memory is None else memory
        self._carried: Callable[[], dict[str, int]] = dict.fromkeys(COUNTED, 0).copy
        steps = [_steps(self._memory, place) for place in range(len(COUNTED))]
        self.append = count() if memory is None else steps[0]
        self.drop = dict(zip(DROPS, steps[1:], strict=True))

    def read(self) -> dict[str, int]:
        """
        Return all totals, by name.
        """
        if isinstance(self.append, count):
            self._memory[0] = int(repr(self.append)[len("count(") : -1])  # the one way to see and not step it
        carried = self._carried()
        return {name: self._memory[place] + carried[name] for place, name in enumerate(COUNTED)}

    def dropped(self) -> dict[str, int]:
        """
        Return the totals of what was dropped, by reason.
        """
        memory, carried = self._memory, self._carried()
        return {reason: memory[place] + carried[reason] for place, reason in enumerate(DROPS, 1)}

    def follow(self, before: "Cells") -> None:
        """
        Go on from what *before* counts, which may still be stepped: totals never fall while one takes over.
        """
        self._carried = before.read

    def carry(self, before: "Cells") -> None:
        """
        Go on from what *before*, which nobody steps any more, has counted.
        """
        self._carried = before.read().copy


def _steps(memory: memoryview, place: int) -> Iterator[Any]:
    """
    Return what stores 1, 2, 3 … at *place* of *memory*, one number a step.
    """
    store: Any = setitem
    return map(store, repeat(memory), repeat(place), count(1))
