"""
Rows that the server says itself: what folded, what was refused, what an error brought out, the budget.

They stand for entries that are counted already, so they are stored without being counted again: to the store
they are from a speaker of their own, whatever their JSON says. They are made of entries that were redacted.
A trace that is full has some places for them, and keeps at least what they count.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec

from tracelog.core.budget import Alert
from tracelog.core.entry import Entry, decode_entry, encode_entry
from tracelog.core.quota_values import LETTER_OF, OWN
from tracelog.errors import StoreUnavailableError
from tracelog.server.commit import Committer
from tracelog.server.faults import Faults
from tracelog.server.shield import Shield
from tracelog.stores import DUPLICATE, NOT_NOW, NOTED, STORED, Fates, Row

TICK_S: Final = 0.5
"""Between two looks at what is to be told of folded entries, whose rows are due in whole seconds."""

CATCH_UP_S: Final = 1.0
"""Readers are not kept waiting longer, and rows for readers are not made more often."""

AGAIN_ROWS: Final = 4_096
"""Rows that wait for a store that is away; what further ones count joins what is told later."""

OWN_SYSTEM: Final = "tracelog"
"""The system that speaks of the budget."""

OWN_SOURCE: Final = "@server"
"""The speaker of rows that are not counted. Ledgers leave it out."""


class OwnRows:
    """
    Makes them and hands them to the store, at its own pace.

    Args:
        shield: Which knows what is due.
        committer: Where they go.
        clock: Returns Unix milliseconds.
        faults: Told what goes wrong here.
    """

    def __init__(
        self,
        shield: Shield,
        committer: Committer,
        *,
        clock: Callable[[], float],
        faults: Faults,
    ) -> None:
        self._shield = shield
        self._committer = committer
        self._clock = clock
        self._faults = faults
        self._ticking: asyncio.Task[None] | None = None
        self._again: list[tuple[Row, str]] = []
        self._caught_up = -CATCH_UP_S

    def begin(self, each: Callable[[], None]) -> None:
        """
        Look after rows that are due from now on, and call *each* at every look.
        """
        if self._ticking is None:
            self._ticking = asyncio.get_running_loop().create_task(self._tick(each))

    def end(self) -> None:
        """
        Hand over everything that waits to be told, and look no more.
        """
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        self._repeat()
        self.tell(self._shield.guard.close())

    async def catch_up(self) -> None:
        """
        Store rows that are nearly due, and wait for them, but not long. Reading often makes no more than a
        few rows more; who reads a trace is shown what else waits to be told of it, without storing it.
        """
        now = time.monotonic()
        if now - self._caught_up < CATCH_UP_S:
            return
        self._caught_up = now
        stored = self.tell(self._shield.so_far())
        if stored is not None:
            await asyncio.wait([stored], timeout=CATCH_UP_S)

    def tell(self, entries: list[Entry], letter: str = OWN) -> "asyncio.Future[Fates] | None":
        """
        Store *entries*, and return what will tell of it. What they stand for has had its answer.

        Args:
            entries: Complete but for their arrival.
            letter: Their class.
        """
        if not entries:
            return None
        now_ms = self._clock()
        for entry in entries:
            entry.received_at = now_ms
        return self._submit([(entry, encode_entry(entry)) for entry in entries], letter * len(entries))

    def alert(self, change: Alert) -> None:
        """
        Store a row that tells of a new level of the budget. It passes even an exhausted one, and all servers
        that see the change tell it under one id, so it is stored once.
        """
        entry = Entry(
            id=change.id,
            trace_id=change.trace_id,
            timestamp=self._clock(),
            system=OWN_SYSTEM,
            level=change.severity,
            message=change.message,
            origin="server",
            context={"budget_level": change.level, "was": change.was, "used": change.used},
        )
        asyncio.get_running_loop().call_soon(self.tell, [entry], LETTER_OF["critical"])

    def context(self, trace_id: str) -> list[Row]:
        """
        Return what the flight recorder held of a trace that failed, in the order of its times.
        """
        rows = []
        for entry in self._shield.released(trace_id):
            entry.kind = "context"
            rows.append(nobodys(entry, encode_entry(entry)))
        return rows

    def restore(self, rows: list[Row]) -> None:
        """
        Hold *rows* of `context` again: the error that brought them out was not stored.
        """
        for _, body in rows:
            self._shield.hold(decode_entry(body), body)

    def _submit(self, rows: list[Row], letters: str) -> "asyncio.Future[Fates] | None":
        """
        Hand *rows* to the store; those it cannot take now are handed over again at the next look.
        """
        size = sum(len(body) for _, body in rows)
        try:
            stored = self._committer.submit([nobodys(*row) for row in rows], size, letters)
        except StoreUnavailableError:
            self._keep(rows, letters)
            return None
        stored.add_done_callback(lambda done: self._heard(rows, letters, done))
        return stored

    def _heard(self, rows: list[Row], letters: str, done: "asyncio.Future[Fates]") -> None:
        """
        See to the rows that were not stored.

        Those that may have been are repeated under their ids, which the store knows if they were. What a
        refused row counts is told later.
        """
        if done.cancelled() or done.exception() is not None:
            self._keep(rows, letters)
            return
        for row, letter, fate in zip(rows, letters, done.result(), strict=True):
            if fate == NOT_NOW:
                self._keep([row], letter)
            elif fate not in {STORED, DUPLICATE, NOTED}:
                self._put_back(row[0])

    def _keep(self, rows: list[Row], letters: str) -> None:
        for row, letter in zip(rows, letters, strict=True):
            if len(self._again) < AGAIN_ROWS:
                self._again.append((row, letter))
            else:
                self._put_back(row[0])

    def _repeat(self) -> None:
        if self._again:
            waiting, self._again = self._again, []
            self._submit([row for row, _ in waiting], "".join([letter for _, letter in waiting]))

    def _put_back(self, entry: Entry) -> None:
        if entry.kind is not None:
            self._shield.put_back(entry)

    async def _tick(self, each: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self._repeat()
                self.tell(self._shield.due())
                each()
            except Exception as error:  # the rows of one look, and not of all that follow
                self._faults.tell(error)


def nobodys(entry: Entry, body: bytes) -> Row:
    """
    Return *entry* and its JSON as a row that is counted for no speaker of ours.
    """
    return msgspec.structs.replace(entry, source=OWN_SOURCE, seq=None, context=None), body
