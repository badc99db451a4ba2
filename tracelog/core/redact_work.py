"""
The bound on what one text may cost: hostile lines are made so that rules try and fail at every letter.

What a text costs is counted where rules try, not measured, so that both engines and all machines end at the
same place. A unit is about a tenth of a microsecond on a machine of 2024.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

MOST_WORK: Final = 150_000
"""Units for one text: under 20 ms. The densest 128 kB of a real log, 1,000 secrets in it, take two thirds."""

SHORT_TEXT: Final = 8 * 1024
"""Bytes of a text that is never too much: at their worst, so many take 15 ms."""

STOP, NOTE, PLACE, TRY, LOOK, READ, SECRET, DECODED, DISGUISE, FOUND = 5, 3, 6, 12, 35, 60, 30, 150, 6, 15
"""
Units of each: a stop of the search for literals, a rare byte looked at, a literal found, a shape tried, a name looked at, a value read, a secret
replaced, base64 looked into, a disguise taken off, a match of a pattern without literals.
"""

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

    def begin(self, size: int, share: float = 1.0) -> None:
        """
        Begin with a text of *size* bytes, which may cost a *share* of `MOST_WORK`.
        """
        self._left = int(MOST_WORK * share)
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
