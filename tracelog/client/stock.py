"""
Rows that wait for a sink, in order, and which of them go first when there is no room: the lowest level, and
the oldest within it. Pure: it moves rows and says how many.
"""

from collections import deque
from typing import Final, NamedTuple

import msgspec

from tracelog.core.compact import HOLE
from tracelog.core.entry import LEVELS, RANK

CHUNK_ROWS: Final = 5_000
CHUNK_BYTES: Final = 1024 * 1024
"""One request's worth: at 5,000 rows the transport costs next to nothing per entry, and a server decodes a
megabyte in a few milliseconds."""

_LEVEL_AT: Final = 11
"""Where a row says its level: behind the header of the array, 9 bytes of time and the header of meta."""

_RANKS: Final = tuple(RANK[level] for level in LEVELS)


class Chunk(msgspec.Struct):
    """
    Rows with running numbers from *seq* on.

    Attributes:
        kept: How many of the rows are entries; the others are holes.
        size: Bytes in all.
        floor: Rank below which nothing is left, so that it is not looked for again.
    """

    seq: int
    rows: list[bytes]
    kept: int
    size: int
    floor: int = 0


class Amount(NamedTuple):
    """
    So many entries, and so many bytes.
    """

    entries: int
    size: int


class Stock:
    """
    Chunks, oldest first.
    """

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()

    def __bool__(self) -> bool:
        return bool(self._chunks)

    @property
    def oldest(self) -> int | None:
        """
        The number of the first row, or None.
        """
        return self._chunks[0].seq if self._chunks else None

    def put(self, chunk: Chunk) -> None:
        """
        Add *chunk* behind the others; small ones that follow each other become one.
        """
        last = self._chunks[-1] if self._chunks else None
        if last is None or last.seq + len(last.rows) != chunk.seq or not _fit_together(last, chunk):
            self._chunks.append(chunk)
            return
        last.rows.extend(chunk.rows)
        last.kept += chunk.kept
        last.size += chunk.size
        last.floor = min(last.floor, chunk.floor)

    @property
    def amount(self) -> Amount:
        """
        What is in it.
        """
        kept = sum(chunk.kept for chunk in self._chunks)
        return Amount(kept, sum(chunk.size for chunk in self._chunks))

    def behind(self, seq: int) -> list[Chunk]:
        """
        Return what is in it from number *seq* on, in chunks of their own.
        """
        chunks = [chunk for chunk in self._chunks if chunk.seq + len(chunk.rows) > seq]
        return [_part(chunk, max(0, seq - chunk.seq), None) for chunk in chunks]

    def before(self, seq: int) -> list[Chunk]:
        """
        Return what is in it before number *seq*, in chunks of their own.
        """
        return [_part(chunk, 0, seq - chunk.seq) for chunk in self._chunks if chunk.seq < seq]

    def put_back(self, chunk: Chunk) -> None:
        """
        Put *chunk*, which was taken, in front again.
        """
        self._chunks.appendleft(chunk)

    def take(self, most_rows: int) -> Chunk | None:
        """
        Return at most *most_rows* rows and, unless a single row is larger, `CHUNK_BYTES` off the front.
        """
        if not self._chunks:
            return None
        chunk = self._chunks[0]
        if len(chunk.rows) <= most_rows and chunk.size <= CHUNK_BYTES:
            return self._chunks.popleft()
        front = _split(chunk, most_rows)
        if not chunk.rows:
            self._chunks.popleft()
        return front

    def lighten(self, wanted: Amount) -> Amount:
        """
        Take out at least the *wanted* amount, as far as there is so much, and return how much went.
        """
        gone = freed = 0
        for rank in range(max(_RANKS) + 1):
            for chunk in self._chunks:
                if gone >= wanted.entries and freed >= wanted.size:
                    break
                if chunk.floor <= rank:
                    went = _lighten(chunk, rank, Amount(wanted.entries - gone, wanted.size - freed))
                    gone, freed = gone + went.entries, freed + went.size
        empty = [chunk for chunk in self._chunks if not chunk.kept]
        self._chunks = deque(chunk for chunk in self._chunks if chunk.kept)
        return Amount(gone, freed + sum(chunk.size for chunk in empty))


def stock_of(chunks: list[Chunk]) -> Stock:
    """
    Return a stock of *chunks*, which it takes over.
    """
    stock = Stock()
    for chunk in chunks:
        stock.put(chunk)
    return stock


def withhold(chunk: Chunk, below: int) -> Amount:
    """
    Make holes of all rows of *chunk* whose rank is less than *below*, and return how much went.
    """
    most = Amount(len(chunk.rows) + 1, chunk.size + 1)
    went = [_lighten(chunk, rank, most) for rank in range(below)]
    return Amount(sum(part.entries for part in went), sum(part.size for part in went))


def _part(chunk: Chunk, first: int, end: int | None) -> Chunk:
    rows = chunk.rows[first:end]
    if len(rows) == len(chunk.rows):
        return Chunk(chunk.seq, rows, chunk.kept, chunk.size, chunk.floor)
    return Chunk(chunk.seq + first, rows, len(rows) - rows.count(HOLE), sum(map(len, rows)), chunk.floor)


def _fit_together(last: Chunk, chunk: Chunk) -> bool:
    return len(last.rows) + len(chunk.rows) <= CHUNK_ROWS and last.size + chunk.size <= CHUNK_BYTES


def _split(chunk: Chunk, most_rows: int) -> Chunk:
    """
    Take rows off the front of *chunk*. How many is guessed from their size: going row by row costs more.
    """
    count = min(len(chunk.rows), most_rows)
    size = sum(map(len, chunk.rows[:count]))
    while count > 1 and size > CHUNK_BYTES:
        count = max(1, min(count - 1, count * CHUNK_BYTES // size))
        size = sum(map(len, chunk.rows[:count]))
    rows = chunk.rows[:count]
    front = Chunk(chunk.seq, rows, count - rows.count(HOLE), size, chunk.floor)
    del chunk.rows[:count]
    chunk.seq += count
    chunk.kept -= front.kept
    chunk.size -= size
    return front


def _lighten(chunk: Chunk, rank: int, wanted: Amount) -> Amount:
    """
    Make holes of the first rows of *rank* in *chunk* until the *wanted* amount is reached.
    """
    gone = freed = 0
    for index, row in enumerate(chunk.rows):
        if gone >= wanted.entries and freed >= wanted.size:
            break
        if len(row) > _LEVEL_AT and _rank(row) == rank:
            chunk.rows[index] = HOLE
            gone, freed = gone + 1, freed + len(row) - len(HOLE)
    else:
        chunk.floor = rank + 1
    chunk.kept -= gone
    chunk.size -= freed
    return Amount(gone, freed)


def _rank(row: bytes) -> int:
    level = row[_LEVEL_AT]
    return _RANKS[level] if level < len(_RANKS) else RANK["info"]
