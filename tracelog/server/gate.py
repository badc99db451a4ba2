"""
Quotas against the store, for one server process: one call for a group of rows, or none.

    known to be refused → the store's gate → while it is away, this server's part of the limits

What is granted and not stored (a repeated id, a full trace, a failed write) goes back with the next call. The
answer that a flood gets is remembered until the store's minute ends, so it costs about one call a minute.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from tracelog.core.breaker import Breaker
from tracelog.core.budget import Alert, alert
from tracelog.core.deny import DenyCache
from tracelog.core.quota_local import LocalShare
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Asked, Class, Demand, Grant, Refund, Reply
from tracelog.errors import StoreUnavailableError
from tracelog.stores import NOT_NOW, STORED
from tracelog.stores.gates import Gate

OVER_SHARE: Final = "S"
"""The fate of a row whose system has used up what it may have of this hour."""

OVER_BUDGET: Final = "B"
"""The month's budget has no room for its class."""

OVER_CRITICAL: Final = "C"
"""The pool of critical traces is used up."""

ADMITTED: Final = ""

CLASSES: Final[dict[str, Class]] = {
    "n": "normal",
    "p": "privileged",
    "e": "essential",
    "c": "critical",
}
"""The letters that stores know classes by."""

ASK_S: Final = 0.05
"""A gate that takes longer is in trouble; rows do not wait for it."""

MOST_ASK_S: Final = 2.0
"""However distant the store is."""

PIECES: Final = 5
"""In which that time is counted: however long this process is busy elsewhere, it costs one of them."""

FIRST_ASK: Final = 10
"""So many times as long the first call may take: it connects, and the store has yet to read the script."""

MOST_REFUNDS: Final = 1_000
"""Of one call; the rest goes with the next."""

Key = tuple[str, str]


class Admission(NamedTuple):
    """
    What a group of rows may do.

    Attributes:
        fates: For each row `ADMITTED`, or the letter of its fate.
        grants: What was charged for the admitted ones.
        local: Whether the store was not asked.
    """

    fates: list[str]
    grants: Sequence[Grant]
    local: bool


class Gatekeeper:
    """
    Stands between the rows of this process and the store.

    Args:
        gate: Of the store.
        settings: The limits.
        clock: Returns monotonic seconds; *wall_ms* Unix milliseconds.
        tell: Called with each change of the budget's level that this process brought about.
        timeout_s: Longest wait for the gate.

    Attributes:
        remaining: System → normal rows it could have had at the last call.
        level: Of the month's budget.
    """

    def __init__(  # noqa: PLR0913 - what it decides by, and what time it is
        self,
        gate: Gate,
        settings: QuotaSettings,
        *,
        clock: Callable[[], float],
        wall_ms: Callable[[], float],
        tell: Callable[[Alert], None],
        timeout_s: float = ASK_S,
    ) -> None:
        self.gate = gate
        self.settings = settings
        self.remaining: dict[str, int] = {}
        self.level = 0
        self._clock = clock
        self._wall_ms = wall_ms
        self._tell = tell
        self._timeout_s = timeout_s
        self._patience_s = max(timeout_s, min(FIRST_ASK * timeout_s, MOST_ASK_S))
        self._denied = DenyCache()
        self._breaker = Breaker()
        self._told = (0, 0)
        self._local = LocalShare(settings)
        self._refunds: list[Refund] = []
        self._shares = settings.plan().shares
        self._store_away = False

    async def admit(self, wanted: Sequence[Key]) -> Admission:
        """
        Charge what may be stored.

        Args:
            wanted: For each row its system and the letter of its class.
        """
        now = self._clock()
        asked = Counter(self._key(*each) for each in wanted)
        demands = [
            Demand(system, CLASSES[letter], n)
            for (system, letter), n in asked.items()
            if not self._denied.refused(system, CLASSES[letter], now)
        ]
        reply, local = await self._ask(demands, now) if demands else (None, False)
        grants = () if reply is None else reply.grants
        room = Counter[Key]()
        for grant in grants:
            room[grant.system, _LETTERS[grant.cls]] += grant.n
        if room == asked:
            return Admission([ADMITTED] * len(wanted), grants, local)
        return Admission([self._fate(self._key(*each), room, local=local) for each in wanted], grants, local)

    def settle(self, admission: Admission, wanted: Sequence[Key], fates: str) -> None:
        """
        Take back what was granted to rows that were not stored.

        Args:
            admission: As it was given for *wanted*.
            wanted: As it was asked.
            fates: What became of every row.
        """
        self._store_away = NOT_NOW in fates
        if fates.count(STORED) == sum(grant.n for grant in admission.grants):
            return
        stored = Counter(self._key(*key) for key, fate in zip(wanted, fates, strict=True) if fate == STORED)
        back = list(_unused(admission.grants, stored))
        if admission.local:
            self._local.take_back(back)
        elif back:
            self._refunds += back
            self._denied.forget()  # what comes back may be all that others were refused for

    def retry_after(self, system: str, letter: str) -> float:
        """
        Return the seconds for which rows of *system* with the class *letter* are known to be refused.
        """
        name, _ = self._key(system, letter)
        return self._denied.wait(name, CLASSES[letter], self._clock())

    def left(self, system: str) -> int | None:
        """
        Return how many normal rows *system* could have had at the last call, None when it never asked.
        """
        name = self.settings.system_of(system)
        if self._denied.refused(name, "normal", self._clock()):
            return 0
        return self.remaining.get(name)

    def used(self) -> dict[str, float]:
        """
        Return which part (0 to 1) of its own share each system had used at the last call.
        """
        used = {
            system: 1.0 - min(1.0, left / share)
            for system, left in self.remaining.items()
            if (share := self._shares.get(system))
        }
        aliases = {name: used[pool] for name, pool in self.settings.aliases.items() if pool in used}
        return used | aliases

    async def drain(self) -> None:
        """
        Tell the store what is still to be given back or charged, before the process ends.
        """
        if self._refunds or self._local.owes:
            self._breaker.succeeded()  # nobody can tell it later, so it is tried whatever happened before
            await self._ask([], self._clock())

    def _key(self, system: str, letter: str) -> Key:
        return self.settings.system_of(system), letter

    def _fate(self, key: Key, room: Counter[Key], *, local: bool) -> str:
        if room[key] > 0:
            room[key] -= 1
            return ADMITTED
        if local and (self._store_away or key[1] in "ec"):
            return NOT_NOW  # who sent it keeps it: an error is not given up for a store that is slow
        if self.level >= _SHUT_FROM[key[1]]:
            return OVER_BUDGET
        return OVER_CRITICAL if key[1] == "c" else OVER_SHARE

    async def _ask(self, demands: list[Demand], now: float) -> tuple[Reply, bool]:
        """
        Return the gate's answer, or this server's own when it cannot be had; and whether it is its own.
        """
        if not self._breaker.allows(now):
            return self._local.ask(tuple(demands), int(self._wall_ms())), True
        refunds, self._refunds = self._refunds[:MOST_REFUNDS], self._refunds[MOST_REFUNDS:]
        told = self._local.settle() if self._local.owes else Asked()
        try:
            async with _patience(self._patience_s):
                reply = await self.gate.ask(demands, refunds, next(iter(told.repair), None), told.forced)
        except (StoreUnavailableError, TimeoutError) as error:
            # Whether it was charged is not known. What it was asked is not asked again, and refunds are lost.
            self._breaker.failed(self._clock())
            if isinstance(error, StoreUnavailableError) and (told.forced or told.repair):
                self._local.unsettle(told)
            return self._local.ask(tuple(demands), int(self._wall_ms())), True
        self._breaker.succeeded()
        # a distant store is not in trouble: four of its round trips are waited for
        self._patience_s = min(MOST_ASK_S, max(self._timeout_s, 4 * (self._clock() - now)))
        self._denied.learn(demands, reply, now)
        self._learn(reply)
        return reply, False

    def _learn(self, reply: Reply) -> None:
        self._local.saw(reply)
        self.remaining.update(reply.remaining)
        self.level = reply.level
        change = alert(
            reply.was, reply.level, month=reply.month, used=reply.month_used, settings=self.settings
        )
        if change is not None and (reply.month, reply.level) > self._told:
            self._told = (reply.month, reply.level)  # refunds move the month back and forth over its edges
            self._tell(change)


_LETTERS: Final = {name: letter for letter, name in CLASSES.items()} | {"lease": "n"}
_SHUT_FROM: Final = {"n": 2, "p": 2, "e": 3, "c": 4}
"""Level of the budget from which a class is refused for the budget's sake."""


@asynccontextmanager
async def _patience(seconds: float) -> AsyncIterator[None]:
    """
    Raise `TimeoutError` once the block has waited for *seconds* in which this process could hear an answer.

    A process that decodes large bodies hears late what came in time. Were that taken for a store in trouble,
    every server under a flood would admit its own part beside what the store grants.
    """
    loop = asyncio.get_running_loop()
    left = PIECES
    timer: asyncio.TimerHandle
    async with asyncio.timeout(None) as limit:

        def look() -> None:
            nonlocal left, timer
            left -= 1
            if left > 0:
                timer = loop.call_later(seconds / PIECES, look)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_later(seconds / PIECES, look)
        try:
            yield
        finally:
            timer.cancel()


def _unused(grants: Iterable[Grant], stored: Counter[Key]) -> Iterable[Refund]:
    """
    Yield what gives back the part of *grants* that *stored* rows did not use; loans go back first.
    """
    for grant in sorted(grants, key=lambda grant: grant.pool != grant.system):
        key = (grant.system, _LETTERS[grant.cls])
        used = min(grant.n, stored[key])
        stored[key] -= used
        if used < grant.n:
            yield grant.refund(grant.n - used)
