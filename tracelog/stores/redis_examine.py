"""
A closer look at Redis: what its INFO, slow log and our own keys tell, of one server or of all nodes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from tracelog.core import keys
from tracelog.stores.redis_care import RedisCare
from tracelog.stores.redis_wire import Wire, every, facts

SLOW: Final = 10
"""Entries of a server's slow log that are shown."""

LOOKED: Final = 10_000
"""Keys of ours whose time to live is looked at: a sample of a large store, in a fraction of a second."""


async def look(wire: Wire, care: RedisCare) -> dict[str, Any]:
    """
    Return what the servers behind *wire* tell, in the form of `examined.py`.
    """
    nodes = [await _node(shard) for shard in await wire.shards()]
    known = [node for node in nodes if node["memory"] is not None]
    traces, pins, sources = await every(
        wire, [("ZCARD", keys.RECENT), ("HLEN", keys.PINS), ("HLEN", keys.TALLY)]
    )
    slow = [each for node in nodes for each in node["slow"] or ()]
    return {
        "traces": traces,
        "pins": pins,
        "sources": sources,
        "ttl": await _lives(care),
        "memory": _together(known),
        "evicted": sum(node["evicted"] for node in known) if known else None,
        "expired": sum(node["expired"] for node in known) if known else None,
        "slow": None if all(node["slow"] is None for node in nodes) else slow,
        "persistence": known[0]["persistence"] if known else None,
        "nodes": nodes if len(nodes) > 1 else None,
    }


async def _node(shard: Wire) -> dict[str, Any]:
    size, info, slow, save = await shard.ask(
        [("DBSIZE",), ("INFO",), ("SLOWLOG", "GET", SLOW), ("CONFIG", "GET", "save")]
    )
    told = None if isinstance(info, Exception) else facts(info)
    known = told if told and "used_memory" in told else None
    return {
        "keys": None if isinstance(size, Exception) else size,
        "memory": None if known is None else _memory(known),
        "evicted": 0 if known is None else known.get("evicted_keys", 0),
        "expired": 0 if known is None else known.get("expired_keys", 0),
        "clients": None if known is None else known.get("connected_clients"),
        "persistence": None if known is None else _persistence(known, save),
        "slow": None if isinstance(slow, ResponseError) else [_slow(each) for each in slow],
    }


def _memory(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "used_bytes": told["used_memory"],
        "limit_bytes": told.get("maxmemory", 0),
        "policy": told.get("maxmemory_policy"),
        "fragmentation": float(told.get("mem_fragmentation_ratio", 0.0)),
    }


def _persistence(told: Mapping[str, Any], save: Any) -> dict[str, Any]:
    """
    Return how the data outlives a restart; *save* is what the server said of its setting of that name.
    """
    last = told.get("rdb_last_save_time", 0)
    return {
        "log": bool(told.get("aof_enabled", 0)),
        "log_ok": told.get("aof_last_write_status", "ok") == "ok",
        "last_save_ms": last * 1000 or None,
        "saves": None if isinstance(save, Exception) or not save else bool(_setting(save)),
        "unsaved": told.get("rdb_changes_since_last_save", 0),
        "save_ok": told.get("rdb_last_bgsave_status", "ok") == "ok",
    }


def _setting(reply: Any) -> Any:
    """
    Return the value that CONFIG GET replied for its one setting.
    """
    return next(iter(reply.values())) if isinstance(reply, dict) else reply[1]


def _slow(entry: Any) -> dict[str, Any]:
    """
    Return a line of the slow log as a client or the wire itself gives it; of the command its name only.
    """
    if isinstance(entry, dict):
        began_s, spent_us, said = entry["start_time"], entry["duration"], entry["command"]
        name = said.split(b" ", 1)[0]
    else:
        _, began_s, spent_us, said, *_ = entry
        name = said[0]
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return {"at_ms": began_s * 1000, "ms": spent_us / 1000, "command": text[:32].upper()}


def _together(nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """
    Return the memory of all *nodes* as one; the policy is the first that is not that of all.
    """
    if not nodes:
        return None
    each = [node["memory"] for node in nodes]
    limits = [memory["limit_bytes"] for memory in each]
    return {
        "used_bytes": sum(memory["used_bytes"] for memory in each),
        "limit_bytes": sum(limits) if all(limits) else 0,
        "policy": ", ".join(dict.fromkeys(str(memory["policy"]) for memory in each)),
        "fragmentation": max(memory["fragmentation"] for memory in each),
    }


async def _lives(care: RedisCare) -> dict[str, Any]:
    looked = endless = 0
    async for names, without in care.lives():
        looked += len(names)
        endless += len(without)
        if looked >= LOOKED:
            break
    return {"looked": looked, "endless": endless, "coverage": 1.0 - endless / looked if looked else 1.0}
