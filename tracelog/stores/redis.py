"""
The Redis store: one list of entry JSON a trace, written by one script, gone an hour after its last write.

`logs:<trace_id>` is what any client may read (`LRANGE logs:<trace_id> 0 -1`). Writing goes through
`redis_pack` and `redis_lanes`, reading through `redis_read`; this file holds them together and turns what
fails into one sentence. It keeps nothing that another process would need.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from tracelog.core.conditions import INFINITE, Narrow
from tracelog.core.query import Query
from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.stores.base import PartlyStoredError
from tracelog.stores.redis_care import RedisCare
from tracelog.stores.redis_faults import explain_text, explained, is_lasting
from tracelog.stores.redis_lanes import Lanes
from tracelog.stores.redis_ledger import RedisLedger
from tracelog.stores.redis_pack import Call, Settings, pack
from tracelog.stores.redis_read import RedisReader
from tracelog.stores.reference import resolve
from tracelog.stores.values import (
    DEFAULT_TTL_S,
    MAX_HITS,
    MAX_PAGE,
    NOT_NOW,
    REFUSED,
    STORED,
    Fates,
    Outcome,
    Page,
    Row,
    Tally,
    Trace,
    TraceFilter,
    TraceQuota,
    TraceSummary,
)

TIMEOUT_S: Final = 1.0
"""Redis answers in well under a millisecond or is in trouble; a writer finds that out within two of these."""

READERS: Final = 8
"""Connections for reading, so that a crowd of readers waits here and not at Redis."""

HOLD_S: Final = 1.0
"""After a fault that a person must mend, Redis is left alone for so long."""

RECALLED_S: Final = 10.0
"""So long `health` tells of a failed write that no good one followed: a full Redis still takes small keys."""


class RedisStore:
    """
    A `Store` on one Redis or Valkey server.

    Args:
        url: `redis://` or `rediss://`, with user, password and database as redis-py reads them.
        ttl_s: How long a trace lives after its last write, in seconds.
        clock: Returns Unix seconds.
        client: A redis-py client to use instead of a new one; its replies are bytes. The caller closes it.
        timeout_s: Longest wait for an answer of Redis, and for a free connection.
    """

    def __init__(
        self,
        url: str = "redis://127.0.0.1:6379/0",
        *,
        ttl_s: int = DEFAULT_TTL_S,
        clock: Callable[[], float] = time.time,
        client: Redis | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._clock = clock
        self._owned = client is None
        self._timeout_s = timeout_s
        self._client = client or Redis.from_pool(_pool(url, timeout_s, timeout_s))
        # Lanes keep time themselves: a limit of the connection would cost a task for every command.
        self._spring = client.connection_pool if client is not None else _pool(url, timeout_s, None)
        self._settings = Settings(ttl_s)
        self._reader = RedisReader(self._client, clock)
        self._ledger = RedisLedger(self._client, clock)
        self._care = RedisCare(self._client, ttl_s)
        self._lanes: Lanes | None = None
        self._odd: str | None = None
        self._fault: StoreUnavailableError | None = None
        self._fault_at = 0.0

    async def start(self) -> None:
        if self._lanes is None:
            self._lanes = Lanes(self._spring.make_connection, timeout_s=self._timeout_s)

    async def close(self) -> None:
        lanes, self._lanes = self._lanes, None
        if lanes is not None:
            await lanes.close()
        if self._owned:
            await self._client.aclose()

    async def write(
        self, rows: Sequence[Row], *, quota: TraceQuota | None = None, classes: str | None = None
    ) -> Fates:
        settings = self._settings if quota is None else Settings(self._settings.ttl_s, quota)
        now_ms = self._clock() * 1000
        fates = [NOT_NOW] * len(rows)
        fault: StoreUnavailableError | None = None
        for call in pack(rows, now_ms=now_ms, settings=settings, classes=classes) if rows else ():
            try:
                refused = await self._commit(call, settings.script, fates)
            except StoreUnavailableError as error:
                fault = error
                break
            fault = self._remember(refused) if refused else fault
        if REFUSED in fates:
            self._odd = _sentence(rows[fates.index(REFUSED)][0].trace_id)
        if fault is None:
            return "".join(fates)
        if all(fate == NOT_NOW for fate in fates):
            raise fault
        raise PartlyStoredError(
            f"some traces were not stored: {fault}", "".join(fates), retry_after=fault.retry_after
        )

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

    async def report(self, source: str, report: bytes) -> None:
        with explained():
            await self._ledger.report(source, report)

    async def count(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            with explained():
                await self._ledger.count(outcomes)

    async def tallies(self, *, source: str | None = None, system: str | None = None) -> list[Tally]:
        with explained():
            return await self._ledger.tallies(source, system)

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
        return {"kind": "redis", "ok": cause is None, "cause": cause, **facts}

    async def sweep(self) -> int:
        with explained():
            removed = await self._care.forget_gone() + await self._ledger.trim()
            await self._care.limit_lives()
            return removed

    async def clear(self) -> None:
        with explained():
            await self._care.clear()

    async def _commit(self, call: Call, script: str, fates: list[str]) -> StoreUnavailableError | None:
        """
        Send *call*, put what became of its rows into *fates*, and return why some are to be sent again.
        """
        if self._lanes is None:
            raise StoreUnavailableError("the store is not started")
        now = asyncio.get_running_loop().time()
        if self._fault is not None and is_lasting(self._fault) and now - self._fault_at < HOLD_S:
            raise StoreUnavailableError(str(self._fault), retry_after=self._fault.retry_after)
        try:
            with explained():
                letters, refused = await self._send(self._lanes, call, script)
        except StoreUnavailableError as error:
            raise self._remember(error) from error.__cause__
        self._fault = None
        if len(letters) == len(fates) == letters.count(b"A"):
            fates[:] = STORED * len(fates)
            return None
        for place, letter in zip(call.places, letters.decode(), strict=True):
            fates[place] = letter
        return explain_text(refused.decode()) if refused else None

    async def _send(self, lanes: Lanes, call: Call, script: str) -> Any:
        try:
            return await lanes.call(call.pieces)
        except NoScriptError:  # the server is new, or somebody flushed its scripts; nothing was done
            await self._client.script_load(script)
            return await lanes.call(call.pieces)

    def _remember(self, fault: StoreUnavailableError) -> StoreUnavailableError:
        """
        Return *fault*, kept for `health` and against asking again at once.
        """
        self._fault, self._fault_at = fault, asyncio.get_running_loop().time()
        return fault


def _sentence(trace_id: str) -> str:
    return f"trace {trace_id} cannot be stored: {explain_text('WRONGTYPE')}"


def _pool(url: str, connect_s: float, answer_s: float | None) -> BlockingConnectionPool:
    sentence = "the store's URL is no redis:// address such as redis://127.0.0.1:6379/0"
    if "://" not in url:
        raise ConfigError(sentence)
    try:
        return BlockingConnectionPool.from_url(
            url,
            protocol=2,
            socket_timeout=answer_s,
            socket_connect_timeout=connect_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=READERS,
            timeout=connect_s,
        )
    except ValueError as error:
        raise ConfigError(sentence) from error
