"""
The ledger in the embedded store: what every source had stored, what became of the rest, what it says itself.
"""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tracelog.core import ended
from tracelog.core.ledger import counts_in, larger
from tracelog.core.store_bounds import LEDGER_TTL_S
from tracelog.stores.books import Others, Sums, leaving, others_of
from tracelog.stores.sqlite_worker import transaction
from tracelog.stores.values import MAX_SAID, MAX_SOURCES, Ends, Outcome, Tally

_HEARD: Final = (
    "INSERT INTO tallies (source, system, received, duplicate, max_seq, seen_ms) VALUES (?, ?, 0, 0, ?, ?)"
    " ON CONFLICT (source, system) DO UPDATE SET"
    " max_seq = max(max_seq, excluded.max_seq), seen_ms = excluded.seen_ms"
)
_COUNT: Final = (
    "INSERT INTO outcomes (source, system, outcome, reason, n) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (source, system, outcome, reason) DO UPDATE SET n = n + excluded.n"
)
_COUNT_BACK: Final = (
    "UPDATE outcomes SET n = max(0, n - ?) WHERE source = ? AND system = ? AND outcome = ? AND reason = ?"
)
_ENDED: Final = "SELECT runs FROM ended WHERE source = ? AND system = ?"
_KEEP_ENDED: Final = "INSERT OR REPLACE INTO ended (source, system, runs) VALUES (?, ?, ?)"
_ADD: Final = (
    "INSERT INTO others (outcome, reason, system, n, seen_ms) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (outcome, reason, system) DO UPDATE SET n = n + excluded.n, seen_ms = excluded.seen_ms"
)
_TALLIES: Final = """
SELECT * FROM (
  SELECT source, system, received, duplicate, max_seq, seen_ms FROM tallies
  UNION ALL
  SELECT source, '', 0, 0, -1, seen_ms FROM reports WHERE source NOT IN (SELECT source FROM tallies)
)
WHERE ?1 IS NULL OR source = ?1
ORDER BY seen_ms DESC, system DESC, source DESC
"""
_UNBOUNDED: Final = """
SELECT (SELECT count(*) FROM tallies) > ?1 OR (SELECT count(*) FROM reports) > ?1
  OR EXISTS (SELECT 1 FROM tallies WHERE seen_ms < ?2) OR EXISTS (SELECT 1 FROM reports WHERE seen_ms < ?2)
  OR EXISTS (SELECT 1 FROM calls WHERE seen_ms < ?2) OR EXISTS (SELECT 1 FROM others WHERE seen_ms < ?2)
"""
_OUTCOMES: Final = "SELECT source, system, outcome, reason, n FROM outcomes WHERE ?1 IS NULL OR source = ?1"
_REPORTS: Final = "SELECT source, report FROM reports WHERE ?1 IS NULL OR source = ?1"
_SAID: Final = "SELECT source, counts FROM said WHERE ?1 IS NULL OR source = ?1"
_OF_SOURCE: Final = ("tallies", "outcomes", "ended", "reports", "said")
"""Tables that name sources."""


def report(connection: sqlite3.Connection, source: str, said: bytes, now_ms: float) -> None:
    """
    Keep the last cumulative report of *source*, and the largest counts of all its reports.
    """
    with transaction(connection):
        row = connection.execute("SELECT counts FROM said WHERE source = ?", (source,)).fetchone()
        old = {} if row is None else msgspec.json.decode(row[0], type=dict[str, int])
        counts = msgspec.json.encode(larger(old, counts_in(said), MAX_SAID))
        connection.execute("INSERT OR REPLACE INTO said (source, counts) VALUES (?, ?)", (source, counts))
        connection.execute(
            "INSERT OR REPLACE INTO reports (source, report, seen_ms) VALUES (?, ?, ?)",
            (source, said, now_ms),
        )


def count(
    connection: sqlite3.Connection,
    outcomes: Sequence[Outcome],
    ends: Sequence[Ends],
    call: str,
    now_ms: float,
) -> None:
    """
    Add to the counts of entries that were not stored, unless *call* was made already.
    """
    with transaction(connection):
        if call and not _is_new(connection, call, now_ms):
            return
        added: Counter[tuple[str, str, str, str]] = Counter()
        for each in outcomes:
            added[each.source, each.system, each.outcome, "_".join(each.reason.split())] += each.n
        heard = {(each.source, each.system): -1 for each in outcomes}
        for one in ends:
            speaker = (one.source, one.system)
            heard[speaker] = max(one.runs[-1][1] if one.runs else -1, heard.get(speaker, -1))
            added.update(_refuse(connection, one))
        connection.executemany(_HEARD, [(*speaker, seq, now_ms) for speaker, seq in heard.items()])
        connection.executemany(_COUNT, [(*what, n) for what, n in added.items()])


def stored(connection: sqlite3.Connection, numbers: Mapping[tuple[str, str], Sequence[int]]) -> None:
    """
    Note that the entries of these running *numbers*, by source and system, are stored; within a transaction.
    """
    for speaker, said in numbers.items():
        known = _known(connection, speaker)
        runs, counted = ended.store(known, ended.runs_of(said))
        if runs != known:
            connection.execute(_KEEP_ENDED, (*speaker, ended.text_of(runs)))
        for why, n in counted.items():
            connection.execute(_COUNT_BACK, (n, *speaker, *why.split("/", 1)))


def tallies(connection: sqlite3.Connection, source: str | None, system: str | None) -> list[Tally]:
    """
    Return the sources that match, most recently heard first, and what stands for those not kept apart.
    """
    rows = _books(connection, source)
    if source is None:
        rows += others_of(_sums(connection), 0.0)
    return [row for row in rows if system is None or row.system == system]


def due(connection: sqlite3.Connection, now_ms: float) -> int:
    """
    Return how many sources `trim` would forget or put together now.
    """
    return sum(1 for _ in leaving(_books(connection, None), now_ms, MAX_SOURCES))


def trim(connection: sqlite3.Connection, now_ms: float) -> int:
    """
    Forget the sources that nobody heard for `LEDGER_TTL_S`, and put those past `MAX_SOURCES` together; return
    how many these were.
    """
    oldest = now_ms - LEDGER_TTL_S * 1000
    with transaction(connection):
        if not connection.execute(_UNBOUNDED, (MAX_SOURCES, oldest)).fetchone()[0]:
            return 0
        kept = Others(_sums(connection))
        gone = []
        for rows, sums in leaving(_books(connection, None), now_ms, MAX_SOURCES):
            more = kept.add(sums)
            connection.executemany(_ADD, [(*what, n, now_ms) for what, n in more.items()])
            gone.append((rows[0].source,))
        for table in _OF_SOURCE:
            connection.executemany(f"DELETE FROM {table} WHERE source = ?", gone)  # noqa: S608 - names of ours
        connection.execute("DELETE FROM calls WHERE seen_ms < ?", (oldest,))
        connection.execute("DELETE FROM others WHERE (SELECT max(seen_ms) FROM others) < ?", (oldest,))
    return len(gone)


def _is_new(connection: sqlite3.Connection, call: str, now_ms: float) -> bool:
    """
    Whether a server's call is not the one it made last; it is from now on.
    """
    server, _, number = call.partition(" ")
    last = connection.execute("SELECT number FROM calls WHERE server = ?", (server,)).fetchone()
    if last == (number,):
        return False
    connection.execute(
        "INSERT OR REPLACE INTO calls (server, number, seen_ms) VALUES (?, ?, ?)", (server, number, now_ms)
    )
    return True


def _refuse(connection: sqlite3.Connection, said: Ends) -> Counter[tuple[str, str, str, str]]:
    """
    Note that the entries of *said* have ended, and return how many were not known to, by reason.
    """
    speaker = (said.source, said.system)
    runs, fresh = ended.refuse(_known(connection, speaker), said.runs)
    connection.execute(_KEEP_ENDED, (*speaker, ended.text_of(runs)))
    return Counter({(*speaker, *_parts(why)): n for why, n in fresh.items()})


def _parts(why: str) -> tuple[str, str]:
    outcome, _, reason = why.partition("/")
    return outcome, reason


def _known(connection: sqlite3.Connection, speaker: tuple[str, str]) -> list[ended.Run]:
    row = connection.execute(_ENDED, speaker).fetchone()
    return [] if row is None else ended.read(row[0])


def _sums(connection: sqlite3.Connection) -> Sums:
    rows = connection.execute("SELECT outcome, reason, system, n FROM others").fetchall()
    return Counter({(outcome, reason, system): n for outcome, reason, system, n in rows})


def _books(connection: sqlite3.Connection, source: str | None) -> list[Tally]:
    """
    Return the sources that are kept apart, or the one, most recently heard first.
    """
    reports = dict(connection.execute(_REPORTS, (source,)))
    said = dict(connection.execute(_SAID, (source,)))
    outcomes: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
    for of_source, system, outcome, reason, n in connection.execute(_OUTCOMES, (source,)):
        outcomes.setdefault((of_source, system), {}).setdefault(outcome, {})[reason] = n
    rows = connection.execute(_TALLIES, (source,)).fetchall()
    return [_tally(row, outcomes, reports, said) for row in rows]


def _tally(
    row: tuple[Any, ...],
    outcomes: dict[tuple[str, str], dict[str, dict[str, int]]],
    reports: dict[str, bytes],
    said: dict[str, bytes],
) -> Tally:
    source, system, received, duplicate, max_seq, seen_ms = row
    report = reports.pop(source, None)
    counts = said.get(source) if report is not None else None
    return Tally(
        source=source,
        system=system,
        received=received,
        duplicate=duplicate,
        max_seq=None if max_seq < 0 else max_seq,
        outcomes=outcomes.get((source, system), {}),
        report=report,
        said=None if counts is None else msgspec.json.decode(counts, type=dict[str, int]),
        last_seen_ms=seen_ms,
    )
