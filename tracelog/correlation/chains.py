"""
Chains of errors: root ← symptom ← symptom, most likely first cause first.

A chain is one first cause and everything that `links.py` traced back to it. It is handled when the outermost
hop it reached was called by another that did not fail.
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final

from tracelog.correlation.line import Line, Node
from tracelog.correlation.links import Fault, Linker, faults_of
from tracelog.correlation.report import Chain

MAX_CHAINS: Final = 50
"""More independent failures than anyone reads; the most likely first causes are kept, the others are
counted."""

ALONE: Final = 0.5
"""Confidence that an error which nothing explains, one among others, is a first cause."""


def find_chains(lines: Iterable[Line], nodes: Sequence[Node]) -> tuple[list[Chain], int]:
    """
    Return the chains of the errors among *lines* and how many more there were.

    Args:
        lines: The timeline, folded.
        nodes: The hops, causes before effects.
    """
    faults = faults_of(lines)
    Linker(faults, nodes).link_all()
    by_id = {node.span_id: node for node in nodes}
    families = _families(faults)
    families.sort(key=lambda family: _likeliness(family, by_id))
    chains = [_chain(family, by_id, lone=len(families) == 1) for family in families[:MAX_CHAINS]]
    return chains, len(families) - len(chains)


def _families(faults: Sequence[Fault]) -> list[list[Fault]]:
    """
    Return the errors grouped by first cause, in each family causes before effects.
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


def _likeliness(family: Sequence[Fault], nodes: Mapping[str, Node]) -> tuple[bool, int, int, float, str]:
    systems = {fault.line.system for fault in family}
    root = family[0]
    return _is_handled(_outermost(family), nodes), -len(systems), -len(family), root.moment, root.line.id


def _chain(family: Sequence[Fault], nodes: Mapping[str, Node], *, lone: bool) -> Chain:
    links = [fault.link for fault in family if fault.link is not None]
    outermost = _outermost(family)
    handled = _is_handled(outermost, nodes)
    return Chain(
        root=family[0].line.id,
        surfaced=None if handled else outermost.line.id,
        handled=handled,
        confidence=min((link.confidence for link in links), default=1.0 if lone else ALONE),
        entries=[fault.line.id for fault in family],
        links=links,
    )


def _outermost(family: Sequence[Fault]) -> Fault:
    return min(reversed(family), key=lambda fault: fault.node.depth if fault.node is not None else 0)


def _is_handled(outermost: Fault, nodes: Mapping[str, Node]) -> bool:
    parent = outermost.node.parent_id if outermost.node is not None else None
    return parent is not None and nodes[parent].known
