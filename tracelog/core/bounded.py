"""
A map of bounded size that forgets what has not been asked for in a while.

Two generations: new and recently asked-for keys stand in the young one. When that is full it becomes the old
one, and what the old one still held is forgotten. An access costs one or two look-ups and no bookkeeping,
where a list ordered by use pays for each; between *cap* and twice as many keys are remembered.
"""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """
    At most twice *cap* keys. Values are never None.

    Attributes:
        turns: How often a generation was forgotten.
    """

    __slots__ = ("cap", "old", "turns", "young")

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.turns = 0
        self.young: dict[K, V] = {}
        self.old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """
        Return the value of *key*, which counts as asked for, or None.
        """
        value = self.young.get(key)
        if value is None and self.old:
            value = self.old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """
        Remember *value* under *key*.
        """
        young = self.young
        if len(young) >= self.cap and key not in young:
            self.old = young
            self.young = young = {}
            self.turns += 1
        young[key] = value

    def __contains__(self, key: K) -> bool:
        return key in self.young or key in self.old

    def __len__(self) -> int:
        return len(self.young.keys() | self.old.keys())
