"""
Rows for a cluster: a script call for each trace, to the node of the trace, and one for what traces share.

The second is told what became of the first, so it comes afterwards; what it tells is kept until it was heard.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from tracelog.core import keys
from tracelog.core.ended import Run, runs_of, store, text_of
from tracelog.core.store_bounds import CALL_ROWS, LEDGER_TTL_S, MAX_LISTED
from tracelog.stores.redis_arguments import limited_names_of, names_of
from tracelog.stores.redis_nodes import Request
from tracelog.stores.redis_pack import CALL_BYTES, Packed, Settings
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


class Growth(msgspec.Struct):
    """
    What was stored of one trace: when at last, entries and errors, of which systems, and whether it is new.
    """

    score: float = 0.0
    entries: int = 0
    errors: int = 0
    is_new: bool = False
    systems: dict[str, None] = {}

    def add(self, other: "Growth") -> None:
        self.score = max(self.score, other.score)
        self.entries += other.entries
        self.errors += other.errors
        self.is_new = self.is_new or other.is_new
        self.systems |= other.systems

    def arguments(self) -> tuple[Any, ...]:
        return self.score, self.entries, self.errors, int(self.is_new), ",".join(self.systems)


class Shared(msgspec.Struct):
    """
    What is still to be told to the keys that traces share.

    Attributes:
        written: Trace → score of its last write; *failed* of its last error's write.
        again: Trace → score of a write that only repeated entries; *failed_again* of one with errors.
        speakers: `system source` → what it said.
        grown: Trace → what was stored of it.
        queued: The JSON of what was stored, for processors.
    """

    written: dict[str, float] = {}
    failed: dict[str, float] = {}
    again: dict[str, float] = {}
    failed_again: dict[str, float] = {}
    speakers: dict[str, Spoken] = {}
    grown: dict[str, Growth] = {}
    queued: list[bytes] = []

    def __len__(self) -> int:
        return sum(map(len, self._maps()))

    def note(self, rows: Sequence[Row], letters: str, packed: Packed, *, is_new: bool) -> None:
        """
        Note what became of *rows* of one trace, and whether they made it.
        """
        numbers: dict[str, list[int]] = {}
        grown = Growth(packed.score, is_new=is_new)
        for (entry, body), letter in zip(rows, letters, strict=True):
            if letter not in (STORED, DUPLICATE):
                continue
            stored = letter == STORED
            self._list(entry.trace_id, packed.score, is_new=stored, is_error=entry.is_error)
            if stored:
                self.queued.append(body)
                grown.add(Growth(0.0, 1, entry.is_error, systems={entry.system: None}))
            name = f"{entry.system} {entry.source or ''}"
            spoken = self.speakers.setdefault(name, Spoken())
            spoken.stored += stored
            spoken.known += not stored
            spoken.seq = max(spoken.seq, packed.seqs.get(packed.speakers[entry.system, entry.source], -1))
            if entry.seq is not None:
                numbers.setdefault(name, []).append(entry.seq)
        for name, said in numbers.items():
            self.speakers[name].add(Spoken(runs=runs_of(said)))
        if grown.entries:
            self.grown.setdefault(rows[0][0].trace_id, Growth()).add(grown)

    def take(self, most: int) -> "Shared":
        """
        Take out and return a part with at most so many traces and sources of each kind.
        """
        part = Shared()
        for mine, theirs in zip(self._maps(), part._maps(), strict=True):
            for name in list(islice(mine, most)):
                theirs[name] = mine.pop(name)
        part.queued = [*fitting(self.queued, most)]
        del self.queued[: len(part.queued)]
        return part

    @property
    def waits(self) -> bool:
        """
        Whether there is something to tell.
        """
        return bool(len(self) or self.queued)

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
        if counted:
            return
        self.queued += other.queued
        for name, spoken in other.speakers.items():
            self.speakers.setdefault(name, Spoken()).add(spoken)
        for trace_id, grown in other.grown.items():
            self.grown.setdefault(trace_id, Growth()).add(grown)

    def request(self, now_ms: float, ttl_s: int, call: tuple[str, str]) -> Request:
        """
        Return the request that tells all this, once: *call* is where it is noted, and as what.
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
            len(keys.COMMITTED),
            *keys.COMMITTED,
            *(now_ms - ttl_s * 1000, MAX_LISTED, ttl_s, now_ms, LEDGER_TTL_S),
            len(self.speakers),
            *speakers,
            *traces,
            len(self.grown),
            *(part for trace_id, each in self.grown.items() for part in (trace_id, *each.arguments())),
            *call,
            *self.queued,
        )
        return Request(keys.RECENT.encode(), packed, SHARE)

    def _maps(self) -> tuple[dict[str, Any], ...]:
        return self.written, self.failed, self.again, self.failed_again, self.speakers, self.grown

    def _list(self, trace_id: str, score: float, *, is_new: bool, is_error: bool) -> None:
        listed, failed = (self.written, self.failed) if is_new else (self.again, self.failed_again)
        listed[trace_id] = max(score, listed.get(trace_id, score))
        if is_error:
            failed[trace_id] = max(score, failed.get(trace_id, score))


def fitting(bodies: Sequence[bytes], most: int) -> Iterator[bytes]:
    """
    Yield the first of *bodies*, at least one of any, so many that one call holds them.
    """
    size = 0
    for body in bodies[:most]:
        if size and size + len(body) > CALL_BYTES:
            return
        size += len(body)
        yield body


def _pairs(scores: dict[str, float]) -> list[Any]:
    return [part for trace_id, score in scores.items() for part in (score, trace_id)]
