"""
The signs that something went wrong: errors, and the lines below an error that still tell of a failure.

An error is what a program calls one. A hint is a warning with an exception or an HTTP error, or the closing
of a hop that answered with one: alone it makes no chain, but who checks a token calls its refusal a
warning, and the failure that follows elsewhere begins there.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf

import msgspec

from tracelog.correlation.evidence import logged_status, values_in
from tracelog.correlation.line import Line, Node
from tracelog.correlation.report import Link
from tracelog.correlation.timeline import rank_of


class Fault(msgspec.Struct, eq=False):
    """
    One sign of failure while chains are made.

    Attributes:
        moment: When it happened; of a closed hop the end.
        depth: Of its hop; without one how far from the user its system is.
        is_hint: Whether its program did not call it an error.
        spoke: When its hop last said that all is well, before it.
        hushed: When its source last said something that was not kept, before it: nobody knows what.
        cause: What explains it, by *link*.
    """

    line: Line
    moment: float
    depth: int
    is_hint: bool = False
    spoke: float = -inf
    hushed: float = -inf
    cause: "Fault | None" = None
    link: Link | None = None
    _values: frozenset[str] | None = None

    @property
    def node(self) -> Node | None:
        return self.line.node

    @property
    def values(self) -> frozenset[str]:
        """
        The ids that its texts mention, found once.
        """
        if self._values is None:
            self._values = values_in(self.line.entry)
        return self._values

    @property
    def is_told_anew(self) -> bool:
        """
        Whether it brings an exception of its own: such a line tells a fact, others tell of one.
        """
        return self.line.entry.error is not None


def faults_of(lines: Sequence[Line], nodes: Iterable[Node]) -> tuple[list[Fault], dict[str, float]]:
    """
    Return the signs among *lines* in the order in which they happened, inner ones first at the same moment,
    and when each hop with a sign, and whoever called it, last said that all is well.

    Args:
        lines: The timeline, folded.
        nodes: The hops.
    """
    signs = [line for line in lines if line.is_error or line.is_span or line.is_warning]
    signs = [line for line in signs if line.run and not line.is_loss and (line.is_error or _is_telling(line))]
    names = {
        name for line in signs if (node := line.node) is not None for name in (node.span_id, node.parent_id)
    }
    wanted = {id(node): node.span_id for node in nodes if node.span_id in names}
    spoke: dict[str, float] = {}
    before: dict[int, tuple[float, float]] = {}
    hushed: dict[str, float] = {}
    for line in lines:
        if line.is_loss:
            hushed[line.clock] = line.at
        elif (span := wanted.get(id(line.node))) is None:
            continue
        elif line.is_error or line.is_span or line.is_warning:
            before[id(line)] = spoke.get(span, -inf), hushed.get(line.clock, -inf)
        else:
            spoke[span] = line.at
    faults = [fault_of(line, *before.get(id(line), ())) for line in signs]
    faults.sort(key=lambda fault: (fault.moment, -fault.depth))
    return faults, spoke


def fault_of(line: Line, spoke: float = -inf, hushed: float = -inf) -> Fault:
    """
    Return *line* as a sign of failure.
    """
    moment = line.end if line.run == 1 and line.is_span else line.at
    depth = line.node.depth if line.node is not None else rank_of(line.system)
    if line.is_span:
        spoke = hushed = -inf
    return Fault(line, moment, depth, not line.is_error, spoke, hushed)


def _is_telling(line: Line) -> bool:
    entry = line.entry
    return entry.error is not None or (entry.context is not None and logged_status(entry) is not None)


def root_of(fault: Fault) -> Fault:
    """
    Return the first cause of *fault*, itself when nothing explains it.
    """
    while fault.cause is not None:
        fault = fault.cause
    return fault


def well_until(node: Node, spoke: float) -> float:
    """
    Return until when the hop *node*, which *spoke* last then, is known to have gone well.
    """
    return max(spoke, node.end) if node.closing is not None else spoke


def is_handled(outermost: Fault, well: Mapping[str, float]) -> bool:
    """
    Whether the caller went on after the failure: who had ended before it, or was never heard of again, cannot
    have handled it.
    """
    parent = outermost.node.parent_id if outermost.node is not None else None
    return parent is not None and well.get(parent, -inf) >= outermost.moment
