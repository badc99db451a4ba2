"""
Chains of errors: root ← symptom ← symptom, most likely first cause first.

A chain is one first cause and everything that `links.py` and `outlast.py` traced back to it. It is handled
when the outermost hop it reached was called by another that did not fail.
"""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from math import inf
from typing import Final

from tracelog.correlation.faults import Fault, faults_of, is_handled, well_until
from tracelog.correlation.line import Line, Node
from tracelog.correlation.links import Linker
from tracelog.correlation.named import link_named
from tracelog.correlation.outlast import explain_impatience
from tracelog.correlation.report import Chain, Clock
from tracelog.correlation.strays import adopt

MAX_CHAINS: Final = 50
"""More independent failures than anyone reads; the most likely first causes are kept, the others are
counted."""

ALONE: Final = 0.5
"""Confidence that an error which nothing explains, one among others, is a first cause."""


def find_chains(
    lines: Sequence[Line], nodes: Sequence[Node], clocks: Mapping[str, Clock]
) -> tuple[list[Chain], int]:
    """
    Return the chains of the errors among *lines* and how many more there were.

    Args:
        lines: The timeline, folded.
        nodes: The hops, causes before effects.
        clocks: How each clock was corrected.
    """
    faults, spoke = faults_of(lines, nodes)
    Linker(faults, nodes, clocks).link_all()
    link_named(faults)
    faults += explain_impatience(faults, lines)
    well = {node.span_id: well_until(node, spoke.get(node.span_id, -inf)) for node in nodes}
    adopt(faults, nodes, clocks, well)
    families = [family for family in _families(faults) if not all(fault.is_hint for fault in family)]
    families.sort(key=lambda family: _likeliness(family, well))
    chains = [_chain(family, well, lone=len(families) == 1) for family in families[:MAX_CHAINS]]
    return chains, len(families) - len(chains)


def _families(faults: Sequence[Fault]) -> list[list[Fault]]:
    """
    Return the signs grouped by first cause, in each family causes before effects.
    """
    effects: dict[int, list[int]] = {}
    place = {id(fault): i for i, fault in enumerate(faults)}
    for i, fault in enumerate(faults):
        if fault.cause is not None:
            effects.setdefault(place[id(fault.cause)], []).append(i)
    families = []
    for i, fault in enumerate(faults):
        if fault.cause is None:
            family: list[Fault] = []
            ready = [i]
            while ready:
                first = heappop(ready)
                family.append(faults[first])
                for effect in effects.get(first, ()):
                    heappush(ready, effect)
            families.append(family)
    return families


def _leading(family: Sequence[Fault]) -> list[Fault]:
    """
    Return *family* without the hints that led to no error.
    """
    leads: set[int] = set()
    for fault in reversed(family):
        if not fault.is_hint or id(fault) in leads:
            leads.add(id(fault))
            if fault.cause is not None:
                leads.add(id(fault.cause))
    return [fault for fault in family if id(fault) in leads]


def _likeliness(
    family: Sequence[Fault], well: Mapping[str, float]
) -> tuple[bool, bool, int, int, float, str]:
    speakers = {fault.line.clock for fault in family if not fault.is_hint}
    root = family[0]
    stray = len(speakers) == 1 and bool(well) and all(fault.node is None for fault in family)
    return (
        stray,
        is_handled(_outermost(family), well),
        -len(speakers),
        -len(family),
        root.moment,
        root.line.id,
    )


def _chain(family: Sequence[Fault], well: Mapping[str, float], *, lone: bool) -> Chain:
    steps = _leading(family)
    links = [fault.link for fault in steps if fault.link is not None]
    handled = is_handled(_outermost(family), well)
    errors = [fault for fault in steps if not fault.is_hint]
    return Chain(
        root=steps[0].line.id,
        surfaced=None if handled else _outermost(errors).line.id,
        handled=handled,
        confidence=min((link.confidence for link in links), default=1.0 if lone else ALONE),
        entries=[fault.line.id for fault in steps],
        links=links,
    )


def _outermost(family: Sequence[Fault]) -> Fault:
    return min(reversed(family), key=lambda fault: fault.node.depth if fault.node is not None else 0)
