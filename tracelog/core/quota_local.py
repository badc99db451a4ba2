"""
Quotas while the store is away: each server goes on with the part that is safe whatever the others do.

The part is a share of the hour by the number of servers, and of the month by its days as well (the "safe
capacity" of capacity leases). So all servers together stay within one more hour's limit and within the month.
What was admitted is charged afterwards (`Asked.forced`), with the largest month seen as its repair.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from tracelog.core.budget import DAY_MS, civil, level_of
from tracelog.core.quota import ask
from tracelog.core.quota_ring import State, refund
from tracelog.core.quota_settings import Plan, QuotaSettings
from tracelog.core.quota_values import (
    CRITICAL_POOL,
    ESSENTIAL_POOL,
    Asked,
    Class,
    Demand,
    Refund,
    Repair,
    Reply,
)

SERVERS: Final = 4
"""Assumed where nobody knows how many servers there are, or may have joined since."""


_POOL_CLASSES: Final[Mapping[str, tuple[Class, ...]]] = {
    CRITICAL_POOL: ("critical",),
    ESSENTIAL_POOL: ("essential",),
}
"""Classes that a reserve serves. Pools of systems serve all others."""


class LocalShare:
    """
    The gate of one server process for as long as the store is away.

    Args:
        settings: Of all servers together.
        servers: How many share them, at least 1, until a reply tells.
    """

    def __init__(self, settings: QuotaSettings, servers: int = SERVERS) -> None:
        self._full = settings.plan()
        self._settings = settings
        self._servers = max(1, servers)
        self._known = Repair(0, 0)
        self._born = 0
        self._lost = False
        self._day: int | None = None
        self._state = State()
        self._plan = self._full
        self._admitted: dict[tuple[str, Class], int] = {}

    def saw(self, reply: Reply) -> None:
        """
        Remember the month and the number of servers as the store told it: what is left is counted from there.
        """
        self._servers = reply.servers or SERVERS
        self._lost = self._lost or self._born not in {0, reply.born}
        self._born = reply.born
        if (reply.month, reply.month_used) > (self._known.month, self._known.floor):
            self._known = Repair(reply.month, reply.month_used)
        self._day = None

    def lose_sight(self) -> None:
        """
        Go on as one of `SERVERS` at least: the store has not told for so long that others may have come.
        """
        if self._servers < SERVERS:
            self._servers = SERVERS
            self._day = None

    def ask(self, demands: tuple[Demand, ...], now_ms: int) -> Reply:
        """
        Decide as a gate does, with this server's part. No level changes here: all servers are to see it once.

        Args:
            demands: Of systems as `QuotaSettings.system_of` names them.
            now_ms: This machine's clock, Unix milliseconds.
        """
        if self._day is None or now_ms // DAY_MS > self._day:
            self._turn(now_ms // DAY_MS)
        reply = ask(self._state, self._plan, Asked(demands=demands), now_ms)
        for grant in reply.grants:
            key = (grant.system, grant.cls)
            self._admitted[key] = self._admitted.get(key, 0) + grant.n
        used = self._used()
        level = level_of(used, self._full)
        return msgspec.structs.replace(
            reply, level=level, was=level, month=self._known.month, month_used=used
        )

    def take_back(self, refunds: Iterable[Refund]) -> None:
        """
        Give back what was admitted here and not stored: it is not charged later.
        """
        for back in refunds:
            refund(self._state, back.pool, back.bucket, back.n, back.system)
            classes: Iterable[Class] = _POOL_CLASSES.get(back.pool, ("normal", "privileged", "essential"))
            left = back.n
            for cls in classes:
                key = (back.system, cls)
                went = min(left, self._admitted.get(key, 0))
                if went:
                    self._admitted[key] -= went
                    left -= went

    @property
    def owes(self) -> bool:
        """
        Whether the store is to be told something with the next call: rows stored without it, or what it lost.
        """
        return bool(self._admitted) or self._lost

    def settle(self) -> Asked:
        """
        Return what the store is to be told now that it is back: forced charges, and the month's repair when
        it lost its data. A repair without need would undo what was given back since.

        When it is certain that the store did not get it, `unsettle` takes it back.
        """
        forced = tuple(Demand(system, cls, n) for (system, cls), n in self._admitted.items())
        repair = (self._known,) if self._lost and self._known.month else ()
        self._admitted, self._lost = {}, False
        return Asked(forced=forced, repair=repair)

    def unsettle(self, asked: Asked) -> None:
        """
        Keep *asked*, which did not reach the store, for the next time.
        """
        self._lost = self._lost or bool(asked.repair)
        for demand in asked.forced:
            key = (demand.system, demand.cls)
            self._admitted[key] = self._admitted.get(key, 0) + demand.n

    def _used(self) -> int:
        """
        Return the month's writes as this server knows them: the store's, and its own yet to be charged.
        """
        return self._known.floor + sum(self._admitted.values())

    def _turn(self, day: int) -> None:
        """
        Begin a day: what is left of the month is shared out again.
        """
        month, _, ends = civil(day)
        if month > self._known.month:
            self._known = Repair(month, 0)
        self._state.used, self._state.spent = 0, {}
        self._day = day
        self._plan = _part(self._settings, self._servers, self._used(), ends - day)


def _part(settings: QuotaSettings, servers: int, used: int, days: int) -> Plan:
    """
    Return the plan of one of *servers* for one of the *days* that a month with *used* writes has left.
    """
    full = settings.plan()
    part = msgspec.structs.replace(
        settings, limit=settings.limit // servers, critical=settings.critical // servers
    ).plan()
    ceilings = {
        name: max(0, getattr(full, name) - used) // days // servers
        for name in ("warn", "normal", "full", "hard")
    }
    return msgspec.structs.replace(part, pace=0, **ceilings)
