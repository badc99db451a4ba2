"""
Rows of the embedded store that go in under a trace's quota, in the transaction of their write.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tracelog.core.quota_settings import TraceQuota
from tracelog.stores.cursors import arrived
from tracelog.stores.trace_quota import Used
from tracelog.stores.values import DUPLICATE, STORED, Fates, Row

INSERT: Final = (
    "INSERT INTO entries (trace_id, id, arrived, timestamp, rank, body) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (trace_id, id) DO NOTHING"
)
_KNOWN: Final = "SELECT 1 FROM entries WHERE trace_id = ? AND id = ?"
_USED: Final = "SELECT rows, extra, size, is_critical, since_ms FROM quotas WHERE trace_id = ?"
_KEEP: Final = (
    "INSERT OR REPLACE INTO quotas (trace_id, rows, extra, size, is_critical, since_ms)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)


def values_of(row: Row) -> tuple[Any, ...]:
    """
    Return what `INSERT` wants of *row*.
    """
    entry, body = row
    return entry.trace_id, entry.id, arrived(entry), entry.timestamp, entry.rank, body


def insert(
    connection: sqlite3.Connection, rows: Sequence[Row], classes: str, quota: TraceQuota, now_ms: float
) -> Fates:
    """
    Store the new ones among *rows* that their traces' quotas admit, charge these, and say what became of all.

    Args:
        connection: In a transaction.
        rows: Entries and their JSON.
        classes: One letter a row.
        quota: What one trace may store.
        now_ms: The present, Unix milliseconds.
    """
    used: dict[str, Used] = {}
    charged: dict[str, Used] = {}
    fates = []
    for row, class_ in zip(rows, classes, strict=True):
        entry, body = row
        if connection.execute(_KNOWN, (entry.trace_id, entry.id)).fetchone() is not None:
            fates.append(DUPLICATE)
            continue
        if entry.trace_id not in used:
            used[entry.trace_id] = _read(connection, entry.trace_id)
        fate = used[entry.trace_id].admit(quota, (class_, len(body)), now_ms)
        if fate == STORED:
            connection.execute(INSERT, values_of(row))
            charged[entry.trace_id] = used[entry.trace_id]
        fates.append(fate)
    connection.executemany(_KEEP, [(name, *msgspec.structs.astuple(each)) for name, each in charged.items()])
    return "".join(fates)


def _read(connection: sqlite3.Connection, trace_id: str) -> Used:
    row = connection.execute(_USED, (trace_id,)).fetchone()
    return Used() if row is None else Used(row[0], row[1], row[2], bool(row[3]), row[4])
