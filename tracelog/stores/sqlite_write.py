"""
Writing to the embedded store: everything that waits is committed in one transaction, then acknowledged.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tracelog.core.quota_settings import TraceQuota
from tracelog.stores import sqlite_keep, sqlite_ledger, sqlite_queue, sqlite_quota
from tracelog.stores.cursors import arrived
from tracelog.stores.sqlite_quota import INSERT, Told, values_of
from tracelog.stores.sqlite_text import TextIndex
from tracelog.stores.sqlite_worker import Job, do_each, explain, transaction
from tracelog.stores.summary import Summary
from tracelog.stores.values import DUPLICATE, STORED, Fates, Row

BATCH_ROWS: Final = 10_000
"""Rows a transaction: its lock is held for a tenth of a second at most."""

SWEPT: Final = 200
"""Traces removed in one transaction."""

_OVER: Final = """
SELECT trace_id FROM traces WHERE touched <= ? AND expires_at <= ? ORDER BY touched LIMIT ?
"""
_LINE: Final = """
SELECT touched, failed, expires_at, entries, errors, first_ms, last_ms, systems, opening, failure, begun
FROM traces WHERE trace_id = ?
"""
_KEEP: Final = """
INSERT INTO traces
  (trace_id, touched, failed, expires_at, entries, errors, first_ms, last_ms, systems, opening, failure,
   begun)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace_id) DO UPDATE SET
  touched = excluded.touched, failed = excluded.failed, expires_at = excluded.expires_at,
  entries = excluded.entries, errors = excluded.errors, first_ms = excluded.first_ms,
  last_ms = excluded.last_ms, systems = excluded.systems, failure = excluded.failure
"""
_TALLY: Final = """
INSERT INTO tallies (source, system, received, duplicate, max_seq, seen_ms) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (source, system) DO UPDATE SET
  received = received + excluded.received, duplicate = duplicate + excluded.duplicate,
  max_seq = max(max_seq, excluded.max_seq), seen_ms = excluded.seen_ms
"""


class Write(msgspec.Struct, frozen=True):
    """
    The rows of one `Store.write`, and when it was called, in Unix milliseconds.
    """

    rows: Sequence[Row]
    now_ms: float
    quota: TraceQuota | None = None
    classes: str = ""
    prints: str = ""


class _Line(msgspec.Struct):
    """
    The row of a trace while it is being changed.
    """

    summary: Summary
    touched: float = 0.0
    failed: float | None = None
    expires_at: float = 0.0
    begun: float | None = None


class Writer:
    """
    What the writing thread does.

    Args:
        ttl_s: How long a trace lives after its last write, in seconds.
        index: Told of entries that were removed.
    """

    def __init__(self, ttl_s: int, index: TextIndex) -> None:
        self._ttl_ms = ttl_s * 1000
        self._index = index

    def batch(self, connection: sqlite3.Connection, jobs: list[Job]) -> None:
        """
        Do *jobs* in order; neighbouring writes share a transaction.
        """
        waiting: list[Job] = []
        rows = 0
        for job in jobs:
            if isinstance(job.work, Write) and rows + len(job.work.rows) <= BATCH_ROWS:
                waiting.append(job)
                rows += len(job.work.rows)
                continue
            self._commit(connection, waiting)
            is_write = isinstance(job.work, Write)
            waiting, rows = ([job], len(job.work.rows)) if is_write else ([], 0)
            if not is_write:
                do_each(connection, [job])
        self._commit(connection, waiting)

    def sweep(self, connection: sqlite3.Connection, now_ms: float) -> int:
        """
        Remove some of the traces whose time is over and return how many these were.

        The oldest are looked at first, by their last write. One that claims a later write, because a sender's
        clock ran ahead, shows nowhere either and is removed when that moment has passed.
        """
        with transaction(connection):
            gone = connection.execute(_OVER, (now_ms - self._ttl_ms, now_ms, SWEPT)).fetchall()
            self._forget(connection, gone)
            sqlite_keep.forget_old(connection, now_ms)
        return len(gone)

    def _commit(self, connection: sqlite3.Connection, jobs: list[Job]) -> None:
        if not jobs:
            return
        try:
            with transaction(connection):
                for job, result in zip(
                    jobs, self._store(connection, [job.work for job in jobs]), strict=True
                ):
                    job.result = result
        except sqlite3.OperationalError as error:
            for job in jobs:
                job.error = explain(error)
        except Exception as error:  # a row that SQLite cannot take spoils its own call, not its neighbours'
            if len(jobs) == 1:
                jobs[0].error = error
            else:
                for job in jobs:
                    self._commit(connection, [job])

    def _store(self, connection: sqlite3.Connection, writes: list[Write]) -> list[Fates]:
        lines = {
            trace_id: self._line(connection, trace_id, write.now_ms)
            for write in writes
            for trace_id in {entry.trace_id for entry, _ in write.rows}
        }
        results = _insert(connection, writes)
        tallies: dict[tuple[str, str], list[int]] = {}
        numbers: dict[tuple[str, str], list[int]] = {}
        for write, fates in zip(writes, results, strict=True):
            self._fold(write, fates, lines, tallies)
            _note_numbers(write, fates, numbers)
        connection.executemany(_KEEP, [_values(line) for line in lines.values() if line.summary.entries])
        now_ms = writes[-1].now_ms
        connection.executemany(_TALLY, [(*speaker, *counts, now_ms) for speaker, counts in tallies.items()])
        sqlite_ledger.stored(connection, numbers)
        sqlite_queue.append(connection, [_stored(*each) for each in zip(writes, results, strict=True)])
        return results

    def _line(self, connection: sqlite3.Connection, trace_id: str, now_ms: float) -> _Line:
        row = connection.execute(_LINE, (trace_id,)).fetchone()
        if row is None:
            return _Line(Summary(trace_id))
        touched, failed, expires_at, entries, errors, first_ms, last_ms, systems, opening, failure, begun = (
            row
        )
        if expires_at <= now_ms:
            self._forget(connection, [(trace_id,)])
            return _Line(Summary(trace_id))
        summary = Summary(trace_id, entries, errors, first_ms, last_ms, systems.split(","), opening, failure)
        return _Line(summary, touched, failed, expires_at, begun)

    def _fold(
        self,
        write: Write,
        fates: Fates,
        lines: dict[str, _Line],
        tallies: dict[tuple[str, str], list[int]],
    ) -> None:
        """
        Put the rows of one call into the lines of their traces and the counts of their sources.
        """
        score = max([write.now_ms, *(arrived(entry) for entry, _ in write.rows)])
        heard: dict[tuple[str, str], int] = {}
        for (entry, _), fate in zip(write.rows, fates, strict=True):
            speaker = (entry.source or "", entry.system)
            if entry.seq is not None:
                heard[speaker] = max(heard.get(speaker, -1), entry.seq)
            if fate not in (STORED, DUPLICATE):
                continue
            counts = tallies.setdefault(speaker, [0, 0, -1])
            counts[0 if fate == STORED else 1] += 1
            if fate == DUPLICATE:
                continue
            line = lines[entry.trace_id]
            line.begun = score if line.summary.entries == 0 else line.begun
            line.summary.add(entry)
            line.touched = max(line.touched, score)
            line.expires_at = max(line.expires_at, write.now_ms + self._ttl_ms)  # a pin may go further
            if entry.is_error:
                line.failed = max(line.failed or 0.0, score)
        for speaker in heard.keys() & tallies.keys():
            tallies[speaker][2] = max(tallies[speaker][2], heard[speaker])

    def _forget(self, connection: sqlite3.Connection, trace_ids: list[tuple[str]]) -> None:
        sqlite_keep.bury(connection, trace_ids)
        before = connection.total_changes
        connection.executemany("DELETE FROM entries WHERE trace_id = ?", trace_ids)
        entries = connection.total_changes - before
        connection.executemany("DELETE FROM traces WHERE trace_id = ?", trace_ids)
        connection.executemany("DELETE FROM quotas WHERE trace_id = ?", trace_ids)
        connection.executemany("DELETE FROM echoes WHERE trace_id = ?", trace_ids)
        connection.executemany("DELETE FROM told WHERE trace_id = ?", trace_ids)
        self._index.note_dropped(connection, entries)


def _stored(write: Write, fates: Fates) -> tuple[float, list[bytes]]:
    """
    Return when *write* was made, and the JSON of what it stored.
    """
    return write.now_ms, [body for (_, body), fate in zip(write.rows, fates, strict=True) if fate == STORED]


def _note_numbers(write: Write, fates: Fates, numbers: dict[tuple[str, str], list[int]]) -> None:
    """
    Add the running numbers of the rows that are stored to those of their speakers.
    """
    for (entry, _), fate in zip(write.rows, fates, strict=True):
        if entry.seq is not None and fate in (STORED, DUPLICATE):
            numbers.setdefault((entry.source or "", entry.system), []).append(entry.seq)


def _insert(connection: sqlite3.Connection, writes: list[Write]) -> list[Fates]:
    """
    Store the rows and return what became of each: at once when all are new, which is nearly always so.
    """
    if any(write.quota is not None for write in writes):
        return [_insert_one(connection, write) for write in writes]
    values = [[values_of(row) for row in write.rows] for write in writes]
    before = connection.total_changes
    connection.execute("SAVEPOINT rows")
    connection.executemany(INSERT, [row for rows in values for row in rows])
    if connection.total_changes - before == sum(map(len, values)):
        connection.execute("RELEASE rows")
        return [STORED * len(rows) for rows in values]
    connection.execute("ROLLBACK TO rows")
    connection.execute("RELEASE rows")
    return [_one_by_one(connection, rows) for rows in values]


def _insert_one(connection: sqlite3.Connection, write: Write) -> Fates:
    if write.quota is None:
        return _one_by_one(connection, [values_of(row) for row in write.rows])
    told = Told(write.classes, write.prints)
    return sqlite_quota.insert(connection, write.rows, told, write.quota, write.now_ms)


def _one_by_one(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> Fates:
    return "".join([STORED if connection.execute(INSERT, row).rowcount == 1 else DUPLICATE for row in rows])


def _values(line: _Line) -> tuple[Any, ...]:
    summary = line.summary
    return (
        summary.trace_id,
        line.touched,
        line.failed,
        line.expires_at,
        summary.entries,
        summary.errors,
        summary.first_ms,
        summary.last_ms,
        ",".join(summary.systems),
        summary.opening,
        summary.failure,
        line.begun,
    )
