"""
Counts on their way into the store's ledger: refused entries, and what clients report of themselves.

They are written together, once a second; what a kill can cost is one second of counts, which later reports of
those who were told make good. While the store is away they are kept, within bounds, and tried again by
themselves. A call that may have been done, because its answer was lost, is made again as it was and under its
number, so that the store counts it once.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

from tracelog.core.ended import Run, ordered
from tracelog.core.entry import Entry
from tracelog.core.ledger import counts_in
from tracelog.core.stage import Drop
from tracelog.errors import StoreUnavailableError
from tracelog.server.faults import Faults
from tracelog.server.own import OWN_SOURCE
from tracelog.stores import Ends, Outcome, Store

EVERY_S: Final = 1.0
MOST: Final = 10_000
"""Sources kept apart while the store is away; the counts of further ones are kept without a name."""

MOST_RUNS: Final = 100_000
"""Runs of running numbers kept meanwhile, about 10 MB. Beyond, entries are counted without their numbers:
what repeats them on another server is counted again."""

CALL_SOURCES: Final = 500
CALL_RUNS: Final = 4_000
"""Sources and runs of a call, so that a store is not held up by one call for more than some milliseconds."""

HELD_REPORTS: Final = 16
"""Reports of one source that wait to be written; of its own clients' all but the last say nothing more."""

TRIM_S: Final = 60.0
"""How often the store's ledger is brought within its bounds."""

REDACTED: Final = "redacted"
"""The outcome under which a store keeps how often servers replaced what, as their own speaker says it. It is
the end of no entry, and no ledger adds it up."""

Refused = tuple[str, str, str, str, int | None]
"""Source, system, outcome, reason and running number of an entry that was not stored."""

Kept = tuple[str, str, int | None]
"""Source, system and running number of an entry that was."""


class _Call(NamedTuple):
    """
    What one call of the store counts, as it is made until it is answered.
    """

    number: int
    outcomes: list[Outcome]
    ended: list[Ends]


def is_counted(entry: Entry) -> bool:
    """
    Whether *entry* is a log call of its source, and not a row about entries that are counted already.

    A row with a `kind` is one about others, whoever made it: its number is that of the first it stands for.
    Only where it has a number of its own, as one that a program passes on, it is an entry like any other.
    """
    return entry.kind is None or entry.id == f"{entry.source}-{entry.seq}"


def refused_of(drop: Drop, source: str | None) -> Refused:
    """
    Return what is counted of *drop*, in a batch of *source*.
    """
    entry = drop.entry
    if entry is None:
        return source or "", "", drop.outcome, drop.reason, None
    source = source or entry.source or ""
    seq = entry.seq if entry.source == source else None
    return source, entry.system, drop.outcome, drop.reason, seq


class Counts:
    """
    Counts and reports for *store*; trouble that is no absence of it is told to *faults*.
    """

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._name = os.urandom(8).hex()
        self._calls = 0
        self._call: _Call | None = None
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self._runs: dict[tuple[str, str], list[Run]] = {}
        self._many_runs = 0
        self._reports: dict[str, list[bytes]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None
        self._trimming: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._redacted: dict[str, int] = {}

    def add(self, source: str, system: str, outcome: str, reason: str, n: int = 1) -> None:
        """
        Count *n* entries without running numbers that ended without being stored.
        """
        what = (source, system, outcome, reason)
        if what not in self._counts and len(self._counts) >= MOST and source != OWN_SOURCE:
            what = ("", "", outcome, reason)
        self._counts[what] += n
        self._schedule()

    def add_redacted(self, hits: Mapping[str, int]) -> None:
        """
        Count what was replaced here since the last time; *hits* are the totals of this process, by rule.
        """
        if hits == self._redacted:
            return
        for rule, n in hits.items():
            more = n - self._redacted.get(rule, 0)
            if more > 0:
                self.add(OWN_SOURCE, "", REDACTED, rule, more)
        self._redacted = dict(hits)

    def add_batch(self, refused: Iterable[Refused], kept: Iterable[Kept] = ()) -> None:
        """
        Count the entries of a batch that ended without being stored, each once, whoever counts it again.

        Args:
            refused: Those entries.
            kept: The others of the same batch, which are stored: they are counted by the store, but with them
                the running numbers of a batch are few runs, and fewer runs are remembered for longer.
        """
        for source, system, outcome, reason, seq in refused:
            if seq is None or not source or not self._number(source, system, seq, f"{outcome}/{reason}"):
                self.add(source, system, outcome, reason)
        for source, system, seq in kept:
            if seq is not None and (source, system) in self._runs:
                self._number(source, system, seq, "")
        if self._runs:
            self._schedule()

    def keep(self, source: str, report: bytes) -> None:
        """
        Keep a cumulative *report* (JSON) of *source*, and with it earlier ones that name a larger count.
        """
        if source not in self._reports and len(self._reports) >= MOST:
            self._reports.pop(next(iter(self._reports)))  # it is cumulative: its source says it again
        held = self._reports.setdefault(source, [])
        held.append(report)
        if len(held) > HELD_REPORTS:
            held[:] = _telling(held)[-HELD_REPORTS:]
        self._schedule()

    async def write_now(self) -> None:
        """
        Write what there is, for who reads now; what the store does not take is kept.
        """
        if self._waits:
            await self._try()

    async def drain(self) -> None:
        """
        Write what there is now, if the store takes it.
        """
        if self._trimming is not None:
            self._trimming.cancel()
            self._trimming = None
        if self._writing is not None:
            self._hurry.set()
            await self._writing

    @property
    def _waits(self) -> bool:
        return bool(self._call or self._counts or self._runs or self._reports)

    def _number(self, source: str, system: str, seq: int, why: str) -> bool:
        """
        Note how the entry of this running number ended; return False when there is no room for it.
        """
        runs = self._runs.get((source, system))
        if runs is None:
            if len(self._runs) >= MOST:
                return False
            runs = self._runs[source, system] = []
        if runs and runs[-1][1] + 1 == seq and runs[-1][2] == why:
            runs[-1] = (runs[-1][0], seq, why)
            return True
        if self._many_runs >= MOST_RUNS:
            return False
        runs.append((seq, seq, why))
        self._many_runs += 1
        return True

    def _schedule(self) -> None:
        if self._writing is None or self._writing.done():
            loop = asyncio.get_running_loop()
            self._hurry.clear()
            self._writing = loop.create_task(self._write_later())
            if self._trimming is None:
                self._trimming = loop.create_task(self._trim())

    async def _write_later(self) -> None:
        while self._waits:
            with suppress(TimeoutError):  # nobody is in a hurry
                await asyncio.wait_for(self._hurry.wait(), EVERY_S)
            await self._try()
            if self._hurry.is_set():
                return

    async def _trim(self) -> None:
        while True:
            await asyncio.sleep(TRIM_S)
            try:
                await self._store.trim()
            except StoreUnavailableError:
                continue
            except Exception as error:  # the bound is tried again later, and counting goes on
                self._faults.tell(error)

    async def _try(self) -> None:
        """
        Write; what the store does not take is kept for the next time.
        """
        try:
            async with self._one_at_a_time:
                await self._write()
        except StoreUnavailableError:
            return
        except Exception as error:  # a fault in a store must not end the counting
            self._faults.tell(error)

    async def _write(self) -> None:
        while self._call or self._counts or self._runs:
            call = self._call = self._call or self._next_call()
            await self._store.count(call.outcomes, call.ended, call=f"{self._name} {call.number}")
            self._call = None
        for source in list(self._reports):
            reports = _telling(self._reports.pop(source))
            try:
                for report in reports:
                    await self._store.report(source, report)
            except BaseException:
                self._reports[source] = reports + self._reports.get(source, [])
                raise

    def _next_call(self) -> _Call:
        """
        Take out what the next call counts.
        """
        self._calls += 1
        outcomes = [
            Outcome(*what, self._counts.pop(what)) for what in list(islice(self._counts, CALL_SOURCES))
        ]
        ended = []
        room = CALL_RUNS
        for speaker in list(islice(self._runs, CALL_SOURCES)):
            runs = self._runs.pop(speaker)
            if len(runs) > room:
                self._runs[speaker] = runs[room:]
            told = [(first, last, "_".join(why.split())) for first, last, why in runs[:room]]
            ended.append(Ends(*speaker, ordered(told)))
            room -= len(told)
            if room == 0:
                break
        self._many_runs -= CALL_RUNS - room
        return _Call(self._calls, outcomes, ended)


def _telling(reports: list[bytes]) -> list[bytes]:
    """
    Return the last of *reports* and those before it that name a larger count than all after them.
    """
    kept: list[bytes] = []
    most: dict[str, int] = {}
    for report in reversed(reports):
        counts = counts_in(report)
        if not kept or any(n > most.get(name, 0) for name, n in counts.items()):
            kept.append(report)
        for name, n in counts.items():
            most[name] = max(n, most.get(name, 0))
    return kept[::-1]
