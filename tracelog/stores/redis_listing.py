"""
The lists of traces in Redis: by last write, by last error.

They name traces that are gone, too, for a day, because tombstones are found by them; readers stop where no
trace can be alive, and then see those that only a pin keeps.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from tracelog.stores.cursors import Place
from tracelog.stores.kept import CLOCKS_MS
from tracelog.stores.redis_keep import RedisKeeper
from tracelog.stores.redis_wire import Wire, one


class Listing:
    """
    The lists, read.

    Args:
        wire: To the server or servers.
        clock: Returns Unix seconds.
        ttl_s: How long a trace lives after its last write, in seconds.
        keeper: Knows the pinned ones.
    """

    def __init__(self, wire: Wire, clock: Callable[[], float], ttl_s: int, keeper: RedisKeeper) -> None:
        self._wire = wire
        self._clock = clock
        self._ttl_ms = ttl_s * 1000.0
        self._keeper = keeper

    async def places(
        self, key: str, after: Place | None, lowest: float | None, size: int
    ) -> AsyncIterator[list[Place]]:
        """
        Yield the members of a sorted set that may be alive, highest first, from *after* on, *size* at a time;
        those that only a pin keeps come last.
        """
        oldest = self._clock() * 1000 - self._ttl_ms - CLOCKS_MS
        async for places in self._written(key, after, max(oldest, lowest or oldest), size):
            yield places
        if lowest is None or lowest < oldest:
            pinned = await self._keeper.pinned(key, oldest)
            fits = (place for place in pinned if place[0] >= (lowest or 0.0))
            last = [place for place in fits if after is None or place < after]
            if last:
                yield last

    async def _written(
        self, key: str, after: Place | None, lowest: float, size: int
    ) -> AsyncIterator[list[Place]]:
        """
        Yield the members down to *lowest*.

        It goes on by the last place seen, not by rank: a trace written meanwhile moves to the top.
        """
        low = repr(lowest)
        room = size
        while True:
            high = "+inf" if after is None else repr(after[0])
            query = ("ZREVRANGEBYSCORE", key, high, low, "WITHSCORES", "LIMIT", 0, room)
            flat = await one(self._wire, *query)
            places = [(float(score), name.decode()) for name, score in _pairs(flat)]
            fresh = [place for place in places if after is None or place < after]
            if fresh:
                yield fresh
                after = fresh[-1]
            if len(places) < room:
                return
            room = size if fresh else room * 2  # more traces share this moment than one answer holds


def _pairs(flat: list[Any]) -> Iterable[tuple[bytes, Any]]:
    return flat if flat and isinstance(flat[0], tuple | list) else zip(flat[::2], flat[1::2], strict=True)
