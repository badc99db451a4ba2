"""
Rows of the embedded store that go in under a trace's quota, in the transaction of their write.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tracelog.core.prints import PRINT_CHARS
from tracelog.core.quota_settings import TraceQuota
from tracelog.stores.cursors import arrived
from tracelog.stores.echoes import Said
from tracelog.stores.trace_quota import Used
from tracelog.stores.values import DUPLICATE, ECHO, STORED, Fates, Row

INSERT: Final = (
    "INSERT INTO entries (trace_id, id, arrived, timestamp, rank, body) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (trace_id, id) DO NOTHING"
)
_KNOWN: Final = "SELECT 1 FROM entries WHERE trace_id = ? AND id = ?"
_USED: Final = (
    "SELECT rows, extra, size, is_critical, since_ms, coalesce(voices, ''), coalesce(forms, '')"
    " FROM quotas LEFT JOIN echoes USING (trace_id) WHERE trace_id = ?"
)
_KEEP: Final = (
    "INSERT OR REPLACE INTO quotas (trace_id, rows, extra, size, is_critical, since_ms)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_REMEMBER: Final = "INSERT OR REPLACE INTO echoes (trace_id, voices, forms) VALUES (?, ?, ?)"


class Told(msgspec.Struct, frozen=True):
    """
    What a quota needs to know of rows: a class letter of each, and a print of each.
    """

    classes: str
    prints: str


class _Trace(msgspec.Struct):
    """
    A trace while rows go into it.
    """

    used: Used
    said: Said
    is_changed: bool = False


def values_of(row: Row) -> tuple[Any, ...]:
    """
    Return what `INSERT` wants of *row*.
    """
    entry, body = row
    return entry.trace_id, entry.id, arrived(entry), entry.timestamp, entry.rank, body


def insert(
    connection: sqlite3.Connection, rows: Sequence[Row], told: Told, quota: TraceQuota, now_ms: float
) -> Fates:
    """
    Store the new ones among *rows* that their traces' quotas admit, charge these, and say what became of all.

    Args:
        connection: In a transaction.
        rows: Entries and their JSON.
        told: Of the rows.
        quota: What one trace may store.
        now_ms: The present, Unix milliseconds.
    """
    traces: dict[str, _Trace] = {}
    fates = []
    for at, (row, class_) in enumerate(zip(rows, told.classes, strict=True)):
        entry, body = row
        if connection.execute(_KNOWN, (entry.trace_id, entry.id)).fetchone() is not None:
            fates.append(DUPLICATE)
            continue
        trace = traces.get(entry.trace_id)
        if trace is None:
            trace = traces[entry.trace_id] = _read(connection, entry.trace_id, quota, now_ms)
        print_ = told.prints[PRINT_CHARS * at : PRINT_CHARS * (at + 1)]
        if trace.said.echoes(print_, quota):
            fates.append(ECHO)
            continue
        fate = trace.used.admit(quota, (class_, len(body)), now_ms)
        if fate == STORED:
            connection.execute(INSERT, values_of(row))
            trace.said.note(print_, now_ms)
            trace.is_changed = True
        fates.append(fate)
    _write(connection, traces)
    return "".join(fates)


def _read(connection: sqlite3.Connection, trace_id: str, quota: TraceQuota, now_ms: float) -> _Trace:
    row = connection.execute(_USED, (trace_id,)).fetchone()
    if row is None:
        return _Trace(Used(), Said())
    used = Used(row[0], row[1], row[2], bool(row[3]), row[4])
    return _Trace(used, Said.read(row[5], row[6], quota, now_ms))


def _write(connection: sqlite3.Connection, traces: dict[str, _Trace]) -> None:
    changed = [(name, trace) for name, trace in traces.items() if trace.is_changed]
    connection.executemany(_KEEP, [(name, *msgspec.structs.astuple(trace.used)) for name, trace in changed])
    connection.executemany(_REMEMBER, [(name, *trace.said.written()) for name, trace in changed])
