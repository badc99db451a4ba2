"""
For each error the one other sign of failure that explains it best.

Signs are taken in the order in which they happened. An error looks for an exception that it names, else
among what failed in its own hop and in the hops it caused, else for a call that answered with an error,
else for what went wrong just before. Hops in one tree that did not cause each other are never linked: their
failures are independent. No step compares all with all.

A failure that a hop survived explains nothing later in it. A hop survived it when it went on: said that all
is well, or called somebody else. Then only a line that tells of the failure is linked to it: by its status,
its name, its words, an id in both; a line without an exception of its own tells of something, and may be
linked with less confidence.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

from tracelog.correlation.clocks import UNMOVED
from tracelog.correlation.evidence import AGAINST_THE_CLOCK, CONFIDENCE, exceptions
from tracelog.correlation.faults import Fault, root_of
from tracelog.correlation.line import Node
from tracelog.correlation.relations import (
    DIRECT,
    NAMED,
    SHARED,
    SURVIVED,
    Found,
    called_between,
    in_one_tree,
    is_adrift,
    is_better,
    link,
    may_be_of,
    points,
    says_no_more,
    seems_after,
    told_by,
    travels,
    window_of,
)
from tracelog.correlation.report import Clock

CLIMB: Final = 64
"""Hops looked at above an error: request paths are shorter, and runaway recursion is not worth more."""

LOOK_BACK: Final = 8
"""Earlier errors asked for a link, in a hop or without one: who reports a failure does so soon."""

STORM: Final = 5_000
"""From so many signs on each is compared with the latest alone: nobody reads all of a storm, and the time
that it takes stays that of its length."""

WENT_ON: Final = 0.55
"""Confidence in a failure after which its hop still said something, when the later line has no exception of
its own: clean-up is logged, too."""

CALLED_ON: Final = 0.4
"""The same where the hop called somebody else meanwhile: a part that failed may be told of at the end."""

AGAIN: Final = 0.6
"""The same where it failed in the same words more than once: what is given up is what was tried again."""

HINT: Final = 0.9
"""A hint is worth that much of an error: its program thought less of it."""

SAME_MS: Final = 1.0
"""Times are rounded: within this the inner of two failures is the first."""

PROMPT_MS: Final = 200.0
"""What fails because a call failed does so at once; later the hop has done something else meanwhile."""

LATER_MS: Final = 10.0
"""A call that went on for so much longer had not answered; less is the way of its answer."""


class Linker:
    """
    Finds the cause of each of *faults*, in place.

    Args:
        faults: Errors and hints in the order in which they happened.
        nodes: All hops, causes before effects.
        clocks: How each clock was corrected.
    """

    def __init__(self, faults: Sequence[Fault], nodes: Sequence[Node], clocks: Mapping[str, Clock]) -> None:
        self._faults = faults
        self._clocks = clocks
        self._moved = sum(clock.offset_ms != 0.0 for clock in clocks.values())
        self._nodes = {node.span_id: node for node in nodes}
        self._last: dict[str, Fault] = {f.node.span_id: f for f in faults if f.node is not None}
        self._above = _nearest_above(nodes, self._last)
        self._near: dict[str, deque[Fault]] = {}
        self._named: dict[tuple[str, str, str], Fault] = {}
        self._back = LOOK_BACK if len(faults) < STORM else 1
        self._recent: deque[Fault] = deque(maxlen=self._back)

    def link_all(self) -> None:
        for fault in self._faults:
            found = self._by_exception(fault) or self._by_hop(fault) or self._by_neighbour(fault)
            if found is not None:
                link(fault, found)
            self._remember(fault)

    def _by_exception(self, fault: Fault) -> Found | None:
        """
        Return who said the exception of *fault* before it: the same in its own system, a cause of it
        anywhere.
        """
        for depth, said in enumerate(exceptions(fault.line.entry)):
            earlier = self._named.get((fault.line.system if depth == 0 else "", *said))
            if earlier is not None and not self._apart(earlier, fault):
                return Found(earlier, "exception", CONFIDENCE["exception"])
        return None

    def _by_hop(self, fault: Fault) -> Found | None:
        """
        Return the best of what failed in the hop of *fault* and below it.
        """
        best: Found | None = None
        for earlier in reversed(self._near.get(fault.node.span_id, ()) if fault.node is not None else ()):
            found = self._within(earlier, fault)
            if found is not None and (best is None or is_better(found, best)):
                best = found
        return best

    def _within(self, earlier: Fault, fault: Fault) -> Found | None:
        """
        Return how *earlier*, in the hop of *fault* or below it, explains it, if it does.
        """
        hop = fault.node
        if hop is None:
            return None
        below = earlier.node is not hop
        call = self._call_to(earlier, hop) if below else None
        kind = "parent_hop" if below else "same_hop"
        usual = CONFIDENCE[kind] * (HINT if earlier.is_hint else 1.0)
        if points(fault, earlier):
            return Found(earlier, kind, usual, NAMED)
        over, is_open = earlier.moment, False
        if call is not None and call.closing is not None:
            over, is_open = min(call.end, fault.moment), call.end > fault.moment + LATER_MS
        called_on = called_between(hop, over, fault.moment)
        spoke_on = fault.spoke > over
        if fault.is_told_anew:  # what it tells is a fact of its own, unless it surely did nothing in between
            spoke_on = max(fault.spoke, fault.hushed) > over - self._doubt(call, hop)
        if not (called_on or is_open or spoke_on or fault.moment - over > PROMPT_MS):
            return Found(earlier, kind, usual, DIRECT)
        if fault.values & earlier.values:
            return Found(earlier, "shared_value", min(CONFIDENCE["shared_value"], usual), SHARED)
        if fault.is_told_anew or is_open:
            return None
        share = WENT_ON
        if called_on:
            share = AGAIN if self._failed_again(earlier, hop) else CALLED_ON
        return Found(earlier, kind, round(share * usual, 2), SURVIVED)

    def _doubt(self, call: Node | None, hop: Node) -> float:
        """
        Return how much sooner than it seems, in ms, *call* may have been over by the clock of *hop*, which
        made it: as far as its clock is uncertain, but not before it had worked.
        """
        if call is None or call.clock == hop.clock:
            return 0.0
        clock = self._clocks[call.clock]
        known = self._moved == 0 or clock != UNMOVED
        return min((clock.uncertainty_ms or 0.0) if known else inf, call.start - hop.start)

    def _failed_again(self, fault: Fault, hop: Node) -> bool:
        """
        Whether *hop* knows another failure that said the same as *fault*.
        """
        said = next(exceptions(fault.line.entry), fault.line.entry.message)
        return any(
            other is not fault
            and other.is_hint == fault.is_hint
            and next(exceptions(other.line.entry), other.line.entry.message) == said
            for other in self._near.get(hop.span_id, ())
        )

    def _call_to(self, earlier: Fault, hop: Node) -> Node | None:
        """
        Return the hop that *hop* caused and that *earlier* happened in or below.
        """
        node = earlier.node
        for _ in range(CLIMB):
            if node is None or node.parent_id is None or node.parent_id == hop.span_id:
                break
            node = self._nodes[node.parent_id]
        return node

    def _by_neighbour(self, fault: Fault) -> Found | None:
        near = [
            earlier
            for earlier in reversed(self._recent)
            if not in_one_tree(earlier, fault) and fault.moment - earlier.moment <= window_of(earlier, fault)
        ]
        for earlier in near:
            if earlier.line.clock != fault.line.clock and (told := self._told_by(fault, earlier)) is not None:
                return Found(earlier, told, CONFIDENCE[told])
        for earlier in near:
            if travels(earlier, fault) and says_no_more(earlier, fault):
                return Found(earlier, "time_order", CONFIDENCE["time_order"])
        return None

    def _told_by(self, fault: Fault, earlier: Fault) -> str | None:
        """
        Return by what *fault* tells of *earlier*. Of a warning that brings an exception of its own, at a time
        that nothing confirms, an id in both does not say which of them came first.
        """
        told = told_by(fault, earlier)
        is_doubtful = fault.is_hint and fault.is_told_anew and is_adrift(fault, self._clocks)
        return None if is_doubtful and told == "shared_value" else told

    def _remember(self, fault: Fault) -> None:
        self._recent.append(fault)
        for kind, message in exceptions(fault.line.entry):
            self._named[fault.line.system, kind, message] = self._named["", kind, message] = fault
        if fault.node is not None:
            self._note(fault.node.span_id, fault)
            self._report_upwards(fault)

    def _note(self, span_id: str, fault: Fault) -> None:
        if (near := self._near.get(span_id)) is None:
            near = self._near[span_id] = deque(maxlen=self._back)
        near.append(fault)

    def _report_upwards(self, fault: Fault) -> None:
        """
        Offer *fault* to the nearest hop above that fails later; on the way to errors above that came before
        it.

        A caller that stops waiting fails before the called does, and between two sources clocks may be off
        by more than an error takes to travel. So the error of a hop is taken for the cause of an earlier
        one above it, where nothing better explains that.
        """
        above = self._above.get(fault.node.span_id) if fault.node is not None else None
        for _ in range(CLIMB):
            if above is None:
                break
            for earlier in self._near.get(above, ()):
                weak = earlier.link is None or earlier.link.confidence < AGAINST_THE_CLOCK
                if weak and earlier.node is not None and earlier.node.span_id == above:
                    self._link_back(fault, earlier)
            last = self._last[above]
            if last.moment > fault.moment or (last.moment == fault.moment and last.depth < fault.depth):
                self._note(above, fault)
                break
            above = self._above.get(above)

    def _link_back(self, fault: Fault, earlier: Fault) -> None:
        call = self._call_to(fault, earlier.node) if earlier.node is not None else None
        if call is None or root_of(fault) is earlier:
            return
        if fault.moment - earlier.moment <= SAME_MS:
            link(
                earlier,
                Found(fault, "parent_hop", CONFIDENCE["parent_hop"] * (HINT if fault.is_hint else 1.0)),
            )
        elif earlier.is_hint or (root_of(fault).is_hint and not self._is_named(fault, earlier)):
            return
        elif call.start <= earlier.moment < call.end and call.closing is not None:
            if fault.node is not None and fault.node.start > earlier.moment:
                return  # began when nobody waited any longer
            link(earlier, Found(fault, "outlasted", CONFIDENCE["outlasted"]))
        elif earlier.line.clock != fault.line.clock and (call.closing is None or seems_after(call, earlier)):
            link(earlier, Found(fault, "parent_hop", AGAINST_THE_CLOCK))

    def _is_named(self, fault: Fault, earlier: Fault) -> bool:
        """
        Whether *earlier* tells of *fault*, which its clock puts behind it.
        """
        adrift = is_adrift(fault, self._clocks)
        return points(earlier, fault) or (adrift and may_be_of(earlier, fault))

    def _apart(self, earlier: Fault, fault: Fault) -> bool:
        """
        Whether both are in one tree and *earlier* is neither in the hop of *fault* nor below it.
        """
        if not in_one_tree(earlier, fault):
            return False
        node: Node | None = earlier.node
        for _ in range(CLIMB):
            if node is None or node is fault.node:
                break
            node = self._nodes[node.parent_id] if node.parent_id is not None else None
        return node is not fault.node


def _nearest_above(nodes: Sequence[Node], failing: Mapping[str, Fault]) -> dict[str, str]:
    above: dict[str, str] = {}
    for node in nodes:
        parent = node.parent_id
        if parent is not None:
            nearest = parent if parent in failing else above.get(parent)
            if nearest is not None:
                above[node.span_id] = nearest
    return above
