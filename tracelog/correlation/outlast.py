"""
Errors of callers that stopped waiting: explained by the call that was still under way.

A hop that only waits does nothing between its call and its answer. When its next word is an error and the
called is still at work, the called was too slow: its closing, which is no error, is the first cause. A hop
that does several things at once must say that it stopped waiting.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from tracelog.correlation.evidence import CONFIDENCE, is_impatient
from tracelog.correlation.faults import Fault, fault_of, root_of
from tracelog.correlation.line import Line, Node
from tracelog.correlation.links import CLIMB, LATER_MS
from tracelog.correlation.relations import Found, link

AT_ONCE: Final = 64
"""Calls of one hop looked at: more are never open at the same time for want of an answer."""

LEAST_MS: Final = 100.0
"""Nobody stops waiting sooner; below it clocks and queues decide who was first."""

_by_start = attrgetter("start")


def explain_impatience(faults: Sequence[Fault], lines: Iterable[Line]) -> list[Fault]:
    """
    Link errors that nothing explains to the calls that outlasted them; return the signs made for that.
    """
    waiting = [
        (fault, slow) for fault in faults if _is_open(fault) and (slow := _outlasting(fault)) is not None
    ]
    if not waiting:
        return []
    wanted = {slow.closing for _, slow in waiting}
    closings = {line.id: line for line in lines if line.is_span and line.id in wanted}
    signs: dict[str, Fault] = {}
    for fault, slow in waiting:
        line = closings.get(slow.closing or "")
        if line is None:
            continue
        sign = signs.setdefault(line.id, fault_of(line))
        if root_of(sign) is not fault:
            link(fault, Found(sign, "outlasted", CONFIDENCE["outlasted"]))
    return list(signs.values())


def _is_open(fault: Fault) -> bool:
    return fault.cause is None and fault.node is not None


def _outlasting(fault: Fault) -> Node | None:
    """
    Return the innermost hop below *fault* that its hop had waited for in silence and that went on after it.
    """
    hop, moment, slow = fault.node, fault.moment, None
    for _ in range(CLIMB):
        if hop is None:
            break
        open_ = [child for child in _begun(hop, moment) if child.end >= moment - LEAST_MS]
        hop = max(open_, key=lambda child: (child.end, child.span_id), default=None)
        if (
            hop is None
            or moment - hop.start < LEAST_MS
            or (fault.spoke > hop.start and not is_impatient(fault.line.entry))
        ):
            break
        if hop.end > moment + LATER_MS and hop.closing is not None:
            slow = hop
    return slow


def _begun(hop: Node, moment: float) -> Sequence[Node]:
    until = bisect_right(hop.children, moment, key=_by_start)
    return hop.children[max(0, until - AT_ONCE) : until]
