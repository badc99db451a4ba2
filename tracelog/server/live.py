"""
`GET /api/v1/live`: the rows that processors made, as server-sent events.

    id: 1795386722123456        the version of the row, by which a reader resumes (`Last-Event-ID`)
    event: row | update         a new row, or one whose count grew; both have the same `id` in their data
    data: {"id", "count", …}    the entry

    event: gap                  what this reader was too slow for
    data: {"missed": 17}

    event: store                the store cannot be read any more, or is read again
    data: {"ok": false, "cause": "…"}

A row is a state, so who resumes is told the present state of every row that changed meanwhile, and misses
nothing that is still there. One task reads the store for all readers, and an event is encoded once for all.
"""

import asyncio
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
from tracelog.server.live_reader import Chunk, Reader
from tracelog.stores.queues import WATCHED_S, Queue

BEGIN: Final = 200
"""Rows that a new reader is told of, unless it says another number."""

READERS: Final = 500
"""Each holds a connection and a buffer."""

RETRY_MS: Final = 1_000
"""What a browser waits before it connects again."""

PAGE: Final = 1_000

TRIED: Final = 500
"""Rows that are tried on a search before others have a turn: 5 ms of work at most."""

POLL_S: Final = 0.1
"""Between two looks for what processors of other processes wrote, while somebody reads."""

TYPE: Final = "text/event-stream; charset=utf-8"

STREAMED: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Headers of a stream: nothing on the way keeps it."""


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
        self._cause: str | None = None
        self._stops = False

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

    def stop(self) -> None:
        """
        End every stream, also those that a reader asks for from now on.
        """
        self._stops = True
        self.hurry()

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
        if self._stops:
            reader.end()
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
            self._cause = None

    async def _feed(self, at: int) -> None:
        """
        Read what changes after version *at* for all readers, until the last has left.
        """
        while True:
            try:
                at = await self._tell(at)
                self._store_is(None)
            except StoreUnavailableError as error:
                self._store_is(str(error))  # what changed meanwhile is told when it is back
            except Exception as error:
                self._store_is(f"it cannot be read ({type(error).__name__})")
                self._faults.tell(error)
            self._poked.clear()
            try:
                async with asyncio.timeout(max(POLL_S, self._queue.poll_s / 10)):
                    await self._poked.wait()
            except TimeoutError:
                continue

    def _store_is(self, cause: str | None) -> None:
        """
        Tell all readers when the store is away, and when it is back.

        Args:
            cause: Why it cannot be read; None when it can.
        """
        was, self._cause = self._cause, cause
        if (was is None) == (cause is None):
            return
        event = b"event: store\ndata: %b\n\n" % msgspec.json.encode({"ok": cause is None, "cause": cause})
        for reader in self._readers:
            reader.tell(event)

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
