"""
Holes in running numbers: entries that a source spoke and that are not here.

A number that is missing was lost, or belongs to another trace. So only a source that spoke nearly all its
numbers here is told of; one that serves many traces at once has holes in each of them. Numbers that rows of
what was not kept, or of runs, stand for are no holes.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from tracelog.correlation.lanes import REPORTED
from tracelog.correlation.line import Line
from tracelog.correlation.report import Insight
from tracelog.correlation.words import plural

HERE: Final = 0.8
"""The part of a source's numbers, from its first to its last here, from which on it spoke for this trace."""

MOST: Final = 5
"""Sources that are told of, the largest holes first."""


class Hole(NamedTuple):
    """
    The numbers of one source that are missing, and the lines around the first of them.
    """

    missing: int
    before: Line
    after: Line


def may_have_holes(lane: Sequence[Line]) -> bool:
    """
    Whether *lane*, in the order of speaking, lacks some of the numbers from its first to its last, but not
    most.
    """
    first, last = lane[0].entry, lane[-1].entry
    if not first.source or first.seq is None:
        return False  # a lane is of lines with numbers or of lines without
    span = (last.seq or 0) - first.seq + 1
    return HERE * span <= len(lane) < span  # else nothing is missing, or most was said for others


def holes_in(lanes: Iterable[Sequence[Line]]) -> list[Hole]:
    """
    Return the holes of those *lanes* that may have some, the largest first.
    """
    found = [hole for lane in lanes if (hole := _hole(lane)) is not None]
    return sorted(found, key=lambda hole: (-hole.missing, hole.before.id))


def about_holes(holes: Sequence[Hole]) -> Iterator[Insight]:
    """
    Tell of sources of whose running numbers some are missing.
    """
    for missing, before, after in holes[:MOST]:
        numbers = plural(missing, "number")
        where = f"the first between {before.entry.seq} and {after.entry.seq}"
        text = f"{numbers} of a source in {before.system} not here, {where}: lost, or of another trace"
        yield Insight("holes", text, [before.id, after.id], None)


def _hole(lane: Sequence[Line]) -> Hole | None:
    spoken = [line.entry.seq or 0 for line in lane]
    span = max(spoken) - min(spoken) + 1
    by_number = dict(zip(spoken, lane, strict=True))
    stood_for = sum(line.entry.weight - (not line.is_loss) for line in lane if line.entry.kind in REPORTED)
    missing = span - len(by_number) - stood_for
    if missing <= 0 or len(by_number) < HERE * span:
        return None
    numbers = sorted(by_number)
    before, after = next((a, b) for a, b in pairwise(numbers) if b > a + 1)
    return Hole(missing, by_number[before], by_number[after])
