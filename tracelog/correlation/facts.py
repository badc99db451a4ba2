"""
What insights are drawn from: everything that the earlier steps found out.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tracelog.core.entry import Entry
from tracelog.correlation.holes import Hole
from tracelog.correlation.line import Line, Node
from tracelog.correlation.report import Chain, Clock

SILENCE: Final = "silence"
REPEATS: Final = "repeats only"
NOT_KEPT: Final = "entries not kept"
"""What a stretch without anything new may be made of, in words."""


class Wait(msgspec.Struct, frozen=True):
    """
    A silence: the lines around it, the hop that was open in it, and what it is *of*: of repeats only, or of
    entries that were not kept, where these went on meanwhile.
    """

    before: Line
    after: Line
    node: Node | None
    of: str = SILENCE

    @property
    def noisy(self) -> bool:
        return self.of != SILENCE

    @property
    def ms(self) -> float:
        return self.after.gap or 0.0


class Facts(msgspec.Struct):
    """
    What the insights are drawn from.

    Attributes:
        entries: All entries, in no order.
        lines: The timeline, folded, with gaps marked.
        nodes: The hops, causes before effects.
        path: The critical path: hops and their own shares.
        total: Duration of the trace in milliseconds.
        clocks: How each clock was corrected.
        chains: The failures, and *more_chains* the number of those not listed.
        holes: What is missing of the running numbers of sources.
        waits: The longest silences.
    """

    entries: list[Entry]
    lines: list[Line]
    nodes: list[Node]
    path: list[tuple[Node, float]]
    total: float
    clocks: dict[str, Clock]
    chains: list[Chain]
    more_chains: int
    holes: Sequence[Hole]
    waits: list[Wait] = []
