"""
Clocks of different sources brought together: measured by calls and their answers, else bounded by cause.

A called hop lies between the call and the answer: it cannot begin before the one or end after the other.
Each such pair bounds how far its clock is off; the pair with the shortest way there and back bounds it most
closely (Mills, RFC 5905 §10, keeps the sample of least delay for the same reason), and others that agree
narrow it further. Where zero is within the bounds nothing is moved: clocks of one network mostly agree, and
half of a way is no reason. Else the middle is taken, and half of the width is its uncertainty.

A pair counts only when the called was at work for at least half of the call or both ended with the same
HTTP status, for a message that is consumed later looks the same but for that, and when its entries arrived
when those of its caller did. What no pair bounds is moved by the least that cause demands, or as its caller
was, or not.

One pass from the outermost source inwards: each source is compared only with sources that are settled
already, so contradictory data cannot push two clocks past each other for ever.
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

import msgspec

from tracelog.correlation.lanes import GRAIN
from tracelog.correlation.line import Line, Node
from tracelog.correlation.report import Clock

UNMOVED: Final = Clock()

AT_WORK: Final = 0.5
"""The part of a call that the called was at work, from which on the caller surely waited for it."""

ASKED: Final = 32
"""Entries of a lane asked when they arrived: batches share one arrival, and a few batches tell enough."""

ON_THE_WAY_MS: Final = 2_000.0
"""Between speaking and arriving entries wait for their batch, and a server's clock may be a little off."""


BATCH_MS: Final = 250.0
"""Below this arrivals decide nothing: entries wait as long as that for their batch to fill."""


class _Bound(msgspec.Struct, frozen=True):
    """
    A call from one clock to another: the called one is *lead* ms too early by its own account, and has
    *room* ms before it outlasts its caller; *waited* tells that its caller waited for it.
    """

    caller: str
    called: str
    lead: float
    room: float | None
    waited: bool = False


def bring_together(lanes: Sequence[Sequence[Line]], nodes: Sequence[Node]) -> dict[str, Clock]:
    """
    Correct the times of all lines and hops in place and return how each clock was corrected, in the order in
    which they were settled: each as uncertain as against those that it was compared with.
    """
    names = sorted({lane[0].clock for lane in lanes})
    if len(names) < 2:
        return dict.fromkeys(names, UNMOVED)
    clocks: dict[str, Clock] = {}
    touching: dict[str, list[_Bound]] = {}
    for bound in _bounds(nodes):
        touching.setdefault(bound.caller, []).append(bound)
        touching.setdefault(bound.called, []).append(bound)
    settled: dict[str, float] = {}
    lags = _lags(lanes)
    sound = sorted(names, key=lambda name: (lags[name] < -ON_THE_WAY_MS, name))
    order = dict.fromkeys([*_outermost_first(nodes), *sound])
    for name in order:
        clocks[name] = _settle(name, touching.get(name, ()), settled, lags)
        settled[name] = clocks[name].offset_ms
    if any(clock.offset_ms for clock in clocks.values()):
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
        bounds.append(
            _Bound(parent.clock, node.clock, parent.start - node.start, room, _waited(parent, node))
        )
    return bounds


def _waited(caller: Node, called: Node) -> bool:
    if caller.closing is None or called.closing is None:
        return False
    took, worked = caller.end - caller.start, called.end - called.start
    answered = called.status is not None and called.status == caller.status
    return worked <= took and (answered or worked >= AT_WORK * took)


def _outermost_first(nodes: Sequence[Node]) -> list[str]:
    """
    Return the names of clocks, that of the outermost hop first. Below a hop of which nothing is known but its
    name, or nothing but words, nobody knows how deep it is: other hops of the clock decide.
    """
    placed = {node.span_id for node in nodes if node.known and (node.closing is not None or node.children)}
    first: dict[str, tuple[bool, int, float, str]] = {}
    for node in nodes:
        if node.known:
            key = (node.tree not in placed, node.depth, node.start, node.clock)
            first[node.clock] = min(key, first.get(node.clock, key))
            for clock, moment in node.strangers.items():
                key = (key[0], node.depth + 1, moment, clock)
                first[clock] = min(key, first.get(clock, key))
    return sorted(first, key=first.__getitem__)


def _lags(lanes: Sequence[Sequence[Line]]) -> dict[str, float]:
    """
    Return for each clock how long after they were spoken entries arrived, at least, by the clock of the
    server.
    """
    lags: dict[str, float] = {}
    for lane in lanes:
        lags[lane[0].clock] = min(lags.get(lane[0].clock, inf), _lag(lane))
    return lags


def _lag(lane: Sequence[Line]) -> float:
    """
    Return how long after it was spoken an entry of *lane* arrived, at least; infinite when nobody noted that.
    """
    asked = lane[:: max(1, len(lane) // ASKED)]
    return min(
        (
            line.entry.received_at - line.entry.timestamp - (line.end - line.at)
            for line in asked
            if line.entry.received_at is not None
        ),
        default=inf,
    )


def _settle(
    name: str, bounds: Sequence[_Bound], settled: Mapping[str, float], lags: Mapping[str, float]
) -> Clock:
    calls = [bound for bound in bounds if bound.called == name and bound.caller in settled]
    backs = [bound for bound in bounds if bound.caller == name and bound.called in settled]
    least = max((settled[bound.caller] + bound.lead for bound in calls), default=-inf)
    most = min((settled[bound.called] - bound.lead for bound in backs), default=inf)
    if least > most:
        most = inf  # callers are believed: they stand nearer to the clock that all others are compared with
    pairs = [
        (settled[bound.caller] + bound.lead, settled[bound.caller] + bound.room)
        for bound in calls
        if bound.room is not None and _is_pair(bound, bound.room, settled, lags)
    ]
    pairs += [
        (settled[bound.called] - bound.room, settled[bound.called] - bound.lead)
        for bound in backs
        if bound.room is not None and bound.waited
    ]
    if (measured := _measured(least, most, pairs)) is not None:
        return measured
    offset = _shared(max(least, min(0.0, most)), (least, most), calls, settled, lags)
    if offset == 0.0:
        ahead = max(least, _ahead(name, calls, settled, lags))
        return Clock(round(ahead, GRAIN), None, "arrival") if ahead < -ON_THE_WAY_MS else UNMOVED
    rooms = [settled[bound.caller] + bound.room - offset for bound in calls if bound.room is not None]
    return Clock(round(offset, GRAIN), round(max(0.0, min(rooms)), GRAIN) if rooms else None, "cause")


def _shared(
    offset: float,
    within: tuple[float, float],
    calls: Sequence[_Bound],
    settled: Mapping[str, float],
    lags: Mapping[str, float],
) -> float:
    """
    Return the offset of a caller instead of *offset*, where with it more of *calls* lie inside their callers.

    Clocks of servers mostly agree, and what lies inside its caller by the clocks as they are is not pulled
    out of it because the caller's clock differs from that of somebody else. A message that was consumed
    later by a sound clock arrived later, too, and stays where it is.
    """
    best, most = offset, _inside(offset, calls, settled)
    for bound in calls:
        by = settled[bound.caller]
        if not within[0] <= by <= within[1] or bound.room is None or not bound.lead <= 0.0 <= bound.room:
            continue
        early = lags[bound.caller] - by - lags[bound.called]
        is_later = -inf < early < inf and early < (offset - by) / 2.0
        if not is_later and (inside := _inside(by, calls, settled)) > most:
            best, most = by, inside
    return best


def _inside(offset: float, calls: Sequence[_Bound], settled: Mapping[str, float]) -> int:
    """
    Return how many of *calls* lie inside their callers when the called clock is corrected by *offset*.
    """
    return sum(
        bound.room is not None and bound.lead <= offset - settled[bound.caller] <= bound.room
        for bound in calls
    )


def _is_pair(bound: _Bound, room: float, settled: Mapping[str, float], lags: Mapping[str, float]) -> bool:
    """
    Whether the call of *bound* was waited for.

    A called hop that seems to end *after* the call is either by a clock ahead or a message consumed later.
    Then the arrival of its entries decides: had it spoken later, they would have come later.
    """
    after = -(settled[bound.caller] + room)
    early = lags[bound.caller] - settled[bound.caller] - lags[bound.called]
    if room < bound.lead or not -inf < early < inf:
        return bound.waited
    if bound.waited:
        return after <= BATCH_MS or early > after / 2.0
    return after > 0.0 and early > max(after / 2.0, ON_THE_WAY_MS)


def _ahead(
    name: str, calls: Sequence[_Bound], settled: Mapping[str, float], lags: Mapping[str, float]
) -> float:
    """
    Return by how much the arrival of its entries shows a clock to run ahead, as an offset below 0; 0 when
    it does not.

    What a source says arrives about as long after it was spoken as what its callers say. Without a caller
    it is compared with the outermost clock, and only if its entries arrived before they were spoken.
    """
    lag = lags[name]
    if calls:
        usual = min(lags[bound.caller] - settled[bound.caller] for bound in calls)
    elif settled and lag < -ON_THE_WAY_MS:
        usual = max(0.0, lags[next(iter(settled))])
    else:
        return 0.0
    return min(0.0, lag - usual) if -inf < lag - usual < inf else 0.0


def _measured(least: float, most: float, pairs: list[tuple[float, float]]) -> Clock | None:
    """
    Return the clock that *pairs* of calls and answers measure within *least* and *most*, the closest pair
    first. One that contradicts those before it is no pair; where most do, none is.
    """
    agreeing = 0
    for low, high in sorted(pairs, key=lambda pair: (pair[1] - pair[0], pair)):
        if max(low, least) <= min(high, most):
            least, most, agreeing = max(low, least), min(high, most), agreeing + 1
    if 2 * agreeing <= len(pairs):
        return None
    if least <= 0.0 <= most:
        return Clock(0.0, round(max(-least, most), GRAIN), "measured")
    return Clock(round((least + most) / 2.0, GRAIN), round((most - least) / 2.0, GRAIN), "measured")


def _apply(lanes: Sequence[Sequence[Line]], nodes: Sequence[Node], clocks: Mapping[str, Clock]) -> None:
    for lane in lanes:
        offset = clocks[lane[0].clock].offset_ms
        if offset:
            for line in lane:
                at, end = line.at, line.end
                line.at = moved = round(at + offset, GRAIN)
                line.end = moved if end == at else round(end + offset, GRAIN)
    for node in nodes:
        if node.known:
            offset = clocks[node.clock].offset_ms
            node.start, node.end = round(node.start + offset, GRAIN), round(node.end + offset, GRAIN)
