"""
Which rows to show where not all fit: by what they are worth, told in the order in which they happened.

Never the first or the last so many: a cause stands early in a long trace and its symptom late. What is left
out is counted where it was.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from tracelog.core.entry import ERROR_RANK, RANK
from tracelog.correlation import Report, Row

FIRST, CHAIN, EDGE, HOP, ERROR, VOICE, OTHER = range(7)
"""Classes of worth: the first error of each system; in a chain; around the longest silences, the first and
the last words; the longest hops; any other error or loss; the first words of a speaker; the rest."""

CHAINS: Final = 3
"""Failures whose steps are shown before nearly any other row is."""

STEPS: Final = 8
"""Steps of such a failure that are, besides its last; more of them are a flood of one error."""

HOPS: Final = 10
SILENCES: Final = 5
"""Closed hops and silences that are shown for their length; more of them would push out what was said around
an error."""

MATTERS: Final = frozenset({FIRST, CHAIN, ERROR})
"""What rows without any worth of their own are told for: they stand near it."""

WARNING: Final = 8
"""A warning is worth as much as a plain row that is so many times nearer to what matters."""


class Left(msgspec.Struct, frozen=True):
    """
    Rows left out between two that are shown: how many, and how many log calls they stand for.
    """

    rows: int
    entries: int


def by_worth(report: Report) -> list[int]:
    """
    Return the places of all rows of the timeline, the most telling first.
    """
    rows = report.timeline
    steps = [(chain.entries[:STEPS], chain.entries[-1:]) for chain in report.chains[:CHAINS]]
    chained = {id_ for first, last in steps for id_ in (*first, *last)}
    classes = [_plain(row) for row in rows]
    for cls, places in ((VOICE, _voices(rows)), (HOP, _longest(rows)), (EDGE, _edges(rows))):
        for place in places:
            classes[place] = min(cls, classes[place])
    for place, row in enumerate(rows):
        classes[place] = CHAIN if row.id in chained else classes[place]
    for place in _first_errors(rows):
        classes[place] = FIRST
    matters = MATTERS if MATTERS.intersection(classes) else {EDGE}
    near = _distances([cls in matters for cls in classes])
    within = [
        -(row.duration_ms or 0.0) if cls == HOP else distance / _nearer(row)
        for row, cls, distance in zip(rows, classes, near, strict=True)
    ]
    return sorted(range(len(rows)), key=lambda i: (classes[i], within[i], i))


def with_gaps(rows: Sequence[Row], chosen: Iterable[int]) -> Iterator[Row | Left]:
    """
    Yield the *chosen* rows in the order of the timeline, and between them what is left out.
    """
    after = 0
    for place in sorted(chosen):
        if place > after:
            yield _left(rows[after:place])
        yield rows[place]
        after = place + 1
    if after < len(rows):
        yield _left(rows[after:])


def _left(rows: Sequence[Row]) -> Left:
    return Left(len(rows), sum(row.count for row in rows))


def _plain(row: Row) -> int:
    return ERROR if _is_error(row) or row.kind == "suppressed" else OTHER


def _is_error(row: Row) -> bool:
    return RANK.get(row.level, 1) >= ERROR_RANK


def _first_errors(rows: Sequence[Row]) -> Iterator[int]:
    """
    Yield the place of the first error of each system.
    """
    seen: set[str] = set()
    for place, row in enumerate(rows):
        if row.system not in seen and _is_error(row) and row.kind != "suppressed":
            seen.add(row.system)
            yield place


def _nearer(row: Row) -> int:
    return WARNING if row.level == "warn" else 1


def _longest(rows: Sequence[Row]) -> set[int]:
    hops = [i for i, row in enumerate(rows) if row.duration_ms is not None]
    return set(sorted(hops, key=lambda i: (-(rows[i].duration_ms or 0.0), i))[:HOPS])


def _edges(rows: Sequence[Row]) -> set[int]:
    """
    Return the places of the first and the last row, and of the rows around the longest silences.
    """
    silences = [i for i, row in enumerate(rows) if row.gap_before_ms is not None]
    longest = sorted(silences, key=lambda i: (-(rows[i].gap_before_ms or 0.0), i))[:SILENCES]
    edges = {0, len(rows) - 1} if rows else set()
    return edges.union(*((i - 1, i) for i in longest))


def _voices(rows: Sequence[Row]) -> Iterator[int]:
    """
    Yield the place of the first row of each speaker.
    """
    seen: set[tuple[str, str | None]] = set()
    for i, row in enumerate(rows):
        if (row.system, row.service) not in seen:
            seen.add((row.system, row.service))
            yield i


def _distances(marked: Sequence[bool]) -> list[int]:
    """
    Return for each place how far the nearest marked one is.
    """
    far = len(marked)
    distances = [far] * far
    for places in (range(far), range(far - 1, -1, -1)):
        distance = far
        for i in places:
            distance = 0 if marked[i] else distance + 1
            distances[i] = min(distances[i], distance)
    return distances
