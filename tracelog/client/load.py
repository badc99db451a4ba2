"""
A load: the rows that the background thread took out of the queue in one go, and what is known of them.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

from tracelog.core.compact import HOLE

HEAD_BYTES: Final = 10
"""Of a row: the header of the array and its time, a float of 64 bits, behind its own header."""

SAID: Final[Callable[[Any], bytes]] = itemgetter(slice(HEAD_BYTES, None))
"""
Returns what a row says. Times are bytes by chance, of which some look like a word or like the beginning of a
disguise: left in, every fourth batch of 1,000 rows is looked at twice, which costs half as much again.
"""


class Load:
    """
    Rows on their way.

    Attributes:
        rows: In order; `bytes`, or what becomes such when it is late.
        text: What all of them say as one piece, for who scans; None when it must be put together again.
        lost: How many ended here, by reason.
        trouble: A sentence on what a hook or stage raised last.
        changed: Whether rows may be longer than what callers queue as plain `bytes`; see `LongRow`.
    """

    __slots__ = ("changed", "lost", "rows", "text", "trouble")

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows
        self.text: bytes | None = None
        self.lost: dict[str, int] = {}
        self.trouble: str | None = None
        self.changed = False

    @property
    def size(self) -> int:
        """
        Bytes of all rows.
        """
        return len(self.said()) + HEAD_BYTES * self.kept + len(HOLE) * (len(self.rows) - self.kept)

    @property
    def kept(self) -> int:
        return len(self.rows) - sum(self.lost.values())

    def said(self) -> bytes:
        """
        Return what the rows say, without their times.

        Raises:
            TypeError: When a row is still to be written.
        """
        text = self.text
        if text is None:
            text = self.text = b"".join(map(SAID, self.rows))
        return text

    def change(self, step: Callable[[Any], bytes | str], first: int = 0, end: int | None = None) -> None:
        """
        Put *step* of each row, of those from *first* to before *end*, in its place; a text is the reason for
        which the row ends.
        """
        for index, row in enumerate(self.rows[first:end], first):
            if row != HOLE:
                self.rows[index] = self._kept(step(row))
        self.text = None
        self.changed = True

    def _kept(self, result: bytes | str) -> bytes:
        if isinstance(result, bytes):
            return result
        self.lost[result] = self.lost.get(result, 0) + 1
        return HOLE

    def spoil(self, reason: str) -> None:
        """
        Give all rows up for *reason*.
        """
        self.rows = [HOLE] * len(self.rows)
        self.lost = {reason: len(self.rows)}
        self.text = None
