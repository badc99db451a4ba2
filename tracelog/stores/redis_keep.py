"""
What outlives a trace's hour in Redis: pins and tombstones.

A tombstone costs nothing while entries are stored: `lua/lists.lua` keeps a line about each trace in commands
that share their cost with all traces of a call, and this file reads it once the trace is gone.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from tracelog.core import keys
from tracelog.core.entry import is_trace_id
from tracelog.core.pin_settings import PinSettings
from tracelog.errors import UnknownReferenceError
from tracelog.stores.kept import CLOCKS_MS, EVICTED, EXPIRED, GONE_S, TOLD_GONE, Pin, Tombstone, refused
from tracelog.stores.redis_scripts import PIN
from tracelog.stores.redis_wire import Wire, every, mapping, one, run

READ: Final = 1_000
"""Names of traces taken from the list at a time while it is looked through."""

_GONE: Final = "gone"


class RedisKeeper:
    """
    Pins and tombstones.

    Args:
        wire: To the server or servers.
        clock: Returns Unix seconds.
        ttl_s: How long a trace lives after its last write, in seconds.
    """

    def __init__(self, wire: Wire, clock: Callable[[], float], ttl_s: int) -> None:
        self._wire = wire
        self._clock = clock
        self._ttl_ms = ttl_s * 1000.0

    async def pin(self, trace_id: str, size: int, limits: PinSettings) -> Pin:
        """
        Keep a trace that holds *size* bytes.

        Raises:
            PinRefusedError: When a bound is in the way.
            UnknownReferenceError: When it went meanwhile.
        """
        now = self._now()
        pin = Pin(trace_id=trace_id, pinned_ms=now, until_ms=now + limits.max_age_s * 1000, bytes=size)
        values = (trace_id, pin.until_ms, size, now, limits.most, limits.max_bytes, GONE_S)
        bound = (await run(self._wire, PIN, [1, keys.PINS, *map(str, values)])).decode()
        if bound:
            raise refused(bound, limits)
        if not await self._live(trace_id, limits.max_age_s * 1000):
            await one(self._wire, "HDEL", keys.PINS, trace_id)
            raise UnknownReferenceError(f"trace {trace_id} has just expired and cannot be pinned any more")
        return pin

    async def unpin(self, trace_id: str) -> float:
        """
        Give a pinned trace its usual time again, and return when that is over, Unix milliseconds.

        Raises:
            UnknownReferenceError: When it is not pinned.
        """
        removed, last = await every(
            self._wire, [("HDEL", keys.PINS, trace_id), ("ZSCORE", keys.RECENT, trace_id)]
        )
        if not removed:
            raise UnknownReferenceError(f"trace {trace_id} is not pinned", reason="not_pinned")
        now = self._now()
        ends = max(now, (now if last is None else float(last)) + self._ttl_ms)
        await self._live(trace_id, round(ends - now))
        return ends

    async def pins(self) -> list[Pin]:
        """
        Return the pins whose time is not over, the latest first.
        """
        now = self._now()
        held = (pin for pin in (await self._pins()).values() if pin.until_ms > now)
        return sorted(held, key=lambda pin: (-pin.pinned_ms, pin.trace_id))

    async def pinned(self, key: str, below: float) -> list[tuple[float, str]]:
        """
        Return the pinned traces that stand below a score in the sorted set *key*, highest first.
        """
        names = [pin.trace_id for pin in await self.pins()]
        if not names:
            return []
        scores = await every(self._wire, [("ZSCORE", key, name) for name in names])
        places = [
            (float(score), name) for name, score in zip(names, scores, strict=True) if score is not None
        ]
        return sorted((place for place in places if place[0] < below), reverse=True)

    async def beginning(self, prefix: str, limit: int) -> list[Tombstone]:
        """
        Return tombstones of the trace called *prefix*, else of those that begin so, at most *limit*.
        """
        if not is_trace_id(prefix):
            return []
        found = await self.stones([prefix])
        start = 0
        while not found or start:
            names: list[bytes] = await one(self._wire, "ZREVRANGE", keys.RECENT, start, start + READ - 1)
            found += await self.stones(name for each in names if (name := each.decode()).startswith(prefix))
            start += READ
            if len(names) < READ or len(found) >= limit:
                break
        return found[:limit]

    async def gone_since(self, since_ms: float) -> list[Tombstone]:
        """
        Return tombstones of the traces whose time was over after *since_ms*, the last written first.
        """
        now = self._now()
        names = await one(
            self._wire,
            "ZREVRANGEBYSCORE",
            *(keys.RECENT, repr(now - self._ttl_ms), f"({since_ms - self._ttl_ms!r}"),
            *("LIMIT", 0, TOLD_GONE),
        )
        return [
            stone for stone in await self.stones(name.decode() for name in names) if stone.gone_ms > since_ms
        ]

    async def stones(self, trace_ids: Iterable[str]) -> list[Tombstone]:
        """
        Return tombstones of those of *trace_ids* that are known and gone.
        """
        names = list(trace_ids)
        if not names:
            return []
        lines = await one(self._wire, "HMGET", keys.LINES, *names)
        known = [(name, line) for name, line in zip(names, lines, strict=True) if line is not None]
        alive = await every(self._wire, [_exists(name) for name, _ in known]) if known else []
        pins = await self._pins() if known else {}
        return [
            self._stone(name, line.decode(), pins.get(name))
            for (name, line), exists in zip(known, alive, strict=True)
            if not exists
        ]

    async def bury(self, *, dry_run: bool = False) -> int:
        """
        Note of traces that are gone since when, take those that nothing is known of off the lists, and return
        how many these were; of a *dry_run* how many these would be.
        """
        went = 0
        for key in (keys.RECENT,) if dry_run else (keys.RECENT, keys.ERRORS):
            found: list[bytes] = await one(self._wire, "ZRANGE", key, 0, -1)
            members = [name.decode() for name in found]
            for at in range(0, len(members), READ):
                went += await self._bury(key, members[at : at + READ], dry_run=dry_run)
        return went

    async def _bury(self, key: str, members: Sequence[str], *, dry_run: bool) -> int:
        alive = await every(self._wire, [_exists(name) for name in members])
        dead = [name for name, exists in zip(members, alive, strict=True) if not exists]
        if not dead:
            return 0
        lines = dict(zip(dead, await one(self._wire, "HMGET", keys.LINES, *dead), strict=True))
        noted = [part for name in dead if (line := _noted(lines[name], self._now())) for part in (name, line)]
        unknown = [name for name in dead if lines[name] is None]
        if dry_run:
            return len(noted) // 2 + len(unknown)
        if noted:
            await one(self._wire, "HSET", keys.LINES, *noted)
        off = dead if key == keys.ERRORS else unknown
        taken = await one(self._wire, "ZREM", key, *off) if off else 0
        return len(noted) // 2 + (taken if key == keys.RECENT else 0)

    def _stone(self, trace_id: str, line: str, pin: Pin | None) -> Tombstone:
        first, last, entries, errors, systems, *seen = line.split(" ")
        due = float(last) + self._ttl_ms if pin is None else pin.until_ms
        noticed = float(seen[1]) if len(seen) > 1 else self._now()
        early = noticed < due - CLOCKS_MS
        return Tombstone(
            trace_id=trace_id,
            first_ms=float(first),
            last_ms=float(last),
            entries=int(entries),
            errors=int(errors),
            systems=[name for name in systems.split(",") if name],
            why=EVICTED if early else EXPIRED,
            gone_ms=noticed if early else due,
        )

    async def _pins(self) -> dict[str, Pin]:
        found = mapping(await one(self._wire, "HGETALL", keys.PINS))
        pins = {}
        for name, value in found.items():
            until, size, pinned = value.decode().split(" ")
            pins[name.decode()] = Pin(
                trace_id=name.decode(), pinned_ms=float(pinned), until_ms=float(until), bytes=int(size)
            )
        return pins

    async def _live(self, trace_id: str, left_ms: int) -> bool:
        """
        Let all keys of a trace live so long from now; whether it is there.
        """
        names = (keys.logs(trace_id), *(keys.companion(kind, trace_id) for kind in keys.COMPANIONS))
        done = await every(self._wire, [("PEXPIRE", name, left_ms) for name in names])
        return bool(done[0] or done[1])

    def _now(self) -> float:
        return self._clock() * 1000


def _exists(trace_id: str) -> tuple[Any, ...]:
    return ("EXISTS", keys.logs(trace_id), keys.companion(keys.IDS, trace_id))


def _noted(line: bytes | None, now_ms: float) -> str:
    """
    Return *line* with the moment in which its trace was seen to be gone; nothing when it says so already.
    """
    text = "" if line is None else line.decode()
    return "" if not text or f" {_GONE} " in text else f"{text} {_GONE} {now_ms!r}"
