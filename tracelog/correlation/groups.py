"""
What many traces say, by pattern: how often, in how many traces, and where it was first seen.

A pattern is who said it (system and service), how bad it was, and the form of the message: ids, times and
counters make no difference. *First seen* is by arrival, which no sender's clock moves.
"""

from collections.abc import Iterable

import msgspec

from tracelog.core.entry import Entry
from tracelog.core.template import fingerprint
from tracelog.correlation.sightings import kind_of

_WORST_FIRST = ("error", "warn", "info")


class Group(msgspec.Struct, frozen=True):
    """
    One pattern.

    Attributes:
        level: `error`, `warn` or `info`.
        message: Of its first entry, which is *first_id* in *first_trace*.
        count: Log calls; *traces* in how many traces.
        first_seen: Arrival of the first, Unix milliseconds; *last_seen* of the last.
    """

    fingerprint: str
    system: str
    service: str | None
    level: str
    message: str
    count: int
    traces: int
    first_seen: float
    last_seen: float
    first_trace: str
    first_id: str


class _Seen(msgspec.Struct):
    first: Entry
    last: Entry
    traces: set[str]
    count: int = 0


def groups(entries: Iterable[Entry]) -> list[Group]:
    """
    Return the patterns of *entries*, errors first, in each level what was seen first latest first.
    """
    seen: dict[tuple[str, str | None, str, str], _Seen] = {}
    for entry in entries:
        key = (entry.system, entry.service, kind_of(entry.level), fingerprint(entry.message))
        one = seen.get(key)
        if one is None:
            one = seen[key] = _Seen(entry, entry, set())
        one.first = min(one.first, entry, key=_arrival)
        one.last = max(one.last, entry, key=_arrival)
        one.traces.add(entry.trace_id)
        one.count += entry.weight
    made = [_group(key, one) for key, one in seen.items()]
    return sorted(made, key=lambda one: (_WORST_FIRST.index(one.level), -one.first_seen, one.first_id))


def _group(key: tuple[str, str | None, str, str], one: _Seen) -> Group:
    system, service, level, print_ = key
    first, last = _arrival(one.first)[0], _arrival(one.last)[0]
    named = one.first.trace_id, one.first.id
    return Group(
        print_, system, service, level, one.first.message, one.count, len(one.traces), first, last, *named
    )


def _arrival(entry: Entry) -> tuple[float, str, str]:
    at = entry.timestamp if entry.received_at is None else entry.received_at
    return at, entry.trace_id, entry.id
