"""
Lanes merged into one timeline: every speaker's own order kept, causes before effects, time for the rest.

After the clocks are corrected each lane is in the order of its times, so sorting by time merges them all.
What is left to decide is who comes first at the same moment: hops open before anything is said in them, outer
hops before inner ones, and of two errors the inner one, because errors travel outwards.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from itertools import pairwise
from operator import attrgetter
from typing import Final

from tracelog.core.entry import SYSTEMS
from tracelog.correlation.lanes import GRAIN
from tracelog.correlation.line import Line

GAP_MS: Final = 100.0
"""A silence that a person notices; shorter ones are the rhythm of any program."""

SYSTEM_RANK: Final = {name: rank for rank, name in enumerate(SYSTEMS)}
"""The known systems from the user inwards; any other comes after them."""

_at = attrgetter("at")
_place = attrgetter("at", "index", "turn")
"""At the same moment in one lane: in the order of speaking, and hops from the outside in."""


def rank_of(system: str) -> int:
    """
    Return how far from the user *system* is, as far as its name tells.
    """
    return SYSTEM_RANK.get(system, len(SYSTEMS))


def merge(lanes: Sequence[list[Line]]) -> list[Line]:
    """
    Return the lines of all *lanes* in the order in which they happened; each lane is put into that order,
    too.
    """
    lines: list[Line] = []
    for lane in lanes:
        _order(lane)
        lines.extend(lane)
    lines.sort(key=_at)
    moments = [line.at for line in lines]
    end = 0
    for i in [i for i, (one, two) in enumerate(pairwise(moments)) if one == two]:
        if i < end:
            continue  # within the tie before
        end = bisect_right(moments, moments[i], i)
        if lines[i].lane != lines[end - 1].lane:
            lines[i:end] = _untie(lines[i:end])
    return lines


def _order(lane: list[Line]) -> None:
    """
    Sort *lane*, which is in the order of speaking, by `_place`. Only lines that open a hop, the few that were
    given another place, need more than their time.
    """
    lane.sort(key=_at)
    end = 0
    for i in [i for i, line in enumerate(lane) if line.opens]:
        if i < end:
            continue  # within the tie before
        begin, end, at = i, i + 1, lane[i].at
        while begin and lane[begin - 1].at == at:
            begin -= 1
        while end < len(lane) and lane[end].at == at:
            end += 1
        if end - begin > 1:
            lane[begin:end] = sorted(lane[begin:end], key=_place)


def mark_gaps(lines: Iterable[Line]) -> None:
    """
    Note before each shown line how long nothing new was said, where that is long enough to show.

    Repeats that another line stands for say nothing new, nor does a count of what was not kept.
    """
    heard: float | None = None
    for line in lines:
        if line.run and not line.is_loss:
            if heard is not None and line.at - heard >= GAP_MS:
                line.gap = round(line.at - heard, GRAIN)
            heard = line.at


def _untie(moment: list[Line]) -> Iterator[Line]:
    """
    Yield the lines of several lanes that share one time: openings from the outside in, then each lane in its
    order.
    """
    yield from sorted((line for line in moment if line.opens), key=_preference)
    lanes: dict[int, list[Line]] = {}
    for line in moment:
        if not line.opens:
            lanes.setdefault(line.lane, []).append(line)
    heads = [(_preference(lane[0]), number, 0) for number, lane in lanes.items()]
    heapify(heads)
    while heads:
        _, number, place = heads[0]
        lane = lanes[number]
        yield lane[place]
        if place + 1 < len(lane):
            heapreplace(heads, (_preference(lane[place + 1]), number, place + 1))
        else:
            heappop(heads)


def _preference(line: Line) -> tuple[bool, int, int, str]:
    depth = line.node.depth if line.node is not None else 0
    is_error = line.is_error and not line.opens
    return is_error, -depth if is_error else depth, rank_of(line.system), line.id
