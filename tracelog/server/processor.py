"""
The processor: what was stored is taken from the queue in batches, sampled, folded, shown and archived.

    take → process (sample, fold) → show (live view) → archive → finish

Each step may be done again and changes nothing then, so a processor may die anywhere: whoever asks next gets
its batch, the very same, once nobody has worked on it for a while. Several share the work without knowing of
each other. An archive that is away, or hangs, holds up neither the live view nor the other archives: its
batches come back (`outlets.py`).
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from tracelog.core.live import LiveRow, live_rows
from tracelog.core.process import process
from tracelog.errors import StoreUnavailableError
from tracelog.server.archiving import Archive
from tracelog.server.faults import Faults
from tracelog.server.outlets import Outlet
from tracelog.stores.queues import Batch, Queue

LEASE_S: Final = 30.0
"""A batch takes a fraction of a second, and an archive's longest answer a few: who is silent for so long is
dead."""

WATCHED_S: Final = 0.05
"""Between two looks while somebody reads the live view, so that the reader sees what happens now."""

WATCHED_ARCHIVED_S: Final = 1.0
"""The same where batches are archived: an archive is billed and limited by requests."""

PURGE_S: Final = 60.0

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
        self._outlets = [Outlet(archive, queue, faults, clock=clock) for archive in archives]
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
        self._ending: set[asyncio.Task[bool]] = set()

    async def start(self) -> None:
        """
        Begin to work on the running loop. What is stored from now on is queued, if the store can be asked.
        """
        begun = None
        try:
            begun = (await self._queue.take(self._named(), due=False, lease_s=self._lease_s)).batch
        except StoreUnavailableError:
            pass  # the first look that finds it begins the queue
        except Exception as error:  # whatever it is, the server serves
            self._faults.tell(error)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run(begun)), loop.create_task(self._purge())]

    async def stop(self) -> None:
        """
        Finish the batch at hand if that is quick, and begin no other.
        """
        self._stops.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                for task in (*self._tasks[:1], *self._ending):
                    await asyncio.wait([task])
        left = [*self._tasks, *self._ending]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def look(self) -> bool:
        """
        Process what is there, if it is time for that, and return whether somebody watches.

        Raises:
            StoreUnavailableError: When the store cannot say.
        """
        due = self._clock() >= self._due
        if due:
            self._due = self._clock() + self._interval_s
        is_left = False  # then what is silent is left, too, and to take it over would go round in a circle
        while not self._stops.is_set():
            seen = await self._queue.take(self._named(), due=due, lease_s=self._lease_s, only_new=is_left)
            if seen.batch is None:
                return seen.watched
            is_left |= not await self._work(seen.batch)
        return False

    def _named(self) -> str:
        self._batches += 1
        return f"{self._name}-{self._batches}"

    async def _run(self, begun: Batch | None) -> None:
        while not self._stops.is_set():
            wait_s = self._queue.poll_s
            try:
                if begun is not None:
                    batch, begun = begun, None
                    await self._work(batch)
                if await self.look():
                    wait_s = WATCHED_ARCHIVED_S if self._outlets else WATCHED_S
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

    async def _work(self, batch: Batch) -> bool:
        """
        Work on *batch*, which stays this processor's until it has ended; return whether it is done with.
        """
        renewing = asyncio.get_running_loop().create_task(self._renew(batch))
        try:
            rows = await self._shown(batch)
        except BaseException:
            await _cancelled(renewing)
            raise
        free = [outlet for outlet in self._outlets if outlet.is_free]
        patience = [outlet.patience_s for outlet in free]
        calls = [asyncio.ensure_future(outlet.give(batch.id, rows)) for outlet in free]
        ending = asyncio.ensure_future(
            self._end(batch, calls, renewing, is_given=len(free) == len(self._outlets))
        )
        self._ending.add(ending)
        ending.add_done_callback(self._ended)
        await asyncio.gather(*map(_waited, calls, patience))
        if not all(call.done() for call in calls):
            return False  # it ends by itself
        await asyncio.wait([ending])
        return not ending.cancelled() and ending.exception() is None and ending.result()

    async def _shown(self, batch: Batch) -> Rows:
        """
        Show *batch* in the live view and return what archives are to be given.
        """
        with_rows = bool(self._outlets)
        rows, shown, counts = await asyncio.to_thread(_processed, batch.bodies, self._rate, with_rows)
        if await self._queue.show(batch, shown, counts):
            self._on_shown()
        return rows

    async def _end(
        self,
        batch: Batch,
        calls: Sequence[asyncio.Future[bool]],
        renewing: asyncio.Task[None],
        *,
        is_given: bool,
    ) -> bool:
        """
        End *batch* when all *calls* have: it is done with if all archives were given it and have it.
        """
        try:
            is_kept = all(await asyncio.gather(*calls))
            if is_given and is_kept:
                await self._queue.finish(batch)
        finally:
            await _cancelled(renewing)
        return is_given and is_kept

    def _ended(self, ending: asyncio.Task[bool]) -> None:
        self._ending.discard(ending)
        error = None if ending.cancelled() else ending.exception()
        if error is not None:
            self._faults.tell(error)

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


async def _waited(call: asyncio.Future[bool], patience_s: float) -> None:
    """
    Wait for *call*, but not for long.
    """
    await asyncio.wait([call], timeout=patience_s)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _processed(
    bodies: Sequence[bytes], rate: float, with_rows: bool
) -> tuple[Rows, list[LiveRow], Mapping[str, int]]:
    """
    Return what archives are given, the live rows, and the account; done on a thread beside the server's.
    """
    done = process(bodies, rate)
    rows = msgspec.to_builtins(done.rows) if with_rows else []
    return rows, live_rows(done.rows), done.counts()
