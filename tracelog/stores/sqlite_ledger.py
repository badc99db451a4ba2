"""
The ledger in the embedded store: what every source had stored, what became of the rest, what it says itself.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from tracelog.stores.sqlite_worker import transaction
from tracelog.stores.values import LEDGER_TTL_S, MAX_SOURCES, MAX_TALLIES, Outcome, Tally

_HEARD: Final = (
    "INSERT INTO tallies (source, system, received, duplicate, max_seq, seen_ms) VALUES (?, ?, 0, 0, -1, ?)"
    " ON CONFLICT (source, system) DO UPDATE SET seen_ms = excluded.seen_ms"
)
_COUNT: Final = (
    "INSERT INTO outcomes (source, system, outcome, reason, n) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (source, system, outcome, reason) DO UPDATE SET n = n + excluded.n"
)
_TALLIES: Final = """
SELECT * FROM (
  SELECT source, system, received, duplicate, max_seq, seen_ms FROM tallies
  UNION ALL
  SELECT source, '', 0, 0, -1, seen_ms FROM reports WHERE source NOT IN (SELECT source FROM tallies)
)
WHERE (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR system = ?2)
ORDER BY seen_ms DESC, system DESC, source DESC LIMIT ?3
"""


def report(connection: sqlite3.Connection, source: str, said: bytes, now_ms: float) -> None:
    """
    Keep the last cumulative report of *source*.
    """
    connection.execute(
        "INSERT OR REPLACE INTO reports (source, report, seen_ms) VALUES (?, ?, ?)", (source, said, now_ms)
    )


def count(connection: sqlite3.Connection, outcomes: Sequence[Outcome], now_ms: float) -> None:
    """
    Add to the counts of entries that were not stored.
    """
    with transaction(connection):
        connection.executemany(_HEARD, [(each.source, each.system, now_ms) for each in outcomes])
        connection.executemany(
            _COUNT,
            [
                (each.source, each.system, each.outcome, "_".join(each.reason.split()), each.n)
                for each in outcomes
            ],
        )


def tallies(connection: sqlite3.Connection, source: str | None, system: str | None) -> list[Tally]:
    """
    Return the sources that match, most recently heard first.
    """
    rows = connection.execute(_TALLIES, (source, system, MAX_TALLIES)).fetchall()
    said = {
        name: (seen, text)
        for name, text, seen in connection.execute("SELECT source, report, seen_ms FROM reports")
    }
    return [_tally(connection, row, said) for row in rows]


def trim(connection: sqlite3.Connection, now_ms: float) -> int:
    """
    Remove the sources that nobody heard for `LEDGER_TTL_S` and those past `MAX_SOURCES`; return how many.
    """
    with transaction(connection):
        gone = connection.execute(
            "SELECT source, system FROM tallies WHERE seen_ms < ?1 UNION"
            " SELECT * FROM (SELECT source, system FROM tallies ORDER BY seen_ms DESC LIMIT -1 OFFSET ?2)",
            (now_ms - LEDGER_TTL_S * 1000, MAX_SOURCES),
        ).fetchall()
        connection.executemany("DELETE FROM tallies WHERE source = ? AND system = ?", gone)
        connection.executemany("DELETE FROM outcomes WHERE source = ? AND system = ?", gone)
        connection.execute("DELETE FROM reports WHERE seen_ms < ?", (now_ms - LEDGER_TTL_S * 1000,))
    return len(gone)


def _tally(
    connection: sqlite3.Connection, row: tuple[Any, ...], said: dict[str, tuple[float, bytes]]
) -> Tally:
    source, system, received, duplicate, max_seq, seen_ms = row
    outcomes: dict[str, dict[str, int]] = {}
    for outcome, reason, n in connection.execute(
        "SELECT outcome, reason, n FROM outcomes WHERE source = ? AND system = ?", (source, system)
    ):
        outcomes.setdefault(outcome, {})[reason] = n
    return Tally(
        source=source,
        system=system,
        received=received,
        duplicate=duplicate,
        max_seq=None if max_seq < 0 else max_seq,
        outcomes=outcomes,
        report=said.pop(source, (0.0, None))[1],
        last_seen_ms=seen_ms,
    )
