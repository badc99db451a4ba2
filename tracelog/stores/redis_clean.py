"""
Safe clean-up in Redis: what is left of traces that are not there any more.

A trace's list may be gone before its companions when Redis evicted it, or when another program deleted it.
Each is looked at again in the step that removes it, so that one which is written meanwhile keeps everything.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from redis.exceptions import ResponseError

from tracelog.core import keys
from tracelog.stores.cleaning import Cleaned
from tracelog.stores.redis_care import RedisCare, scanned
from tracelog.stores.redis_keep import RedisKeeper
from tracelog.stores.redis_ledger import RedisLedger
from tracelog.stores.redis_scripts import ORPHAN
from tracelog.stores.redis_wire import Wire, every

_IDS: Final = f"{keys.IDS}:{{{keys.LOGS}"


class RedisCleaner:
    """
    What `Store.clean` does on Redis.

    Args:
        wire: To the server or servers.
        keeper: Of the store, likewise *ledger* and *care*.
    """

    def __init__(self, wire: Wire, keeper: RedisKeeper, ledger: RedisLedger, care: RedisCare) -> None:
        self._wire = wire
        self._keeper = keeper
        self._ledger = ledger
        self._care = care

    async def clean(self, *, dry_run: bool) -> Cleaned:
        """
        Return what is left over, and take it away unless it is a *dry_run*.
        """
        expired = await self._keeper.bury(dry_run=True)  # before orphans go, whose traces are gone then, too
        orphaned, size = 0, 0
        known: int | None = 0
        async for trace_keys in self._orphans():
            known = await self._size(trace_keys) if known is not None else None
            size += known or 0
            orphaned += await self._remove(trace_keys, dry_run=dry_run)
        if not dry_run:
            await self._keeper.bury()
        return Cleaned(
            expired=expired,
            orphaned=orphaned,
            endless=await (self._endless() if dry_run else self._care.limit_lives()),
            silent=await (self._ledger.due() if dry_run else self._ledger.trim()),
            bytes=None if known is None else size,
        )

    async def _endless(self) -> int:
        """
        Return how many keys have no time to live and should have one.
        """
        return sum([len(names) async for names in self._care.endless()])

    async def _orphans(self) -> AsyncIterator[list[tuple[str, str, str]]]:
        """
        Yield list, ids and quota of traces whose list is not there.
        """
        async for names in scanned(self._wire, (f"{_IDS}*",)):
            ids = [name.decode() for name in names]
            traces = [name.removeprefix(_IDS).removesuffix("}") for name in ids]
            lists = [f"{keys.LOGS}{trace}" for trace in traces]
            there = await every(self._wire, [("EXISTS", name) for name in lists])
            yield [
                (name, keys.companion(keys.IDS, trace), keys.companion(keys.QUOTA, trace))
                for name, trace, exists in zip(lists, traces, there, strict=True)
                if not exists
            ]

    async def _remove(self, found: list[tuple[str, str, str]], *, dry_run: bool) -> int:
        if not found:
            return 0
        if dry_run:
            return sum(await every(self._wire, [("EXISTS", key) for each in found for key in each[1:]]))
        return sum(await every(self._wire, [("EVAL", ORPHAN, 3, *each) for each in found]))

    async def _size(self, found: list[tuple[str, str, str]]) -> int | None:
        """
        Return how many bytes the companions take, None where the server does not tell.
        """
        asked = [("MEMORY", "USAGE", key) for each in found for key in each[1:]]
        sizes: list[Any] = await self._wire.ask(asked) if asked else []
        if any(isinstance(size, ResponseError) for size in sizes):
            return None
        return sum(int(size or 0) for size in sizes)
