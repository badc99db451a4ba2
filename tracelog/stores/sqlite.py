"""
The embedded store: one SQLite file, or memory, for one machine without any server.

A thread writes, another reads, each with its own connection; this file hands over to them. In memory one
thread does both, since nobody else could see its data.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from tracelog.core.conditions import INFINITE, Narrow
from tracelog.core.query import Query
from tracelog.core.quota_settings import QuotaSettings, TraceQuota
from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.stores import sqlite_ledger, sqlite_read
from tracelog.stores.cursors import read_place, read_position
from tracelog.stores.echoes import prints_of
from tracelog.stores.gates import Gate, new_server
from tracelog.stores.heats import Heat
from tracelog.stores.reference import resolve
from tracelog.stores.sqlite_care import SqliteCaring
from tracelog.stores.sqlite_gate import SqliteGate
from tracelog.stores.sqlite_heat import SqliteHeat
from tracelog.stores.sqlite_read import Asked
from tracelog.stores.sqlite_schema import CONTENTS, MEMORY, connect, open_file
from tracelog.stores.sqlite_text import TextIndex
from tracelog.stores.sqlite_worker import Worker, do_each, transaction
from tracelog.stores.sqlite_write import Write, Writer
from tracelog.stores.trace_quota import classes_of
from tracelog.stores.values import (
    DEFAULT_TTL_S,
    MAX_HITS,
    MAX_PAGE,
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

MAX_WAITING: Final = 100_000
"""Rows that may wait for the writing thread; past it, writers are told to come back."""

TIDY_S: Final = 30.0
"""How often an idle writer removes what is expired."""


class SqliteStore(SqliteCaring):
    """
    A `Store` in one file.

    Args:
        path: Of the file; it and its folder are made if needed. `:memory:` keeps everything in this process.
        ttl_s: How long a trace lives after its last write, in seconds.
        clock: Returns Unix seconds.
        full_text: False does without the text index.
    """

    def __init__(
        self,
        path: str,
        *,
        ttl_s: int = DEFAULT_TTL_S,
        clock: Callable[[], float] = time.time,
        full_text: bool = True,
    ) -> None:
        self._path = path if path == MEMORY else str(Path(path).expanduser())
        self._clock = clock
        self._index = TextIndex(wanted=full_text)
        self._hand = Writer(ttl_s, self._index)
        self._ttl_ms = ttl_s * 1000.0
        self._writer: Worker | None = None
        self._reader: Worker | None = None
        self._waiting = 0
        self._tidied = 0.0

    @classmethod
    def from_url(cls, url: str, *, ttl_s: int, clock: Callable[[], float]) -> "SqliteStore":
        """
        Return the store of `sqlite:///relative/path`, `sqlite:////absolute/path` or `sqlite::memory:`.

        Raises:
            ConfigError: When *url* is none of these.
        """
        rest = url.partition(":")[2]
        path = rest if rest == MEMORY else rest.removeprefix("///")
        if not path or path == rest != MEMORY:
            raise ConfigError("an embedded store is sqlite:///path/to/file or sqlite::memory:")
        return cls(path, ttl_s=ttl_s, clock=clock)

    async def start(self) -> None:
        if self._writer is not None:
            return
        self._writer = self._reader = Worker(
            "tracelog-store-writer", self._open, self._hand.batch, self._tidy
        )
        try:
            await self._writer.start()
            if self._path != MEMORY:
                self._reader = Worker("tracelog-store-reader", partial(connect, self._path), do_each)
                await self._reader.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        workers = dict.fromkeys((self._writer, self._reader))
        self._writer = self._reader = None
        for worker in workers:
            if worker is not None:
                await worker.close()

    async def write(
        self,
        rows: Sequence[Row],
        *,
        quota: TraceQuota | None = None,
        classes: str | None = None,
        prints: Sequence[str] | None = None,
    ) -> Fates:
        letters = "" if quota is None else classes_of(rows, classes)
        voices = "" if quota is None else prints_of(len(rows), prints)
        if not rows:
            return ""
        if self._waiting + len(rows) > MAX_WAITING:
            raise StoreUnavailableError(
                f"{self._waiting} entries wait for the embedded store; send more slowly"
            )
        worker = self._running(self._writer)
        self._waiting += len(rows)
        try:
            fates: Fates = await worker.submit(Write(rows, self._now(), quota, letters, voices))
        finally:
            self._waiting -= len(rows)
        return fates

    gate_timeout_s = 30.0
    """It waits behind the writes of the same thread, which are no trouble."""

    def gate(self, settings: QuotaSettings) -> Gate:
        return SqliteGate(
            lambda work: self._running(self._writer).submit(work), settings, self._clock, new_server()
        )

    def heat(self, window_s: float) -> Heat:
        return SqliteHeat(lambda work: self._running(self._writer).submit(work), window_s, self._clock)

    async def fetch(self, trace_id: str) -> Trace | None:
        found: Trace | None = await self._read(sqlite_read.fetch, trace_id, self._now())
        return found

    async def resolve(self, ref: str) -> str:
        return await resolve(ref, self)

    async def exists(self, trace_id: str) -> bool:
        return bool(await self._read(sqlite_read.exists, trace_id, self._now()))

    async def newest(self, *, errors: bool) -> str | None:
        found: str | None = await self._read(
            sqlite_read.newest, "failed" if errors else "touched", self._now()
        )
        return found

    async def beginning(self, prefix: str, limit: int) -> list[str]:
        found: list[str] = await self._read(sqlite_read.beginning, prefix, limit, self._now())
        return found

    async def traces(self, wanted: TraceFilter) -> Page[TraceSummary]:
        read_place(wanted.cursor)  # a bad one is refused before it costs a turn of the thread
        page: Page[TraceSummary] = await self._read(sqlite_read.traces, wanted.within(MAX_PAGE), self._now())
        return page

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
        asked = Asked(
            query=query,
            bounds=bounds,
            limit=max(1, min(limit, MAX_HITS)),
            before=read_position(cursor),
            now_ms=self._now(),
        )
        page: Page[bytes] = await self._read(sqlite_read.search, self._index, asked)
        return page

    async def report(self, source: str, report: bytes) -> None:
        await self._change(sqlite_ledger.report, source, report, self._now())

    async def count(self, outcomes: Sequence[Outcome], ended: Sequence[Ends] = (), *, call: str = "") -> None:
        if outcomes or ended:
            await self._change(sqlite_ledger.count, outcomes, ended, call, self._now())

    async def tallies(self, *, source: str | None = None, system: str | None = None) -> list[Tally]:
        found: list[Tally] = await self._read(sqlite_ledger.tallies, source, system)
        return found

    async def trim(self) -> int:
        return int(await self._change(sqlite_ledger.trim, self._now()))

    async def health(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "version": sqlite3.sqlite_version,
            "size_bytes": None,
            "keys": None,
            "warnings": [],
        }
        cause = None
        try:
            facts = await self._read(sqlite_read.facts, self._path, self._index)
            await self._change(_check)
        except StoreUnavailableError as error:
            cause = str(error)
        return {"kind": "sqlite", "ok": cause is None, "cause": cause, **facts}

    async def sweep(self) -> int:
        removed = await self.trim()
        while swept := await self._change(self._hand.sweep, self._now()):
            removed += swept
        return int(removed)

    async def clear(self) -> None:
        await self._change(self._empty)

    def _open(self) -> sqlite3.Connection:
        connection = open_file(self._path)
        self._index.prepare(connection)
        return connection

    def _tidy(self, connection: sqlite3.Connection) -> bool:
        """
        Do a little of what can wait, on the idle writing thread, and return whether there is more.
        """
        try:
            if self._index.step(connection):
                return True
            if self._clock() - self._tidied < TIDY_S:
                return False
            if self._hand.sweep(connection, self._now()):
                return True
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # now, while nobody waits for it
        except sqlite3.Error:
            return False  # busy or full: `health` tells, and the next idle moment tries again
        self._tidied = self._clock()
        return False

    def _empty(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            for table in CONTENTS:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours only
            self._index.restart(connection)
        connection.execute("VACUUM")

    async def _read(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await self._running(self._reader).submit(partial(_call, work, arguments))

    async def _change(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await self._running(self._writer).submit(partial(_call, work, arguments))

    def _running(self, worker: Worker | None) -> Worker:
        if worker is None:
            raise StoreUnavailableError("the store is not started")
        return worker

    def _now(self) -> float:
        return self._clock() * 1000


def _call(work: Callable[..., Any], arguments: tuple[Any, ...], connection: sqlite3.Connection) -> Any:
    """
    Call *work* with the connection first, as the functions on connections want it.
    """
    return work(connection, *arguments)


def _check(connection: sqlite3.Connection) -> None:
    """
    Take and leave the writing lock: a full disk or a read-only file shows here.
    """
    with transaction(connection):
        connection.execute("UPDATE state SET value = value WHERE name = 'version'")
