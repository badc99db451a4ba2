"""
An archive at the other end of HTTP: a batch in requests of bounded size, each tried again for a while, what
is refused for good set aside.

An end of this kind takes what it is sent again, so rows carry ids that it can know them by: events of
Logflare an `id`, records of OTLP a `log.record.uid`. Within one process nothing that was taken is sent
again; after a kill a batch may be, under the same ids.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

import msgspec

from tracelog.core.bounded import Bounded
from tracelog.core.entry import FIELDS, Entry
from tracelog.core.text import one_line
from tracelog.errors import SinkRefusedError, SinkUnavailableError, StoreUnavailableError
from tracelog.server.archives.dead import DeadLetters
from tracelog.sinks.base import Receipt

ROWS: Final = 500
"""Of one request: of ordinary entries a quarter of a megabyte."""

BYTES: Final = 1024 * 1024
"""Of the rows of one request as they come: every receiver takes as much, our own included."""

TRIES: Final = 4
"""Of a request before the batch goes back to the queue, which tries it again later."""

PAUSE_S: Final = 0.5
"""Before the second try; twice as long before each further one."""

LONGEST_PAUSE_S: Final = 5.0
"""The batch behind waits in the queue meanwhile, which has more room than patience has here."""

UNFIT_KEY: Final = frozenset({"http_401", "http_403", "http_404", "http_405", "http_407"})
"""Refusals of the sender and not of what it sends: a person mends them, and nothing need be set aside."""

REMEMBERED: Final = 1_024
"""Batches whose course is known here: more than are ever in work at once."""

SAID_CHARS: Final = 200


class End(Protocol):
    """
    What sends entries over, and says what became of them: a sink.
    """

    def send(self, entries: Sequence[Entry]) -> Receipt: ...

    def close(self) -> None: ...


class SentArchive:
    """
    Sends batches to an *end*.

    Args:
        name: Of the archive, in counters and files.
        end: What sends; it is called on one thread.
        dead: Where refused rows go.
        pause: Seconds before the second try.

    Attributes:
        counted: `rows` stored, `batches`, `repeated` batches that were known to be stored, `retries`,
            `failed` tries, and rows that were `refused`, which stand in the dead-letter file.
        last_error: What the last failed try said; None after one that went well.
    """

    def __init__(self, name: str, end: End, dead: DeadLetters, *, pause: float = PAUSE_S) -> None:
        self.name = name
        self.counted = dict.fromkeys(("rows", "batches", "repeated", "retries", "failed", "refused"), 0)
        self.last_error: str | None = None
        self._end = end
        self._dead = dead
        self._pause = pause
        self._done: Bounded[str, int] = Bounded(REMEMBERED)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"tracelog-{name}")

    async def store(self, batch_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """
        Send *rows*, from where an earlier try of this batch got to.

        Raises:
            StoreUnavailableError: When the end takes nothing now.
        """
        done = self._done.get(batch_id) or 0
        if rows and done >= len(rows):
            self.counted["repeated"] += 1
            return
        most = ROWS
        while done < len(rows):
            part = rows[done : done + min(most, _fitting(rows, done))]
            try:
                await self._deliver(batch_id, part)
            except SinkRefusedError as error:
                if len(part) > 1:  # until what is refused stands alone
                    most = len(part) // 2
                    continue
                await self._set_aside(batch_id, str(error), part)
            done += len(part)
            most = min(ROWS, most * 2)
            self._done.put(batch_id, done)
        self.counted["batches"] += 1

    async def close(self) -> None:
        """
        Let go of the connection.
        """
        await self._run(self._end.close)
        self._thread.shutdown(wait=False)

    async def _deliver(self, batch_id: str, part: Sequence[Mapping[str, Any]]) -> None:
        """
        Send *part* as one request.

        Raises:
            SinkRefusedError: When the end will never take it as a whole.
        """
        entries, unfit = _entries(part)
        receipt = await self._sent(entries)
        refused = sum(receipt.rejected.values())
        self.counted["rows"] += len(entries) - refused
        await self._set_aside(batch_id, "it is no entry", unfit)
        if refused:  # the end does not say which, so all that it may be are set aside
            cause = f"{refused} of these {len(entries)} were refused: {', '.join(receipt.rejected)}"
            await self._set_aside(batch_id, cause, part, count=refused)

    async def _sent(self, entries: list[Entry]) -> Receipt:
        """
        Send one request, again and again for a while.
        """
        pause = self._pause
        for attempt in range(1, TRIES + 1):
            try:
                receipt: Receipt = await self._run(self._end.send, entries)
            except SinkRefusedError as error:
                self._failed(error)
                if error.reason in UNFIT_KEY:
                    raise StoreUnavailableError(
                        f"{self.name}: {error}", retry_after=LONGEST_PAUSE_S
                    ) from error
                raise
            except SinkUnavailableError as error:
                self._failed(error)
                wait = max(pause, error.retry_after or 0.0)
                if attempt == TRIES or wait > LONGEST_PAUSE_S:
                    raise StoreUnavailableError(f"{self.name}: {error}", retry_after=wait) from error
                self.counted["retries"] += 1
                await asyncio.sleep(wait)
                pause *= 2
            else:
                self.last_error = None
                return receipt
        raise AssertionError("the last try returns or raises")

    async def _set_aside(
        self, batch_id: str, cause: str, rows: Sequence[Mapping[str, Any]], *, count: int | None = None
    ) -> None:
        if rows:
            await self._run(self._dead.write, self.name, batch_id, one_line(cause), rows)
            self.counted["refused"] += len(rows) if count is None else count

    def _failed(self, error: Exception) -> None:
        self.counted["failed"] += 1
        self.last_error = one_line(str(error)[:SAID_CHARS])

    async def _run(self, call: Any, *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *given)


def _fitting(rows: Sequence[Mapping[str, Any]], start: int) -> int:
    """
    Return how many rows from *start* on make one request; one at least.
    """
    size = 0
    for n, row in enumerate(rows[start : start + ROWS]):
        size += len(msgspec.json.encode(row))
        if n and size > BYTES:
            return n
    return min(ROWS, len(rows) - start)


def _entries(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Entry], list[Mapping[str, Any]]]:
    """
    Return *rows* as entries, each one forwarder further, and those that are none.
    """
    entries: list[Entry] = []
    unfit: list[Mapping[str, Any]] = []
    for row in rows:
        own = {name: value for name, value in row.items() if name in FIELDS}
        if more := {name: value for name, value in row.items() if name not in FIELDS}:
            own["context"] = {**(own.get("context") or {}), **more}
        try:
            entry = msgspec.convert(own, Entry)
        except (msgspec.ValidationError, TypeError):
            unfit.append(row)
            continue
        entry.hops = (entry.hops or 0) + 1
        entries.append(entry)
    return entries, unfit
