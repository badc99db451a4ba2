"""
Rows of the embedded store that go in under a trace's quota, in the transaction of their write.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tracelog.core.prints import PRINT_CHARS
from tracelog.core.quota_settings import TraceQuota
from tracelog.core.quota_values import OWN, OWN_COUNT
from tracelog.stores.cursors import arrived
from tracelog.stores.echoes import Said
from tracelog.stores.notes import Notes
from tracelog.stores.trace_quota import Used
from tracelog.stores.values import DUPLICATE, ECHO, NOTED, STORED, Fates, Row

INSERT: Final = (
    "INSERT INTO entries (trace_id, id, arrived, timestamp, rank, body) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (trace_id, id) DO NOTHING"
)
_KNOWN: Final = "SELECT 1 FROM entries WHERE trace_id = ? AND id = ?"
_USED: Final = (
    "SELECT rows, extra, size, is_critical, since_ms, coalesce(voices, ''), coalesce(forms, ''),"
    " coalesce(own, 0), coalesce(refused, 0), coalesce(notes, ''), coalesce(heard, '')"
    " FROM quotas LEFT JOIN echoes USING (trace_id) LEFT JOIN told USING (trace_id) WHERE trace_id = ?"
)
_KEEP: Final = (
    "INSERT OR REPLACE INTO quotas (trace_id, rows, extra, size, is_critical, since_ms)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
USED: Final = 5
"""Fields of `Used` that stand in the table `quotas`."""

_REMEMBER: Final = "INSERT OR REPLACE INTO echoes (trace_id, voices, forms) VALUES (?, ?, ?)"
_TELL: Final = "INSERT OR REPLACE INTO told (trace_id, own, refused, notes, heard) VALUES (?, ?, ?, ?, ?)"


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
    notes: Notes
    refused: bool = False
    is_changed: bool = False

    def told(self) -> tuple[int, bool, str, str]:
        """
        Return what the table `told` has of it.
        """
        return (self.used.own, self.refused, *self.notes.written())

    def take(self, row: Row, class_: str, print_: str, limits: tuple[TraceQuota, float]) -> str:
        """
        Return what becomes of a row that is new to it, charged, noted or refused.
        """
        entry, body = row
        quota, now_ms = limits
        if class_ in {OWN, OWN_COUNT} and self.notes.knows(entry.id):
            return NOTED
        fate = (
            ECHO if self.said.echoes(print_, quota) else self.used.admit(quota, (class_, len(body)), now_ms)
        )
        if fate == STORED:
            self.said.note(print_, now_ms)
            self.is_changed = True
        elif fate == NOTED:
            self.notes.note(entry, body)
        elif class_ not in {OWN, OWN_COUNT}:
            self.refused = True
        return fate


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
    known: dict[str, Any] = {}
    fates = []
    for at, (row, class_) in enumerate(zip(rows, told.classes, strict=True)):
        entry, _ = row
        if connection.execute(_KNOWN, (entry.trace_id, entry.id)).fetchone() is not None:
            fates.append(DUPLICATE)
            continue
        trace = traces.get(entry.trace_id)
        if trace is None:
            trace = traces[entry.trace_id] = _read(connection, entry.trace_id, quota, now_ms)
            known[entry.trace_id] = trace.told()
        print_ = told.prints[PRINT_CHARS * at : PRINT_CHARS * (at + 1)]
        fate = trace.take(row, class_, print_, (quota, now_ms))
        if fate == STORED:
            connection.execute(INSERT, values_of(row))
        fates.append(fate)
    _write(connection, traces, known)
    return "".join(fates)


def _read(connection: sqlite3.Connection, trace_id: str, quota: TraceQuota, now_ms: float) -> _Trace:
    row = connection.execute(_USED, (trace_id,)).fetchone()
    if row is None:
        return _Trace(Used(), Said(), Notes())
    used = Used(row[0], row[1], row[2], bool(row[3]), row[4], row[7])
    return _Trace(used, Said.read(row[5], row[6], quota, now_ms), Notes(row[9], row[10]), bool(row[8]))


def _write(connection: sqlite3.Connection, traces: dict[str, _Trace], told: dict[str, Any]) -> None:
    """
    Write what changed of *traces* that have something stored; *told* says what was known of them.
    """
    changed = [(name, trace) for name, trace in traces.items() if trace.is_changed]
    connection.executemany(
        _KEEP, [(name, *msgspec.structs.astuple(trace.used)[:USED]) for name, trace in changed]
    )
    connection.executemany(_REMEMBER, [(name, *trace.said.written()) for name, trace in changed])
    connection.executemany(
        _TELL,
        [
            (name, *trace.told())
            for name, trace in traces.items()
            if trace.used.size and trace.told() != told[name]
        ],
    )
