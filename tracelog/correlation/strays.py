"""
Failures in hops whose caller is not known, tied to the caller that they fit.

A service that says nothing leaves a hole: whoever it called names a parent that nobody knows, and a process
that died never closed its hop. Whoever caused such a hop was open all the while and failed right after it;
of several the innermost.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tracelog.correlation.evidence import is_impatient, names
from tracelog.correlation.faults import Fault, is_handled, root_of
from tracelog.correlation.line import Node
from tracelog.correlation.outlast import LEAST_MS
from tracelog.correlation.relations import (
    Found,
    called_between,
    is_adrift,
    link,
    may_be_of,
    points,
    told_by,
)
from tracelog.correlation.report import Clock

STRAYS: Final = 50
"""Failures without a caller that are asked for one, as many as chains are listed."""

FITS: Final = 0.6
"""Confidence in a caller found by nothing but its time: more than that of a coincidence without hops,
because it was open around all of the other and failed behind it."""

BY_PLACE: Final = frozenset({"parent_hop", "same_hop"})
"""Links that rest on nothing but where the failure was: had the caller called once more, it survived that
one."""

BEHIND_MS: Final = 1_000.0
"""A caller whose call is answered with a failure fails at once."""

OFF_MS: Final = 5.0
"""What clocks brought together may still be off, and a rounded duration."""


def adopt(
    faults: Sequence[Fault], nodes: Sequence[Node], clocks: Mapping[str, Clock], well: Mapping[str, float]
) -> None:
    """
    Link errors that nothing explains well to failures below no known caller, in place.

    What a known caller survived there is nobody's cause elsewhere.

    Args:
        faults: The signs of failure.
        nodes: All hops.
        clocks: How each clock was corrected.
        well: Until when each hop is known to have gone well.
    """
    tops = {
        node.span_id: node
        for node in nodes
        if node.depth == 0 and node.closing is None and node.parent_id is None
    }
    if not tops:
        return
    strays = [
        fault
        for fault in _last_of_families(faults)
        if fault.node is not None and fault.node.tree in tops and not is_handled(fault, well)
    ]
    poor = [
        fault
        for fault in faults
        if fault.node is not None and (fault.link is None or fault.link.kind in BY_PLACE)
    ]
    strays.sort(key=lambda stray: (stray.is_hint, stray.depth, stray.moment, stray.line.id))
    found: set[str] = set()
    for stray in strays[:STRAYS]:
        top = stray.node.tree if stray.node is not None else ""
        if top not in found and (caller := _caller_of(stray, tops, poor, clocks)) is not None:
            link(caller, Found(stray, "unknown_hop", FITS))
            found.add(top)


def _is_open_to(fault: Fault, top: Node) -> bool:
    """
    Whether the hop *top* may explain *fault*: nothing does well, or what does was over before that began.
    """
    if fault.cause is None or fault.link is None or fault.link.confidence < FITS:
        return True
    return fault.cause.moment < top.start


def _fits(fault: Fault, stray: Fault, top: Node) -> bool:
    """
    Whether by its time *stray*, below the hop *top*, may have made *fault* fail.
    """
    return (
        fault.node is not None
        and fault.node.start <= top.start + OFF_MS
        and stray.moment - OFF_MS <= fault.moment <= stray.moment + BEHIND_MS
        and not _is_of_its_own(fault, stray)
    )


def _gave_up_on(fault: Fault, stray: Fault) -> bool:
    """
    Whether *fault* says that its hop stopped waiting for the service of *stray*, which was still at work.
    """
    hop, slow = fault.node, stray.node
    return (
        hop is not None
        and slow is not None
        and hop.start <= slow.start + OFF_MS
        and slow.start + LEAST_MS <= fault.moment < stray.moment
        and is_impatient(fault.line.entry)
        and names(fault.line.entry, stray.line.entry)
    )


def _is_of_its_own(fault: Fault, stray: Fault) -> bool:
    """
    Whether nothing but the time speaks for *stray* as the cause of *fault*, and more speaks against it: an
    exception of its own, or its hop went on after it.
    """
    if fault.node is None or told_by(fault, stray) is not None:
        return False
    after = stray.moment + OFF_MS
    went_on = fault.spoke > after or called_between(fault.node, after, fault.moment)
    return went_on or (fault.is_told_anew and not is_impatient(fault.line.entry))


def _last_of_families(faults: Iterable[Fault]) -> list[Fault]:
    """
    Return of each family of linked signs the one that stands outermost.
    """
    last: dict[int, Fault] = {}
    for fault in faults:
        first = id(root_of(fault))
        if first not in last or fault.depth <= last[first].depth:
            last[first] = fault
    return list(last.values())


def _caller_of(
    stray: Fault, tops: Mapping[str, Node], poor: Iterable[Fault], clocks: Mapping[str, Clock]
) -> Fault | None:
    if stray.node is None:
        return None
    top = tops[stray.node.tree]
    adrift = is_adrift(stray, clocks)
    fitting = [
        fault
        for fault in poor
        if fault.node is not None
        and fault.node.tree != top.span_id
        and _is_open_to(fault, top)
        and (
            _fits(fault, stray, top)
            or _gave_up_on(fault, stray)
            or (adrift and (points(fault, stray) or may_be_of(fault, stray)))
        )
        and root_of(stray) is not root_of(fault)
    ]
    return max(fitting, key=lambda fault: (fault.depth, -fault.moment, fault.line.id), default=None)
