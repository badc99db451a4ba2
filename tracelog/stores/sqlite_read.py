"""
Reading from the embedded store: whole traces, lists of traces, searches. Functions on a connection, no state.
"""

import sqlite3
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any, Final

import msgspec

from tracelog.core.conditions import EVERYTHING, INFINITE, Narrow
from tracelog.core.entry import ERROR_RANK
from tracelog.core.query import Query
from tracelog.stores.cursors import Before, Position, read_place, write_cursor
from tracelog.stores.hits import made, missing, read
from tracelog.stores.notes import Notes
from tracelog.stores.reference import ADMIN, ALERTS, MARKS
from tracelog.stores.sqlite_keep import gone_since
from tracelog.stores.sqlite_schema import LAST_LETTER, MEMORY
from tracelog.stores.sqlite_text import TextIndex
from tracelog.stores.summary import Summary
from tracelog.stores.values import MAX_VISITED, Page, Trace, TraceFilter, TraceSummary

_COLUMNS: Final = "trace_id, expires_at, entries, errors, first_ms, last_ms, systems, opening, failure"
_BEHIND: Final = (
    "arrived <= :arrived AND (-arrived, -timestamp, trace_id, id) > (-:arrived, :at, :after_trace, :after_id)"
)
_TOLD: Final = "SELECT notes, refused FROM told WHERE trace_id = ?"
_NEWEST_FIRST: Final = "ORDER BY arrived DESC, timestamp DESC, trace_id, id"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """
    One search.

    Attributes:
        query: The predicate; *bounds* the times of entries.
        limit: Entries a page; *before* is where the page before ended.
        now_ms: Traces whose time is over by then do not show.
    """

    query: Query
    bounds: Narrow
    limit: int
    before: Before | None
    now_ms: float


def fetch(connection: sqlite3.Connection, trace_id: str, now_ms: float) -> Trace | None:
    """
    Return the trace, or None.
    """
    rows = connection.execute(
        "SELECT body, expires_at, entries FROM traces JOIN entries USING (trace_id)"
        " WHERE trace_id = ? AND expires_at > ? ORDER BY seq",
        (trace_id, now_ms),
    ).fetchall()
    if not rows:
        return None
    _, expires_at, stored = rows[0]
    notes, refused = connection.execute(_TOLD, (trace_id,)).fetchone() or ("", 0)
    noted = Notes(notes).rows()
    return Trace(
        trace_id=trace_id,
        entries=[row[0] for row in rows] + noted,
        expires_at_ms=expires_at,
        stored=stored + len(noted),
        refused=bool(refused),
    )


def exists(connection: sqlite3.Connection, trace_id: str, now_ms: float) -> bool:
    found = connection.execute(
        "SELECT 1 FROM traces WHERE trace_id = ? AND expires_at > ?", (trace_id, now_ms)
    )
    return found.fetchone() is not None


def newest(connection: sqlite3.Connection, moment: str, now_ms: float) -> str | None:
    """
    Return the trace with the latest *moment*, `touched` or `failed`, that is none of the server's own.
    """
    row = connection.execute(
        f"SELECT trace_id FROM traces WHERE {moment} IS NOT NULL AND expires_at > ?"  # noqa: S608 - our names only
        f" AND trace_id NOT IN (?, ?, ?) ORDER BY {moment} DESC, trace_id DESC LIMIT 1",
        (now_ms, MARKS, ADMIN, ALERTS),
    ).fetchone()
    return None if row is None else str(row[0])


def beginning(connection: sqlite3.Connection, prefix: str, limit: int, now_ms: float) -> list[str]:
    """
    Return at most *limit* ids that begin with *prefix*, last written first.
    """
    rows = connection.execute(
        "SELECT trace_id FROM traces WHERE trace_id >= ? AND trace_id < ? AND expires_at > ?"
        " ORDER BY touched DESC, trace_id DESC LIMIT ?",
        (prefix, prefix + LAST_LETTER, now_ms, limit),
    )
    return [trace_id for (trace_id,) in rows]


def traces(connection: sqlite3.Connection, wanted: TraceFilter, now_ms: float) -> Page[TraceSummary]:
    """
    Return a page of traces.
    """
    moment = "failed" if wanted.errors else "touched"
    after = read_place(wanted.cursor)
    name = wanted.q.narrow.trace if wanted.q else ""
    rows = connection.execute(
        f"SELECT {moment}, {_COLUMNS} FROM traces WHERE {moment} >= :since AND expires_at > :now"  # noqa: S608 - our names
        f" AND trace_id >= :name AND trace_id < :name || :last"
        f" AND ({moment}, trace_id) < (:at, :trace) ORDER BY {moment} DESC, trace_id DESC LIMIT :most",
        {
            "since": -INFINITE if wanted.since_ms is None else wanted.since_ms,
            "now": now_ms,
            "at": INFINITE if after is None else after[0],
            "trace": "" if after is None else after[1],
            "most": MAX_VISITED,
            "name": name,
            "last": LAST_LETTER,
        },
    )
    found: list[tuple[Any, ...]] = []
    visited: list[tuple[Any, ...]] = []
    for row in rows:
        visited.append(row)
        if (wanted.system is None or wanted.system in row[7].split(",")) and _holds(
            connection, wanted.q, row[1]
        ):
            found.append(row)
        if len(found) > wanted.limit:
            break
    lines = [_summary(row) for row in found[: wanted.limit]]
    if len(found) > wanted.limit:
        return Page(lines, write_cursor(found[wanted.limit - 1][:2]))
    return Page(lines, write_cursor(visited[-1][:2]) if len(visited) == MAX_VISITED else None)


def search(connection: sqlite3.Connection, index: TextIndex, asked: Asked) -> Page[bytes]:
    """
    Return a page of entries.
    """
    narrow = asked.query.narrow & asked.bounds
    found = index.candidates(connection, narrow.texts)
    if found is None:
        rows = _entries(connection, asked, narrow)
    else:
        seqs, indexed = found
        listed = msgspec.json.encode(seqs).decode()
        rows = merge(
            _entries(
                connection, asked, narrow, "seq IN (SELECT value FROM json_each(:seqs))", {"seqs": listed}
            ),
            _entries(connection, asked, narrow, "seq > :indexed", {"indexed": indexed}),
            key=_position,
        )
    hits = (
        row
        for row in rows
        if read(row[4], asked.query, asked.bounds) is not None and exists(connection, row[2], asked.now_ms)
    )
    page = [(_position(row), row[4]) for row in islice(hits, asked.limit + 1)]
    gone = [] if asked.before is None else gone_since(connection, asked.before.made_ms, asked.now_ms)
    return made(page, asked.limit, asked.now_ms, missing(gone, asked.before))


def facts(connection: sqlite3.Connection, path: str, index: TextIndex) -> dict[str, Any]:
    """
    Return what `health` tells.
    """
    size = connection.execute(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    ).fetchone()[0]
    told = {
        "the text index is off (SQLite without FTS5 trigrams): searches visit every entry": not index.on,
        "the store is in memory: it ends with this process": path == MEMORY,
    }
    return {
        "version": sqlite3.sqlite_version,
        "size_bytes": size,
        "keys": connection.execute("SELECT count(*) FROM traces").fetchone()[0],
        "warnings": [sentence for sentence, holds in told.items() if holds],
    }


def _entries(
    connection: sqlite3.Connection,
    asked: Asked,
    narrow: Narrow,
    more: str = "",
    values: dict[str, Any] | None = None,
) -> Iterator[Any]:
    """
    Return the entries to visit, newest first: (arrived, timestamp, trace_id, id, body).
    """
    after = (-INFINITE, -INFINITE, "", "") if asked.before is None else asked.before.at
    terms = {
        more: bool(more),
        "rank >= 3": narrow.rank >= ERROR_RANK,
        "rank >= :rank": narrow.rank > 0,
        "timestamp >= :since": narrow.since_ms > -INFINITE,
        "timestamp < :until": narrow.until_ms < INFINITE,
        "trace_id >= :trace AND trace_id < :trace_end": bool(narrow.trace),
        _BEHIND: asked.before is not None,
    }
    where = " AND ".join(term for term, needed in terms.items() if needed) or "TRUE"
    return connection.execute(
        f"SELECT arrived, timestamp, trace_id, id, body FROM entries WHERE {where} {_NEWEST_FIRST}",  # noqa: S608 - ours
        {
            **(values or {}),
            "rank": narrow.rank,
            "since": narrow.since_ms,
            "until": narrow.until_ms,
            "trace": narrow.trace,
            "trace_end": narrow.trace + LAST_LETTER,
            "arrived": -after[0],
            "at": after[1],
            "after_trace": after[2],
            "after_id": after[3],
        },
    )


def _holds(connection: sqlite3.Connection, query: Query | None, trace_id: str) -> bool:
    if query is None:
        return True
    rows = connection.execute(
        "SELECT body FROM entries WHERE trace_id = ? AND rank >= ?", (trace_id, query.narrow.rank)
    )
    return any(read(body, query, EVERYTHING) is not None for (body,) in rows)


def _position(row: tuple[Any, ...]) -> Position:
    return (-row[0], -row[1], row[2], row[3])


def _summary(row: tuple[Any, ...]) -> TraceSummary:
    _, trace_id, expires_at, entries, errors, first_ms, last_ms, systems, opening, failure = row
    summary = Summary(trace_id, entries, errors, first_ms, last_ms, systems.split(","), opening, failure)
    return summary.view(expires_at_ms=expires_at)
