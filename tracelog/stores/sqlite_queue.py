"""
The queue of processors in the embedded store: a table of writes, leases on ranges of it, and the live view.

A batch is a range of the table that is written down when it is taken, so what belongs to it never changes.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tracelog.core.live import LiveRow
from tracelog.core.store_bounds import LIVE_ROWS, LIVE_TTL_S, QUEUE_BYTES
from tracelog.stores.queues import BATCH_BYTES, BATCH_CALLS, KEPT_S, WATCHED_S, Backlog, Batch, Look
from tracelog.stores.sqlite_worker import transaction

TABLES: Final = """
CREATE TABLE IF NOT EXISTS queue (   -- what was stored, a JSON array of entries for each write
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms REAL NOT NULL,
  entries INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS batches ( -- ranges of the queue that somebody works on
  first INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  until_ms REAL NOT NULL,
  name TEXT NOT NULL,
  is_shown INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS live (
  id TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  born INTEGER NOT NULL,
  count INTEGER NOT NULL,
  first_ms REAL NOT NULL,
  last_ms REAL NOT NULL,
  body BLOB NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS live_order ON live (version);
CREATE TABLE IF NOT EXISTS processing (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
"""`processing` holds: wanted and watched until when (Unix ms), bytes that wait, last place taken, last
version of the live view, entries cut, and behind `+` what processors counted."""

CONTENTS: Final = ("queue", "batches", "live", "processing")

_KNOWN: Final = "SELECT name, value FROM processing"
_PUT: Final = "INSERT INTO processing VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_ADD: Final = """
INSERT INTO processing VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value
"""
_HOLD: Final = """
INSERT INTO batches (first, last, until_ms, name) VALUES (?, ?, ?, ?)
ON CONFLICT (first) DO UPDATE SET until_ms = excluded.until_ms, name = excluded.name
"""
_SHOW: Final = """
INSERT INTO live VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
  version = excluded.version, count = count + excluded.count, first_ms = min(first_ms, excluded.first_ms),
  last_ms = max(last_ms, excluded.last_ms), body = excluded.body
"""
_ROWS: Final = "SELECT id, count, first_ms, last_ms, body, version, born FROM live"


def append(connection: sqlite3.Connection, writes: Sequence[tuple[float, Sequence[bytes]]]) -> None:
    """
    Let what was stored wait for a processor, if one wants it; within the transaction that stored it.

    Args:
        connection: The writer's.
        writes: When each was made, Unix milliseconds, and the JSON of what it stored.
    """
    known = dict(connection.execute(_KNOWN).fetchall())
    held, cut, size = known.get("bytes", 0), 0, 0
    for now_ms, bodies in writes:
        if not bodies or known.get("wanted", 0) <= now_ms:
            continue
        text = b"[" + b",".join(bodies) + b"]"
        if held + size + len(text) > QUEUE_BYTES:
            cut += len(bodies)
            continue
        size += len(text)
        connection.execute(
            "INSERT INTO queue (at_ms, entries, body) VALUES (?, ?, ?)", (now_ms, len(bodies), text)
        )
    for name, n in (("bytes", size), ("+cut", cut)):
        if n:
            connection.execute(_ADD, (name, n))


class _Wanted(NamedTuple):
    """
    What a processor asks for, as `Queue.take` says.
    """

    name: str
    due: bool
    lease_ms: float
    only_new: bool


class SqliteQueue:
    """
    A `Queue` in the embedded store.

    Args:
        change: Does something with the writer's connection on its thread; *read* with the reader's.
        read: As *change*, for what only looks.
        now: Returns Unix milliseconds.
    """

    poll_s = 1.0

    def __init__(
        self, change: Callable[..., Any], read: Callable[..., Any], now: Callable[[], float]
    ) -> None:
        self._change = change
        self._read = read
        self._now = now

    async def take(self, name: str, *, due: bool, lease_s: float, only_new: bool = False) -> Look:
        wanted = _Wanted(name, due=due, lease_ms=lease_s * 1000, only_new=only_new)
        look: Look = await self._change(_take, wanted, self._now())
        return look

    async def renew(self, batch: Batch, lease_s: float) -> None:
        await self._change(_renew, batch, self._now() + lease_s * 1000)

    async def show(self, batch: Batch, rows: Sequence[LiveRow], counts: Mapping[str, int]) -> bool:
        return bool(await self._change(_show_batch, batch, rows, counts, self._now()))

    async def finish(self, batch: Batch) -> bool:
        return bool(await self._change(_finish, batch))

    async def count(self, counts: Mapping[str, int]) -> None:
        await self._change(_count, counts)

    async def backlog(self) -> Backlog:
        found: Backlog = await self._read(_backlog)
        return found

    async def live(self, after: int, limit: int) -> list[LiveRow]:
        rows: list[LiveRow] = await self._read(_live, after, min(limit, LIVE_ROWS))
        return rows

    async def watch(self) -> None:
        await self._change(_put, "watched", round(self._now()) + WATCHED_S * 1000)

    async def purge(self) -> int:
        return int(await self._change(_purge, round((self._now() - LIVE_TTL_S * 1000) * 1000)))


def _put(connection: sqlite3.Connection, name: str, value: int) -> None:
    connection.execute(_PUT, (name, value))


def _take(connection: sqlite3.Connection, wanted: _Wanted, now_ms: float) -> Look:
    known = dict(connection.execute(_KNOWN).fetchall())
    watched = known.get("watched", 0) > now_ms
    is_full, is_wanted = known.get("bytes", 0) >= BATCH_BYTES, known.get("wanted", 0) > now_ms
    if is_wanted and not (wanted.due or watched or is_full):
        return Look(None, watched)
    with transaction(connection):
        _put(connection, "wanted", round(now_ms) + KEPT_S * 1000)
        range_ = (None if wanted.only_new else _silent(connection, now_ms)) or _next(connection)
        if range_ is None:
            return Look(None, watched)
        connection.execute(_HOLD, (*range_, now_ms + wanted.lease_ms, wanted.name))
        rows = connection.execute(
            "SELECT place, at_ms, body FROM queue WHERE place BETWEEN ? AND ? ORDER BY place", range_
        ).fetchall()
    place, at_ms, _ = rows[0]
    places = [str(row[0]) for row in rows]
    batch = Batch(f"{int(at_ms):013d}-{place:012d}", wanted.name, places, [row[2] for row in rows])
    return Look(batch, watched)


def _silent(connection: sqlite3.Connection, now_ms: float) -> tuple[int, int] | None:
    """
    Return first and last place of the oldest batch whose processor went silent; None when there is none.
    """
    found: tuple[int, int] | None = connection.execute(
        "SELECT first, last FROM batches WHERE until_ms <= ? ORDER BY first LIMIT 1", (now_ms,)
    ).fetchone()
    return found


def _next(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """
    Return first and last place of a new batch, which counts as taken; None when nothing waits.
    """
    taken = connection.execute("SELECT value FROM processing WHERE name = 'taken'").fetchone()
    rows = connection.execute(
        "SELECT place, length(body) FROM queue WHERE place > ? ORDER BY place LIMIT ?",
        (taken[0] if taken else 0, BATCH_CALLS),
    ).fetchall()
    if not rows:
        return None
    size, last = 0, rows[0][0]
    for place, length in rows:
        if size and size + length > BATCH_BYTES:
            break
        size, last = size + length, place
    _put(connection, "taken", last)
    return rows[0][0], last


def _renew(connection: sqlite3.Connection, batch: Batch, until_ms: float) -> None:
    connection.execute(
        "UPDATE batches SET until_ms = ? WHERE first = ? AND name = ?",
        (until_ms, int(batch.places[0]), batch.name),
    )


def _show_batch(
    connection: sqlite3.Connection,
    batch: Batch,
    rows: Sequence[LiveRow],
    counts: Mapping[str, int],
    now_ms: float,
) -> bool:
    marked = "UPDATE batches SET is_shown = 1 WHERE first = ? AND is_shown = 0"
    with transaction(connection):
        if connection.execute(marked, (int(batch.places[0]),)).rowcount == 0:
            return False
        _count(connection, counts)
        _show(connection, rows, round(now_ms * 1000))
    return True


def _count(connection: sqlite3.Connection, counts: Mapping[str, int]) -> None:
    connection.executemany(_ADD, [(f"+{name}", n) for name, n in counts.items()])


def _finish(connection: sqlite3.Connection, batch: Batch) -> bool:
    first, last = int(batch.places[0]), int(batch.places[-1])
    with transaction(connection):
        if connection.execute("DELETE FROM batches WHERE first = ?", (first,)).rowcount == 0:
            return False
        connection.execute("DELETE FROM queue WHERE place BETWEEN ? AND ?", (first, last))
        connection.execute(_ADD, ("bytes", -batch.size))
        connection.execute(_ADD, ("+batches", 1))
    return True


def _show(connection: sqlite3.Connection, rows: Sequence[LiveRow], now_us: int) -> None:
    found = connection.execute("SELECT value FROM processing WHERE name = 'version'").fetchone()
    version = max(now_us, found[0] + 1 if found else 0)
    for row in rows:
        values = (row.id, version, version, row.count, row.first_ms, row.last_ms, row.body)
        connection.execute(_SHOW, values)
        version += 1
    _put(connection, "version", version - 1)
    surplus = connection.execute("SELECT count(*) FROM live").fetchone()[0] - LIVE_ROWS
    if surplus > 0:
        connection.execute(
            "DELETE FROM live WHERE id IN (SELECT id FROM live ORDER BY version LIMIT ?)", (surplus,)
        )


def _backlog(connection: sqlite3.Connection) -> Backlog:
    known = dict(connection.execute(_KNOWN).fetchall())
    writes, oldest = connection.execute("SELECT count(*), min(at_ms) FROM queue").fetchone()
    taken = connection.execute(
        "SELECT count(*) FROM queue WHERE place <= ?", (known.get("taken", 0),)
    ).fetchone()[0]
    counts = {name[1:]: value for name, value in known.items() if name.startswith("+")}
    return Backlog(writes=writes, taken=taken, bytes=known.get("bytes", 0), oldest_ms=oldest, counts=counts)


def _live(connection: sqlite3.Connection, after: int, limit: int) -> list[LiveRow]:
    if after < 0:
        found = connection.execute(f"{_ROWS} ORDER BY version DESC LIMIT ?", (limit,)).fetchall()[::-1]
    else:
        found = connection.execute(
            f"{_ROWS} WHERE version > ? ORDER BY version LIMIT ?", (after, limit)
        ).fetchall()
    return [LiveRow(*row) for row in found]


def _purge(connection: sqlite3.Connection, oldest: int) -> int:
    return connection.execute("DELETE FROM live WHERE version <= ?", (oldest,)).rowcount
