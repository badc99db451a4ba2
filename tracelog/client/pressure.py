"""
Whether the other end refuses most of what it is sent, and what may then be held back here. Pure.

The evidence is what it says, and nothing is held back for a reason that it has not given: who folds is sent
less of the same, who refuses by rate is sent less of everything, who takes what comes is sent all. An end
that says nothing of what it keeps is spared what repeats to the letter. Quotas need no guess: an answer that
says there is no room also says for how long.

Little is sent before an answer is there: a burst begins with as much as the answer before it showed to be
welcome, and the rest is sent or held back by what its answer says, as TCP begins slowly.
"""

from typing import Final

import msgspec

from tracelog.core.guard_settings import GuardSettings
from tracelog.core.verdict import RATE
from tracelog.sinks.base import Receipt

CALM, REPEATS, FOLDS, LIMITS = range(4)
"""What is held back: nothing; what repeats to the letter; what any server folds; what exceeds a rate, too."""

CALM_ROWS: Final = 100
"""That travel before the first answer, and in a second to an end that says nothing of them. By default a
server keeps 50 ordinary lines a minute of one source."""

MANY: Final = 20
"""Refusals in a minute below which nothing is held back: few rows cost nobody anything."""

MINUTE_S: Final = 60.0
LONGEST_S: Final = 300.0
"""After so long all is sent again for once: the other end may have been told of larger limits."""

_ANY: Final = 1_000_000_000

_LIMITING: Final = GuardSettings(
    sample_mode="off",
    runs=1_024,
    templates=1_024,
    loops=256,
    sources=64,
    traces=4_096,
    recorder_traces=256,
    recorder_bytes=2 * 1024 * 1024,
    suppressed_rows=4,
    suppressed_traces=16,
)
"""As a server, for one program: less is remembered, and few rows are made for a server that has refused many.
It does not sample, for only a server knows the share of its system that is used."""

_FOLDING: Final = msgspec.structs.replace(_LIMITING, normal=(_ANY,), privileged=(_ANY,), essential=(_ANY,))

GUARDS: Final = {
    REPEATS: msgspec.structs.replace(_FOLDING, hot_above=_ANY, noise=False),
    FOLDS: _FOLDING,
    LIMITS: _LIMITING,
}
"""The guard of each level but `CALM`."""


class Pressure:
    """
    What one other end said in this minute.

    Attributes:
        level: What is to be held back, `CALM` to `LIMITS`.
    """

    def __init__(self) -> None:
        self.level = CALM
        self._since = 0.0
        self._minute = 0.0
        self._kept = self._refused = self._denied = 0
        self._window = CALM_ROWS
        self._second = 0.0
        self._sent = 0

    def most(self, rows: int) -> int:
        """
        Return how many rows may travel before the next answer, at most *rows*.
        """
        return rows if self.level == LIMITS else min(rows, self._window)

    def hear(self, receipt: Receipt, sent: int, now: float) -> None:
        """
        Note what the other end says of *sent* entries at *now* (seconds, monotonic).
        """
        self.turn(now)
        if receipt.silent:
            self._window = CALM_ROWS
            self._send(sent, now)
            return
        refused = sum(receipt.suppressed.values()) + sum(receipt.limited.values())
        kept = max(0, sent - refused - sum(receipt.rejected.values()))
        room = 2 * kept if receipt.remaining is None else min(2 * kept, receipt.remaining)
        self._window = max(CALM_ROWS, room)
        self._kept += kept
        self._refused += refused
        self._denied += receipt.suppressed.get(RATE.word, 0)
        if self._is_most:
            self._press(LIMITS if self._denied >= MANY else FOLDS, now)

    def count(self, kept: int, refused: int, now: float) -> None:
        """
        Note what was kept and held back here: pressure that is there may last for it, but not begin with it.
        """
        self.turn(now)
        self._kept += kept
        self._refused += refused

    def turn(self, now: float) -> None:
        """
        Look whether a minute is over, and ease when it was calm.
        """
        since = now - self._minute
        if since < MINUTE_S:
            return
        if since >= 2 * MINUTE_S or not self._is_most or now - self._since >= LONGEST_S:
            self.level = CALM
        self._minute = now
        self._kept = self._refused = self._denied = 0

    def _send(self, sent: int, now: float) -> None:
        """
        Note that so many went to an end that says nothing of them.
        """
        if now - self._second >= 1.0:
            self._second, self._sent = now, 0
        self._sent += sent
        if self._sent >= CALM_ROWS:
            self._press(REPEATS, now)

    def _press(self, level: int, now: float) -> None:
        if self.level == CALM:
            self._since = now
        self.level = max(self.level, level)

    @property
    def _is_most(self) -> bool:
        return self._refused >= MANY and self._refused > self._kept
