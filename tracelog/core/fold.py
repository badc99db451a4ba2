"""
Folding: what repeats is told once, with its count.

An *exact run* is the same message, level and system in one trace: five a second pass, the sixth opens a loop.
A *hot template* is one form of message that a system repeats more often than 30 times in 10 seconds, in
whatever traces and with whatever numbers in it. Neither loses a count (`loops.py`): both come before quotas.
"""

from collections.abc import Hashable
from typing import Final

import msgspec

from tracelog.core.bounded import Bounded
from tracelog.core.entry import Entry
from tracelog.core.loops import Loops
from tracelog.core.template import fingerprint, template

__all__ = ["LOOP", "LOOP_TEMPLATE", "Runs", "Templates", "fingerprint", "template"]

LOOP: Final = "loop"
"""Why the entries of an exact run fold."""

LOOP_TEMPLATE: Final = "loop_template"
"""Why those of a hot template do."""


class _Run(msgspec.Struct, gc=False):
    """
    A message that came more than once: *n* times since *start*. *folds* while its loop may be open.
    """

    start: float
    n: int
    folds: bool = False


class Runs:
    """
    Exact runs.

    Most messages come once, so a key that was met once costs its time and no record.

    Args:
        burst: How many of one key pass in a window.
        window_s: Seconds of a window, which begins with the first entry.
        cap: Keys remembered, at most twice as many. A forgotten one passes again.
        loops: Where the others fold.

    Attributes:
        earlier: From a key and the time to what is known of it, None when this is the first time; the key is
            remembered. Asked apart from `folds`, because most entries need no more than this.
    """

    def __init__(self, burst: int, window_s: float, cap: int, loops: Loops) -> None:
        self._burst = burst
        self._window_s = window_s
        self._loops = loops
        self._known: Bounded[Hashable, float | _Run] = Bounded(cap)
        self.earlier = self._known.meet

    def folds(self, key: Hashable, run: "float | _Run", entry: Entry, now: float) -> bool:
        """
        Return whether *entry* folds.

        Args:
            key: All that makes two entries the same.
            run: What `earlier` knew of it.
            entry: Its first of a row lends the row its looks.
            now: Seconds, monotonic.
        """
        if not isinstance(run, _Run):
            run = _Run(run, 1)
            self._known.put(key, run)
        if run.folds:
            run.folds = self._loops.add(key, entry, now)
            if run.folds:
                return True
        if now - run.start >= self._window_s:
            run.start = now
            run.n = 0
        run.n += 1
        if run.n <= self._burst:
            return False
        run.folds = True
        if not self._loops.add(key, entry, now):
            self._loops.open(key, entry, now)
        return True

    def __len__(self) -> int:
        return len(self._known)


class _Heat(msgspec.Struct, gc=False):
    """
    How often a template came: *n* times since *start*; *hot* when the window before was too full.
    """

    start: float
    n: int
    hot: bool = False


class Templates:
    """
    Hot templates. One is hot from the entry that is too many until a whole window was not.

    Args:
        above: Entries in a window that are not too many.
        window_s: Seconds of a window.
        cap: Templates remembered, at most twice as many.
        loops: Where entries of hot ones fold.

    Attributes:
        earlier: As that of `Runs`: an entry that is the first of its template makes nothing hot.
    """

    def __init__(self, above: int, window_s: float, cap: int, loops: Loops) -> None:
        self._above = above
        self._window_s = window_s
        self._loops = loops
        self._known: Bounded[Hashable, float | _Heat] = Bounded(cap)
        self.earlier = self._known.meet

    def is_hot(self, key: Hashable, heat: "float | _Heat", now: float) -> bool:
        """
        Count one more entry of the template *key*, of which `earlier` knew *heat*, and return whether it is
        one of too many.
        """
        if not isinstance(heat, _Heat):
            heat = _Heat(heat, 1)
            self._known.put(key, heat)
        since = now - heat.start
        if since >= self._window_s:
            heat.hot = heat.n > self._above and since < 2 * self._window_s
            heat.start = now
            heat.n = 0
        heat.n += 1
        return heat.hot or heat.n > self._above

    def fold(self, key: Hashable, entry: Entry, now: float) -> None:
        """
        Fold *entry* into the loop of the template *key*.
        """
        if not self._loops.add(key, entry, now):
            self._loops.open(key, entry, now)

    def __len__(self) -> int:
        return len(self._known)
