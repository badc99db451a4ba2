"""
How far each clock can be from the one that all are compared with, not only from its callers'.

A call and its answer bound a clock against that of the caller, which was bounded in the same way. Along such
a way doubts add up, as root dispersion does from server to server (Mills, RFC 5905 §11.1); behind a clock
that nothing bounds, nothing is known.
"""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Final

import msgspec

from tracelog.correlation.lanes import GRAIN
from tracelog.correlation.line import Node
from tracelog.correlation.report import Clock

SURE: Final = 0.0
"""The doubt about the clock that all others are compared with."""


def from_the_first(clocks: Mapping[str, Clock], nodes: Iterable[Node]) -> dict[str, Clock]:
    """
    Return *clocks* by name, their uncertainties against the first of them.

    Args:
        clocks: In the order in which they were settled, each uncertain as against those it was compared with.
        nodes: The hops that they were compared by.
    """
    compared = _compared(nodes)
    doubts: dict[str, float] = {}
    for name, clock in clocks.items():
        own = inf if clock.uncertainty_ms is None else clock.uncertainty_ms
        others = [doubts[other] for other in compared.get(name, ()) if other in doubts]
        doubts[name] = own + max(others, default=SURE) if doubts else SURE
    return {name: _told(clocks[name], doubts[name]) for name in sorted(clocks)}


def _told(clock: Clock, doubt: float) -> Clock:
    if clock.uncertainty_ms is None:
        return clock
    return msgspec.structs.replace(clock, uncertainty_ms=round(doubt, GRAIN) if doubt < inf else None)


def _compared(nodes: Iterable[Node]) -> dict[str, set[str]]:
    """
    Return with which others each clock was compared: those of hops that one called in the other.
    """
    by_name = {node.span_id: node for node in nodes}
    compared: dict[str, set[str]] = {}
    for node in by_name.values():
        parent = by_name.get(node.parent_id) if node.parent_id is not None else None
        others = set(node.strangers)
        if parent is not None and parent.began and node.known:
            others.add(parent.clock)
        for other in others - {node.clock}:
            compared.setdefault(node.clock, set()).add(other)
            compared.setdefault(other, set()).add(node.clock)
    return compared
