"""
Entries of one parcel as arguments of the script that stores them: the one that the server's store runs, too.

`stores/lua/commit.lua` describes the arguments and is the only writer of a trace's keys. Whoever stores with
it, an id is stored once, every key has a time to live, and lists and counts are right for all readers.
"""

from collections.abc import Sequence
from importlib import resources

import msgspec

from tracelog.core import keys
from tracelog.core.cut import cut_entry
from tracelog.core.ended import argument_of, runs_of
from tracelog.core.entry import DEFAULT_LIMITS, Entry, encode_entry
from tracelog.core.store_bounds import CALL_ROWS, COMMIT_PARTS, LEDGER_TTL_S, MAX_LISTED

Row = tuple[Entry, bytes]
"""An entry and its final JSON."""


class ScriptCall(msgspec.Struct, frozen=True):
    """
    One call: the keys and values it is given, and the rows that the letters of its answer speak of.
    """

    keys: list[str]
    values: list[bytes | str]
    rows: list[Row]


def read_script() -> str:
    """
    Return the script, put together as the store does, so that a server keeps one of it.
    """
    folder = resources.files("tracelog") / "stores" / "lua"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in COMMIT_PARTS)


def seal(entries: Sequence[Entry]) -> list[Row]:
    """
    Return *entries* with the JSON that is stored of each; what is too large is cut, as a server does.
    """
    rows = [(entry, encode_entry(entry)) for entry in entries]
    for place, (entry, body) in enumerate(rows):
        if len(body) > DEFAULT_LIMITS.message:
            smaller = cut_entry(entry)
            rows[place] = smaller, encode_entry(smaller)
    return rows


def script_calls(rows: Sequence[Row], *, now_ms: float, ttl_s: int) -> list[ScriptCall]:
    """
    Return the calls that store *rows*, which are all of one source, whole traces as far as they fit.

    Args:
        rows: Entries and their JSON.
        now_ms: The present by Redis' clock, Unix milliseconds.
        ttl_s: Seconds a trace is kept after its last entry.
    """
    by_trace: dict[str, list[Row]] = {}
    for row in rows:
        by_trace.setdefault(row[0].trace_id, []).append(row)
    slices = [
        (trace_id, part[at : at + CALL_ROWS])
        for trace_id, part in by_trace.items()
        for at in range(0, len(part), CALL_ROWS)
    ]
    calls: list[list[tuple[str, list[Row]]]] = []
    room = 0
    for piece in slices:
        if len(piece[1]) > room:
            calls.append([])
            room = CALL_ROWS
        calls[-1].append(piece)
        room -= len(piece[1])
    return [_call(pieces, now_ms, ttl_s) for pieces in calls]


def _call(pieces: list[tuple[str, list[Row]]], now_ms: float, ttl_s: int) -> ScriptCall:
    rows = [row for _, part in pieces for row in part]
    first = rows[0][0]
    score = max(now_ms, *(entry.timestamp for entry, _ in rows))
    runs = runs_of(entry.seq for entry, _ in rows if entry.seq is not None)
    seq = f"{runs[-1][1] if runs else -1}{argument_of(runs)}"
    names = [*keys.COMMITTED]
    numbers = (score, now_ms - ttl_s * 1000, MAX_LISTED, ttl_s, now_ms, LEDGER_TTL_S)
    values: list[bytes | str] = [*map(repr, numbers), "1", seq, f"{first.system} {first.source or ''}"]
    for trace_id, part in pieces:
        names += [keys.logs(trace_id), keys.companion(keys.IDS, trace_id)]
        values.append("".join("001" if entry.is_error else "000" for entry, _ in part))
        values += [entry.id for entry, _ in part]
        values += [body for _, body in part]
    return ScriptCall(names, values, rows)
