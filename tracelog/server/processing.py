"""
Everything behind the queue of one server: archives, the processor inside, the live view, and how it is going.
"""

from collections.abc import Callable, Sequence
from typing import Any

from tracelog.config import ServerSettings
from tracelog.core.store_bounds import QUEUE_BYTES
from tracelog.errors import StoreUnavailableError
from tracelog.server.archives import open_archives
from tracelog.server.archiving import ARCHIVED, Archive, archived_of
from tracelog.server.faults import Faults
from tracelog.server.live import Live
from tracelog.server.processor import Processor
from tracelog.stores.queues import Queue


class Processing:
    """
    What a server does with its queue.

    Args:
        settings: Of the server.
        queue: Of the store; its numbers are those of all processors together.
        faults: Told what goes wrong.
        archives: Where processed rows go, besides those that the settings name.
        clock: Returns Unix milliseconds.

    Attributes:
        live: The view that readers follow.
    """

    def __init__(
        self,
        settings: ServerSettings,
        queue: Queue,
        faults: Faults,
        *,
        archives: Sequence[Archive],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._faults = faults
        self._clock = clock
        self._archives = [*open_archives(settings.archive), *archives]
        self._processor: Processor | None = None
        self.live = Live(queue, faults, clock=clock)

    async def begin(self) -> None:
        """
        Process all that is stored from now on, unless that is done elsewhere.
        """
        if not self._settings.process:
            return
        self._processor = Processor(
            self._queue,
            self._archives,
            interval_s=self._settings.process_interval,
            rate=self._settings.process_sample,
            faults=self._faults,
            on_shown=self.live.poke,
        )
        await self._processor.start()

    async def end(self) -> None:
        """
        Finish the batch at hand, if that is quick.
        """
        if self._processor is not None:
            await self._processor.stop()

    async def view(self) -> dict[str, Any] | None:
        """
        Return what waits, for how long, and what became of it, as the status shows it; None while the store
        is away.
        """
        try:
            found = await self._queue.backlog()
        except StoreUnavailableError:
            return None
        oldest_ms, now_ms = found.oldest_ms, self._clock()
        lag_s = 0.0 if oldest_ms is None else max(0.0, now_ms - oldest_ms) / 1000
        names = [archive.name for archive in self._archives]
        counts = sorted(found.counts.items())
        return {
            "inside": self._processor is not None,
            "archives": names,
            "archived": archived_of(names, found.counts),
            "readers": self.live.readers,
            "waiting": found.writes,
            "taken": found.taken,
            "bytes": found.bytes,
            "limit_bytes": QUEUE_BYTES,
            "lag_s": round(lag_s, 3),
            "cut": found.counts.get("cut", 0),
            "counts": {name: n for name, n in counts if name != "cut" and not name.startswith(ARCHIVED)},
        }
