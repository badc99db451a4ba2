"""
Folding: what repeats is told once, with its count.

An *exact run* is the same message, level and system in one trace: five a second pass, the sixth opens a loop.
A *hot template* is one form of message that a system repeats more often than 30 times in 10 seconds, in
whatever traces and with whatever numbers in it. Neither loses a count (`loops.py`): both come before quotas.
"""

from collections.abc import Hashable, Mapping
from heapq import nlargest
from typing import Final

import msgspec

from tracelog.core.bounded import Bounded
from tracelog.core.entry import Entry
from tracelog.core.heat import Warmth
from tracelog.core.loops import Loops
from tracelog.core.prints import form_of
from tracelog.core.template import fingerprint, template

__all__ = [
    "COLD",
    "HOT",
    "LOOP",
    "LOOP_TEMPLATE",
    "WARM",
    "Runs",
    "Templates",
    "fingerprint",
    "template",
]

LOOP: Final = "loop"
"""Why the entries of an exact run fold."""

LOOP_TEMPLATE: Final = "loop_template"
"""Why those of a hot template do."""

COLD: Final = 0
WARM: Final = 1
HOT: Final = 2
"""How hot a template is."""

SERVERS: Final = 8
"""Other servers are told of a template from this part of too many on; when so many servers together meet too
many, one of them has met that part. A store may bill each question, and most templates come nowhere near."""

LATELY: Final = 1_024
"""Templates counted for other servers between two looks; of further ones others are not told."""


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
    How often a template came in a system: *n* times since *start*; *hot* when the window before was too full.

    Attributes:
        form: What other servers know it by.
        more: Times that they were not told of; *noted* when they shall be.
        warm_until: Until then it is hot by what all servers have met.
    """

    start: float
    n: int
    form: str
    system: str
    more: int = 1
    noted: bool = False
    hot: bool = False
    warm_until: float = 0.0


class Templates:
    """
    Hot templates. One is hot from the entry that is too many until a whole window was not; and it is warm for
    a window after all servers together were found to have met too many of it.

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
        self._worth = above // SERVERS + 1
        self._lately: list[_Heat] = []
        self._posted: dict[str, list[_Heat]] = {}
        self.earlier = self._known.meet

    def heat(self, key: Hashable, heat: "float | _Heat", now: float, entry: Entry) -> int:
        """
        Count *entry* as one more of the template *key*, of which `earlier` knew *heat*; return whether it is
        one of too many (`HOT`), one of too many that all servers have met (`WARM`), or none (`COLD`).
        """
        if not isinstance(heat, _Heat):
            heat = _Heat(heat, 1, form_of(entry.level, template(entry.message)), entry.system)
            self._known.put(key, heat)
        since = now - heat.start
        if since >= self._window_s:
            heat.hot = heat.n > self._above and since < 2 * self._window_s
            heat.start = now
            heat.n = 0
            if not heat.noted:
                heat.more = 0
        heat.n += 1
        heat.more += 1
        if not heat.noted and heat.n >= self._worth and len(self._lately) < LATELY:
            heat.noted = True
            self._lately.append(heat)
        if heat.hot or heat.n > self._above:
            return HOT
        return WARM if now < heat.warm_until else COLD

    def hottest(self, most: int) -> dict[str, Warmth]:
        """
        Return by form what came most often since this was asked last, of what is worth telling.

        Args:
            most: Templates told of; what came of others in this time is told to nobody.
        """
        lately, self._lately = self._lately, []
        self._posted = {}
        posted: dict[str, Warmth] = {}
        for heat in nlargest(most, lately, key=_more):
            posted[heat.form] = posted.get(heat.form, Warmth(0)).plus(heat.more, (heat.system,))
            self._posted.setdefault(heat.form, []).append(heat)
        for heat in lately:
            heat.more, heat.noted = 0, False
        return posted

    def warm(self, totals: Mapping[str, Warmth], now: float) -> None:
        """
        Take those forms for hot that all servers have met too often, for a window from *now*.

        Args:
            totals: What all have met of the forms that `hottest` returned last.
            now: Seconds, monotonic.
        """
        for form, total in totals.items():
            if total.n > self._above:
                for heat in self._posted.get(form, ()):
                    heat.warm_until = now + self._window_s

    def fold(self, key: Hashable, entry: Entry, now: float) -> None:
        """
        Fold *entry* into the loop of the template *key*.
        """
        if not self._loops.add(key, entry, now):
            self._loops.open(key, entry, now)

    def __len__(self) -> int:
        return len(self._known)


def _more(heat: _Heat) -> int:
    return heat.more
