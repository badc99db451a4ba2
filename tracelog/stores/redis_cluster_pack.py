"""
Rows for a cluster: a script call for each trace, to the node of the trace, and one for what traces share.

The second is told what became of the first, so it comes afterwards; what it tells is kept until it was heard.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec

from tracelog.core import keys
from tracelog.core.ended import Run, runs_of, store, text_of
from tracelog.core.store_bounds import CALL_ROWS, LEDGER_TTL_S, MAX_LISTED
from tracelog.stores.redis_arguments import limited_names_of, names_of
from tracelog.stores.redis_nodes import Request
from tracelog.stores.redis_pack import Packed, Settings
from tracelog.stores.redis_resp import bulk, command, number
from tracelog.stores.redis_scripts import KEEP, KEEP_LIMITED, SHARE, sha_of
from tracelog.stores.redis_told import limits_of
from tracelog.stores.values import DUPLICATE, STORED, Row


class TraceCall(msgspec.Struct, frozen=True):
    """
    The request that stores rows of one trace, and the places these have in the write.
    """

    request: Request
    places: list[int]


def pack_traces(packed: Packed, settings: Settings) -> list[TraceCall]:
    """
    Return the calls that store *packed*, at least one for each trace.
    """
    script = KEEP if settings.quota is None else KEEP_LIMITED
    calls = []
    end = 0
    for trace_id, count in packed.traces.items():
        first, end = end, end + count
        for start in range(first, end, CALL_ROWS):
            to = min(end, start + CALL_ROWS)
            key = f"{keys.LOGS}{trace_id}".encode()
            request = Request(key, _keep(trace_id, packed, range(start, to), settings), script)
            calls.append(TraceCall(request, packed.order[start:to]))
    return calls


def _keep(trace_id: str, packed: Packed, columns: range, settings: Settings) -> bytes:
    is_free = settings.quota is None
    names = names_of(trace_id) if is_free else limited_names_of(trace_id)
    tail = limits_of(settings.quota, packed.now_ms)
    sha = sha_of(KEEP if is_free else KEEP_LIMITED)
    start, to = columns.start, columns.stop
    count = 5 + (2 if is_free else 3) + 2 * len(columns) + len(tail)
    return b"".join(
        (
            b"*%d\r\n$7\r\nEVALSHA" % count,
            bulk(sha),
            b"\r\n$1\r\n2" if is_free else b"\r\n$1\r\n3",
            names,
            number(settings.ttl_s),
            bulk(packed.told.of(start, to)),
            *packed.ids[2 * start : 2 * to],
            *packed.bodies[2 * start : 2 * to],
            *tail,
            b"\r\n",
        )
    )


class Spoken(msgspec.Struct):
    """
    What one speaker said: its largest running number, entries stored, entries repeated, and their numbers.
    """

    seq: int = -1
    stored: int = 0
    known: int = 0
    runs: list[Run] = []

    def add(self, other: "Spoken") -> None:
        self.seq = max(self.seq, other.seq)
        self.stored += other.stored
        self.known += other.known
        self.runs, _ = store(self.runs, other.runs)


class Shared(msgspec.Struct):
    """
    What is still to be told to the keys that traces share.

    Attributes:
        written: Trace → score of its last write; *failed* of its last error's write.
        again: Trace → score of a write that only repeated entries; *failed_again* of one with errors.
        speakers: `system source` → what it said.
    """

    written: dict[str, float] = {}
    failed: dict[str, float] = {}
    again: dict[str, float] = {}
    failed_again: dict[str, float] = {}
    speakers: dict[str, Spoken] = {}

    def __len__(self) -> int:
        return sum(map(len, msgspec.structs.astuple(self)))

    def note(self, rows: Sequence[Row], places: list[int], letters: str, packed: Packed) -> None:
        """
        Note what became of the rows at *places*.
        """
        numbers: dict[str, list[int]] = {}
        for place, letter in zip(places, letters, strict=True):
            if letter not in (STORED, DUPLICATE):
                continue
            entry, is_new = rows[place][0], letter == STORED
            self._list(entry.trace_id, packed.score, is_new=is_new, is_error=entry.is_error)
            name = f"{entry.system} {entry.source or ''}"
            spoken = self.speakers.setdefault(name, Spoken())
            spoken.stored += is_new
            spoken.known += not is_new
            spoken.seq = max(spoken.seq, packed.seqs.get(packed.speakers[entry.system, entry.source], -1))
            if entry.seq is not None:
                numbers.setdefault(name, []).append(entry.seq)
        for name, said in numbers.items():
            self.speakers[name].add(Spoken(runs=runs_of(said)))

    def take(self, most: int) -> "Shared":
        """
        Take out and return a part with at most so many traces and sources of each kind.
        """
        part = Shared()
        for mine, theirs in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(part), strict=True):
            for name in list(islice(mine, most)):
                theirs[name] = mine.pop(name)
        return part

    def add(self, other: "Shared", *, counted: bool) -> None:
        """
        Add what *other* tells; without its counts where these were *counted* already.
        """
        for mine, more in (
            (self.written, other.written),
            (self.failed, other.failed),
            (self.again, other.again),
            (self.failed_again, other.failed_again),
        ):
            for trace_id, score in more.items():
                mine[trace_id] = max(score, mine.get(trace_id, score))
        for name, spoken in other.speakers.items() if not counted else ():
            self.speakers.setdefault(name, Spoken()).add(spoken)

    def request(self, now_ms: float, ttl_s: int) -> Request:
        """
        Return the request that tells all this.
        """
        speakers: list[Any] = [
            part
            for name, each in self.speakers.items()
            for part in (name, each.seq, each.stored, each.known, text_of(each.runs))
        ]
        parts = (self.written, self.failed, self.again, self.failed_again)
        traces = [part for each in parts for part in (len(each), *_pairs(each))]
        packed = command(
            "EVALSHA",
            sha_of(SHARE),
            4,
            *(keys.RECENT, keys.ERRORS, keys.TALLY, keys.OUTCOMES),
            *(now_ms - ttl_s * 1000, MAX_LISTED, ttl_s, now_ms, LEDGER_TTL_S),
            len(self.speakers),
            *speakers,
            *traces,
        )
        return Request(keys.RECENT.encode(), packed, SHARE)

    def _list(self, trace_id: str, score: float, *, is_new: bool, is_error: bool) -> None:
        listed, failed = (self.written, self.failed) if is_new else (self.again, self.failed_again)
        listed[trace_id] = max(score, listed.get(trace_id, score))
        if is_error:
            failed[trace_id] = max(score, failed.get(trace_id, score))


def _pairs(scores: dict[str, float]) -> list[Any]:
    return [part for trace_id, score in scores.items() for part in (score, trace_id)]
