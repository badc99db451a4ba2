"""
What a store is: the place where entries stay for an hour, found again by trace, by time and by search.

Obligations of a store, all held by one test class over every kind:

* All methods run on the event loop that called `start()`, never block it, and may run concurrently.
* `start()` returns while the other end is away; the first call that needs it tries again. `close()` ends
  every connection, file and thread, after the writes it was already given. Both may be called twice.
* The caller gives valid, redacted entries with ids and their final JSON, and changes neither until `write`
  returns; the store keeps no reference to them afterwards.
* `write` returns only when the store has the entries as durably as it can. An id is stored once in a trace,
  however often and however concurrently it is sent; the first wins. All new entries of one trace and one call
  are stored, except those that its quota refuses, or none of them.
* A trace's quota is charged in the step that stores its entries: what is repeated or refused charges nothing.
* What cannot be taken or given now raises `StoreUnavailableError` within a bounded time, and charges nothing.
  Writing the same entries again is always safe.
* Reading shows no trace whose time is over, whether or not `sweep` was called. A trace lives *ttl_s* from its
  last write, or until its pin ends, and leaves a tombstone that says what it held.
* The same calls give the same answers on every store.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from tracelog.core.aliases import Claim
from tracelog.core.pin_settings import PinSettings
from tracelog.core.query import Query
from tracelog.core.quota_settings import QuotaSettings, TraceQuota
from tracelog.errors import StoreUnavailableError
from tracelog.stores.boards import Board
from tracelog.stores.cleaning import Cleaned
from tracelog.stores.gates import Gate
from tracelog.stores.heats import Heat
from tracelog.stores.kept import Pin, Tombstone
from tracelog.stores.queues import Queue
from tracelog.stores.values import (
    Ends,
    Fates,
    Outcome,
    Page,
    Row,
    Tally,
    Trace,
    TraceFilter,
    TraceSummary,
)


class PartlyStoredError(StoreUnavailableError):
    """
    Some traces of a call could not be written, others were.

    Attributes:
        results: For each row what became of it; at least one is `NOT_NOW`.
    """

    reason = "store_partly"

    def __init__(self, message: str, results: Fates, *, retry_after: float = 1.0) -> None:
        super().__init__(message, retry_after=retry_after)
        self.results = results


class Store(Protocol):
    """
    A place where entries stay; the obligations stand at the top of this file.
    """

    gate_timeout_s: float
    """How long an answer of the gate may take before the store is taken to be in trouble."""

    async def start(self) -> None:
        """
        Get ready on the running event loop.

        Raises:
            ConfigError: When the address can never work.
            StoreUnavailableError: When a file cannot be opened now.
        """
        ...

    async def close(self) -> None: ...

    async def write(
        self,
        rows: Sequence[Row],
        *,
        quota: TraceQuota | None = None,
        classes: str | None = None,
        prints: Sequence[str] | None = None,
    ) -> Fates:
        """
        Store *rows* and return what became of each: one letter a row.

        Args:
            rows: Entries and their JSON.
            quota: What one trace may store; anything without it, and then nothing is counted.
            classes: One letter a row, see `TraceQuota`. Without it errors are essential, all else normal.
            prints: One a row, as `core.prints` makes them, by which echoes are told; without it nothing is
                compared, nor is a row with `NO_PRINT`. Read with a quota only.

        Raises:
            StoreUnavailableError: When they cannot be stored now.
            PartlyStoredError: When that is so for some traces only.
        """
        ...

    def gate(self, settings: QuotaSettings) -> Gate:
        """
        Return the place where all servers of this store share the quotas of *settings*.
        """
        ...

    def heat(self, window_s: float) -> Heat:
        """
        Return the place where all servers of this store tell each other what they meet most, in windows of
        *window_s* seconds.
        """
        ...

    async def understand(self, claim: Claim) -> list[str]:
        """
        Return what the names mean that *claim* asks for, empty where nobody said.

        The first word about a name counts for all servers of this store, for at least half an hour after it
        was last heard; and a body means what it meant when it came first.

        Raises:
            StoreUnavailableError: When the store cannot tell now.
        """
        ...

    def queue(self) -> Queue:
        """
        Return what this store is to processors: what it stores waits there for them, while they want it.
        """
        ...

    async def fetch(self, trace_id: str) -> Trace | None:
        """
        Return a trace by its full id, or None when there is none.
        """
        ...

    async def resolve(self, ref: str) -> str:
        """
        Return the id that *ref* means: an id, a unique beginning of `MIN_PREFIX` characters or more, a whole
        `traceparent`, `latest` (last written) or `latest-error` (last error).

        Raises:
            UnknownReferenceError: When it means no trace, or several.
        """
        ...

    async def traces(self, wanted: TraceFilter) -> Page[TraceSummary]:
        """
        Return a page of traces.

        Raises:
            QuerySyntaxError: When the cursor is none of ours.
        """
        ...

    async def search(
        self,
        query: Query,
        *,
        since_ms: float | None = None,
        until_ms: float | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[bytes]:
        """
        Return a page of entries that *query* matches, latest arrival first.

        An entry arrived when its server says (`received_at`), else when it says itself; so a sender's wrong
        clock moves it nowhere, and new entries stand before a cursor only. *since_ms* and *until_ms* speak of
        timestamps, as the search language does.

        Args:
            query: The predicate.
            since_ms: Smallest timestamp.
            until_ms: First timestamp that is too late.
            limit: At most `MAX_HITS`.
            cursor: From the page before; it goes with the same search.

        Raises:
            QuerySyntaxError: When the cursor is none of ours.
        """
        ...

    async def pin(self, trace_id: str, limits: PinSettings) -> Pin:
        """
        Keep a trace past its time, within *limits* of all pinned ones; pinned again, the pin is renewed.

        Raises:
            PinRefusedError: When a bound is in the way.
            UnknownReferenceError: When there is no such trace.
        """
        ...

    async def unpin(self, trace_id: str) -> float:
        """
        Give a pinned trace the time that its last write gives it, and return when that is over, Unix
        milliseconds: now, when it is over already.

        Raises:
            UnknownReferenceError: When it is not pinned.
        """
        ...

    async def pins(self) -> list[Pin]:
        """
        Return the pins whose time is not over, the latest first.
        """
        ...

    async def gone(self, trace_id: str) -> Tombstone | None:
        """
        Return what is known of a trace that was here and is no more; None of one that is here or never was.
        """
        ...

    async def report(self, source: str, report: bytes) -> None:
        """
        Keep the last cumulative report (JSON) of *source*, and the largest counts of all its reports.
        """
        ...

    async def count(self, outcomes: Sequence[Outcome], ended: Sequence[Ends] = (), *, call: str = "") -> None:
        """
        Add to the counts of entries that were not stored.

        Args:
            outcomes: Of entries without running numbers.
            ended: Of entries with them. One that is known to have ended is not counted again; one that is
                stored later is no longer counted here.
            call: `name number`: who calls, and which of its calls this is. Its last call may be made again,
                after its answer was lost, and is not counted twice.
        """
        ...

    async def tallies(self, *, source: str | None = None, system: str | None = None) -> list[Tally]:
        """
        Return what is known of every source, or of those that match, most recently heard first.

        What is known of sources that made room for others stands at the end, as `OTHERS`, once a system.
        """
        ...

    async def trim(self) -> int:
        """
        Bound the ledger, and return how many sources went: past `MAX_SOURCES` those silent for longest are
        put together, which changes no sum, and those that nobody heard for `LEDGER_TTL_S` are forgotten.
        """
        ...

    async def health(self) -> dict[str, Any]:
        """
        Return `{"kind", "ok", "cause", "version", "size_bytes", "keys", "warnings"}`; never raises.

        *cause* is one sentence while *ok* is False; *keys* counts traces or keys, as *kind* has them.
        """
        ...

    async def sweep(self) -> int:
        """
        Remove what is expired or orphaned and return how much that was.
        """
        ...

    async def clear(self) -> None:
        """
        Remove every entry, trace and count of tracelog, and nothing else: what the board holds and what the
        quotas have counted as spent stays.
        """
        ...

    def board(self) -> Board:
        """
        Return the place where operators tell all servers of this store something.
        """
        ...

    async def clean(self, *, dry_run: bool) -> Cleaned:
        """
        Remove what is expired, orphaned or without an end, and say how much that was; of a *dry_run* how
        much it would be.
        """
        ...

    async def examine(self) -> dict[str, Any]:
        """
        Return what `health` does and all that can be found out in about a second, in the form that
        `stores/examined.py` describes; never raises.
        """
        ...
