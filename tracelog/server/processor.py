"""
The processor: what was stored is taken from the queue in batches, sampled, folded, shown and archived.

    take → process (sample, fold) → show (live view) → archive → finish

Each step may be done again and changes nothing then, so a processor may die anywhere: whoever asks next gets
its batch, the very same, once nobody has worked on it for a while. Several share the work without knowing of
each other. An archive that is away holds up neither the live view nor the queue: its batches come back.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tracelog.core.live import LiveRow, live_rows
from tracelog.core.process import process
from tracelog.errors import StoreUnavailableError
from tracelog.server.archiving import Account, Archive
from tracelog.server.faults import Faults
from tracelog.stores.queues import Batch, Queue

LEASE_S: Final = 30.0
"""A batch takes a fraction of a second, and an archive's longest answer a few: who is silent for so long is
dead."""

WATCHED_S: Final = 0.05
"""Between two looks while somebody reads the live view, so that the reader sees what happens now."""

WATCHED_ARCHIVED_S: Final = 1.0
"""The same where batches are archived: an archive is billed and limited by requests."""

PURGE_S: Final = 60.0

NEVER_S: Final = 10_000_000.0
"""A lease that no batch outlives: nothing is taken over."""

STOP_S: Final = 5.0
"""Longest wait for the batch at hand when the processor is stopped; another would process it otherwise."""

Rows = list[dict[str, Any]]


class Processor:
    """
    One worker on a queue.

    Args:
        queue: Of the store.
        archives: Where processed rows go besides the live view.
        interval_s: Between two batches, unless one is full before.
        rate: Share of traces of which ordinary entries are processed.
        faults: Told what goes wrong.
        lease_s: Seconds of silence after which a batch is taken over.
        on_shown: Called when the live view has changed.
        clock: Returns monotonic seconds.
    """

    def __init__(  # noqa: PLR0913 - where from, where to, how often and how much
        self,
        queue: Queue,
        archives: Sequence[Archive],
        *,
        interval_s: float,
        rate: float,
        faults: Faults,
        lease_s: float = LEASE_S,
        on_shown: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._archives = archives
        self._interval_s = interval_s
        self._rate = rate
        self._faults = faults
        self._lease_s = lease_s
        self._on_shown = on_shown
        self._clock = clock
        self._name = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._batches = 0
        self._due = 0.0
        self._stops = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """
        Begin to work on the running loop.
        """
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run()), loop.create_task(self._purge())]

    async def stop(self) -> None:
        """
        Finish the batch at hand if that is quick, and begin no other.
        """
        self._stops.set()
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=STOP_S)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def look(self) -> bool:
        """
        Process what is there, if it is time for that, and return whether somebody watches.

        Raises:
            StoreUnavailableError: When the store cannot say.
        """
        due = self._clock() >= self._due
        if due:
            self._due = self._clock() + self._interval_s
        away: set[str] = set()
        while not self._stops.is_set():
            self._batches += 1
            lease_s = NEVER_S if away else self._lease_s
            seen = await self._queue.take(f"{self._name}-{self._batches}", due=due, lease_s=lease_s)
            if seen.batch is None:
                return seen.watched
            away |= await self._held(seen.batch, away)
        return False

    async def _run(self) -> None:
        while not self._stops.is_set():
            wait_s = self._queue.poll_s
            try:
                if await self.look():
                    wait_s = WATCHED_ARCHIVED_S if self._archives else WATCHED_S
            except StoreUnavailableError as error:
                wait_s = error.retry_after
            except Exception as error:  # whatever it is, the next look must come
                self._faults.tell(error)
            wait_s = min(wait_s, max(0.0, self._due - self._clock()))
            try:
                async with asyncio.timeout(max(wait_s, WATCHED_S)):
                    await self._stops.wait()
            except TimeoutError:
                continue

    async def _held(self, batch: Batch, away: set[str]) -> set[str]:
        """
        Work on *batch*, which stays this processor's meanwhile; return which archives have not got it.
        """
        renewing = asyncio.get_running_loop().create_task(self._renew(batch))
        try:
            return await self._work(batch, away)
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _work(self, batch: Batch, away: set[str]) -> set[str]:
        with_rows = bool(self._archives)
        rows, shown, counts = await asyncio.to_thread(_processed, batch.bodies, self._rate, with_rows)
        if await self._queue.show(batch, shown, counts):
            self._on_shown()
        left = {each.name for each in self._archives if not await self._archived(each, batch, rows, away)}
        if not left:
            await self._queue.finish(batch)
        return left

    async def _archived(self, archive: Archive, batch: Batch, rows: Rows, away: set[str]) -> bool:
        """
        Give *archive* the rows of *batch*, unless it is one of those *away*; whether it has them.
        """
        if archive.name in away:
            return False
        account, kept = Account(archive), True
        try:
            await archive.store(batch.id, rows)
        except StoreUnavailableError as error:
            self._faults.tell(error)
            kept = False
        if counts := account.of(len(rows), kept=kept):
            await self._queue.count(counts)
        return kept

    async def _renew(self, batch: Batch) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                await self._queue.renew(batch, self._lease_s)
            except StoreUnavailableError:
                continue  # the store is away for the others, too

    async def _purge(self) -> None:
        """
        Remove what the live view's time to live should have removed, on a schedule of its own.
        """
        while True:
            try:
                await self._queue.purge()
            except StoreUnavailableError:
                pass  # the next minute tries again; the rows' time to live goes on meanwhile
            except Exception as error:
                self._faults.tell(error)
            await asyncio.sleep(PURGE_S)


def _processed(
    bodies: Sequence[bytes], rate: float, with_rows: bool
) -> tuple[Rows, list[LiveRow], Mapping[str, int]]:
    """
    Return what archives are given, the live rows, and the account; done on a thread beside the server's.
    """
    done = process(bodies, rate)
    rows = msgspec.to_builtins(done.rows) if with_rows else []
    return rows, live_rows(done.rows), done.counts()
