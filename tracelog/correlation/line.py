"""
The two working values of correlation: a line (one entry at its place) and a node (one hop in the tree of
causes).

Both live only while a report is made. Lines point to nodes and never back, so no cycle of lines exists and
the garbage collector need not look at them. Times are milliseconds from the earliest timestamp of the trace,
so that they are small enough to be exact.
"""

import math
from typing import Final

import msgspec

from tracelog.core.entry import Entry

UNNAMED: Final = "unknown"
"""The system of an entry that names none."""

PLAIN: Final = 1 << 40
"""The turn of a line that opens no hop: behind every depth that hops can have."""


class Node(msgspec.Struct):
    """
    One hop while it is worked on.

    Attributes:
        clock: The clock that *start* and *end* were read from.
        start: For a hop without a closing entry that of its first entry.
        index: Its earliest place in the lane it speaks in.
        closing: Id of the entry that closed it, *name* the message of that entry, *status* its HTTP status.
        began: Whether *start* tells when the hop began; a hop first heard of by an error may be far older.
        strangers: First moments of its entries by other clocks than its own.
        known: False for a hop that is only named, as the cause of others.
        tree: The outermost hop above it.
    """

    span_id: str
    parent_id: str | None
    system: str
    service: str | None
    clock: str
    start: float = math.inf
    end: float = -math.inf
    index: int = 0
    closing: str | None = None
    name: str | None = None
    status: int | None = None
    began: bool = False
    known: bool = True
    entries: int = 0
    depth: int = -1
    tree: str = ""
    self_ms: float = 0.0
    strangers: dict[str, float] = {}
    children: "list[Node]" = []


class Line(msgspec.Struct, gc=False):
    """
    One entry at its place. What every step asks of the entry is copied here, close together in memory.

    Attributes:
        system: Where it ran, and *clock* the clock that its timestamp was read from.
        at: When it happened: for a span-closing entry the beginning, and *end* the end.
        lane: Number of its lane; *index* its place in the order of speaking there.
        is_error: Whether its level is an error's.
        is_warning: Whether its level is a warning's.
        is_context: Whether an error brought it out, so that it is counted elsewhere.
        is_span: Whether it closes a span; *is_loss* whether it counts entries that were not kept.
        node: The hop it belongs to; *opens* says that the line stands for that hop.
        turn: Who comes first where time and place in the lane are equal: openings, outermost first.
        gap: The silence before it, where that is worth showing.
        run: How many lines it stands for: 1 for itself alone, 0 when another line stands for it.
        count: Log calls in the run, until *last_raw* by the clock of the source.
    """

    entry: Entry
    system: str
    clock: str
    at: float
    end: float
    lane: int
    index: int
    span: str | None
    parent: str | None
    text: str
    is_error: bool = False
    is_span: bool = False
    is_loss: bool = False
    is_warning: bool = False
    is_context: bool = False
    node: Node | None = None
    opens: bool = False
    turn: int = PLAIN
    gap: float | None = None
    run: int = 1
    count: int = 1
    last_raw: float | None = None

    @property
    def id(self) -> str:
        return self.entry.id
