"""
What outlives a trace's hour in the embedded store: pins and tombstones; and the way to its queue and aliases.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from tracelog.core.aliases import Claim
from tracelog.core.pin_settings import PinSettings
from tracelog.errors import UnknownReferenceError
from tracelog.stores.kept import EXPIRED, GONE_S, MOST_GONE, TOLD_GONE, Pin, Tombstone, refused
from tracelog.stores.queues import Queue
from tracelog.stores.sqlite_aliases import understand
from tracelog.stores.sqlite_queue import SqliteQueue
from tracelog.stores.sqlite_schema import LAST_LETTER
from tracelog.stores.sqlite_worker import transaction

_GONE: Final = """
SELECT trace_id, first_ms, last_ms, entries, errors, systems, gone_ms FROM gone
WHERE trace_id NOT IN (SELECT trace_id FROM traces)
UNION ALL
SELECT trace_id, coalesce(begun, first_ms), touched, entries, errors, systems, expires_at FROM traces
WHERE expires_at <= :now
"""
"""Traces that are gone; those that no sweep has removed yet, too."""

_BURY: Final = """
INSERT OR REPLACE INTO gone
SELECT trace_id, coalesce(begun, first_ms), touched, entries, errors, systems, expires_at FROM traces
WHERE trace_id = ?
"""
_OLD: Final = """
DELETE FROM gone WHERE gone_ms <= ? OR gone_ms <=
  (SELECT gone_ms FROM gone ORDER BY gone_ms DESC LIMIT 1 OFFSET ?)
"""


class SqliteKeeping(ABC):
    """
    The part of the store that pins, and tells of traces that are gone.
    """

    _ttl_ms: float

    async def pin(self, trace_id: str, limits: PinSettings) -> Pin:
        made: Pin = await self._change(pin, trace_id, limits, self._now())
        return made

    async def unpin(self, trace_id: str) -> float:
        return float(await self._change(unpin, trace_id, self._ttl_ms, self._now()))

    async def pins(self) -> list[Pin]:
        found: list[Pin] = await self._read(pins, self._now())
        return found

    async def gone(self, trace_id: str) -> Tombstone | None:
        return next((stone for stone in await self.stones(trace_id, 1) if stone.trace_id == trace_id), None)

    async def stones(self, prefix: str, limit: int) -> list[Tombstone]:
        found: list[Tombstone] = await self._read(gone, prefix, limit, self._now())
        return found

    async def understand(self, claim: Claim) -> list[str]:
        return [*await self._change(understand, claim, self._now())]

    def queue(self) -> Queue:
        return SqliteQueue(self._change, self._read, self._now)

    @abstractmethod
    async def _read(self, work: Callable[..., Any], *arguments: Any) -> Any: ...

    @abstractmethod
    async def _change(self, work: Callable[..., Any], *arguments: Any) -> Any: ...

    @abstractmethod
    def _now(self) -> float: ...


def pin(connection: sqlite3.Connection, trace_id: str, limits: PinSettings, now_ms: float) -> Pin:
    """
    Keep a trace.

    Raises:
        PinRefusedError: When a bound is in the way.
        UnknownReferenceError: When there is no such trace.
    """
    made = Pin(
        trace_id=trace_id,
        pinned_ms=now_ms,
        until_ms=now_ms + limits.max_age_s * 1000,
        bytes=_size(connection, trace_id, now_ms),
    )
    count, size = connection.execute(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM pins WHERE until_ms > ? AND trace_id <> ?",
        (now_ms, trace_id),
    ).fetchone()
    if count >= limits.most:
        raise refused("most", limits)
    if size + made.bytes > limits.max_bytes:
        raise refused("bytes", limits)
    with transaction(connection):
        connection.execute(
            "INSERT OR REPLACE INTO pins VALUES (?, ?, ?, ?)", (trace_id, now_ms, made.until_ms, made.bytes)
        )
        connection.execute("UPDATE traces SET expires_at = ? WHERE trace_id = ?", (made.until_ms, trace_id))
    return made


def unpin(connection: sqlite3.Connection, trace_id: str, ttl_ms: float, now_ms: float) -> float:
    """
    Give a pinned trace its usual time again, *ttl_ms* from its last write, and return when that is over.

    Raises:
        UnknownReferenceError: When it is not pinned.
    """
    row = connection.execute(
        "SELECT touched FROM traces JOIN pins USING (trace_id) WHERE trace_id = ? AND until_ms > ?",
        (trace_id, now_ms),
    ).fetchone()
    if row is None:
        raise UnknownReferenceError(f"trace {trace_id} is not pinned", reason="not_pinned")
    ends = max(now_ms, row[0] + ttl_ms)
    with transaction(connection):
        connection.execute("DELETE FROM pins WHERE trace_id = ?", (trace_id,))
        connection.execute("UPDATE traces SET expires_at = ? WHERE trace_id = ?", (ends, trace_id))
    return float(ends)


def pins(connection: sqlite3.Connection, now_ms: float) -> list[Pin]:
    """
    Return the pins whose time is not over, the latest first.
    """
    rows = connection.execute(
        "SELECT trace_id, pinned_ms, until_ms, bytes FROM pins WHERE until_ms > ?"
        " ORDER BY pinned_ms DESC, trace_id",
        (now_ms,),
    )
    return [Pin(trace_id=row[0], pinned_ms=row[1], until_ms=row[2], bytes=row[3]) for row in rows]


def gone(connection: sqlite3.Connection, prefix: str, limit: int, now_ms: float) -> list[Tombstone]:
    """
    Return tombstones of the traces that are called *prefix* or begin so, that one first, at most *limit*.
    """
    rows = connection.execute(
        f"SELECT * FROM ({_GONE}) WHERE trace_id >= :prefix AND trace_id < :end"  # noqa: S608 - ours
        " ORDER BY trace_id <> :prefix, last_ms DESC, trace_id DESC LIMIT :limit",
        {"prefix": prefix, "end": prefix + LAST_LETTER, "now": now_ms, "limit": limit},
    )
    found = [_stone(row) for row in rows]
    return found[:1] if found and found[0].trace_id == prefix else found


def gone_since(connection: sqlite3.Connection, since_ms: float, now_ms: float) -> list[Tombstone]:
    """
    Return tombstones of the traces whose time was over after *since_ms*, the last written first.
    """
    rows = connection.execute(
        f"SELECT * FROM ({_GONE}) WHERE gone_ms > :since ORDER BY last_ms DESC, trace_id DESC LIMIT :most",  # noqa: S608 - ours
        {"since": since_ms, "now": now_ms, "most": TOLD_GONE},
    )
    return [_stone(row) for row in rows]


def bury(connection: sqlite3.Connection, trace_ids: list[tuple[str]]) -> None:
    """
    Leave tombstones of traces that are about to be removed. Inside a transaction.
    """
    connection.executemany(_BURY, trace_ids)
    connection.executemany("DELETE FROM pins WHERE trace_id = ?", trace_ids)


def forget_old(connection: sqlite3.Connection, now_ms: float) -> None:
    """
    Bound the tombstones, by age and by number. Inside a transaction.
    """
    connection.execute(_OLD, (now_ms - GONE_S * 1000, MOST_GONE))


def _size(connection: sqlite3.Connection, trace_id: str, now_ms: float) -> int:
    [size] = connection.execute(
        "SELECT sum(length(body)) FROM traces JOIN entries USING (trace_id)"
        " WHERE trace_id = ? AND expires_at > ?",
        (trace_id, now_ms),
    ).fetchone()
    if size is None:
        raise UnknownReferenceError(f"there is no trace {trace_id[:128]} that could be pinned")
    return int(size)


def _stone(row: tuple[Any, ...]) -> Tombstone:
    trace_id, first_ms, last_ms, entries, errors, systems, gone_ms = row
    return Tombstone(
        trace_id=trace_id,
        first_ms=first_ms,
        last_ms=last_ms,
        entries=entries,
        errors=errors,
        systems=systems.split(","),
        why=EXPIRED,
        gone_ms=gone_ms,
    )
