"""
The board in Redis: a hash, a list and a short-lived key for each claim, all in one slot.
"""

from typing import Final

from tracelog.core import keys
from tracelog.stores.boards import MOST_NOTES, Claim
from tracelog.stores.redis_faults import explained
from tracelog.stores.redis_wire import Wire, every, mapping, one

_CLAIMED: Final = b"claimed"
_DONE: Final = b"done"


class RedisBoard:
    """
    A `Board` in Redis.

    Args:
        wire: To the server or servers.
        every_s: How often servers look.
    """

    def __init__(self, wire: Wire, every_s: float) -> None:
        self._wire = wire
        self.every_s = every_s

    async def read(self) -> dict[str, bytes]:
        with explained():
            found = mapping(await one(self._wire, "HGETALL", keys.BOARD))
        return {name.decode(): value for name, value in found.items()}

    async def put(self, name: str, value: bytes) -> None:
        with explained():
            await one(self._wire, "HSET", keys.BOARD, name, value)

    async def take(self, name: str) -> bool:
        with explained():
            return bool(await one(self._wire, "HDEL", keys.BOARD, name))

    async def note(self, line: bytes) -> None:
        with explained():
            await every(self._wire, [("LPUSH", keys.AUDIT, line), ("LTRIM", keys.AUDIT, 0, MOST_NOTES - 1)])

    async def notes(self, limit: int) -> list[bytes]:
        with explained():
            found: list[bytes] = await one(self._wire, "LRANGE", keys.AUDIT, 0, limit - 1)
        return found

    async def claim(self, name: str, ttl_s: int) -> Claim:
        key = f"{keys.CLAIM}{name}"
        with explained():
            got, held = await every(self._wire, [("SET", key, _CLAIMED, "NX", "EX", ttl_s), ("GET", key)])
        if got:
            return "ours"
        return "done" if held == _DONE else "theirs"

    async def done(self, name: str, ttl_s: int) -> None:
        with explained():
            await one(self._wire, "SET", f"{keys.CLAIM}{name}", _DONE, "EX", ttl_s)
