"""
What goes into a store and comes out of it, and the bounds of both.
"""

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

import msgspec

from tracelog.core.ended import Run
from tracelog.core.entry import Entry
from tracelog.core.query import Query
from tracelog.stores.kept import Tombstone

DEFAULT_TTL_S: Final = 3600

MAX_PAGE: Final = 200
"""Traces on one page."""

MAX_HITS: Final = 1_000
"""Entries on one page of a search."""

MAX_VISITED: Final = 10_000
"""Traces looked at for one page; a filter that lets few through ends a page early, and its cursor goes on."""

MAX_SOURCES: Final = 50_000
"""Sources kept apart; past it, those silent for longest are put together. A tab or an isolate is a source."""

OTHERS: Final = "…others"
"""Stands for the sources that are no longer, or not here, kept apart."""

MAX_SAID: Final = 200
"""Counts kept of the reports of one source: 64 reasons of three outcomes, and a few."""

CANDIDATES: Final = 5
"""An ambiguous prefix is answered with so many traces it could mean."""

MIN_PREFIX: Final = 8
"""Characters a shortened trace id must have."""

STORED: Final = "A"
DUPLICATE: Final = "D"
"""Its id is in the trace already."""

OVER_QUOTA: Final = "T"
"""The trace has used up what it may store in its window."""

OVER_SIZE: Final = "Z"
"""The trace would grow past the bytes it may hold."""

ECHO: Final = "E"
"""Its trace has just stored the same several times, and not only from its own system."""

NOTED: Final = "N"
"""A row of the server's own that has no place: what it counts is kept with the trace, and shown with it."""

REFUSED: Final = "W"
"""A key of the trace holds something that is not ours: no use sending again until a person mends that."""

NOT_NOW: Final = "X"
"""Not stored; send it again."""

Item = TypeVar("Item")
Row = tuple[Entry, bytes]
"""An entry and its final JSON. The JSON is what is stored; of the entry no store reads the context."""

Fates = str
"""What became of the rows of a write: for each, in order, one of the letters above."""


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """
    Some items, newest first, and the opaque cursor of the next page, None on the last.

    Attributes:
        missing: Of a search: what is known of traces that went since the page before and had entries behind
            it, the latest.
    """

    items: list[Item]
    cursor: str | None = None
    missing: list[Tombstone] = []


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """
    The entries of one trace.

    Attributes:
        entries: Their JSON, in arrival order.
        expires_at_ms: When the trace will be gone unless it is written again; None when it never ends.
        stored: Entries ever written to it: more than there are entries means that some were evicted.
        refused: Whether the store ever refused an entry of it, for its quota, its size, or as an echo.

    At the end of *entries* stand rows for what own rows count that found no place, counted in *stored*.
    """

    trace_id: str
    entries: list[bytes]
    expires_at_ms: float | None
    stored: int
    refused: bool = False


class TraceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """
    One line of a list of traces.

    Attributes:
        first_ms: Smallest timestamp of its entries; *last_ms* is the largest.
        entries: How many were stored, *errors* of them error or worse.
        systems: In order of appearance.
        title: Message of the first error that arrived, else of the first entry, cut to one line.
    """

    trace_id: str
    first_ms: float
    last_ms: float
    entries: int
    errors: int
    systems: list[str]
    title: str
    expires_at_ms: float | None


class TraceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which traces to list, newest first: by their last write, or with *errors* by their last error.

    Attributes:
        errors: Only traces that hold an error.
        system: Only traces that this system wrote to.
        since_ms: Only traces written (with *errors*: failed) at or after this moment.
        q: Only traces that hold an entry which this search finds.
        limit: Traces a page, at most `MAX_PAGE`.
        cursor: From the page before; it goes with the same filter.
    """

    errors: bool = False
    system: str | None = None
    since_ms: float | None = None
    q: Query | None = None
    limit: int = 50
    cursor: str | None = None

    def within(self, most: int) -> "TraceFilter":
        """
        Return the same filter with a limit of at least 1 and at most *most*.
        """
        return msgspec.structs.replace(self, limit=max(1, min(self.limit, most)))


class Outcome(msgspec.Struct, frozen=True):
    """
    That *n* entries of a source ended as *outcome* (`rejected`, `limited`, …) for *reason*, unstored.
    """

    source: str
    system: str
    outcome: str
    reason: str
    n: int = 1


class Ends(msgspec.Struct, frozen=True):
    """
    How numbered entries of a source of a system ended.

    An entry that ended stored has no reason; it is said so that what repeats it is not counted.
    """

    source: str
    system: str
    runs: Sequence[Run]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the store knows of one source of one system.

    Attributes:
        received: Entries stored; *duplicate* came again.
        max_seq: Largest running number received, None when the source numbers nothing.
        outcomes: Entries that ended otherwise: outcome → reason → how many.
        report: The source's own last cumulative report, JSON; on its most recently heard row only.
        said: With it, the largest counts that any of its reports named, see `ledger.counts_in`; None when
            nothing but the last report is known.
        last_seen_ms: When it last wrote or was counted.
        emitted: Entries known to have been logged, of a row that stands for several sources.
        sources: For how many it stands.
    """

    source: str
    system: str
    received: int
    duplicate: int
    max_seq: int | None
    outcomes: dict[str, dict[str, int]]
    report: bytes | None
    last_seen_ms: float
    said: dict[str, int] | None = None
    emitted: int = 0
    sources: int = 1
