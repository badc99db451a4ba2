"""
Clocks of different sources brought together, bounded by cause.

A hop cannot begin before the hop that caused it began. Where two sources contradict that, the one that was
called is moved by the least that puts it right; where nothing contradicts, nothing is moved. One pass from
the outermost source inwards: each source is compared only with sources that are settled already, so
contradictory data cannot push two clocks past each other for ever.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tracelog.correlation.lanes import GRAIN
from tracelog.correlation.line import Line, Node
from tracelog.correlation.report import Clock

UNMOVED: Final = Clock()


class _Bound(msgspec.Struct, frozen=True):
    """
    A call from one clock to another: *lead* ms too early by its own account, *room* ms before it outlasts its
    caller.
    """

    caller: str
    called: str
    lead: float
    room: float | None


def bring_together(lanes: Sequence[Sequence[Line]], nodes: Sequence[Node]) -> dict[str, Clock]:
    """
    Correct the times of all lines and hops in place and return how each clock was corrected.
    """
    bounds = _bounds(nodes)
    clocks = dict.fromkeys(sorted({lane[0].clock for lane in lanes}), UNMOVED)
    if not bounds:
        return clocks
    touching: dict[str, list[_Bound]] = {}
    for bound in bounds:
        touching.setdefault(bound.caller, []).append(bound)
        touching.setdefault(bound.called, []).append(bound)
    settled: dict[str, float] = {}
    for name in _outermost_first(nodes):
        clocks[name] = _settle(name, touching.get(name, ()), settled)
        settled[name] = clocks[name].offset_ms
    _apply(lanes, nodes, clocks)
    return clocks


def _bounds(nodes: Sequence[Node]) -> list[_Bound]:
    by_name = {node.span_id: node for node in nodes}
    bounds = []
    for node in nodes:
        for clock, first in node.strangers.items():
            if node.closing is not None:
                bounds.append(_Bound(node.clock, clock, node.start - first, None))
        parent = by_name.get(node.parent_id) if node.parent_id is not None else None
        if parent is None or not parent.began or not node.known or parent.clock == node.clock:
            continue
        room = parent.end - node.end if parent.closing is not None else None
        bounds.append(_Bound(parent.clock, node.clock, parent.start - node.start, room))
    return bounds


def _outermost_first(nodes: Sequence[Node]) -> list[str]:
    first: dict[str, tuple[int, float, str]] = {}
    for node in nodes:
        if node.known:
            key = (node.depth, node.start, node.clock)
            first[node.clock] = min(key, first.get(node.clock, key))
            for clock, moment in node.strangers.items():
                key = (node.depth + 1, moment, clock)
                first[clock] = min(key, first.get(clock, key))
    return sorted(first, key=first.__getitem__)


def _settle(name: str, bounds: Sequence[_Bound], settled: Mapping[str, float]) -> Clock:
    calls = [bound for bound in bounds if bound.called == name and bound.caller in settled]
    least = max((settled[bound.caller] + bound.lead for bound in calls), default=float("-inf"))
    most = min(
        (settled[b.called] - b.lead for b in bounds if b.caller == name and b.called in settled),
        default=float("inf"),
    )
    offset = max(least, min(0.0, most)) if least <= most else least
    if offset == 0.0:
        return UNMOVED
    rooms = [settled[bound.caller] + bound.room - offset for bound in calls if bound.room is not None]
    return Clock(round(offset, GRAIN), round(max(0.0, min(rooms)), GRAIN) if rooms else None, "cause")


def _apply(lanes: Sequence[Sequence[Line]], nodes: Sequence[Node], clocks: Mapping[str, Clock]) -> None:
    for lane in lanes:
        offset = clocks[lane[0].clock].offset_ms
        if offset:
            for line in lane:
                line.at = round(line.at + offset, GRAIN)
                line.end = round(line.end + offset, GRAIN)
    for node in nodes:
        if node.known:
            offset = clocks[node.clock].offset_ms
            node.start, node.end = round(node.start + offset, GRAIN), round(node.end + offset, GRAIN)
