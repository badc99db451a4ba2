"""
Holes in running numbers: entries that a source spoke and that are not here.

A number that is missing was lost, or belongs to another trace. So only a source that spoke nearly all its
numbers here is told of; one that serves many traces at once has holes in each of them. Numbers that rows of
what was not kept stand for are no holes.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from tracelog.correlation.facts import Facts
from tracelog.correlation.line import Line
from tracelog.correlation.report import Insight
from tracelog.correlation.words import plural

HERE: Final = 0.8
"""The part of a source's numbers, from its first to its last here, from which on it spoke for this trace."""

MOST: Final = 5
"""Sources that are told of, the largest holes first."""


def about_holes(facts: Facts) -> Iterator[Insight]:
    """
    Tell of sources of whose running numbers some are missing.
    """
    lanes: dict[str, list[Line]] = {}
    for line in facts.lines:
        if line.entry.seq is not None and line.entry.source:
            lanes.setdefault(line.entry.source, []).append(line)
    found = sorted((hole for lane in lanes.values() if (hole := _hole(lane))), key=lambda hole: -hole[0])
    for missing, before, after in found[:MOST]:
        numbers = plural(missing, "number")
        where = f"the first between {before.entry.seq} and {after.entry.seq}"
        text = f"{numbers} of a source in {before.system} not here, {where}: lost, or of another trace"
        yield Insight("holes", text, [before.id, after.id], None)


def _hole(lane: list[Line]) -> tuple[int, Line, Line] | None:
    """
    Return how many numbers of one source are missing, and the lines around the first hole.
    """
    by_number = {line.entry.seq or 0: line for line in lane}
    span = max(by_number) - min(by_number) + 1
    known = len(by_number) + sum(line.count for line in lane if line.is_loss)
    if span <= known or len(by_number) < HERE * span:
        return None
    numbers = sorted(by_number)
    before, after = next((a, b) for a, b in pairwise(numbers) if b > a + 1)
    return span - known, by_number[before], by_number[after]
