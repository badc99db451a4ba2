"""
What a store is to processors: a queue of what was stored, and the live view that they write.

Obligations of a queue, beside those of its store:

* While a processor wants it, each write that stores something also appends that to the queue, in the same
  step; who writes waits for nothing. It is wanted from the first `take` until nobody has taken for `KEPT_S`.
* It holds `QUEUE_BYTES`; what would be more is stored all the same, not processed, and counted as cut.
* What belongs to a batch never changes, so neither does its id, whoever works on it and how often.
* A batch that nobody has worked on for *lease_s* is given to the next who asks.
* `show` and `finish` are one step each, and done once for a batch, whoever calls them and how often.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from tracelog.core.live import LiveRow

KEPT_S: Final = 24 * 3600
"""So long the queue waits for processors that died; after it nobody is taken to want it."""

BATCH_BYTES: Final = 4 * 1024 * 1024
"""A full batch, some 10,000 entries: it is taken at once, and is processed in a tenth of a second."""

BATCH_CALLS: Final = 500
"""Writes of a batch at most: the hosted Redis of the source design lets a consumer hold 1,000."""

WATCHED_S: Final = 10
"""So long somebody who read the live view counts as watching."""


class Batch(msgspec.Struct, frozen=True):
    """
    Work for a processor.

    Attributes:
        id: Made of its place in the queue; sorted by age as text.
        name: What the queue calls it.
        places: Its writes, and *bodies* what each stored: a JSON array of entries.
    """

    id: str
    name: str
    places: list[str]
    bodies: list[bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.bodies))


class Look(msgspec.Struct, frozen=True):
    """
    What a processor found: work if there is some for it now, and whether somebody watches the live view.
    """

    batch: Batch | None
    watched: bool


class Backlog(msgspec.Struct, frozen=True):
    """
    How far processing is behind.

    Attributes:
        writes: That wait, *taken* of them in somebody's hands; *bytes* of all.
        oldest_ms: When the oldest of them was stored, Unix milliseconds, None when nothing waits.
        counts: What processors counted since the queue began, and entries `cut`.
    """

    writes: int
    taken: int
    bytes: int
    oldest_ms: float | None
    counts: Mapping[str, int]


class Queue(Protocol):
    """
    The queue and the live view of a store; the obligations stand at the top of this file.
    """

    poll_s: float
    """How often it may be asked for little."""

    async def take(self, name: str, *, due: bool, lease_s: float, only_new: bool = False) -> Look:
        """
        Look for work.

        Args:
            name: For a new batch; used once.
            due: Whether to take whatever there is; else only a full batch, or any while somebody watches.
            lease_s: Seconds of silence after which a batch is taken from its processor.
            only_new: Whether batches of others are left alone, however long they have been silent.
        """
        ...

    async def renew(self, batch: Batch, lease_s: float) -> None:
        """
        Say that somebody still works on *batch*.
        """
        ...

    async def show(self, batch: Batch, rows: Sequence[LiveRow], counts: Mapping[str, int]) -> bool:
        """
        Add *rows* to the live view and *counts* to the counts; whether this was the first call for *batch*.
        """
        ...

    async def finish(self, batch: Batch) -> bool:
        """
        End *batch*; whether this call did so.
        """
        ...

    async def count(self, counts: Mapping[str, int]) -> None:
        """
        Add *counts* to the counts, as often as this is called.
        """
        ...

    async def backlog(self) -> Backlog: ...

    async def live(self, after: int, limit: int) -> list[LiveRow]:
        """
        Return rows that changed after version *after*, the earliest change first, at most *limit*; with a
        negative *after* the latest of all.
        """
        ...

    async def watch(self) -> None:
        """
        Say that somebody reads the live view.
        """
        ...

    async def purge(self) -> int:
        """
        Remove rows of the live view whose time is over, and return how many these were.
        """
        ...
