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
        young: Keys asked for since the last turn; who asks most often may look here first.
        old: Keys asked for before it.
    """

    __slots__ = ("cap", "old", "young")

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.young: dict[K, V] = {}
        self.old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """
        Return the value of *key*, which counts as asked for, or None.
        """
        value = self.young.get(key)
        if value is None:
            value = self.old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def meet(self, key: K, value: V) -> V | None:
        """
        Return the value of *key*, or remember *value* for it and return None: `get` and `put` in one call.
        """
        young = self.young
        size = len(young)
        met: V | None = young.setdefault(key, value)  # one look where `get` and an assignment are two
        if len(young) == size:
            return met
        met = self.old.get(key)
        if met is not None:
            young[key] = met
        if size + 1 >= self.cap:
            self.old = young
            self.young = {}
        return met

    def put(self, key: K, value: V) -> None:
        """
        Remember *value* under *key*.
        """
        young = self.young
        young[key] = value
        if len(young) >= self.cap:
            self.old = young
            self.young = {}

    def __contains__(self, key: K) -> bool:
        return key in self.young or key in self.old

    def __len__(self) -> int:
        return len(self.young.keys() | self.old.keys())
