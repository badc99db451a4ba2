"""
Who was heard: the last words of each source, when they came, and how its clock stands to ours.

A clock is bounded, not measured: an entry cannot arrive before it was said. So one that is dated after its
arrival shows a clock that is ahead by at least that much; of one that is dated before, the clock is behind by
at most that much, because the way here took some of it. The narrowest bound of the last minutes counts.

Each process knows those that it heard itself, since it started. The ledger has the counts of all.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tracelog.core.bounded import Bounded
from tracelog.core.entry import Entry

REMEMBERED: Final = 256
"""Sources, at most twice as many: every page that is opened is one, and whoever makes names up is many."""

SHOWN: Final = 30
"""Of them, those heard last: more are not read, they are searched."""

OF_ONE: Final = 5
"""Of one service: thousands of pages must not hide that a backend went silent."""

LONGEST: Final = 200
"""Characters of their last words; the trace has the rest."""

BOUND_MS: Final = 300_000.0
"""A bound counts for this long, and at most twice as long: clocks drift, and are set right."""

Name = tuple[str, str | None, str | None]
"""System, service and source."""


class Heard(msgspec.Struct):
    """
    What is known of one source.

    Attributes:
        last: What it said last, with secrets out; *at_ms* when that came, Unix milliseconds.
        level: Of that, *trace_id* and *id* where it is.
        lag_ms: The least time between the date of an entry and its arrival since *since_ms*; *before_ms* the
            same of the time before that.
    """

    last: str
    level: str
    trace_id: str
    id: str
    at_ms: float
    lag_ms: float
    since_ms: float
    before_ms: float


class Hearing:
    """
    The sources that this process heard.
    """

    def __init__(self) -> None:
        self._known: Bounded[Name, Heard] = Bounded(REMEMBERED)

    def note(self, entries: Sequence[Entry], now_ms: float) -> None:
        """
        Remember the last of *entries* of each source; they came at *now_ms*, and hold no secret any more.
        """
        latest = {(entry.system, entry.service, entry.source): entry for entry in entries}
        for name, entry in latest.items():
            lag_ms = now_ms - entry.timestamp
            heard = self._known.get(name)
            if heard is None:
                heard = Heard("", "", "", "", now_ms, lag_ms, now_ms, lag_ms)
                self._known.put(name, heard)
            elif now_ms - heard.since_ms > BOUND_MS:
                heard.before_ms, heard.lag_ms, heard.since_ms = heard.lag_ms, lag_ms, now_ms
            heard.lag_ms = min(heard.lag_ms, lag_ms)
            heard.last, heard.level, heard.at_ms = entry.message[:LONGEST], entry.level, now_ms
            heard.trace_id, heard.id = entry.trace_id, entry.id

    def view(self) -> list[dict[str, Any]]:
        """
        Return those heard last: `{"system", "service", "source", "last_seen", "clock_ms", "level", "message",
        "trace_id", "id"}`. `clock_ms` above 0: ahead by at least that; else behind by at most that.
        """
        known = {**self._known.old, **self._known.young}
        latest = sorted(known.items(), key=lambda one: -one[1].at_ms)
        of_one: Counter[tuple[str, str | None]] = Counter()
        shown = []
        for (system, service, source), heard in latest:
            of_one[system, service] += 1
            if of_one[system, service] <= OF_ONE:
                shown.append(_told(system, service, source, heard))
        return shown[:SHOWN]


def _told(system: str, service: str | None, source: str | None, heard: Heard) -> dict[str, Any]:
    return {
        "system": system,
        "service": service,
        "source": source,
        "last_seen": heard.at_ms,
        "clock_ms": round(-min(heard.lag_ms, heard.before_ms), 1),
        "level": heard.level,
        "message": heard.last,
        "trace_id": heard.trace_id,
        "id": heard.id,
    }
