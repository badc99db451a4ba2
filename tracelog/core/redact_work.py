"""
The bound on what one text may cost: hostile lines are made so that rules try and fail at every letter.

What a text costs is counted where rules try, not measured, so that both engines and all machines end at the
same place. A unit is one to two tenths of a microsecond on a machine of 2024.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

MOST_WORK: Final = 130_000
"""Units for one text, which take 15 to 30 ms. Nearly all 128 kB of logs, documents and programs take less."""

SHORT_TEXT: Final = 8 * 1024
"""Bytes of a text that is never too much: at their worst, so many take 15 ms."""

STOP, NOTE, PLACE = 5, 2, 6
"""Units of the search for literals: each stop of it, each rare byte looked at, each literal found."""

TRY, FOUND, DECODED = 12, 15, 150
"""Units of a shape: tried at a literal, found without one, base64 looked into."""

LOOK, READ, SECRET, DISGUISE = 35, 30, 15, 6
"""Units of a name looked at, of a value read, of a secret replaced, of a disguise taken off."""

LETTERS: Final = 60
"""Bytes of a value that take one unit: one that is no secret may be read again by each name in it."""

MARK, MOST_MARKS = 30, 1_001
"""Units more for each mark in a text: with marks in it a text that cost all it may costs some more."""

_Item = TypeVar("_Item")


class TooMuchWork(Exception):  # noqa: N818 - no error: it ends an attempt, and nobody outside sees it
    """
    A text costs more than it may.
    """


class Work:
    """
    Counts what one text costs. Owned by one thread at a time.
    """

    def __init__(self) -> None:
        self._left = 0
        self._bounded = False

    def begin(self, size: int, marks: int = 0, share: float = 1.0) -> None:
        """
        Begin with a text of *size* bytes with so many *marks*, which may cost a *share* of `MOST_WORK`.
        """
        self._left = int(MOST_WORK * share) + MARK * min(marks, MOST_MARKS)
        self._bounded = size > SHORT_TEXT

    def spend(self, units: int) -> None:
        """
        Count *units*.

        Raises:
            TooMuchWork: When the text has had all it may.
        """
        self._left -= units
        if self._left < 0 and self._bounded:
            raise TooMuchWork

    def each(self, items: Iterable[_Item], units: int) -> Iterator[_Item]:
        """
        Yield *items*, each for so many *units*.

        Raises:
            TooMuchWork: When the text has had all it may.
        """
        for item in items:
            self._left -= units
            if self._left < 0 and self._bounded:
                raise TooMuchWork
            yield item
