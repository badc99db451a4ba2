"""
The queue of processors in Redis: a stream with a consumer group, and the live view beside it.

Each batch is a consumer of its own in the group, so Redis itself remembers what belongs to it and how long
nobody has worked on it. A batch of a dead processor is read again under its name (`XAUTOCLAIM` would put
what several dead ones left into one, and the rows of a batch that was archived before would change).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tracelog.core import keys
from tracelog.core.live import LiveRow
from tracelog.core.store_bounds import LIVE_ROWS, LIVE_TTL_S
from tracelog.stores.queues import BATCH_BYTES, BATCH_CALLS, KEPT_S, WATCHED_S, Backlog, Batch, Look
from tracelog.stores.redis_faults import explained
from tracelog.stores.redis_scripts import PROCESSED, PURGE, RENEW, SHOWN, TAKE
from tracelog.stores.redis_wire import Wire, every, mapping, one, run

GROUP: Final = "tracelog"

PURGED: Final = 1_000
"""Rows removed in one call."""

NEVER_MS: Final = 10_000_000_000
"""Silence that no batch lives to see: nothing is taken over."""

_TAKES: Final = (keys.QUEUE, keys.LINES, keys.WATCHED)
_SHOWS: Final = (keys.BACKLOG, keys.LIVE, keys.LIVE_ORDER)
_ENDS: Final = (keys.QUEUE, keys.LINES, keys.BACKLOG)


class RedisQueue:
    """
    A `Queue` in Redis.

    Args:
        wire: To the server or servers; all keys are of one slot.
        clock: Returns Unix seconds.
        poll_s: How often it may be asked for little.
    """

    def __init__(self, wire: Wire, clock: Callable[[], float], poll_s: float) -> None:
        self._wire = wire
        self._clock = clock
        self.poll_s = poll_s

    async def take(self, name: str, *, due: bool, lease_s: float, only_new: bool = False) -> Look:
        silence_ms = NEVER_MS if only_new else round(lease_s * 1000)
        asked = (GROUP, name, silence_ms, BATCH_CALLS, BATCH_BYTES, int(due), KEPT_S)
        with explained():
            watched, *found = await run(self._wire, TAKE, [len(_TAKES), *_TAKES, *map(str, asked)])
        if not found:
            return Look(None, watched == 1)
        name, writes = found[0].decode(), [each for each in found[1] if each[1]]
        if not writes:  # the stream was emptied by hand while its group remembers the batch
            writes = [(each[0], (b"e", b"[]")) for each in found[1]]
        places = [each[0].decode() for each in writes]
        bodies = [_fields(each[1])[b"e"] for each in writes]
        return Look(Batch(_batch_id(places[0]), name, places, bodies), watched == 1)

    async def renew(self, batch: Batch, lease_s: float) -> None:  # noqa: ARG002 - who takes says how long it is
        with explained():
            await run(self._wire, RENEW, [1, keys.QUEUE, GROUP, batch.name, batch.places[0]])

    async def show(self, batch: Batch, rows: Sequence[LiveRow], counts: Mapping[str, int]) -> bool:
        head = (batch.name, round(self._clock() * 1_000_000), LIVE_TTL_S, len(counts))
        told = [part for pair in counts.items() for part in pair]
        shown = [part for row in rows for part in _arguments(row)]
        values = [each if isinstance(each, bytes) else str(each) for each in (*head, *told, *shown)]
        with explained():
            return bool(await run(self._wire, SHOWN, [len(_SHOWS), *_SHOWS, *values]))

    async def finish(self, batch: Batch) -> bool:
        values = (GROUP, batch.name, str(batch.size), *batch.places)
        with explained():
            return bool(await run(self._wire, PROCESSED, [len(_ENDS), *_ENDS, *values]))

    async def count(self, counts: Mapping[str, int]) -> None:
        with explained():
            await every(
                self._wire,
                [
                    *[("HINCRBY", keys.BACKLOG, name, n) for name, n in counts.items()],
                    ("EXPIRE", keys.BACKLOG, KEPT_S),
                ],
            )

    async def backlog(self) -> Backlog:
        with explained():
            writes, held, oldest, pending, counts = await self._wire.ask(
                [
                    ("XLEN", keys.QUEUE),
                    ("HGET", keys.LINES, "@queue"),
                    ("XRANGE", keys.QUEUE, "-", "+", "COUNT", 1),
                    ("XPENDING", keys.QUEUE, GROUP),
                    ("HGETALL", keys.BACKLOG),
                ]
            )
            for reply in (writes, held, oldest, counts):
                if isinstance(reply, Exception):
                    raise reply
        told = mapping(counts).items()
        return Backlog(
            writes=writes,
            taken=_pending(pending),
            bytes=int(held or 0),
            oldest_ms=float(oldest[0][0].split(b"-")[0]) if oldest else None,
            counts={name.decode(): int(value) for name, value in told if not name.startswith(b"#")},
        )

    async def live(self, after: int, limit: int) -> list[LiveRow]:
        page = ("LIMIT", 0, min(limit, LIVE_ROWS))
        with explained():
            if after < 0:
                names = await one(self._wire, "ZREVRANGEBYSCORE", keys.LIVE_ORDER, "+inf", "-inf", *page)
            else:
                names = await one(self._wire, "ZRANGEBYSCORE", keys.LIVE_ORDER, f"({after}", "+inf", *page)
            if not names:
                return []
            values, scores = await every(
                self._wire,
                [("HMGET", keys.LIVE, *names), ("ZMSCORE", keys.LIVE_ORDER, *names)],
            )
        rows = [
            _row(name.decode(), value, int(float(score)))
            for name, value, score in zip(names, values, scores, strict=True)
            if value is not None and score is not None
        ]
        return rows[::-1] if after < 0 else rows

    async def watch(self) -> None:
        with explained():
            await one(self._wire, "SET", keys.WATCHED, b"1", "EX", WATCHED_S)

    async def purge(self) -> int:
        oldest = round((self._clock() - LIVE_TTL_S) * 1_000_000)
        removed = 0
        with explained():
            while gone := await run(
                self._wire, PURGE, [2, keys.LIVE, keys.LIVE_ORDER, str(oldest), str(PURGED)]
            ):
                removed += int(gone)
        return removed


def _arguments(row: LiveRow) -> tuple[Any, ...]:
    return row.id, row.count, repr(row.first_ms), repr(row.last_ms), row.body


def _row(name: str, value: bytes, version: int) -> LiveRow:
    head, _, body = value.partition(b"\n")
    born, count, first, last = head.decode().split(" ")
    return LiveRow(name, int(count), float(first), float(last), body, version, int(born))


def _fields(reply: Any) -> Mapping[bytes, bytes]:
    """
    Return the fields of an entry of the stream; a script gives them as a flat list.
    """
    flat: Mapping[bytes, bytes] = mapping(list(reply) if isinstance(reply, tuple) else reply)
    return flat


def _pending(reply: Any) -> int:
    """
    Return how many entries of the stream are in somebody's hands; none while there is no group.
    """
    if isinstance(reply, Exception) or not reply:
        return 0
    return int(reply["pending"] if isinstance(reply, dict) else reply[0])


def _batch_id(place: str) -> str:
    moment, _, number = place.partition("-")
    return f"{int(moment):013d}-{int(number):06d}"
