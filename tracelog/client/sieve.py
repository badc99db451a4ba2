"""
The guard on the rows of a client: what the other end would refuse anyway stays here, and is told in few rows.

It is the guard of the server (`core/guard.py`), and costs a few microseconds a row, because rows must be
read to be judged; so it stands in the way only while there is pressure. It sees rows that are redacted
already, and makes its own of these.
"""

from collections import Counter
from copy import copy
from struct import unpack_from
from typing import Final

import msgspec

from tracelog.client.stock import Chunk
from tracelog.core.bounded import Bounded
from tracelog.core.clean import shorten
from tracelog.core.compact import HOLE, Header
from tracelog.core.entry import DEFAULT_LIMITS, ID_CHARS, Entry
from tracelog.core.guard import Guard, GuardSettings
from tracelog.core.row_reader import RowReader
from tracelog.core.wire import DECODE_ERRORS, Mint, Reader
from tracelog.errors import InvalidEntryError

KNOWN: Final = 256
KNOWN_BYTES: Final = 1_024
"""So many rows, or twice as many, of at most this size are known by their bytes: about a megabyte."""

_TIME: Final = b"\xcb"
"""How the time of a row begins, 8 bytes behind the header of the array; the rest is what it says."""

_TIME_AT: Final = 2
_SAID_AT: Final = 10

_ANY_TIME_MS: Final = 1e14
"""No moment of a row lies absurdly beyond it: the clock is our own."""

_SEQ_BYTES: Final = 8


class Sieve:
    """
    Holds rows back and counts them.

    Args:
        header: What the rows share.
        settings: Of the guard.

    Attributes:
        untold: Whether something was held back since `rows` has told everything.
    """

    def __init__(self, header: Header, settings: GuardSettings) -> None:
        self.untold = False
        self._header = header
        self._guard = Guard(settings)
        self._known: Bounded[bytes, Entry] = Bounded(KNOWN)
        self._context: list[Entry] = []

    def __call__(self, chunk: Chunk, now: float) -> Counter[str]:
        """
        Make holes of the rows of *chunk* that go no further, and return how many these are, by reason.

        Args:
            chunk: Its rows and sums are changed.
            now: Seconds, monotonic.
        """
        gone: Counter[str] = Counter()
        reader = self._reader()
        for index, row in enumerate(chunk.rows):
            entry = None if row == HOLE else self._read(reader, chunk.seq + index, row)
            if entry is None or entry.kind is not None:
                continue
            verdict = self._guard.decide(entry, now, critical=entry.is_critical)
            if verdict.kept:
                if entry.is_error:
                    self._release(reader, entry.trace_id)
                continue
            if verdict.held:
                kept = chunk.seq + index
                self._guard.recorder.keep(entry.trace_id, kept.to_bytes(_SEQ_BYTES) + row, entry.timestamp)
            chunk.rows[index] = HOLE
            chunk.size -= len(row) - len(HOLE)
            gone[verdict.word] += 1
        chunk.kept -= gone.total()
        self.untold = self.untold or bool(gone)
        return gone

    def rows(self, now: float, *, all_of_them: bool = False) -> list[Entry]:
        """
        Return the rows that are due at *now*: what an error brought out, and those about entries held back,
        of which *all_of_them* are due when somebody waits.
        """
        context, self._context = self._context, []
        if not all_of_them:
            return context + self._guard.due(now) + self._guard.suppressed_rows(now)
        self.untold = False
        return context + self._guard.so_far()

    def close(self) -> list[Entry]:
        """
        Return all rows that are still to be told.
        """
        self.untold = False
        return self._context + self._guard.close()

    def _reader(self) -> RowReader:
        mint = Mint(trace_id=lambda: "unknown", entry_id=lambda: f"{self._header.source}-?")
        return RowReader(self._header, Reader(_ANY_TIME_MS, mint, DEFAULT_LIMITS), any_time=True)

    def _read(self, reader: RowReader, seq: int, row: bytes) -> Entry | None:
        """
        Return the entry of *row*; None when it cannot be read, which others will say.

        A row that says the same as one before, at another time, need not be decoded.
        """
        is_short = len(row) <= KNOWN_BYTES and row[1:_TIME_AT] == _TIME
        known = self._known.get(row[_SAID_AT:]) if is_short else None
        if known is not None:
            entry = copy(known)
            entry.seq = seq
            entry.id = f"{entry.source}-{seq}"
            entry.timestamp = int(unpack_from(">d", row, _TIME_AT)[0] * 1e6 + 0.5) / 1e3
            return entry
        try:
            entry = reader.read(seq, row)
        except (InvalidEntryError, *DECODE_ERRORS):
            return None
        if is_short:
            self._known.put(row[_SAID_AT:], entry)
        return entry

    def _release(self, reader: RowReader, trace_id: str) -> None:
        """
        Take out what is held of a trace that failed. It is counted as held back, and a copy for the reader.
        """
        for kept in self._guard.recorder.release(trace_id):
            seq = int.from_bytes(kept[:_SEQ_BYTES])
            entry = reader.read(seq, kept[_SEQ_BYTES:])
            name = shorten(f"{entry.id}.c", ID_CHARS)
            self._context.append(msgspec.structs.replace(entry, id=name, kind="context"))
