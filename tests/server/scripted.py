"""
A store in memory that does what a test says: holds writes back, fails them, or takes them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tracelog.core import aliases, heat
from tracelog.core.live import LiveRow
from tracelog.core.query import Query
from tracelog.core.quota import ask, status_of
from tracelog.core.quota_ring import State
from tracelog.core.quota_settings import QuotaSettings
from tracelog.errors import StoreUnavailableError
from tracelog.stores import (
    Ends,
    Fates,
    Outcome,
    Page,
    Row,
    Tally,
    Trace,
    TraceFilter,
    TraceQuota,
    TraceSummary,
)
from tracelog.stores.boards import Board, Claim
from tracelog.stores.cleaning import Cleaned
from tracelog.stores.examined import examined
from tracelog.stores.gates import Demand, Gate, GateStatus, Refund, Repair, Reply, asked_of
from tracelog.stores.heats import Heat
from tracelog.stores.queues import Backlog, Batch, Look, Queue

NOON_MS = 1_795_348_800_000
"""22 November 2026, 12:00 UTC."""


class LocalGate:
    """
    A gate of one process: the arithmetic alone, on a clock that stands still.
    """

    def __init__(self, settings: QuotaSettings, server: str = "") -> None:
        self._settings = settings
        self._server = server
        self._state = State()
        self.now_ms = NOON_MS

    def forget(self) -> None:
        """
        Lose all data, as a store does that is started anew; its birth is told to the millisecond.
        """
        self._state = State()
        self.now_ms += 1

    async def ask(
        self,
        demands: Sequence[Demand],
        refunds: Sequence[Refund] = (),
        repair: Repair | None = None,
        forced: Sequence[Demand] = (),
    ) -> Reply:
        asked = asked_of(self._settings, demands, refunds, repair, forced)
        asked = msgspec.structs.replace(asked, server=self._server)
        return ask(self._state, self._settings.plan(), asked, self.now_ms)

    async def status(self) -> GateStatus:
        return status_of(self._state, self._settings.plan(), self.now_ms)


class LocalHeat:
    """
    Heat of one process: the arithmetic alone, on a clock that stands still.

    Args:
        check: Called first; raises what it wants.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._state = heat.State()

    async def share(self, posted: Mapping[str, heat.Warmth]) -> Mapping[str, heat.Warmth]:
        self._check()
        return heat.share(self._state, posted, 10_000, NOON_MS)


class NoQueue:
    """
    A queue that nothing waits in.
    """

    poll_s = 60.0

    async def take(self, name: str, *, due: bool, lease_s: float, only_new: bool = False) -> Look:
        return Look(None, watched=False)

    async def renew(self, batch: Batch, lease_s: float) -> None:
        return None

    async def show(self, batch: Batch, rows: Sequence[LiveRow], counts: Mapping[str, int]) -> bool:
        return False

    async def finish(self, batch: Batch) -> bool:
        return False

    async def count(self, counts: Mapping[str, int]) -> None:
        return None

    async def backlog(self) -> Backlog:
        return Backlog(0, 0, 0, None, {})

    async def live(self, after: int, limit: int) -> list[LiveRow]:
        return []

    async def watch(self) -> None:
        return None

    async def purge(self) -> int:
        return 0


class LocalBoard:
    """
    A board in memory, which is in as much trouble as its store.
    """

    every_s = 60.0

    def __init__(self, check: Callable[[], None]) -> None:
        self.facts: dict[str, bytes] = {}
        self.lines: list[bytes] = []
        self.claims: dict[str, Claim] = {}
        self._check = check

    async def read(self) -> dict[str, bytes]:
        self._check()
        return dict(self.facts)

    async def put(self, name: str, value: bytes) -> None:
        self._check()
        self.facts[name] = value

    async def take(self, name: str) -> bool:
        self._check()
        return self.facts.pop(name, None) is not None

    async def note(self, line: bytes) -> None:
        self._check()
        self.lines.insert(0, line)

    async def notes(self, limit: int) -> list[bytes]:
        self._check()
        return self.lines[:limit]

    async def claim(self, name: str, ttl_s: int) -> Claim:
        self._check()
        held = self.claims.get(name)
        self.claims.setdefault(name, "theirs")
        return held or "ours"

    async def done(self, name: str, ttl_s: int) -> None:
        self._check()
        self.claims[name] = "done"


class ScriptedStore:
    """
    Takes everything at once, until told otherwise.

    Attributes:
        trouble: Raised by every call while it is there.
        hold: Whether writes wait for `release`.
        results: What the next writes answer instead of what is true, first one first.
        writes: The ids of each write, in order of their beginning; *asked* its quota and classes.
        most: How many writes were under way together at most.
    """

    gate_timeout_s = 5.0

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.shared = LocalHeat(self._check)
        self.notes = LocalBoard(self._check)
        self.names = aliases.State()
        self.hold = False
        self.results: list[Any] = []
        self.writes: list[list[str]] = []
        self.stored: dict[str, bytes] = {}
        self.outcomes: list[Outcome] = []
        self.ended: list[Ends] = []
        self.calls: list[str] = []
        self.reports: dict[str, bytes] = {}
        self.told: dict[str, list[bytes]] = {}
        self.asked: list[tuple[TraceQuota | None, str | None]] = []
        self.most = 0
        self.closed = False
        self._held: list[asyncio.Event] = []
        self._under_way = 0

    async def start(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    def gate(self, settings: QuotaSettings) -> Gate:
        return LocalGate(settings)

    def queue(self) -> Queue:
        return NoQueue()

    def heat(self, window_s: float) -> Heat:
        return self.shared

    async def understand(self, claim: aliases.Claim) -> list[str]:
        self._check()
        return aliases.understand(self.names, claim, NOON_MS)

    async def write(
        self,
        rows: Sequence[Row],
        *,
        quota: TraceQuota | None = None,
        classes: str | None = None,
        prints: Sequence[str] | None = None,
    ) -> Fates:
        self.asked.append((quota, classes))
        self.writes.append([entry.id for entry, _ in rows])
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            if self.hold:
                gate = asyncio.Event()
                self._held.append(gate)
                await gate.wait()
            return self._take(rows)
        finally:
            self._under_way -= 1

    def _take(self, rows: Sequence[Row]) -> Fates:
        self._check()
        if self.results:
            said = self.results.pop(0)
            if isinstance(said, Exception):
                raise said
            return str(said)
        fates = ""
        for entry, data in rows:
            fates += "D" if entry.id in self.stored else "A"
            self.stored.setdefault(entry.id, data)
        return fates

    def release(self) -> None:
        """
        Let the writes that are held go on, and hold no further ones.
        """
        self.hold = False
        held, self._held = self._held, []
        for gate in held:
            gate.set()

    async def fetch(self, trace_id: str) -> Trace | None:
        self._check()
        return None

    async def resolve(self, ref: str) -> str:
        self._check()
        return ref

    async def traces(self, wanted: TraceFilter) -> Page[TraceSummary]:
        self._check()
        return Page([], None)

    async def search(
        self,
        query: Query,
        *,
        since_ms: float | None = None,
        until_ms: float | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[bytes]:
        self._check()
        return Page(list(self.stored.values()), None)

    async def report(self, source: str, report: bytes) -> None:
        self._check()
        self.reports[source] = report
        self.told.setdefault(source, []).append(report)

    async def count(self, outcomes: Sequence[Outcome], ended: Sequence[Ends] = (), *, call: str = "") -> None:
        self._check()
        self.outcomes.extend(outcomes)
        self.ended.extend(ended)
        self.calls.append(call)

    async def trim(self) -> int:
        self._check()
        return 0

    async def tallies(self, *, source: str | None = None, system: str | None = None) -> list[Tally]:
        self._check()
        return []

    async def health(self) -> dict[str, Any]:
        return {"kind": "scripted", "ok": self.trouble is None, "cause": str(self.trouble or "") or None}

    def board(self) -> Board:
        return self.notes

    async def clean(self, *, dry_run: bool) -> Cleaned:
        self._check()
        return Cleaned()

    async def examine(self) -> dict[str, Any]:
        return examined(await self.health())

    async def sweep(self) -> int:
        return 0

    async def clear(self) -> None:
        self.stored.clear()

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble


def away() -> StoreUnavailableError:
    """
    Return the exception of a store that is not there.
    """
    return StoreUnavailableError("the store does not answer", retry_after=3.0)
