"""
What ties two signs of failure: the words of the later, ids in both, the hops between them, the time.
"""

from bisect import bisect_right
from collections.abc import Mapping
from operator import attrgetter
from typing import Final, NamedTuple

from tracelog.core.entry import SYSTEMS
from tracelog.correlation.clocks import BATCH_MS, UNMOVED
from tracelog.correlation.evidence import names, points_to, quotes, tells_of
from tracelog.correlation.faults import Fault
from tracelog.correlation.line import Node
from tracelog.correlation.report import Clock, Link
from tracelog.correlation.timeline import rank_of

SAME_SPEAKER_MS: Final = 1_000.0
"""A program without hops that reports one failure twice does so at once."""

OTHER_SYSTEM_MS: Final = 5_000.0
"""Between systems a failure travels as long as a request waits for its answer and clocks disagree."""

NAMED, DIRECT, SHARED, SURVIVED = range(4)
"""Classes of causes, the best first: the line points to it; the hop did nothing in between; both have an id
in common; the hop went on. Within a class the latest is the best."""

_by_start = attrgetter("start")


class Found(NamedTuple):
    """
    A cause, how it is known, how sure that is, and its class.
    """

    cause: Fault
    kind: str
    confidence: float
    rank: int = DIRECT


def link(effect: Fault, found: Found) -> None:
    """
    Note what explains *effect*, with the entries that show it.
    """
    cause, kind, confidence, _ = found
    evidence = [cause.line.id, effect.line.id]
    closing = cause.node.closing if cause.node is not None else None
    if kind == "parent_hop" and closing is not None and closing not in evidence:
        evidence.append(closing)
    effect.cause = cause
    effect.link = Link(cause.line.id, effect.line.id, kind, evidence, confidence)


def seems_after(call: Node, earlier: Fault) -> bool:
    """
    Whether *call* begins after the hop of *earlier*, which made it, has ended: then one of their clocks is
    wrong.
    """
    caller = earlier.node
    return caller is not None and caller.closing is not None and call.start > caller.end


def is_better(found: Found, best: Found) -> bool:
    """
    Whether *found*, which came earlier, is the better cause than *best*.
    """
    if found.rank == best.rank == SURVIVED:
        return found.confidence > best.confidence
    return found.rank < best.rank


def points(fault: Fault, earlier: Fault) -> bool:
    """
    Whether the text of *fault* points to *earlier* and hardly to another. A closing tells its own answer
    only.
    """
    entry, other = fault.line.entry, earlier.line.entry
    return not fault.line.is_span and (quotes(entry, other) or points_to(entry, other))


def told_by(fault: Fault, earlier: Fault) -> str | None:
    """
    Return by what the text of *fault* tells of *earlier*, if by anything.
    """
    entry, other = fault.line.entry, earlier.line.entry
    if quotes(entry, other):
        return "exception"
    if tells_of(entry, other) and (names(entry, other) or not _calls(earlier, fault)):
        return "http_status"
    return "shared_value" if fault.values & earlier.values else None


def _calls(fault: Fault, called: Fault) -> bool:
    """
    Whether *fault* is the end of a call to the service of *called*: then it is no cause of that.
    """
    return fault.line.is_span and names(fault.line.entry, called.line.entry)


def is_adrift(fault: Fault, clocks: Mapping[str, Clock]) -> bool:
    """
    Whether nothing tells how far the clock of *fault* is off, while that of another is.
    """
    return clocks[fault.line.clock] == UNMOVED and any(clock.offset_ms for clock in clocks.values())


def may_be_of(fault: Fault, stray: Fault) -> bool:
    """
    Whether *stray*, of whose time its clock tells nothing, may have made *fault* fail: both mention the same
    id, and it did not arrive behind it, as a message consumed later does.
    """
    came, known = stray.line.entry.received_at, fault.line.entry.received_at
    return (
        came is not None
        and known is not None
        and came <= known + BATCH_MS
        and not fault.values.isdisjoint(stray.values)
    )


def called_between(hop: Node, begin: float, end: float) -> bool:
    """
    Whether *hop* called somebody after *begin* and before *end*.
    """
    return bisect_right(hop.children, end, key=_by_start) > bisect_right(hop.children, begin, key=_by_start)


def says_no_more(earlier: Fault, fault: Fault) -> bool:
    """
    Whether the time is all there is to go by: neither names a hop, and the later has no exception of its own.
    """
    is_plain = not (earlier.is_hint or fault.is_hint or fault.is_told_anew)
    return is_plain and earlier.node is None and fault.node is None


def in_one_tree(a: Fault, b: Fault) -> bool:
    return a.node is not None and b.node is not None and a.node.tree == b.node.tree


def window_of(earlier: Fault, fault: Fault) -> float:
    return SAME_SPEAKER_MS if earlier.line.clock == fault.line.clock else OTHER_SYSTEM_MS


def travels(earlier: Fault, fault: Fault) -> bool:
    """
    Whether a failure goes from *earlier* to *fault* by what their systems are: outwards, or nobody knows.
    """
    inner, outer = rank_of(earlier.line.system), rank_of(fault.line.system)
    return inner >= outer or outer == len(SYSTEMS)
