"""
Group commit without a timer: whatever arrived while earlier writes were under way goes into the next one.

A request is answered only after the store has its entries. Waiting on purpose to make groups larger was
measured to cost more than half of the throughput and to save nothing; with up to four writes under way,
groups form by themselves under load.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from tracelog.core.bounded import Bounded
from tracelog.core.prints import NO_PRINT
from tracelog.core.quota_values import LETTER_OF, OWN, OWN_COUNT
from tracelog.errors import StoreUnavailableError, TracelogError
from tracelog.server.faults import Faults
from tracelog.server.gate import Gatekeeper
from tracelog.stores import NOT_NOW, OVER_QUOTA, STORED, Fates, PartlyStoredError, Row, Store, TraceQuota
from tracelog.stores.trace_quota import classes_of

WRITES_UNDER_WAY: Final = 4
GROUP_ROWS: Final = 1_000
"""Rows of one write, unless one request has more. Larger groups were measured to be slower: the store waits
for the server to pack them, and then the server for the store."""

GROUP_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one write, for the same reason; a request that has more is written alone."""

WAITING_ROWS: Final = 100_000
WAITING_BYTES: Final = 64 * 1024 * 1024
"""Rows and bytes that may wait or be under way; beyond, senders are told to come back."""

FULL_S: Final = 60
"""For so long a full trace is taken for full: that its hour is over is noticed late by that, never early."""

UNKNOWN_S: Final = 600
"""For so long a trace that nothing is stored of is not asked again to note what was refused of it, unless
this server stores something of it: a flood of made-up traces must not cost a call each time it is told of."""

FULL_TRACES: Final = 4_096
"""Of which that is known, at most twice as many. One that is forgotten costs a grant that comes back."""

_ASKED_AS: Final = {OWN: LETTER_OF["privileged"]}
"""What the gate is asked for, where the letter is the store's only."""

_ENDED_BY: Final = {"c": "npe" + OWN_COUNT}
"""What is no longer refused for a trace's sake once a row of such a letter is stored; of others, notes."""

Part = tuple[list[Row], int, "asyncio.Future[Fates]", str | None, Sequence[str] | None]
"""The rows of one request, how many bytes they are, who waits for them, their classes, and their prints."""


class FullTraces:
    """
    What the store refused for a trace's sake a moment ago, by class: it is not asked about again, and so
    holds no room of its system that others are refused for meanwhile.

    Args:
        quota: Of the traces.
    """

    def __init__(self, quota: TraceQuota) -> None:
        self._lasts_s = min(FULL_S, quota.window_s)
        self._until: Bounded[tuple[str, str], float] = Bounded(FULL_TRACES)

    def fates(self, rows: Sequence[Row], classes: str, now: float) -> list[str]:
        """
        Return for each of *rows* the fate that is known, or nothing.
        """
        if not self._until.young and not self._until.old:
            return [""] * len(rows)
        until = self._until.get
        return [
            OVER_QUOTA if (until((entry.trace_id, letter)) or 0.0) > now else ""
            for (entry, _), letter in zip(rows, classes, strict=True)
        ]

    def learn(self, rows: Sequence[Row], classes: str, fates: Fates, now: float) -> None:
        """
        Remember which of *rows* found their trace full, or without anything that a note could stand beside.
        One that is stored ends the latter, and a critical one gives its trace more room.
        """
        if OVER_QUOTA not in fates and not self._until.young and not self._until.old:
            return
        for (entry, _), letter, fate in zip(rows, classes, fates, strict=True):
            if fate == OVER_QUOTA:
                lasts_s = UNKNOWN_S if letter == OWN_COUNT else self._lasts_s
                self._until.put((entry.trace_id, letter), now + lasts_s)
            elif fate == STORED:
                for other in _ENDED_BY.get(letter, OWN_COUNT):
                    if self._until.get((entry.trace_id, other)) is not None:
                        self._until.put((entry.trace_id, other), 0.0)


class Committer:
    """
    Writes rows of many requests together.

    Args:
        store: Where to.
        faults: Told what went wrong inside the store.
        quota: What one trace may store; anything without it.
        gatekeeper: Asked what all may store, once for each group; not without it.
    """

    def __init__(
        self,
        store: Store,
        faults: Faults,
        quota: TraceQuota | None = None,
        gatekeeper: Gatekeeper | None = None,
    ) -> None:
        self._gatekeeper = gatekeeper
        self._full = FullTraces(quota or TraceQuota())
        self._store = store
        self._quota = quota
        self._faults = faults
        self._waiting: list[Part] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._loop: asyncio.AbstractEventLoop | None = None  # asking for it is a system call each time

    def submit(
        self, rows: list[Row], size: int, classes: str | None = None, prints: Sequence[str] | None = None
    ) -> "asyncio.Future[Fates]":
        """
        Return a future of what the store says of each row.

        It fails with `StoreUnavailableError` when none could be stored.

        Args:
            rows: At least one.
            size: About how many bytes they are.
            classes: One letter a row, see `TraceQuota`; without it errors are essential, all else normal.
            prints: One a row, see `core.prints`; without it nothing is compared.

        Raises:
            StoreUnavailableError: When too much is waiting already.
        """
        if self._waiting_rows > WAITING_ROWS or self._waiting_bytes > WAITING_BYTES:
            raise StoreUnavailableError("the store is slower than what arrives; try again in a second")
        loop = self._loop = self._loop or asyncio.get_running_loop()
        done: asyncio.Future[Fates] = loop.create_future()
        self._waiting.append((rows, size, done, classes, prints))
        self._waiting_rows += len(rows)
        self._waiting_bytes += size
        self._schedule(loop)
        return done

    async def drain(self) -> None:
        """
        Wait until nothing is under way.
        """
        while self._waiting or self._under_way:
            await asyncio.wait(set(self._under_way)) if self._under_way else await asyncio.sleep(0)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._scheduled and self._waiting and len(self._under_way) < WRITES_UNDER_WAY:
            self._scheduled = True
            loop.call_soon(self._start, loop)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = False
        if not self._waiting:
            return
        group, rows, size = 0, 0, 0
        for part, part_size, *_ in self._waiting:
            rows += len(part)
            size += part_size
            if group and (rows > GROUP_ROWS or size > GROUP_BYTES):
                break
            group += 1
        taken, self._waiting = self._waiting[:group], self._waiting[group:]
        task = loop.create_task(self._write(taken))
        self._under_way.add(task)
        task.add_done_callback(self._written)
        self._schedule(loop)

    async def _write(self, group: list[Part]) -> None:
        rows = group[0][0] if len(group) == 1 else [row for part, *_ in group for row in part]
        try:
            results = await self._ask(rows, group)
        except TracelogError as error:
            _fail(group, error)
            return
        except Exception as error:  # a fault in a store must not leave the senders waiting
            self._faults.tell(error)
            _fail(group, StoreUnavailableError(f"the store failed: {type(error).__name__}"))
            return
        finally:
            self._waiting_rows -= len(rows)
            self._waiting_bytes -= sum(size for _, size, *_ in group)
        place = 0
        for part, _, done, *_ in group:
            if not done.done():  # a sender that went away does not wait any more
                done.set_result(results[place : place + len(part)])
            place += len(part)

    async def _ask(self, rows: list[Row], group: list[Part]) -> Fates:
        """
        Return what the store says of each row of *group*.
        """
        if self._quota is None:
            return await self._store_rows(rows, None, None)
        classes = "".join([classes_of(part, letters) for part, _, _, letters, _ in group])
        prints = [each for part, *_, given in group for each in given or [NO_PRINT] * len(part)]
        if self._gatekeeper is None:
            return await self._store_rows(rows, classes, prints)
        return await self._store_admitted(self._gatekeeper, rows, classes, prints)

    async def _store_admitted(
        self, gatekeeper: Gatekeeper, rows: list[Row], classes: str, prints: list[str]
    ) -> Fates:
        now = asyncio.get_running_loop().time()
        told = self._full.fates(rows, classes, now)
        asked = [at for at, fate in enumerate(told) if not fate]
        wanted = [(rows[at][0].system, _ASKED_AS.get(classes[at], classes[at])) for at in asked]
        admission = await gatekeeper.admit(wanted)
        for at, fate in zip(asked, admission.fates, strict=True):
            told[at] = fate
        classes = _counted_only(classes, told)
        known = self._full.fates(rows, classes, now) if OWN_COUNT in classes else told
        places = [at for at in asked if not told[at] or (classes[at] == OWN_COUNT and not known[at])]
        if len(places) < len(rows):
            rows = [rows[at] for at in places]
            classes = "".join([classes[at] for at in places])
            prints = [prints[at] for at in places]
        try:
            results = await self._store_rows(rows, classes, prints) if rows else ""
        except BaseException:
            gatekeeper.settle(admission, wanted, NOT_NOW * len(wanted))
            raise
        self._full.learn(rows, classes, results, now)
        for at, result in zip(places, results, strict=True):
            told[at] = result
        gatekeeper.settle(admission, wanted, "".join([told[at] for at in asked]))
        return "".join(told)

    async def _store_rows(self, rows: list[Row], classes: str | None, prints: list[str] | None) -> Fates:
        """
        Return what the store says of *rows*.
        """
        try:
            if classes is None:
                results = await self._store.write(rows)
            else:
                results = await self._store.write(rows, quota=self._quota, classes=classes, prints=prints)
        except PartlyStoredError as error:
            results = error.results
        if len(results) != len(rows):
            raise ValueError("the store did not speak of every row")
        return results

    def _written(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._schedule(task.get_loop())


def _counted_only(classes: str, told: Sequence[str]) -> str:
    """
    Return *classes* with own rows that the gate refused as such of which only the count is kept.
    """
    if OWN not in classes:
        return classes
    return "".join(
        [
            OWN_COUNT if letter == OWN and fate not in {"", NOT_NOW} else letter
            for letter, fate in zip(classes, told, strict=True)
        ]
    )


def _fail(group: list[Part], error: TracelogError) -> None:
    """
    Give every waiter its own exception: one that is raised in several places collects their traces.
    """
    for _, _, done, *_ in group:
        if not done.done():
            done.set_exception(_copy(error))


def _copy(error: TracelogError) -> TracelogError:
    wait = {"retry_after": error.retry_after} if isinstance(error, StoreUnavailableError) else {}
    return StoreUnavailableError(str(error), **wait)
