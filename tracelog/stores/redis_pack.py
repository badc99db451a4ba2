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
from tracelog.core.ended import runs_of
from tracelog.core.entry import ERROR_RANK, RANK
from tracelog.core.quota_settings import TraceQuota
from tracelog.core.store_bounds import CALL_ROWS, LEDGER_TTL_S, MAX_LISTED
from tracelog.stores.redis_arguments import limited_names_of, names_of, runs_text
from tracelog.stores.redis_resp import bulk, number
from tracelog.stores.redis_scripts import COMMIT, COMMIT_LIMITED, sha_of
from tracelog.stores.redis_told import UNTOLD, Told, limits_of
from tracelog.stores.values import Row

SMALL_ROWS: Final = 16
"""So few rows, of 256 KiB at most each, always fit into one call."""

CALL_BYTES: Final = 4 * 1024 * 1024
"""Bytes a script call, past which the next trace goes into a call of its own."""

CHUNK_BYTES: Final = 48 * 1024
"""About so large are the pieces of a call. From 128 KiB the allocator asks the kernel for fresh pages each
time, which cost six times as much as the copying itself."""

CACHED_LENGTHS: Final = 4_096
"""Lengths up to this are common enough to remember what stands before them."""

_ERROR_LEVELS: Final = frozenset(level for level, rank in RANK.items() if rank >= ERROR_RANK)
_SHARED_KEYS: Final = keys.COMMITTED


class Settings(msgspec.Struct, frozen=True):
    """
    What every call carries: how long its keys live, in seconds, and what a trace may store.
    """

    ttl_s: int
    quota: TraceQuota | None = None

    @property
    def script(self) -> str:
        return COMMIT if self.quota is None else COMMIT_LIMITED


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


class _Lengths(dict[int, bytes]):
    """
    Length of a value → what stands before it in RESP; it ends the value before, too. Each made once.
    """

    def __missing__(self, length: int) -> bytes:
        before = b"\r\n$%d\r\n" % length
        if length < CACHED_LENGTHS:
            self[length] = before
        return before


class Packed:
    """
    The rows of one write in columns, those of a trace side by side: ids and bodies as RESP, two pieces each,
    marks, sizes and what a quota is told; and who spoke them.

    Attributes:
        order: For each column's row, its place in the write.
        traces: Trace id → how many rows of the columns are its own, in their order.
        score: When these traces were last written; *now_ms* is the present.
        runs: Speaker → first and last number of each run of neighbours, in the order of the rows.
    """

    __slots__ = (
        "bodies",
        "ids",
        "marks",
        "now_ms",
        "order",
        "runs",
        "score",
        "seqs",
        "sizes",
        "speakers",
        "told",
        "traces",
    )

    def __init__(self, rows: Sequence[Row], now_ms: float, told: Told) -> None:
        self.speakers: dict[tuple[str, str | None], int] = {}
        self.seqs: dict[int, int] = {}
        self.runs: dict[int, list[int]] = {}
        self.score = self.now_ms = now_ms
        places: dict[str, list[int]] = {}
        marks = self._read(rows, places)
        self.traces = {trace_id: len(of_it) for trace_id, of_it in places.items()}
        self.order = [at for of_it in places.values() for at in of_it]
        self.sizes = [len(rows[at][1]) for at in self.order]
        self.ids = _bulks([rows[at][0].id.encode() for at in self.order])
        self.bodies = _bulks([rows[at][1] for at in self.order])
        self.marks = [marks[at] for at in self.order]
        self.told = told.ordered(self.order)

    def _read(self, rows: Sequence[Row], places: dict[str, list[int]]) -> list[bytes]:
        speakers, seqs, score = self.speakers, self.seqs, self.score
        marks = []
        system: str | None = None
        source: str | None = None
        speaker = high = -1
        runs: list[int] = []
        for place, (entry, _) in enumerate(rows):
            of_it = places.get(entry.trace_id)
            if of_it is None:
                places[entry.trace_id] = [place]
            else:
                of_it.append(place)
            if entry.source != source or entry.system != system:
                system, source = entry.system, entry.source
                speaker = speakers.setdefault((system, source), 2 * len(speakers))
                high = seqs.get(speaker, -1)
                runs = self.runs.setdefault(speaker, [])
            seq = entry.seq
            if seq is not None:
                if runs and seq == runs[-1] + 1:
                    runs[-1] = seq
                else:
                    runs += (seq, seq)
                if seq > high:
                    high = seqs[speaker] = seq
            arrived = entry.timestamp if entry.received_at is None else entry.received_at
            score = max(score, arrived)
            marks.append(_MARKS[speaker + 1 if entry.level in _ERROR_LEVELS else speaker])
        self.score = score
        return marks


_MARKS: Final = _Marks()
_LENGTHS: Final = _Lengths()


def pack(rows: Sequence[Row], *, now_ms: float, settings: Settings, told: Told = UNTOLD) -> list[Call]:
    """
    Return the script calls that store *rows*, whole traces each.

    Args:
        rows: Entries and their JSON.
        now_ms: The present, Unix milliseconds: the score of these traces unless an entry arrived later.
        settings: Times to live, and the quota of a trace.
        told: Of the rows; needed with a quota.
    """
    packed = Packed(rows, now_ms, told)
    parts = _parts(packed)
    if len(parts) == 1:
        return [_call(parts[0], packed, _head(packed, packed.runs, now_ms, settings), settings)]
    return [
        _call(part, packed, _head(packed, _runs_in(rows, packed, part), now_ms, settings), settings)
        for part in parts
    ]


def _runs_in(rows: Sequence[Row], packed: Packed, part: list[tuple[str, int, int]]) -> dict[int, list[int]]:
    """
    Return the running numbers of the rows of one *part* of a write, as `Packed.runs` has those of all.
    """
    numbers: dict[int, list[int]] = {}
    for at in packed.order[part[0][1] : part[-1][2]]:
        entry = rows[at][0]
        if entry.seq is not None:
            numbers.setdefault(packed.speakers[entry.system, entry.source], []).append(entry.seq)
    return {
        speaker: [number for first, last, _ in runs_of(said) for number in (first, last)]
        for speaker, said in numbers.items()
    }


def _parts(packed: Packed) -> list[list[tuple[str, int, int]]]:
    """
    Return the traces, each with the range of its rows, parted into calls; one call in nearly every case.
    """
    sizes = packed.sizes
    ranges: list[tuple[str, int, int]] = []
    end = 0
    for trace_id, count in packed.traces.items():
        ranges.append((trace_id, end, end + count))
        end += count
    if end <= SMALL_ROWS or (end <= CALL_ROWS and sum(sizes) <= CALL_BYTES):
        return [ranges]
    parts: list[list[tuple[str, int, int]]] = [[]]
    rows = size = 0
    for trace_id, start, end in ranges:
        more = sum(sizes[start:end])
        rows, size = rows + end - start, size + more
        if parts[-1] and (rows > CALL_ROWS or size > CALL_BYTES):
            parts.append([])
            rows, size = end - start, more
        parts[-1].append((trace_id, start, end))
    return parts


def _call(traces: list[tuple[str, int, int]], packed: Packed, head: list[bytes], settings: Settings) -> Call:
    name = names_of if settings.quota is None else limited_names_of
    names = [_SHARED]
    values = [*head]
    slices = 0
    for trace_id, first, end in traces:
        # A trace larger than one command may be is named again for each slice; the script is still one step.
        for start in range(first, end, CALL_ROWS):
            to = min(end, start + CALL_ROWS)
            names.append(name(trace_id))
            marks = b"".join(packed.marks[start:to]) + packed.told.of(start, to)
            values += (_LENGTHS[len(marks)], marks)
            values += packed.ids[2 * start : 2 * to]
            values += packed.bodies[2 * start : 2 * to]
            slices += 1
    first, end = traces[0][1], traces[-1][2]
    tail = limits_of(settings.quota, packed.now_ms)
    names_ = len(_SHARED_KEYS) + (2 if settings.quota is None else 3) * slices
    count = 3 + names_ + len(head) + slices + 2 * (end - first) + len(tail)
    start_ = b"*%d\r\n$7\r\nEVALSHA" % count
    values[:0] = (start_, *_bulks([sha_of(settings.script), b"%d" % names_]), *names)
    values += (*tail, b"\r\n")
    step = max(1, CHUNK_BYTES * len(values) // (sum(packed.sizes[first:end]) + 1))
    pieces = [b"".join(values[at : at + step]) for at in range(0, len(values), step)]
    return Call(pieces, packed.order[first:end])


def _bulks(values: list[bytes]) -> list[bytes]:
    """
    Return *values* as RESP's bulk strings, in pieces: what stands before each, and it. The last has no end.
    """
    pieces = [b""] * (2 * len(values))
    pieces[::2] = map(_LENGTHS.__getitem__, map(len, values))
    pieces[1::2] = values
    return pieces


def _head(packed: Packed, runs: dict[int, list[int]], now_ms: float, settings: Settings) -> list[bytes]:
    """
    Return the arguments that stand before the traces, each packed; *runs* are the numbers that these hold.
    """
    now = number(now_ms)
    score = now if packed.score == now_ms else number(packed.score)
    seqs = [f"{packed.seqs.get(at, -1)}{runs_text(runs.get(at, ()))}" for at in packed.speakers.values()]
    head = [
        score,
        number(now_ms - settings.ttl_s * 1000),
        number(MAX_LISTED),
        number(settings.ttl_s),
        now,
        _LEDGER_TTL,
    ]
    head += (number(len(packed.speakers)), bulk(" ".join(seqs).encode()))
    head += [_name(*speaker) for speaker in packed.speakers]
    return head


@lru_cache(maxsize=8192)
def _name(system: str, source: str | None) -> bytes:
    return bulk(f"{system} {source or ''}".encode())


_SHARED: Final = b"".join(bulk(key.encode()) for key in _SHARED_KEYS)
_LEDGER_TTL: Final = number(LEDGER_TTL_S)
