"""
Looking after the embedded store: safe clean-up, and a closer look at the file.
"""

import sqlite3
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tracelog.errors import StoreUnavailableError
from tracelog.stores import sqlite_ledger
from tracelog.stores.boards import Board
from tracelog.stores.cleaning import Cleaned
from tracelog.stores.examined import examined
from tracelog.stores.sqlite_board import SqliteBoard
from tracelog.stores.sqlite_keep import SqliteKeeping
from tracelog.stores.sqlite_schema import MEMORY
from tracelog.stores.sqlite_text import TextIndex
from tracelog.stores.sqlite_worker import transaction

_LOST: Final = "trace_id NOT IN (SELECT trace_id FROM traces)"
_ORPHANS: Final = {
    "entries": _LOST,
    "echoes": _LOST,
    "told": _LOST,
    "pins": _LOST,
    "quotas": f"{_LOST} AND coalesce(since_ms, 0) <= :oldest",
}
"""Tables of companions, and which of their rows belong to no trace. A trace of which all was refused has a
quota, too, for its window."""

_COUNTED: Final = {"traces": "traces", "entries": "entries", "pins": "pins", "sources": "tallies"}

_OVER: Final = "touched <= :oldest AND expires_at <= :now"
"""Traces that a sweep removes; see `sqlite_write`."""


class SqliteCaring(SqliteKeeping):
    """
    The part of the store that operators ask for.
    """

    _path: str
    _clock: Callable[[], float]
    _index: TextIndex

    def board(self) -> Board:
        return SqliteBoard(self._change, self._clock)

    async def clean(self, *, dry_run: bool) -> Cleaned:
        found: Cleaned = await self._change(_find, self._now(), self._ttl_ms)
        if not dry_run:
            await self.sweep()
            await self._change(_remove, self._index, self._now() - self._ttl_ms)
        return found

    async def examine(self) -> dict[str, Any]:
        health = await self.health()
        try:
            more = await self._read(_look, self._path, self._now(), self._ttl_ms)
        except StoreUnavailableError as error:
            return examined({**health, "ok": False, "cause": str(error)})
        return examined({**health, **more})

    @abstractmethod
    async def health(self) -> dict[str, Any]: ...

    @abstractmethod
    async def sweep(self) -> int: ...


def _find(connection: sqlite3.Connection, now_ms: float, ttl_ms: float) -> Cleaned:
    """
    Return what is left over.
    """
    moments = {"now": now_ms, "oldest": now_ms - ttl_ms}
    expired, size = connection.execute(
        "SELECT count(DISTINCT trace_id), coalesce(sum(length(body)), 0) FROM traces"  # noqa: S608 - ours
        f" LEFT JOIN entries USING (trace_id) WHERE {_OVER}",
        moments,
    ).fetchone()
    orphaned = sum(
        connection.execute(f"SELECT count(*) FROM {table} WHERE {lost}", moments).fetchone()[0]  # noqa: S608 - ours
        for table, lost in _ORPHANS.items()
    )
    silent = sqlite_ledger.due(connection, now_ms)
    return Cleaned(expired=expired, orphaned=orphaned, silent=silent, bytes=size)


def _remove(connection: sqlite3.Connection, index: TextIndex, oldest_ms: float) -> None:
    """
    Remove companions of traces that are not there.
    """
    with transaction(connection):
        for table, lost in _ORPHANS.items():
            done = connection.execute(f"DELETE FROM {table} WHERE {lost}", {"oldest": oldest_ms})  # noqa: S608 - ours
            if table == "entries":
                index.note_dropped(connection, done.rowcount)


def _look(connection: sqlite3.Connection, path: str, now_ms: float, ttl_ms: float) -> dict[str, Any]:
    """
    Return what the file tells, in the form of `examined.py`.
    """
    counts = {
        name: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
        for name, table in _COUNTED.items()
    }
    [free] = connection.execute(
        "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
    ).fetchone()
    [expired] = connection.execute(
        f"SELECT count(*) FROM traces WHERE {_OVER}",  # noqa: S608 - ours
        {"now": now_ms, "oldest": now_ms - ttl_ms},
    ).fetchone()
    lives = {"looked": counts["traces"], "endless": 0, "coverage": 1.0}  # a row cannot be without its moment
    file = {"free_bytes": free, "log_bytes": _log_bytes(path), "expired": expired}
    return {**counts, "ttl": lives, "file": file}


def _log_bytes(path: str) -> int:
    """
    Return the size of the write-ahead log.
    """
    if path == MEMORY:
        return 0
    try:
        return Path(f"{path}-wal").stat().st_size
    except OSError:  # there is none at present
        return 0
