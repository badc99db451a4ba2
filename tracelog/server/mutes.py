"""
Mutes: sources or systems that an operator does not want to hear for a while.

What is muted is not stored, and counted as `muted` like everything that is not kept. Errors pass, unless the
mute says otherwise. Each mute ends by itself.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tracelog.core.entry import Entry
from tracelog.core.reasons import MEANINGS
from tracelog.core.stage import Batch, Drop
from tracelog.stores import Row

MUTED: Final = "muted"

MOST: Final = 100
"""Mutes at a time: each entry is compared to those of its system."""

LONGEST_S: Final = 7 * 86_400
"""A week: what shall never be heard is a noise pattern's or the sender's business."""


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """
    One mute.

    Attributes:
        system: Whose entries; of any when None. *source* the same of the process, tab or isolate.
        errors: Whether errors are muted, too.
        until_ms: When it ends, Unix milliseconds; *since_ms* when it began, *by* who said so and *why*.
    """

    id: str
    system: str | None = None
    source: str | None = None
    errors: bool = False
    since_ms: float = 0.0
    until_ms: float = 0.0
    by: str = ""
    why: str = ""

    def holds(self, entry: Entry) -> bool:
        """
        Whether *entry* is one of those.
        """
        if self.system is not None and entry.system != self.system:
            return False
        if self.source is not None and entry.source != self.source:
            return False
        return self.errors or not entry.is_error


class Mutes:
    """
    What is muted at present.
    """

    def __init__(self) -> None:
        self._all: tuple[Mute, ...] = ()

    def learn(self, mutes: Iterable[Mute]) -> None:
        """
        Take over what the store keeps.
        """
        self._all = tuple(mutes)

    def at(self, now_ms: float) -> list[Mute]:
        """
        Return the mutes whose time is not over, those that end first.
        """
        return sorted((m for m in self._all if m.until_ms > now_ms), key=lambda m: (m.until_ms, m.id))

    def over(self, now_ms: float) -> list[Mute]:
        """
        Return the mutes whose time is over and which somebody may take off the board.
        """
        return [mute for mute in self._all if mute.until_ms <= now_ms]

    def take(self, batch: Batch, rows: Sequence[Row], now_ms: float) -> tuple[list[Row], list[Entry]]:
        """
        Take out of *batch* what is muted; return the *rows* that are left, and what was taken.
        """
        held = self.at(now_ms) if self._all else []
        if not held:
            return list(rows), []
        found = {at for at, (entry, _) in enumerate(rows) if any(mute.holds(entry) for mute in held)}
        why = MEANINGS["suppressed"][MUTED]
        taken = [rows[at][0] for at in sorted(found)]
        batch.drop(
            {at: Drop(batch.places[at], "suppressed", MUTED, why, rows[at][0]) for at in sorted(found)}
        )
        return [row for at, row in enumerate(rows) if at not in found], taken
