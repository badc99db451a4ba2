"""
Quotas against the store, for one server process: one call for a group of rows, or none.

    a lease → known to be refused → the store's gate → while it is away, this server's part of the limits

What is granted and not stored (a repeated id, a full trace, a failed write, the rest of a lease) goes back
with the next call. The answer that a flood gets is remembered until the store's minute ends: about one call a
minute. Where the limits are high, a lease saves most calls, too.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

import msgspec

from tracelog.core.breaker import Breaker
from tracelog.core.budget import Alert, alert
from tracelog.core.deny import DenyCache
from tracelog.core.lease import Leases
from tracelog.core.quota_local import LocalShare
from tracelog.core.quota_ring import HEARD_MINUTES
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import CLASS_OF, Asked, Demand, Grant, Refund, Reply
from tracelog.errors import StoreUnavailableError
from tracelog.server.admission import ADMITTED, Admission, Key, rows_of, unused
from tracelog.server.patience import patience
from tracelog.stores import NOT_NOW, STORED
from tracelog.stores.gates import Gate

OVER_SHARE: Final = "S"
"""The fate of a row whose system has used up what it may have of this hour."""

OVER_BUDGET: Final = "B"
"""The month's budget has no room for its class."""

OVER_CRITICAL: Final = "C"
"""The pool of critical traces is used up."""

LEASABLE: Final = "epn"
"""Classes that a system's own share serves, in the order in which a lease serves them."""

ASK_S: Final = 0.05
"""A gate that takes longer is in trouble; rows do not wait for it."""

MOST_ASK_S: Final = 2.0
"""However distant the store is."""

FIRST_ASK: Final = 10
"""So many times as long the first call may take: it connects, and the store has yet to read the script."""

MOST_REFUNDS: Final = 1_000
"""Of one call; the rest goes with the next."""


class Gatekeeper:
    """
    Stands between the rows of this process and the store.

    Args:
        gate: Of the store.
        settings: The limits.
        clock: Returns monotonic seconds; *wall_ms* Unix milliseconds.
        tell: Called with each change of the budget's level, once: the first reply that shows it tells,
            whoever brought it about, since the reply of who did may be lost.
        timeout_s: Longest wait for the gate.

    Attributes:
        remaining: System → normal rows it could have had at the last call.
        calls: Of the gate so far; *unanswered* of them got no answer, and what they were granted is lost.
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
        self.calls = 0
        self.unanswered = 0
        self._clock = clock
        self._wall_ms = wall_ms
        self._tell = tell
        self._timeout_s = timeout_s
        self._patience_s = max(timeout_s, min(FIRST_ASK * timeout_s, MOST_ASK_S))
        self._denied = DenyCache()
        self._breaker = Breaker()
        plan = settings.plan()
        self._ceilings = {"n": plan.normal, "p": plan.normal, "e": plan.full, "c": plan.hard}
        self._told = (0, 0)
        self._month_used = 0
        self._filled = dict.fromkeys((*plan.systems, *settings.aliases), 0)
        self._leases = Leases(plan.shares)
        self._local = LocalShare(settings)
        self._refunds: list[Refund] = []
        self._answered_at = -inf
        self._store_away = False

    async def admit(self, wanted: Sequence[Key]) -> Admission:
        """
        Charge what may be stored.

        Args:
            wanted: For each row its system and the letter of its class.
        """
        now = self._clock()
        asked = Counter(self._key(*each) for each in wanted)
        leased = self._take_leased(asked, now)
        room = rows_of(leased)
        demands = [
            Demand(system, CLASS_OF[letter], n)
            for (system, letter), n in (asked - room if room else asked).items()
            if not self._denied.refused(system, CLASS_OF[letter], now)
        ]
        grants, local = await self._ask(demands, now) if demands else ((), False)
        room.update(rows_of(grants))
        for (system, letter), n in room.items():
            if letter in LEASABLE:
                self._leases.used(system, n, now)
        if room == asked:
            return Admission([ADMITTED] * len(wanted), grants, local, leased)
        fates = [self._fate(self._key(*each), room, local=local) for each in wanted]
        return Admission(fates, grants, local, leased)

    def settle(self, admission: Admission, wanted: Sequence[Key], fates: str) -> None:
        """
        Take back what was granted to rows that were not stored.

        Args:
            admission: As it was given for *wanted*.
            wanted: As it was asked.
            fates: What became of every row.
        """
        self._store_away = NOT_NOW in fates
        if fates.count(STORED) == sum(grant.n for grant in (*admission.leased, *admission.grants)):
            return
        stored = Counter(self._key(*key) for key, fate in zip(wanted, fates, strict=True) if fate == STORED)
        back = list(unused(admission.leased, stored))
        rest = list(unused(admission.grants, stored))
        if admission.local:
            self._local.take_back(rest)
        else:
            back += rest
        if back:
            self._refunds += back
            self._denied.forget()  # what comes back may be all that others were refused for

    def retry_after(self, system: str, letter: str) -> float:
        """
        Return the seconds for which rows of *system* with the class *letter* are known to be refused.
        """
        name, _ = self._key(system, letter)
        return self._denied.wait(name, CLASS_OF[letter], self._clock())

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
        Return which part (0 to 1) of its own share each system had used at the last call, 0 for one that did
        not ask. Systems that are not named use that of `other`, which has no share: of it all shares count.
        """
        return {name: min(1.0, self._filled[self.settings.system_of(name)] / 100) for name in self._filled}

    async def drain(self) -> None:
        """
        Tell the store what is still to be given back or charged, before the process ends.
        """
        self._refunds += self._leases.over(inf)
        failed = False
        while (self._refunds or self._local.owes) and not failed:
            self._breaker.succeeded()  # nobody can tell it later, so it is tried whatever happened before
            self._patience_s = MOST_ASK_S
            _, failed = await self._ask([], self._clock())

    def _key(self, system: str, letter: str) -> Key:
        return self.settings.system_of(system), letter

    def _fate(self, key: Key, room: Counter[Key], *, local: bool) -> str:
        if room[key] > 0:
            room[key] -= 1
            return ADMITTED
        if local and (self._store_away or key[1] in "ec"):
            return NOT_NOW  # who sent it keeps it: an error is not given up for a store that is slow
        if self._month_used >= self._ceilings[key[1]]:
            return OVER_BUDGET
        return OVER_CRITICAL if key[1] == "c" else OVER_SHARE

    def _take_leased(self, asked: Counter[Key], now: float) -> list[Grant]:
        """
        Return what leases give of *asked*, errors first.
        """
        if not self._leases.held:
            return []
        return [
            grant
            for letter in LEASABLE
            for (system, of), n in asked.items()
            if of == letter
            for grant in self._leases.take(Demand(system, CLASS_OF[letter], n), now)
        ]

    async def _ask(self, demands: list[Demand], now: float) -> tuple[Sequence[Grant], bool]:
        """
        Return what the gate grants of *demands*, or this server itself when the gate does not answer; and
        whether the latter is so.
        """
        if not self._breaker.allows(now):
            return self._grant(demands), True
        self._refunds += self._leases.over(now)
        refunds, self._refunds = self._refunds[:MOST_REFUNDS], self._refunds[MOST_REFUNDS:]
        told = self._local.settle() if self._local.owes else Asked()
        self.calls += 1
        wishes = self._leases.wishes([each.system for each in demands], now)
        try:
            async with patience(self._patience_s):
                reply = await self.gate.ask(
                    [*demands, *wishes], refunds, next(iter(told.repair), None), told.forced
                )
        except (StoreUnavailableError, TimeoutError) as error:
            # Whether it was charged is not known. What it was asked is not asked again, and refunds are lost.
            self.unanswered += 1
            self._breaker.failed(self._clock())
            if isinstance(error, TimeoutError):  # nor are charges: but a repair twice is a repair
                told = msgspec.structs.replace(told, forced=())
            self._local.unsettle(told)
            return self._grant(demands), True
        self._breaker.succeeded()
        self._answered_at = self._clock()
        # a distant store is not in trouble: four of its round trips are waited for
        self._patience_s = min(MOST_ASK_S, max(self._timeout_s, 4 * (self._answered_at - now)))
        self._denied.learn(demands, reply, now)
        self._leases.learn(reply, now)
        self._learn(reply)
        return [grant for grant in reply.grants if grant.cls != "lease"], False

    def _grant(self, demands: list[Demand]) -> Sequence[Grant]:
        """
        Return what this server grants itself while the store is away.
        """
        if self._clock() - self._answered_at > HEARD_MINUTES * 60:
            self._local.lose_sight()
        return self._local.ask(tuple(demands), int(self._wall_ms())).grants

    def _learn(self, reply: Reply) -> None:
        self._local.saw(reply)
        self.remaining.update(reply.remaining)
        self._filled.update(reply.filled)
        self._month_used = reply.month_used
        now, (month, level) = (reply.month, reply.level), self._told
        if now <= self._told:
            return  # refunds move the month back and forth over its edges
        if reply.was != reply.level:
            level = reply.was
        elif reply.month > month and reply.level:
            level = 0
        self._told = now
        change = alert(level, reply.level, month=reply.month, used=reply.month_used, settings=self.settings)
        if change is not None:
            self._tell(change)
