"""
`GET /api/v1/live`: the rows that processors made, as server-sent events.

    id: 1795386722123456        the version of the row, by which a reader resumes (`Last-Event-ID`)
    event: row | update         a new row, or one whose count grew; both have the same `id` in their data
    data: {"id", "count", …}    the entry

    event: gap                  what this reader was too slow for
    data: {"missed": 17}

A row is a state, so who resumes is told the present state of every row that changed meanwhile, and misses
nothing that is still there. One task reads the store for all readers, and an event is encoded once for all.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tracelog.core import query as language
from tracelog.core.entry import Entry, decode_entry
from tracelog.core.live import LiveRow
from tracelog.core.query import Query
from tracelog.core.store_bounds import LIVE_ROWS
from tracelog.errors import StoreUnavailableError
from tracelog.server.asked import number
from tracelog.server.faults import Faults
from tracelog.stores.queues import WATCHED_S, Queue

BEGIN: Final = 200
"""Rows that a new reader is told of, unless it says another number."""

READERS: Final = 500
"""Each holds a connection and a buffer."""

BUFFER_BYTES: Final = 256 * 1024
"""Events that wait for one reader; past it the oldest go, and the reader is told how many."""

HEARTBEAT_S: Final = 15.0
"""Proxies close what is silent, mostly after 30 s or 60 s."""

RETRY_MS: Final = 1_000
"""What a browser waits before it connects again."""

PAGE: Final = 1_000

TRIED: Final = 500
"""Rows that are tried on a search before others have a turn: 5 ms of work at most."""

POLL_S: Final = 0.1
"""Between two looks for what processors of other processes wrote, while somebody reads."""

BEAT: Final = b": still here\n\n"

TYPE: Final = "text/event-stream; charset=utf-8"

STREAMED: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Headers of a stream: nothing on the way keeps it."""


class Chunk(msgspec.Struct, frozen=True):
    """
    Events of one look that pass one filter, as they are sent.
    """

    version: int
    events: int
    data: bytes


class Reader:
    """
    One connection: what waits for it, and what it missed.

    Args:
        wanted: Its filter.
    """

    def __init__(self, wanted: Query) -> None:
        self.wanted = wanted
        self.missed = 0
        self.ended = False
        self._chunks: deque[Chunk] = deque()
        self._size = 0
        self._filled = asyncio.Event()

    def offer(self, chunk: Chunk) -> None:
        """
        Let *chunk* wait; of more than `BUFFER_BYTES` the oldest go, and are counted.
        """
        self._chunks.append(chunk)
        self._size += len(chunk.data)
        while self._size > BUFFER_BYTES and len(self._chunks) > 1:
            gone = self._chunks.popleft()
            self._size -= len(gone.data)
            self.missed += gone.events
        self._filled.set()

    def end(self) -> None:
        self.ended = True
        self._filled.set()

    async def next(self, after: int) -> bytes:
        """
        Return what waits and is later than version *after*, or a heartbeat when nothing comes for a while.
        """
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await self._filled.wait()
        except TimeoutError:
            return BEAT
        self._filled.clear()
        parts = [chunk.data for chunk in self._chunks if chunk.version > after]
        self._chunks.clear()
        self._size = 0
        if self.missed:
            parts.insert(0, b'event: gap\ndata: {"missed":%d}\n\n' % self.missed)
            self.missed = 0
        return b"".join(parts)


class Live:
    """
    The live view of one server process.

    Args:
        queue: Of the store.
        faults: Told what goes wrong.
        clock: Returns Unix milliseconds.
    """

    def __init__(self, queue: Queue, faults: Faults, *, clock: Callable[[], float]) -> None:
        self._queue = queue
        self._faults = faults
        self._clock = clock
        self._readers: set[Reader] = set()
        self._feeding: asyncio.Task[None] | None = None
        self._poked = asyncio.Event()
        self._watched_at = 0.0

    @property
    def readers(self) -> int:
        return len(self._readers)

    def poke(self) -> None:
        """
        Look at the store at once: a processor of this process has written.
        """
        self._poked.set()

    def hurry(self) -> None:
        """
        End every stream; readers connect again elsewhere.
        """
        for reader in self._readers:
            reader.end()

    async def events(self, request: Request) -> Response:
        """
        Answer with the rows behind `Last-Event-ID`, else the latest `limit` that pass, then with what comes.
        """
        wanted = language.parse(request.query_params.get("q", ""), now_ms=self._clock())
        limit = number(request, "limit", BEGIN, most=LIVE_ROWS)
        after = _version(request.headers.get("last-event-id", ""))
        if len(self._readers) >= READERS:
            raise StoreUnavailableError(
                f"{READERS} readers follow the live view of this server; try again later", retry_after=5
            )
        reader = Reader(wanted)
        self._readers.add(reader)
        try:
            newest = await self._begin()
            after = after if after <= newest else -1  # it is of another store, or of one that was emptied
            is_all = after < 0 and not wanted.text
            begun = await self._queue.live(after, limit if is_all else LIVE_ROWS)
        except BaseException:
            self._leave(reader)
            raise
        most = limit if after < 0 else LIVE_ROWS
        stream = self._stream(reader, begun, after, most)
        return StreamingResponse(stream, media_type=TYPE, headers=STREAMED)

    async def _begin(self) -> int:
        """
        See to it that the store is read, and return the last version in it.
        """
        await self._queue.watch()
        rows = await self._queue.live(-1, 1)
        newest = rows[0].version if rows else 0
        if self._feeding is None:
            self._feeding = asyncio.get_running_loop().create_task(self._feed(newest))
        return newest

    async def _stream(
        self, reader: Reader, begun: list[LiveRow], after: int, most: int
    ) -> AsyncIterator[bytes]:
        try:
            told = max([after, *(row.version for row in begun)])
            passing = (await _passing(begun, reader.wanted))[-most:]
            first = [_event(row, entry, is_new=row.born > after) for row, entry in passing]
            yield b"retry: %d\n\n" % RETRY_MS + b"".join(first)
            while not reader.ended:
                if data := await reader.next(told):
                    yield data
        finally:
            self._leave(reader)

    def _leave(self, reader: Reader) -> None:
        self._readers.discard(reader)
        if not self._readers and self._feeding is not None:
            self._feeding.cancel()
            self._feeding = None

    async def _feed(self, at: int) -> None:
        """
        Read what changes after version *at* for all readers, until the last has left.
        """
        while True:
            try:
                at = await self._tell(at)
            except StoreUnavailableError:
                pass  # it is asked again in a moment, and what changed meanwhile is told then
            except Exception as error:
                self._faults.tell(error)
            self._poked.clear()
            try:
                async with asyncio.timeout(max(POLL_S, self._queue.poll_s / 10)):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def _tell(self, at: int) -> int:
        """
        Tell the readers what changed after version *at*, and return the last version.
        """
        now = asyncio.get_running_loop().time()
        if now - self._watched_at > WATCHED_S / 3:
            self._watched_at = now
            await self._queue.watch()
        rows = await self._queue.live(at, PAGE)
        if rows:
            self._offer(rows)
            if len(rows) == PAGE:
                self._poked.set()
        return rows[-1].version if rows else at

    def _offer(self, rows: list[LiveRow]) -> None:
        entries = [(row, _entry(row)) for row in rows]
        events = [(row.version, entry, _event(row, entry, is_new=row.is_new)) for row, entry in entries]
        chunks: dict[str, Chunk | None] = {}
        for reader in self._readers:
            text = reader.wanted.text
            if text not in chunks:
                passing = [(version, data) for version, entry, data in events if reader.wanted(entry)]
                data = b"".join([data for _, data in passing])
                chunks[text] = Chunk(passing[-1][0], len(passing), data) if passing else None
            chunk = chunks[text]
            if chunk is not None:
                reader.offer(chunk)


async def _passing(rows: list[LiveRow], wanted: Query) -> list[tuple[LiveRow, Entry]]:
    """
    Return those of *rows* that *wanted* takes, with the entries that they show; others have turns meanwhile.
    """
    found: list[tuple[LiveRow, Entry]] = []
    for first in range(0, len(rows), TRIED):
        entries = [(row, _entry(row)) for row in rows[first : first + TRIED]]
        found += [(row, entry) for row, entry in entries if wanted(entry)]
        await asyncio.sleep(0)
    return found


def _entry(row: LiveRow) -> Entry:
    """
    Return the entry that *row* shows: the last of them, with the count and the moments of all.
    """
    entry = decode_entry(row.body)
    entry.timestamp = row.first_ms
    if row.count > 1:
        entry.count, entry.last_timestamp = row.count, row.last_ms
    return entry


def _event(row: LiveRow, entry: Entry, *, is_new: bool) -> bytes:
    shown = {**msgspec.to_builtins(entry), "entry_id": entry.id, "id": row.id, "count": row.count}
    kind = b"row" if is_new else b"update"
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (row.version, kind, msgspec.json.encode(shown))


def _version(text: str) -> int:
    """
    Return the version that *text* says, -1 for none: what is no id of ours begins anew.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 17 else -1
