"""
For each error the one earlier error that explains it best.

Errors are taken in the order in which they happened. An error looks for an exception that it names, else for
the latest error in its own hop or in a hop it caused, else for a call that answered with an error, else for
what went wrong just before. Hops in one tree that did not cause each other are never linked: their failures
are independent. No step compares all with all.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from tracelog.core.entry import SYSTEMS
from tracelog.correlation.evidence import AGAINST_THE_CLOCK, CONFIDENCE, exceptions, tells_of
from tracelog.correlation.line import Line, Node
from tracelog.correlation.report import Link
from tracelog.correlation.timeline import rank_of

SAME_SPEAKER_MS: Final = 1_000.0
"""A program without hops that reports one failure twice does so at once."""

OTHER_SYSTEM_MS: Final = 5_000.0
"""Between systems a failure travels as long as a request waits for its answer and clocks disagree."""

CLIMB: Final = 64
"""Hops looked at above an error: request paths are shorter, and runaway recursion is not worth more."""

LOOK_BACK: Final = 8
"""Earlier errors asked for a link without hops: who reports a failure does so soon."""


class Fault(msgspec.Struct, eq=False):
    """
    One error while chains are made: when it happened, and what explains it.
    """

    line: Line
    moment: float
    depth: int
    cause: "Fault | None" = None
    link: Link | None = None

    @property
    def node(self) -> Node | None:
        return self.line.node


def faults_of(lines: Iterable[Line]) -> list[Fault]:
    """
    Return the errors among *lines* in the order in which they happened, inner ones first at the same moment.
    """
    faults = [_fault(line) for line in lines if line.is_error and line.run and not line.is_loss]
    faults.sort(key=lambda fault: (fault.moment, -fault.depth))
    return faults


class Linker:
    """
    Finds the cause of each of *faults*, in place.

    Args:
        faults: Errors in the order in which they happened.
        nodes: All hops, causes before effects.
    """

    def __init__(self, faults: Sequence[Fault], nodes: Sequence[Node]) -> None:
        self._faults = faults
        self._nodes = {node.span_id: node for node in nodes}
        self._last: dict[str, Fault] = {f.node.span_id: f for f in faults if f.node is not None}
        self._above = _nearest_above(nodes, self._last)
        self._within: dict[str, Fault] = {}
        self._below: dict[str, Fault] = {}
        self._named: dict[tuple[str, str, str], Fault] = {}
        self._recent: deque[Fault] = deque(maxlen=LOOK_BACK)

    def link_all(self) -> None:
        for fault in self._faults:
            found = self._by_exception(fault) or self._by_hop(fault) or self._by_neighbour(fault)
            if found is not None:
                self._link(found[0], fault, found[1])
            self._remember(fault)

    def _by_exception(self, fault: Fault) -> tuple[Fault, str] | None:
        entry = fault.line.entry
        for kind, message in exceptions(entry):
            earlier = self._named.get((fault.line.system, kind, message))
            if earlier is not None and not self._apart(earlier, fault):
                return earlier, "exception"
        return None

    def _by_hop(self, fault: Fault) -> tuple[Fault, str] | None:
        if fault.node is None:
            return None
        within = self._within.get(fault.node.span_id)
        below = self._below.get(fault.node.span_id)
        if below is not None and (within is None or below.moment >= within.moment):
            return below, "parent_hop"
        return None if within is None else (within, "same_hop")

    def _by_neighbour(self, fault: Fault) -> tuple[Fault, str] | None:
        near = [
            earlier
            for earlier in reversed(self._recent)
            if not _in_one_tree(earlier, fault) and fault.moment - earlier.moment <= _window(earlier, fault)
        ]
        for earlier in near:
            if earlier.line.clock != fault.line.clock and tells_of(fault.line.entry, earlier.line.entry):
                return earlier, "http_status"
        for earlier in near:
            if _travels(earlier, fault):
                return earlier, "time_order"
        return None

    def _link(self, cause: Fault, effect: Fault, kind: str, confidence: float | None = None) -> None:
        evidence = [cause.line.id, effect.line.id]
        closing = cause.node.closing if cause.node is not None else None
        if kind == "parent_hop" and closing is not None and closing not in evidence:
            evidence.append(closing)
        sure = CONFIDENCE[kind] if confidence is None else confidence
        effect.cause = cause
        effect.link = Link(cause.line.id, effect.line.id, kind, evidence, sure)

    def _remember(self, fault: Fault) -> None:
        self._recent.append(fault)
        for kind, message in exceptions(fault.line.entry):
            self._named[fault.line.system, kind, message] = fault
        if fault.node is not None:
            self._within[fault.node.span_id] = fault
            self._report_upwards(fault)

    def _report_upwards(self, fault: Fault) -> None:
        """
        Offer *fault* to the nearest hop above that fails later; failing that, to one that failed before it.

        Between two sources clocks may be off by more than an error takes to travel, so the error of a hop is
        taken for the cause of an earlier one above it, where nothing better explains that.
        """
        earlier: Fault | None = None
        above = self._above.get(fault.node.span_id) if fault.node is not None else None
        for _ in range(CLIMB):
            if above is None:
                break
            last = self._last[above]
            if last.moment > fault.moment or (last.moment == fault.moment and last.depth < fault.depth):
                self._below[above] = fault
                return
            earlier = earlier or last
            above = self._above.get(above)
        if earlier is None or earlier.cause is not None or earlier.line.clock == fault.line.clock:
            return
        if root_of(fault) is not earlier:
            self._link(fault, earlier, "parent_hop", AGAINST_THE_CLOCK)

    def _apart(self, earlier: Fault, fault: Fault) -> bool:
        """
        Whether both are in one tree and *earlier* is neither in the hop of *fault* nor below it.
        """
        if not _in_one_tree(earlier, fault):
            return False
        node: Node | None = earlier.node
        for _ in range(CLIMB):
            if node is None or node is fault.node:
                break
            node = self._nodes[node.parent_id] if node.parent_id is not None else None
        return node is not fault.node


def root_of(fault: Fault) -> Fault:
    """
    Return the first cause of *fault*, itself when nothing explains it.
    """
    while fault.cause is not None:
        fault = fault.cause
    return fault


def _fault(line: Line) -> Fault:
    moment = line.end if line.run == 1 and line.is_span else line.at
    return Fault(line, moment, line.node.depth if line.node is not None else rank_of(line.system))


def _nearest_above(nodes: Sequence[Node], failing: Mapping[str, Fault]) -> dict[str, str]:
    above: dict[str, str] = {}
    for node in nodes:
        parent = node.parent_id
        if parent is not None:
            nearest = parent if parent in failing else above.get(parent)
            if nearest is not None:
                above[node.span_id] = nearest
    return above


def _in_one_tree(a: Fault, b: Fault) -> bool:
    return a.node is not None and b.node is not None and a.node.tree == b.node.tree


def _window(earlier: Fault, fault: Fault) -> float:
    return SAME_SPEAKER_MS if earlier.line.clock == fault.line.clock else OTHER_SYSTEM_MS


def _travels(earlier: Fault, fault: Fault) -> bool:
    """
    Whether a failure goes from *earlier* to *fault* by what their systems are: outwards, or nobody knows.
    """
    inner, outer = rank_of(earlier.line.system), rank_of(fault.line.system)
    return inner >= outer or outer == len(SYSTEMS)
