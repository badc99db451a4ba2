"""
Reading from Redis: whole traces, lists of traces, searches.

The lists of entries are the only truth. What a line about a trace says is folded from its list and remembered
by how far it was read, so that a page costs what is new; nothing has to be kept up to date while writing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from redis.exceptions import ResponseError

from tracelog.core import keys
from tracelog.core.conditions import EVERYTHING, Narrow
from tracelog.core.entry import ERROR_RANK, is_trace_id
from tracelog.core.query import Query
from tracelog.core.wire import DECODE_ERRORS
from tracelog.stores.cursors import Place, read_place, read_position, write_cursor
from tracelog.stores.hits import Hits, read
from tracelog.stores.kept import TOLD_GONE, Tombstone
from tracelog.stores.notes import Notes
from tracelog.stores.redis_keep import RedisKeeper
from tracelog.stores.redis_listing import Listing
from tracelog.stores.redis_wire import Command, Wire
from tracelog.stores.reference import OWN
from tracelog.stores.summary import Gist, Summary
from tracelog.stores.values import MAX_VISITED, Page, Trace, TraceFilter, TraceSummary

CHUNK: Final = 64
"""Traces asked about in one round trip."""

PLACES: Final = 1_000
"""Names of traces taken from a sorted set at a time."""

SLICE: Final = 500
"""Entries of each trace in one round trip, so that a giant trace neither blocks Redis nor fills memory."""

WHOLE_SLICE: Final = 5_000
"""The same where one trace is read alone."""

REMEMBERED: Final = 5_000
"""Traces whose folded line is kept: some pages of lists, a few megabytes."""

_EMPTY: Final[Mapping[str, Any]] = {
    "LRANGE": [],
    "LLEN": 0,
    "SCARD": 0,
    "LINDEX": None,
    "HMGET": [None, None],
}

_gist: Final = msgspec.json.Decoder(Gist)


class _Folded:
    """
    What is known of a trace's list: its line, how many elements went into it, and the first of them.
    """

    __slots__ = ("first", "read", "summary")

    def __init__(self, trace_id: str) -> None:
        self.summary = Summary(trace_id)
        self.first = b""
        self.read = 0

    def take(self, raws: list[bytes]) -> None:
        if self.read == 0 and raws:
            self.first = raws[0]
        self.read += len(raws)
        for raw in raws:
            try:
                self.summary.add(_gist.decode(raw))
            except DECODE_ERRORS:
                continue  # not an entry: some other client wrote it, and `fetch` still shows it


class RedisReader:
    """
    The reading half of the Redis store, and its `Lookup`.

    Args:
        wire: To the server or servers.
        clock: Returns Unix seconds.
        ttl_s: How long a trace lives after its last write, in seconds.
        keeper: Knows the pinned ones and those that are gone.
    """

    def __init__(self, wire: Wire, clock: Callable[[], float], ttl_s: int, keeper: RedisKeeper) -> None:
        self._wire = wire
        self._clock = clock
        self._keeper = keeper
        self._listing = Listing(wire, clock, ttl_s, keeper)
        self._folded: OrderedDict[str, _Folded] = OrderedDict()

    async def fetch(self, trace_id: str) -> Trace | None:
        if not is_trace_id(trace_id):
            return None
        name, ids = keys.logs(trace_id), keys.companion(keys.IDS, trace_id)
        use = ("HMGET", keys.companion(keys.QUOTA, trace_id), "w", "z")
        stored, left, ids_left, told = await self._ask([("SCARD", ids), ("PTTL", name), ("PTTL", ids), use])
        entries: list[bytes] = []
        async for _, raws in self._slices({trace_id: 0}, WHOLE_SLICE):
            entries += raws
        if not entries and not stored:
            return None
        noted = Notes((told[0] or b"").decode(errors="replace")).rows()
        return Trace(
            trace_id=trace_id,
            entries=entries + noted,
            expires_at_ms=self._expiry(left if entries else ids_left),
            stored=max(stored, len(entries)) + len(noted),
            refused=told[1] is not None,
        )

    async def exists(self, trace_id: str) -> bool:
        return trace_id in await self._alive([trace_id])

    async def newest(self, *, errors: bool) -> str | None:
        async for chunk in self._listing.places(keys.ERRORS if errors else keys.RECENT, None, None, CHUNK):
            alive = await self._alive(trace_id for _, trace_id in chunk)
            for _, trace_id in chunk:
                if trace_id in alive and trace_id not in OWN:
                    return trace_id
        return None

    async def beginning(self, prefix: str, limit: int) -> list[str]:
        found: list[str] = []
        async for chunk in self._listing.places(keys.RECENT, None, None, PLACES):
            found += await self._alive(trace_id for _, trace_id in chunk if trace_id.startswith(prefix))
            if len(found) >= limit:
                break
        return found[:limit]

    async def stones(self, prefix: str, limit: int) -> list[Tombstone]:
        return await self._keeper.beginning(prefix, limit)

    async def traces(self, wanted: TraceFilter) -> Page[TraceSummary]:
        key = keys.ERRORS if wanted.errors else keys.RECENT
        found: list[tuple[Place, TraceSummary]] = []
        visited = 0
        async for chunk in self._named(key, wanted):
            lines = await self._lines(chunk)
            fits = await self._holding(wanted, [line for line in lines.values() if _fits(wanted, line)])
            found += [(place, lines[place[1]]) for place in chunk if place[1] in fits]
            visited += len(chunk)
            if len(found) > wanted.limit:
                return Page(
                    [line for _, line in found[: wanted.limit]], write_cursor(found[wanted.limit - 1][0])
                )
            if visited >= MAX_VISITED:
                return Page([line for _, line in found], write_cursor(chunk[-1]))
        return Page([line for _, line in found])

    async def _named(self, key: str, wanted: TraceFilter) -> AsyncIterator[list[Place]]:
        """
        Yield the places of traces whose ids *wanted* may take; to pass a name over costs nothing.
        """
        name = wanted.q.narrow.trace if wanted.q else ""
        size = PLACES if name else CHUNK
        async for places in self._listing.places(key, read_place(wanted.cursor), wanted.since_ms, size):
            named = [place for place in places if place[1].startswith(name)]
            for at in range(0, len(named), CHUNK):
                yield named[at : at + CHUNK]

    async def search(self, query: Query, bounds: Narrow, limit: int, cursor: str | None) -> Page[bytes]:
        before, now = read_position(cursor), self._clock() * 1000
        missing = [] if before is None else await self._keeper.gone_since(before.made_ms)
        narrow = query.narrow & bounds
        hits = Hits(query, bounds, limit, before)
        absent = await self._visit(hits, narrow)
        if before is not None and absent:
            told = {stone.trace_id for stone in missing}
            missing += await self._keeper.stones([name for name in absent if name not in told][:TOLD_GONE])
        return hits.page(now, missing)

    async def _visit(self, hits: Hits, narrow: Narrow) -> list[str]:
        """
        Offer the entries of all traces that may hold *hits*; return the traces that are listed and not there.
        """
        absent: list[str] = []
        key = keys.ERRORS if narrow.rank >= ERROR_RANK else keys.RECENT
        async for places in self._listing.places(key, None, None, PLACES):
            wanted = [place for place in places if place[1].startswith(narrow.trace)]
            for at in range(0, len(wanted), CHUNK):
                chunk = wanted[at : at + CHUNK]
                if hits.settled(chunk[0][0]):
                    return absent
                left = {trace_id: 0 for _, trace_id in chunk}
                async for trace_id, raws in self._slices(left, SLICE):
                    if not raws and left.pop(trace_id, None) is not None:
                        absent.append(trace_id)
                    for raw in raws:
                        left.pop(trace_id, None)
                        hits.offer(raw)
        return absent

    async def _lines(self, places: list[Place]) -> dict[str, TraceSummary]:
        """
        Return the lines of those *places* that still are, reading only what their lists got since last time.
        """
        facts = await self._ask(
            command
            for _, trace_id in places
            for name, ids in [(keys.logs(trace_id), keys.companion(keys.IDS, trace_id))]
            for command in (
                ("SCARD", ids),
                ("LLEN", name),
                ("PTTL", name),
                ("PTTL", ids),
                ("LINDEX", name, 0),
            )
        )
        known = {place[1]: facts[5 * at : 5 * at + 5] for at, place in enumerate(places)}
        alive = {trace_id: fact for trace_id, fact in known.items() if fact[0] or fact[1]}
        folds = {trace_id: self._recall(trace_id, fact[1], fact[4]) for trace_id, fact in alive.items()}
        behind = {
            trace_id: folds[trace_id].read
            for trace_id, fact in alive.items()
            if folds[trace_id].read < fact[1]
        }
        async for trace_id, raws in self._slices(behind, SLICE):
            folds[trace_id].take(raws)
        return {
            trace_id: folds[trace_id].summary.view(
                expires_at_ms=self._expiry(fact[2] if fact[1] else fact[3]), stored=max(fact[0], fact[1])
            )
            for trace_id, fact in alive.items()
        }

    def _recall(self, trace_id: str, length: int, first: bytes | None) -> _Folded:
        """
        Return what is remembered of a trace, unless its list is another one now.
        """
        folded = self._folded.pop(trace_id, None)
        if folded is None or folded.read > length or folded.first != (first or b""):
            folded = _Folded(trace_id)
        self._folded[trace_id] = folded
        if len(self._folded) > REMEMBERED:
            self._folded.popitem(last=False)
        return folded

    async def _holding(self, wanted: TraceFilter, lines: list[TraceSummary]) -> set[str]:
        """
        Return the ids of those *lines* whose trace holds an entry that the filter's search finds.
        """
        if wanted.q is None:
            return {line.trace_id for line in lines}
        holding: set[str] = set()
        async for trace_id, raws in self._slices({line.trace_id: 0 for line in lines}, SLICE):
            if trace_id not in holding and any(read(raw, wanted.q, EVERYTHING) for raw in raws):
                holding.add(trace_id)
        return holding

    async def _slices(self, wanted: Mapping[str, int], size: int) -> AsyncIterator[tuple[str, list[bytes]]]:
        """
        Yield the elements of the wanted lists from the given indexes on, *size* of each list at a time.
        """
        left = dict(wanted)
        while left:
            names = list(left)
            ranges = [("LRANGE", keys.logs(name), left[name], left[name] + size - 1) for name in names]
            for name, raws in zip(names, await self._ask(ranges), strict=True):
                yield name, raws
                left[name] += size
                if len(raws) < size:
                    del left[name]
            await asyncio.sleep(0)  # decoding a round takes milliseconds; others have their turn

    async def _alive(self, trace_ids: Iterable[str]) -> list[str]:
        names = list(trace_ids)
        found = await self._ask(("EXISTS", keys.logs(name), keys.companion(keys.IDS, name)) for name in names)
        return [name for name, exists in zip(names, found, strict=True) if exists]

    async def _ask(self, commands: Iterable[Command]) -> list[Any]:
        asked = list(commands)
        replies = await self._wire.ask(asked)
        return [_reply(command[0], reply) for command, reply in zip(asked, replies, strict=True)]

    def _expiry(self, left_ms: int) -> float | None:
        return None if left_ms < 0 else self._clock() * 1000 + left_ms


def _reply(command: str, reply: Any) -> Any:
    """
    Return *reply*; a key that holds something else reads as an empty one of ours, so that it spoils no page.
    """
    if isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE"):
        return _EMPTY[command]
    if isinstance(reply, Exception):
        raise reply
    return reply


def _fits(wanted: TraceFilter, line: TraceSummary) -> bool:
    return wanted.system is None or wanted.system in line.systems
