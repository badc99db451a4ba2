"""
What the stores on Redis have in common: reading, counting, care, and what fails turned into one sentence.

How rows are written depends on what lies behind the URL: `redis`, `redis_cluster` and `upstash` say that.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final

from tracelog.core.aliases import Claim
from tracelog.core.conditions import INFINITE, Narrow
from tracelog.core.pin_settings import PinSettings
from tracelog.core.query import Query
from tracelog.core.quota_settings import QuotaSettings, TraceQuota
from tracelog.errors import StoreUnavailableError, UnknownReferenceError
from tracelog.stores.base import PartlyStoredError
from tracelog.stores.boards import Board
from tracelog.stores.cleaning import Cleaned
from tracelog.stores.examined import examined
from tracelog.stores.gates import Gate, new_server
from tracelog.stores.heats import Heat
from tracelog.stores.kept import Pin, Tombstone
from tracelog.stores.queues import Queue
from tracelog.stores.redis_aliases import understand
from tracelog.stores.redis_board import RedisBoard
from tracelog.stores.redis_care import RedisCare
from tracelog.stores.redis_clean import RedisCleaner
from tracelog.stores.redis_examine import look
from tracelog.stores.redis_faults import explain_text, explained, is_lasting
from tracelog.stores.redis_gate import RedisGate
from tracelog.stores.redis_heat import RedisHeat
from tracelog.stores.redis_keep import RedisKeeper
from tracelog.stores.redis_ledger import RedisLedger
from tracelog.stores.redis_pack import Settings
from tracelog.stores.redis_queue import RedisQueue
from tracelog.stores.redis_read import RedisReader
from tracelog.stores.redis_told import Told, told_of
from tracelog.stores.redis_wire import Wire
from tracelog.stores.reference import resolve
from tracelog.stores.values import (
    MAX_HITS,
    MAX_PAGE,
    NOT_NOW,
    REFUSED,
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

HOLD_S: Final = 1.0
"""After a fault that a person must mend, Redis is left alone for so long."""

RECALLED_S: Final = 10.0
"""So long `health` tells of a failed write that no good one followed: a full Redis still takes small keys."""


class WireStore(ABC):
    """
    A `Store` behind a wire, but for the writing.

    Args:
        wire: Closed with the store.
        ttl_s: How long a trace lives after its last write, in seconds.
        clock: Returns Unix seconds.
    """

    kind = "redis"
    gate_timeout_s = 0.05
    queue_poll_s = 1.0
    look_s = 1.0

    def __init__(self, wire: Wire, *, ttl_s: int, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._clock = clock
        self._settings = Settings(ttl_s)
        self._keeper = RedisKeeper(wire, clock, ttl_s)
        self._reader = RedisReader(wire, clock, ttl_s, self._keeper)
        self._ledger = RedisLedger(wire, clock)
        self._care = RedisCare(wire, ttl_s)
        self._odd: str | None = None
        self._fault: StoreUnavailableError | None = None
        self._fault_at = 0.0
        self._is_open = False
        self._under_way = 0
        self._quiet = asyncio.Event()

    async def start(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False
        while self._under_way:  # each ends within its time limits
            self._quiet.clear()
            await self._quiet.wait()
        await self._shut()

    async def write(
        self,
        rows: Sequence[Row],
        *,
        quota: TraceQuota | None = None,
        classes: str | None = None,
        prints: Sequence[str] | None = None,
    ) -> Fates:
        if not rows:
            return ""
        if not self._is_open:
            raise StoreUnavailableError("the store is not started")
        settings = self._settings if quota is None else Settings(self._settings.ttl_s, quota)
        told = told_of(rows, quota, classes, prints)
        fates = [NOT_NOW] * len(rows)
        self._under_way += 1
        try:
            fault = await self._deliver(rows, told, settings, fates)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()
        if REFUSED in fates:
            odd = rows[fates.index(REFUSED)][0].trace_id
            self._odd = f"trace {odd} cannot be stored: {explain_text('WRONGTYPE')}"
        if fault is None:
            return "".join(fates)
        if all(fate == NOT_NOW for fate in fates):
            raise fault
        raise PartlyStoredError(
            f"some traces were not stored: {fault}", "".join(fates), retry_after=fault.retry_after
        )

    @abstractmethod
    async def _deliver(
        self, rows: Sequence[Row], told: Told, settings: Settings, fates: list[str]
    ) -> StoreUnavailableError | None:
        """
        Store *rows*, put what became of them into *fates*, and return why some must be sent again.
        """

    def gate(self, settings: QuotaSettings) -> Gate:
        return RedisGate(self._wire, settings, server=new_server())

    def board(self) -> Board:
        return RedisBoard(self._wire, self.look_s)

    def heat(self, window_s: float) -> Heat:
        return RedisHeat(self._wire, window_s)

    async def understand(self, claim: Claim) -> list[str]:
        return await understand(self._wire, claim)

    def queue(self) -> Queue:
        return RedisQueue(self._wire, self._clock, self.queue_poll_s)

    async def fetch(self, trace_id: str) -> Trace | None:
        with explained():
            return await self._reader.fetch(trace_id)

    async def resolve(self, ref: str) -> str:
        with explained():
            return await resolve(ref, self._reader)

    async def traces(self, wanted: TraceFilter) -> Page[TraceSummary]:
        with explained():
            return await self._reader.traces(wanted.within(MAX_PAGE))

    async def search(
        self,
        query: Query,
        *,
        since_ms: float | None = None,
        until_ms: float | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[bytes]:
        bounds = Narrow(
            since_ms=-INFINITE if since_ms is None else since_ms,
            until_ms=INFINITE if until_ms is None else until_ms,
        )
        with explained():
            return await self._reader.search(query, bounds, max(1, min(limit, MAX_HITS)), cursor)

    async def pin(self, trace_id: str, limits: PinSettings) -> Pin:
        with explained():
            trace = await self._reader.fetch(trace_id)
            if trace is None:
                raise UnknownReferenceError(f"there is no trace {trace_id[:128]} that could be pinned")
            return await self._keeper.pin(trace_id, sum(map(len, trace.entries)), limits)

    async def unpin(self, trace_id: str) -> float:
        with explained():
            return await self._keeper.unpin(trace_id)

    async def pins(self) -> list[Pin]:
        with explained():
            return await self._keeper.pins()

    async def gone(self, trace_id: str) -> Tombstone | None:
        with explained():
            return next(iter(await self._keeper.stones([trace_id])), None)

    async def report(self, source: str, report: bytes) -> None:
        with explained():
            await self._ledger.report(source, report)

    async def count(self, outcomes: Sequence[Outcome], ended: Sequence[Ends] = (), *, call: str = "") -> None:
        if outcomes or ended:
            with explained():
                await self._ledger.count(outcomes, ended, call)

    async def tallies(self, *, source: str | None = None, system: str | None = None) -> list[Tally]:
        with explained():
            return await self._ledger.tallies(source, system)

    async def trim(self) -> int:
        with explained():
            return await self._ledger.trim(look=False)

    async def health(self) -> dict[str, Any]:
        recent = asyncio.get_running_loop().time() - self._fault_at < RECALLED_S
        cause = str(self._fault) if self._fault is not None and recent else None
        facts: dict[str, Any] = {"version": None, "size_bytes": None, "keys": None, "warnings": []}
        try:
            with explained():
                facts = await self._care.facts()
        except StoreUnavailableError as error:
            cause = str(error)
        if self._odd is not None:
            facts["warnings"] = [*facts["warnings"], self._odd]
        return {"kind": self.kind, "ok": cause is None, "cause": cause, **facts}

    async def sweep(self) -> int:
        with explained():
            removed = await self._keeper.bury() + await self._ledger.trim()
            await self._care.limit_lives()
            return removed

    async def clear(self) -> None:
        with explained():
            await self._care.clear()

    async def clean(self, *, dry_run: bool) -> Cleaned:
        cleaner = RedisCleaner(self._wire, self._keeper, self._ledger, self._care)
        with explained():
            return await cleaner.clean(dry_run=dry_run)

    async def examine(self) -> dict[str, Any]:
        health = await self.health()
        try:
            with explained():
                return examined({**health, **await look(self._wire, self._care)})
        except StoreUnavailableError as error:
            return examined({**health, "ok": False, "cause": str(error)})

    async def _shut(self) -> None:
        """
        Close every connection; nothing is being written any more.
        """
        await self._wire.close()

    def _check(self) -> None:
        """
        Refuse at once while a fault is fresh that only a person mends.
        """
        now = asyncio.get_running_loop().time()
        if self._fault is not None and is_lasting(self._fault) and now - self._fault_at < HOLD_S:
            raise StoreUnavailableError(str(self._fault), retry_after=self._fault.retry_after)

    def _remember(self, fault: StoreUnavailableError) -> StoreUnavailableError:
        """
        Return *fault*, kept for `health` and against asking again at once.
        """
        self._fault, self._fault_at = fault, asyncio.get_running_loop().time()
        return fault
