"""
Looking after Redis: what its state is, what is left over, and emptying it of everything that is ours.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from tracelog.core import keys
from tracelog.stores.redis_wire import Wire, every, facts, one

PROBE_TTL_S: Final = 10

SCANNED: Final = 1_000
"""Keys looked at in one round trip."""


class RedisCare:
    """
    The housekeeping of the Redis store.

    Args:
        wire: To the server or servers.
        ttl_s: What a key of ours without a time to live is given.
    """

    def __init__(self, wire: Wire, ttl_s: int) -> None:
        self._wire = wire
        self._ttl_s = ttl_s

    async def facts(self) -> dict[str, Any]:
        """
        Return `version`, `size_bytes`, `keys` and `warnings`, as far as the servers tell.

        It writes a short-lived key first: a full, loading or read-only server says so here, in one error.
        """
        await one(self._wire, "SET", keys.PROBE, b"1", "EX", PROBE_TTL_S)
        known: dict[str, Any] = {"version": None, "size_bytes": None, "keys": 0, "warnings": []}
        for shard in await self._wire.shards():
            size, info = await shard.ask([("DBSIZE",), ("INFO",)])
            if isinstance(size, Exception):
                raise size
            known["keys"] += size
            if isinstance(info, ResponseError):
                continue  # imitations of Redis know no INFO
            told = facts(info)
            known["version"] = told.get("valkey_version") or told.get("redis_version")
            if "used_memory" in told:
                known["size_bytes"] = told["used_memory"] + (known["size_bytes"] or 0)
            known["warnings"] += [each for each in _warnings(told) if each not in known["warnings"]]
        return known

    async def endless(self) -> AsyncIterator[list[bytes]]:
        """
        Yield names of our keys that have no time to live and should have one.
        """
        async for _, endless in self.lives():
            yield endless

    async def lives(self) -> AsyncIterator[tuple[list[bytes], list[bytes]]]:
        """
        Yield names of our keys, and those among them that `endless` yields.
        """
        async for names in self._ours():
            lives = await every(self._wire, [("TTL", name) for name in names])
            found = zip(names, lives, strict=True)
            yield names, [name for name, ttl in found if ttl == -1 and _text(name) not in keys.ENDLESS]

    async def limit_lives(self) -> int:
        """
        Give a time to live to every key of ours that has none, and return how many these were.

        Our scripts leave none; another client that pushes to `logs:<trace_id>` may.
        """
        mended = 0
        async for names in self.endless():
            if names:
                await every(self._wire, [("EXPIRE", name, self._ttl_s) for name in names])
            mended += len(names)
        return mended

    async def clear(self) -> None:
        """
        Remove everything of ours but what operators have said and what was spent.
        """
        async for names in self._ours():
            ours = [name for name in names if not _text(name).startswith(keys.LASTING)]
            if ours:
                await every(self._wire, [("UNLINK", name) for name in ours])

    def _ours(self) -> AsyncIterator[list[bytes]]:
        return scanned(self._wire, keys.PATTERNS)


async def scanned(wire: Wire, patterns: Sequence[str]) -> AsyncIterator[list[bytes]]:
    """
    Yield the names of all keys that one of *patterns* matches, some at a time; one may come twice.
    """
    for shard in await wire.shards():
        for pattern in patterns:
            cursor: Any = 0
            while True:
                cursor, names = await one(shard, "SCAN", cursor, "MATCH", pattern, "COUNT", SCANNED)
                if names:
                    yield names
                if int(cursor) == 0:
                    break


def _text(name: bytes) -> str:
    return name.decode(errors="replace")  # anybody may push to what begins like ours


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
