"""
Looking after Redis: what its state is, what is left over, and emptying it of everything that is ours.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tracelog.core import keys

PROBE_TTL_S: Final = 10

SCANNED: Final = 1_000
"""Keys looked at in one round trip."""


class RedisCare:
    """
    The housekeeping of the Redis store.

    Args:
        client: Connected elsewhere; replies are bytes.
        ttl_s: What a key of ours without a time to live is given.
    """

    def __init__(self, client: Redis, ttl_s: int) -> None:
        self._client = client
        self._ttl_s = ttl_s

    async def facts(self) -> dict[str, Any]:
        """
        Return `version`, `size_bytes`, `keys` and `warnings`, as far as this server tells.

        It writes a short-lived key first: a full, loading or read-only server says so here, in one error.
        """
        await self._client.set(keys.PROBE, b"1", ex=PROBE_TTL_S)
        known: dict[str, Any] = {"version": None, "size_bytes": None, "keys": await self._client.dbsize()}
        try:
            info = await self._client.info()
        except ResponseError:
            return {**known, "warnings": []}  # imitations of Redis know no INFO
        known["version"] = info.get("valkey_version") or info.get("redis_version")
        known["size_bytes"] = info.get("used_memory")
        return {**known, "warnings": _warnings(info)}

    async def forget_gone(self) -> int:
        """
        Take traces that are gone off the lists, and return how many these were.
        """
        removed = 0
        for key in (keys.RECENT, keys.ERRORS):
            found: list[Any] = await self._client.zrange(key, 0, -1)
            members = [name.decode() for name in found]
            for at in range(0, len(members), SCANNED):
                removed += await self._forget(key, members[at : at + SCANNED])
        return removed

    async def limit_lives(self) -> int:
        """
        Give a time to live to every key of ours that has none, and return how many these were.

        Our scripts leave none; another client that pushes to `logs:<trace_id>` may.
        """
        mended = 0
        async for names in self._ours():
            async with self._client.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.ttl(name)
                endless = [name for name, ttl in zip(names, await pipe.execute(), strict=True) if ttl == -1]
                for name in endless:
                    pipe.expire(name, self._ttl_s)
                await pipe.execute()
            mended += len(endless)
        return mended

    async def clear(self) -> None:
        async for names in self._ours():
            await self._client.unlink(*names)

    async def _forget(self, key: str, members: list[str]) -> int:
        async with self._client.pipeline(transaction=False) as pipe:
            for member in members:
                pipe.exists(keys.logs(member), keys.companion(keys.IDS, member))
            found = await pipe.execute()
        gone = [member for member, exists in zip(members, found, strict=True) if not exists]
        return int(await self._client.zrem(key, *gone)) if gone else 0

    async def _ours(self) -> AsyncIterator[list[bytes]]:
        for pattern in keys.PATTERNS:
            cursor = 0
            while True:
                found: tuple[int, list[Any]] = await self._client.scan(cursor, match=pattern, count=SCANNED)
                cursor, names = found
                if names:
                    yield names
                if cursor == 0:
                    break


def _warnings(info: dict[str, Any]) -> list[str]:
    policy, limit = info.get("maxmemory_policy", "noeviction"), info.get("maxmemory", 0)
    evicted = info.get("evicted_keys", 0)
    told = {
        f"Redis may evict traces before their time (maxmemory-policy {policy})": limit
        and policy != "noeviction",
        "Redis refuses writes when it is full (maxmemory-policy noeviction)": limit
        and policy == "noeviction",
        "Redis has no memory limit; set maxmemory": not limit,
        f"Redis has evicted {evicted} keys since it started": evicted,
        "Redis is a replica and takes no writes": info.get("role") == "slave",
        "Redis is loading its data": info.get("loading"),
        "the last save of Redis to disk failed": info.get("rdb_last_bgsave_status") == "err",
    }
    return [sentence for sentence, holds in told.items() if holds]
