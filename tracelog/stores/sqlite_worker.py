"""
One thread that owns one SQLite connection, and how work gets there and answers get back.

The event loop hands over: `submit` puts a job on a queue and returns a future. The thread takes everything
that waits, does it, and tells the loop once (`call_soon_threadsafe`), which settles all those futures.
Nothing else crosses: the connection is made, used and closed on the thread.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final

from tracelog.errors import StoreUnavailableError, TracelogError

MAX_TAKEN: Final = 1_000
"""Jobs answered together: past it the first of them would wait for the last."""

QUIET_S: Final = 0.05
"""A queue empty for so long counts as idle."""

IDLE_S: Final = 30.0
"""How often an idle thread looks for something to tidy up."""


class Job:
    """
    Something to do with the connection, and what became of it.
    """

    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Any, future: "asyncio.Future[Any]") -> None:
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None


Batch = Callable[[sqlite3.Connection, list[Job]], None]


class Worker:
    """
    The thread.

    Args:
        name: Of the thread.
        connect: Opens the connection; what it raises is what `start` and every job raise.
        batch: Does the jobs it is given and puts `result` or `error` on each.
        idle: Called when nothing waits; does a small piece of tidying and returns whether there is more.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        batch: Batch,
        idle: Callable[[sqlite3.Connection], bool] | None = None,
    ) -> None:
        self._connect = connect
        self._batch = batch
        self._idle = idle
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """
        Start the thread and return when its connection is open.
        """
        self._thread.start()
        await self.submit(_nothing)

    def submit(self, work: Any) -> "asyncio.Future[Any]":
        """
        Hand *work* over and return the future of its result. Called on the event loop.
        """
        future = self._loop.create_future()
        self._jobs.put(Job(work, future))
        return future

    async def close(self) -> None:
        """
        Do what was handed over before, then end the thread.
        """
        self._jobs.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        try:
            connection = self._connect()
        except TracelogError as error:
            self._refuse_all(error)
            return
        try:
            while jobs := self._take(connection):
                self._batch(connection, [job for job in jobs if job is not None])
                self._answer([job for job in jobs if job is not None])
                if jobs[-1] is None:
                    break
        finally:
            connection.close()

    def _take(self, connection: sqlite3.Connection) -> list[Job | None]:
        """
        Return the jobs that wait, at least one; a closing None stands last.
        """
        jobs = [self._wait(connection)]
        while jobs[-1] is not None and len(jobs) < MAX_TAKEN and not self._jobs.empty():
            jobs.append(self._jobs.get())
        return jobs

    def _wait(self, connection: sqlite3.Connection) -> Job | None:
        patience = QUIET_S
        while True:
            try:
                return self._jobs.get(timeout=patience) if patience else self._jobs.get_nowait()
            except Empty:
                more = self._idle is not None and self._idle(connection)
                patience = 0.0 if more else IDLE_S

    def _refuse_all(self, error: Exception) -> None:
        while (job := self._jobs.get()) is not None:
            job.error = error
            self._answer([job])

    def _answer(self, jobs: list[Job]) -> None:
        try:
            self._loop.call_soon_threadsafe(_settle, jobs)
        except RuntimeError:
            return  # the loop is closed: nobody waits for these answers


def _settle(jobs: list[Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue  # whoever waited was cancelled
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)


def _nothing(_connection: sqlite3.Connection) -> None:
    return None


def do_each(connection: sqlite3.Connection, jobs: list[Job]) -> None:
    """
    Call the work of each job with the connection; SQLite's faults become `StoreUnavailableError`.
    """
    for job in jobs:
        try:
            job.result = job.work(connection)
        except sqlite3.Error as error:
            job.error = explain(error)
        except Exception as error:  # any fault belongs to the one who asked, and never ends the thread
            job.error = error


def explain(error: sqlite3.Error) -> StoreUnavailableError:
    """
    Return *error* as what a store raises.
    """
    return StoreUnavailableError(f"the embedded store cannot do this now: {error}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """
    Do what is inside as a whole or not at all.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have ended it already
            connection.execute("ROLLBACK")
        raise
