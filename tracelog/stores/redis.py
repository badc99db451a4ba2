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
from tracelog.stores.redis_scripts import COMMIT, sha_of
from tracelog.stores.reference import resolve
from tracelog.stores.values import (
    DEFAULT_TTL_S,
    MAX_HITS,
    MAX_PAGE,
    Outcome,
    Page,
    Row,
    Tally,
    Trace,
    TraceFilter,
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

_STORED: Final = ord("A")
_REFUSED: Final = ord("X")


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
        self._settings = Settings(sha_of(COMMIT), ttl_s)
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

    async def write(self, rows: Sequence[Row]) -> list[bool]:
        results: list[Any] = [None] * len(rows)
        fault: StoreUnavailableError | None = None
        for call in pack(rows, now_ms=self._clock() * 1000, settings=self._settings) if rows else ():
            try:
                refused = await self._commit(call, results)
            except StoreUnavailableError as error:
                fault = error
                break
            fault = self._doubt(rows, results, refused) if refused else fault
        if fault is None:
            return results
        if all(result is None for result in results):
            raise fault
        raise PartlyStoredError(
            f"some traces were not stored: {fault}", results, retry_after=fault.retry_after
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

    async def _commit(self, call: Call, results: list[Any]) -> StoreUnavailableError | None:
        """
        Send *call*, put what became of its rows into *results*, and return why some were refused.
        """
        if self._lanes is None:
            raise StoreUnavailableError("the store is not started")
        now = asyncio.get_running_loop().time()
        if self._fault is not None and is_lasting(self._fault) and now - self._fault_at < HOLD_S:
            raise StoreUnavailableError(str(self._fault), retry_after=self._fault.retry_after)
        try:
            with explained():
                letters, refused = await self._send(self._lanes, call)
        except StoreUnavailableError as error:
            self._fault, self._fault_at = error, now
            raise
        self._fault = None
        if len(letters) == len(results) == letters.count(b"A"):
            results[:] = [True] * len(results)
            return None
        for place, letter in zip(call.places, letters, strict=True):
            if letter != _REFUSED:
                results[place] = letter == _STORED
        return explain_text(refused.decode()) if refused else None

    async def _send(self, lanes: Lanes, call: Call) -> Any:
        try:
            return await lanes.call(call.pieces)
        except NoScriptError:  # the server is new, or somebody flushed its scripts; nothing was done
            await self._client.script_load(COMMIT)
            return await lanes.call(call.pieces)

    def _doubt(
        self, rows: Sequence[Row], results: list[Any], refused: StoreUnavailableError
    ) -> StoreUnavailableError:
        """
        Return *refused* and remember it for `health`: as a trace's own where the trace's keys are the reason.
        """
        if is_lasting(refused):
            odd = next(
                entry.trace_id for (entry, _), result in zip(rows, results, strict=True) if result is None
            )
            self._odd = f"trace {odd} cannot be stored: {refused}"
        else:
            self._fault, self._fault_at = refused, asyncio.get_running_loop().time()
        return refused


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
