"""
Rows of one write, packed into the bytes that Redis reads: one script call for many traces.

Written by hand because packing is half the cost of a write: a general client encodes each argument apart,
here one formatting step makes a name, an id or a body. RESP prefixes every string with its length, so no text
of a sender can become a command. Pure; `lua/commit.lua` describes the arguments and reads them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from tracelog.core import keys
from tracelog.core.entry import ERROR_RANK, RANK
from tracelog.stores.values import LEDGER_TTL_S, Row

CALL_ROWS: Final = 2_000
"""Rows a script call: Lua hands some 8,000 values to a command at most, and others are not kept waiting."""

SMALL_ROWS: Final = 16
"""So few rows, of 256 KiB at most each, always fit into one call."""

CALL_BYTES: Final = 4 * 1024 * 1024
"""Bytes a script call, past which the next trace goes into a call of its own."""

MAX_LISTED: Final = 100_000
"""Traces that lists and searches see; older ones are still fetched by id until their time is over."""

_ERROR_LEVELS: Final = frozenset(level for level, rank in RANK.items() if rank >= ERROR_RANK)
_SHARED_KEYS: Final = (keys.RECENT, keys.ERRORS, keys.TALLY)


class Settings(msgspec.Struct, frozen=True):
    """
    What every call carries: the script's digest and how long its keys live, in seconds.
    """

    sha: bytes
    ttl_s: int


class Call(msgspec.Struct, frozen=True):
    """
    One script call: its *pieces* of RESP, and for each letter of the reply the row it speaks of.
    """

    pieces: list[bytes]
    places: list[int]


class _Marks(dict[int, bytes]):
    """
    Number → three characters of base 64 from `0`, each made once.
    """

    def __missing__(self, number: int) -> bytes:
        mark = self[number] = bytes((48 + (number >> 12), 48 + (number >> 6 & 63), 48 + (number & 63)))
        return mark


class _Packed:
    """
    The rows of one write: their packed ids and bodies, and who spoke them.
    """

    __slots__ = ("bodies", "ids", "marks", "score", "seqs", "speakers")

    def __init__(self, score: float) -> None:
        self.ids: list[bytes] = []
        self.bodies: list[bytes] = []
        self.marks: list[bytes] = []
        self.speakers: dict[tuple[str, str | None], int] = {}
        self.seqs: dict[int, int] = {}
        self.score = score


_MARKS: Final = _Marks()


def pack(rows: Sequence[Row], *, now_ms: float, settings: Settings) -> list[Call]:
    """
    Return the script calls that store *rows*, whole traces each.

    Args:
        rows: Entries and their JSON.
        now_ms: The present, Unix milliseconds: the score of these traces unless an entry arrived later.
        settings: The script and its times to live.
    """
    packed = _Packed(now_ms)
    traces: dict[str, list[int]] = {}
    speakers, seqs = packed.speakers, packed.seqs
    for place, (entry, body) in enumerate(rows):
        traces.setdefault(entry.trace_id, []).append(place)
        number = speakers.setdefault((entry.system, entry.source), 2 * len(speakers))
        seq = entry.seq
        if seq is not None and seq > seqs.get(number, -1):
            seqs[number] = seq
        arrived = entry.received_at
        if arrived is None:
            arrived = entry.timestamp
        if arrived > now_ms:
            packed.score = max(packed.score, arrived)
        id_ = entry.id.encode()
        packed.marks.append(_MARKS[number + 1 if entry.level in _ERROR_LEVELS else number])
        packed.ids.append(b"$%d\r\n%b\r\n" % (len(id_), id_))
        packed.bodies.append(b"$%d\r\n%b\r\n" % (len(body), body))
    head = _head(packed, now_ms, settings)
    return [_call(settings.sha, part, packed, head) for part in _parts(traces, packed.bodies)]


def _parts(traces: dict[str, list[int]], bodies: list[bytes]) -> list[list[tuple[str, list[int]]]]:
    """
    Return the traces parted into calls; one call in nearly every case.
    """
    if len(bodies) <= SMALL_ROWS:
        return [list(traces.items())]
    parts: list[list[tuple[str, list[int]]]] = [[]]
    rows = size = 0
    for trace_id, places in traces.items():
        more = sum(len(bodies[at]) for at in places)
        rows, size = rows + len(places), size + more
        if parts[-1] and (rows > CALL_ROWS or size > CALL_BYTES):
            parts.append([])
            rows, size = len(places), more
        parts[-1].append((trace_id, places))
    return parts


def _call(sha: bytes, traces: list[tuple[str, list[int]]], packed: _Packed, head: list[bytes]) -> Call:
    names = [_SHARED]
    values = head.copy()
    order: list[int] = []
    ids, bodies, marks = packed.ids, packed.bodies, packed.marks
    for trace_id, all_places in traces:
        order += all_places
        # A trace larger than one command may be is named again for each slice; the script is still one step.
        for start in range(0, len(all_places), CALL_ROWS):
            places = all_places[start : start + CALL_ROWS]
            names.append(_names(trace_id))
            values.append(b"$%d\r\n%b\r\n" % (3 * len(places), b"".join([marks[at] for at in places])))
            values += [ids[at] for at in places]
            values += [bodies[at] for at in places]
    count = len(_SHARED_KEYS) + 2 * (len(names) - 1)
    start_ = b"*%d\r\n$7\r\nEVALSHA\r\n" % (3 + count + len(values))
    return Call([b"".join((start_, _bulk(sha), _bulk(b"%d" % count), *names, *values))], order)


def _head(packed: _Packed, now_ms: float, settings: Settings) -> list[bytes]:
    """
    Return the arguments that stand before the traces, each packed.
    """
    now = _number(now_ms)
    score = now if packed.score == now_ms else _number(packed.score)
    seqs = " ".join([str(packed.seqs.get(number, -1)) for number in packed.speakers.values()])
    head = [
        score,
        _number(now_ms - settings.ttl_s * 1000),
        _number(MAX_LISTED),
        _number(settings.ttl_s),
        now,
        _LEDGER_TTL,
    ]
    head += (_number(len(packed.speakers)), _bulk(seqs.encode()))
    head += [_name(*speaker) for speaker in packed.speakers]
    return head


def _bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def _number(value: float) -> bytes:
    return _bulk(repr(value).encode())


@lru_cache(maxsize=8192)
def _names(trace_id: str) -> bytes:
    """
    Return the packed names of a trace's list and ids; its next entries ask for them again.
    """
    return _bulk(f"{keys.LOGS}{trace_id}".encode()) + _bulk(f"{keys.IDS}:{{{keys.LOGS}{trace_id}}}".encode())


@lru_cache(maxsize=8192)
def _name(system: str, source: str | None) -> bytes:
    return _bulk(f"{system} {source or ''}".encode())


_SHARED: Final = b"".join(_bulk(key.encode()) for key in _SHARED_KEYS)
_LEDGER_TTL: Final = _number(LEDGER_TTL_S)
