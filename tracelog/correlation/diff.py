"""
What changed from one run to another: patterns that are new or gone, durations beyond noise, changed fields.

Both sides are aligned by pattern (see `sightings`). A pattern that only moved to other hops is the same
pattern. Deterministic; costs time linear in the entries.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from tracelog.core.entry import Entry
from tracelog.correlation.intake import distinct
from tracelog.correlation.report import Report
from tracelog.correlation.sightings import Key, Sighting, joined, sightings

LEAST_MS: Final = 20.0
"""A shift that no one minds, and that a busy machine makes."""

SHARE: Final = 0.25
SHARE_OF_FEW: Final = 0.5
FEW: Final = 3
"""A shift below this part of the duration is noise; of fewer samples, which show no spread, below that."""

SPREADS: Final = 3.0
NORMAL: Final = 1.4826
"""Medians are apart when by three deviations, estimated by the median absolute deviation (times 1.4826 for a
normal distribution)."""

TIMES: Final = 2.0
MORE: Final = 3.0
"""A pattern is more or less frequent when by this factor and by so many entries in each trace."""

CHANGES: Final = 200
"""Changes that are listed; where more differ, two sides have little in common and the first say it."""

ABSENT: Final = ""
"""The value of a field that is not there."""

_ORDER: Final = ("new", "gone", "slower", "field", "more", "fewer", "faster")
_WORST_FIRST: Final = ("error", "warn", "info")


class Side(msgspec.Struct, frozen=True):
    """
    How much one side holds; not *whole* when older entries of it were not compared.
    """

    entries: int
    errors: int
    traces: int
    whole: bool = True


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    One difference.

    Attributes:
        kind: `new`, `gone`, `slower`, `faster` (medians in ms), `more`, `fewer` (entries a trace) or `field`.
        level: `error`, `warn` or `info`.
        message: Of the first such entry, on the side where it is, else on the later one.
        id: Of that entry.
        count: How many entries there are of the pattern, on the side of *message*.
        before, after: The numbers of what changed.
        field, was, now: Of a changed field; empty for absent, several values with commas.
        patterns: How many patterns changed in the same way.
    """

    kind: str
    system: str
    level: str
    message: str
    id: str
    trace_id: str
    count: int
    service: str = ""
    hop: str = ""
    before: float | None = None
    after: float | None = None
    field: str = ""
    was: str = ""
    now: str = ""
    patterns: int = 1


class Difference(msgspec.Struct, frozen=True):
    """
    What changed from *a* to *b*, the most telling first; *more* changes are not listed, *same* patterns did
    not change.
    """

    a: Side
    b: Side
    changes: list[Change]
    more: int = 0
    same: int = 0


Told = Report | Iterable[Entry | Mapping[str, Any]]


def diff(a: Told, b: Told) -> Difference:
    """
    Return what changed from *a* to *b*: two reports, or the entries of two traces or of two times.

    A report tells of no fields; entries do.

    Raises:
        InvalidEntryError: When a JSON object cannot be an entry.
    """
    before, after = sightings(_entries(a)), sightings(_entries(b))
    sides = _side(before), _side(after)
    pairs = list(_aligned(before, after))
    found = [change for pair in pairs for change in _changes(*pair)]
    changes = _together(found)
    changed = {(change.system, change.service, change.hop, change.level, change.id) for change in found}
    changes.sort(key=_rank)
    return Difference(*sides, changes[:CHANGES], max(0, len(changes) - CHANGES), len(pairs) - len(changed))


def _entries(told: Told) -> list[Entry]:
    if not isinstance(told, Report):
        return distinct(told).entries
    return [
        Entry(
            id=row.id,
            trace_id=told.trace_id,
            timestamp=row.raw_timestamp,
            system=row.system,
            level=row.level,
            message=row.message,
            span_id=row.span_id,
            duration_ms=row.duration_ms,
            service=row.service,
            kind="summary" if row.count > 1 else None,
            count=row.count if row.count > 1 else None,
        )
        for row in told.timeline
    ]


def _side(seen: Mapping[Key, Sighting]) -> Side:
    errors = sum(one.count for key, one in seen.items() if key.kind == "error")
    traces = set().union(*(one.traces for one in seen.values()))
    return Side(sum(one.count for one in seen.values()), errors, len(traces))


def _aligned(
    a: dict[Key, Sighting], b: dict[Key, Sighting]
) -> Iterator[tuple[Key, Sighting | None, Sighting | None]]:
    """
    Yield each pattern with what each side has of it.

    Where no hop of a pattern is on both sides, its hops were renamed or not closed, and count as one.
    """
    groups: dict[Key, tuple[set[Key], set[Key]]] = defaultdict(lambda: (set(), set()))
    for place, side in enumerate((a, b)):
        for key in side:
            groups[msgspec.structs.replace(key, hop="", service="")][place].add(key)
    for group in sorted(groups):
        ours, theirs = groups[group]
        if ours & theirs or not ours or not theirs:
            yield from ((key, a.get(key), b.get(key)) for key in sorted(ours | theirs))
        else:
            yield max(theirs), joined(a[key] for key in ours), joined(b[key] for key in theirs)


def _changes(key: Key, a: Sighting | None, b: Sighting | None) -> Iterator[Change]:
    if a is None or b is None:
        seen = b if a is None else a
        if seen is not None:
            yield _change("new" if a is None else "gone", key, seen)
        return
    if shifted(a.durations, b.durations):
        before, after = _median(a.durations), _median(b.durations)
        yield _change("slower" if after > before else "faster", key, b, before=before, after=after)
    before, after = a.count / len(a.traces), b.count / len(b.traces)
    low, high = sorted((before, after))
    if high >= TIMES * low and high - low >= MORE:
        yield _change("more" if after > before else "fewer", key, b, before=before, after=after)
    for field, was, now in _changed_fields(a, b):
        yield _change("field", key, b, field=field, was=was, now=now)


def shifted(a: list[float], b: list[float]) -> bool:
    """
    Whether durations *b* differ from *a* by more than noise.
    """
    if not a or not b:
        return False
    before, after = _median(a), _median(b)
    share = SHARE_OF_FEW if min(len(a), len(b)) < FEW else SHARE
    spread = SPREADS * NORMAL * max(_deviation(a, before), _deviation(b, after))
    return abs(after - before) > max(LEAST_MS, share * min(before, after), spread)


def _changed_fields(a: Sighting, b: Sighting) -> Iterator[tuple[str, str, str]]:
    """
    Yield the fields with few values on either side and none in common; absent counts when it is so in all.
    """
    for name in sorted(a.values.keys() | b.values.keys()):
        was, now = a.values.get(name, set()), b.values.get(name, set())
        if was is None or now is None or was & now:
            continue
        whole = (a if was else b).holders.get(name, 0) == (a if was else b).rows
        if (was and now) or whole:
            yield name, ", ".join(sorted(was)) or ABSENT, ", ".join(sorted(now)) or ABSENT


def _change(kind: str, key: Key, seen: Sighting, **more: Any) -> Change:
    first = seen.first
    return Change(
        kind=kind,
        system=key.system,
        service=key.service,
        hop=key.hop,
        level=key.kind,
        message=first.message,
        id=first.id,
        trace_id=first.trace_id,
        count=seen.count,
        **more,
    )


def _together(changes: list[Change]) -> list[Change]:
    """
    Return *changes* with those of one field, from the same to the same value, as one.
    """
    together: dict[Any, Change] = {}
    for place, change in enumerate(changes):
        name = (change.field, change.was, change.now) if change.kind == "field" else place
        before = together.get(name)
        patterns = 1 if before is None else before.patterns + 1
        together[name] = msgspec.structs.replace(before or change, patterns=patterns)
    return list(together.values())


def _rank(change: Change) -> tuple[Any, ...]:
    plain = change.kind not in {"new", "gone"} or change.level != "error"
    size = abs((change.after or 0.0) - (change.before or 0.0))
    worst = _WORST_FIRST.index(change.level)
    return plain, _ORDER.index(change.kind), worst, -change.patterns, -size, change.message, change.id


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2.0


def _deviation(values: list[float], center: float) -> float:
    return _median([abs(value - center) for value in values])
