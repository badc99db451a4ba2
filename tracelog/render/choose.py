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

CHAIN, ERROR, EDGE, HOP, OTHER = range(5)
"""Classes of worth: in a chain; any error or loss; first words and silences; long hops; the rest."""

CHAINS: Final = 3
"""Failures whose every step is shown before any other row is."""

HOPS: Final = 20
"""Closed hops that are shown for their length; more of them would push out what was said around an error."""

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
    chained = {id_ for chain in report.chains[:CHAINS] for id_ in chain.entries}
    edges, hops = _edges(rows), _longest(rows)
    classes = [
        CHAIN if row.id in chained else _worth(row, i in edges, i in hops) for i, row in enumerate(rows)
    ]
    what_matters = ERROR if min(classes, default=OTHER) <= ERROR else EDGE
    near = _distances([cls <= what_matters for cls in classes])
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


def _worth(row: Row, is_edge: bool, is_long: bool) -> int:
    if RANK.get(row.level, 1) >= ERROR_RANK or row.kind == "suppressed":
        return ERROR
    if is_edge:
        return EDGE
    return HOP if is_long else OTHER


def _nearer(row: Row) -> int:
    return WARNING if row.level == "warn" else 1


def _longest(rows: Sequence[Row]) -> set[int]:
    hops = [i for i, row in enumerate(rows) if row.duration_ms is not None]
    return set(sorted(hops, key=lambda i: (-(rows[i].duration_ms or 0.0), i))[:HOPS])


def _edges(rows: Sequence[Row]) -> set[int]:
    """
    Return the places of the first and the last row, the first of each speaker, and the rows around silences.
    """
    edges = {0, len(rows) - 1}
    seen: set[tuple[str, str | None]] = set()
    for i, row in enumerate(rows):
        if (row.system, row.service) not in seen:
            seen.add((row.system, row.service))
            edges.add(i)
        if row.gap_before_ms is not None:
            edges.update((i - 1, i))
    return edges


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
