"""
Counts on their way into the store's ledger: refused entries, and what clients report of themselves.

They are written together, once a second; what a kill can cost is one second of counts. While the store is
away they are kept, within bounds, and tried again by themselves.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Final

from tracelog.core.entry import Entry
from tracelog.errors import StoreUnavailableError
from tracelog.server.faults import Faults
from tracelog.stores import Outcome, Store

EVERY_S: Final = 1.0
MOST: Final = 10_000
"""Sources kept apart while the store is away; the counts of further ones are kept without a name."""


def is_counted(entry: Entry) -> bool:
    """
    Whether *entry* is a log call of its source, and not a row about entries that are counted already.

    A row with a `kind` is one about others, whoever made it: its number is that of the first it stands for.
    Only where it has a number of its own, as one that a program passes on, it is an entry like any other.
    """
    return entry.kind is None or entry.id == f"{entry.source}-{entry.seq}"


class Counts:
    """
    Counts and reports for *store*; trouble that is no absence of it is told to *faults*.
    """

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self._reports: dict[str, bytes] = {}
        self._writing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def add(self, source: str, system: str, outcome: str, reason: str, n: int = 1) -> None:
        """
        Count *n* entries that ended without being stored.
        """
        what = (source, system, outcome, reason)
        if what not in self._counts and len(self._counts) >= MOST:
            what = ("", "", outcome, reason)
        self._counts[what] += n
        self._schedule()

    def keep(self, source: str, report: bytes) -> None:
        """
        Keep the newest cumulative *report* (JSON) of *source*.
        """
        if source not in self._reports and len(self._reports) >= MOST:
            self._reports.pop(next(iter(self._reports)))  # it is cumulative: its source says it again
        self._reports[source] = report
        self._schedule()

    async def write_now(self) -> None:
        """
        Write what there is, for who reads now; what the store does not take is kept.
        """
        if self._counts or self._reports:
            await self._try()

    async def drain(self) -> None:
        """
        Write what there is now, if the store takes it.
        """
        if self._writing is not None:
            self._hurry.set()
            await self._writing

    def _schedule(self) -> None:
        if self._writing is None or self._writing.done():
            self._hurry.clear()
            self._writing = asyncio.get_running_loop().create_task(self._write_later())

    async def _write_later(self) -> None:
        while self._counts or self._reports:
            with suppress(TimeoutError):  # nobody is in a hurry
                await asyncio.wait_for(self._hurry.wait(), EVERY_S)
            await self._try()
            if self._hurry.is_set():
                return

    async def _try(self) -> None:
        """
        Write; what the store does not take is kept for the next time.
        """
        try:
            await self._write()
        except StoreUnavailableError:
            return
        except Exception as error:  # a fault in a store must not end the counting
            self._faults.tell(error)

    async def _write(self) -> None:
        counts, self._counts = self._counts, Counter()
        try:
            if counts:
                await self._store.count([Outcome(*what, n) for what, n in counts.items()])
        except BaseException:
            self._counts.update(counts)
            raise
        for source in list(self._reports):
            report = self._reports.pop(source)
            try:
                await self._store.report(source, report)
            except BaseException:
                self._reports.setdefault(source, report)  # a newer one may have come
                raise
