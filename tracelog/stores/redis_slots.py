"""
Which node of a cluster holds which slot, as `CLUSTER SLOTS` tells it. Pure.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from redis.crc import key_slot

SLOTS: Final = 16_384

Address = tuple[str, int]
"""Host and port."""


@lru_cache(maxsize=8192)
def slot_of(key: bytes) -> int:
    """
    Return the slot of *key*: of its part in braces, if it has one.
    """
    return int(key_slot(key))


class Slots:
    """
    The owners of all slots.

    Args:
        reply: What `CLUSTER SLOTS` replied; nobody owns anything without it.
        told_by: The node that was asked; it does not always know its own name.
    """

    def __init__(self, reply: Iterable[Any] = (), told_by: Address = ("", 0)) -> None:
        self._owners: list[Address | None] = [None] * SLOTS
        for first, last, primary, *_ in reply:
            host = primary[0].decode() if primary[0] else told_by[0]
            owner = (host or told_by[0], int(primary[1]))
            self._owners[first : last + 1] = [owner] * (last + 1 - first)

    def owner(self, slot: int) -> Address | None:
        return self._owners[slot]

    def move(self, slot: int, to: Address) -> None:
        """
        Note that *slot* is held by *to* now.
        """
        self._owners[slot] = to

    def nodes(self) -> list[Address]:
        """
        Return the nodes that hold slots, in the order of these.
        """
        return [node for node in dict.fromkeys(self._owners) if node is not None]
