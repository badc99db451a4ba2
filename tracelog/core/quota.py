"""
The quotas: shares of an hour, loans between systems, reserves, and the month's ceilings, as pure arithmetic.

This is what the store's script does (`stores/lua/gate*.lua`) and what the embedded store runs; tests hold the
two against each other on random schedules. All of one call is decided at once, in this order: critical rows,
errors, own shares, loans, supplies; so no loan is given before those who own the room have had theirs.

* Every row of a system is charged to one pool: its own, or that of a system that lends. The pools sum to the
  limit, so the limit needs no counter of its own.
* A pool lends nothing while its system is active, and a refused attempt is activity, too; it keeps a part for
  a system that was seen within a day.
* Errors may use the reserve `@essential` when no pool has room, each system a part of it. Critical traces use
  `@critical` and nothing else.
* Systems that have no share are one here, `other`, however many names they take: together they have a small
  part of the reserve, and a pool lends to them only as long as it is not too full.
"""

from typing import Final, NamedTuple

import msgspec

from tracelog.core.budget import DAY_MS, level_of
from tracelog.core.quota_ring import (
    BORROWED,
    LENT,
    MINUTE_MS,
    RESERVED,
    SPAN,
    State,
    add,
    advance,
    charge,
    hear,
    refund,
)
from tracelog.core.quota_settings import OTHER, Plan
from tracelog.core.quota_values import (
    CRITICAL_POOL,
    ESSENTIAL_POOL,
    Asked,
    Class,
    Demand,
    GateStatus,
    Grant,
    PoolStatus,
    Reply,
    SystemStatus,
)

HOUR_MS: Final = 3_600_000

LEASED: Final = 8
"""A supply is at most one part in so many of what is left: servers asking together must not empty a pool."""


class Phase(NamedTuple):
    """
    A step of a decision: who is served, and from where (`own`, `loan`, or the name of a pool).
    """

    cls: Class
    source: str


PHASES: Final = (
    Phase("critical", CRITICAL_POOL),
    Phase("essential", "own"),
    Phase("essential", "loan"),
    Phase("essential", ESSENTIAL_POOL),
    Phase("privileged", "own"),
    Phase("normal", "own"),
    Phase("privileged", "loan"),
    Phase("normal", "loan"),
)
"""The order of all decisions."""


def ask(state: State, plan: Plan, asked: Asked, now_ms: int) -> Reply:
    """
    Decide everything that one call asks for.

    Args:
        state: Changed in place.
        plan: The limits.
        asked: Systems in it are those of *plan*.
        now_ms: The store's clock, Unix milliseconds.
    """
    now_ms = advance(state, now_ms, plan.seen_ms)
    was = state.level
    for repair in asked.repair:
        if repair.month == state.month and repair.floor > state.used:
            add(state.spent, "@repaired", repair.floor - state.used)
            state.used = repair.floor
    for back in asked.refunds:
        refund(state, back.pool, back.bucket, back.n, back.system)
    for demand in asked.forced:
        if demand.n > 0:
            state.seen[demand.system] = now_ms
            charge(
                state, CRITICAL_POOL if demand.cls == "critical" else demand.system, demand.system, demand.n
            )
    turn = Turn(state, plan, now_ms)
    grants = turn.decide(asked.demands)
    state.level = level_of(state.used, plan)
    return Reply(
        grants=tuple(grants),
        level=state.level,
        was=was,
        bucket=state.head,
        retry_after_ms=(state.head + 1) * MINUTE_MS - now_ms,
        month=state.month,
        month_used=state.used,
        born=state.born,
        remaining={demand.system: turn.remaining(demand.system) for demand in asked.demands},
        filled={demand.system: turn.filled(demand.system) for demand in asked.demands},
        servers=hear(state, asked.server),
    )


class Turn:
    """
    One call's decisions on a state whose clock was turned.
    """

    def __init__(self, state: State, plan: Plan, now_ms: int) -> None:
        self._state = state
        self._plan = plan
        self._now_ms = now_ms
        self._shares = _paced(state, plan, now_ms)
        self._grants: list[Grant] = []

    def decide(self, demands: tuple[Demand, ...]) -> list[Grant]:
        """
        Charge what may be granted of *demands* and return it.
        """
        for demand in demands:
            if demand.n > 0:
                self._state.seen[demand.system] = self._now_ms
        left = [demand.n for demand in demands]
        for cls, source in PHASES:
            for at, demand in enumerate(demands):
                if demand.cls == cls and left[at] > 0:
                    left[at] -= self._serve(demand, left[at], source)
        if not any(n > 0 for n, demand in zip(left, demands, strict=True) if demand.cls != "lease"):
            for demand in demands:
                if demand.cls == "lease":
                    self._take(demand, min(demand.n, self._own(demand.system) // LEASED), demand.system)
        return self._grants

    def remaining(self, system: str) -> int:
        """
        Return how many normal rows *system* could have now.
        """
        lent = sum(max(0, self._lendable(pool, system)) for pool in self._plan.systems if pool != system)
        return max(0, min(max(0, self._own(system)) + lent, self._plan.normal - self._state.used))

    def filled(self, system: str) -> int:
        """
        Return how many percent of its own share *system*'s pool holds; where it has none, how many percent of
        all shares all pools hold, for it can only borrow.
        """
        totals = self._state.totals
        share, held = self._shares.get(system, 0), totals.get(system, 0)
        if not share:
            share = sum(self._shares.values())
            held = sum(totals.get(pool, 0) for pool in self._plan.systems)
        return held * 100 // share if share else 100

    def _serve(self, demand: Demand, want: int, source: str) -> int:
        if source == "own":
            return self._take(demand, min(want, self._own(demand.system)), demand.system)
        if source == "loan":
            return self._borrow(demand, want)
        return self._take(demand, min(want, self._reserved(source, demand.system)), source)

    def _reserved(self, pool: str, system: str) -> int:
        """
        Return what *system* may have of the reserve or of the pool of critical traces.
        """
        plan, totals = self._plan, self._state.totals
        if pool == CRITICAL_POOL:
            return plan.critical - totals.get(pool, 0)
        most = plan.others if system == OTHER else plan.one if self._has_company(system) else plan.essential
        return min(plan.essential - totals.get(pool, 0), most - totals.get(RESERVED + system, 0))

    def _has_company(self, system: str) -> bool:
        """
        Whether another system that has a share was seen lately: the reserve is then for both.
        """
        return any(name not in {system, OTHER} for name in self._state.seen)

    def _own(self, system: str) -> int:
        """
        Return what its share still has room for; below 0 after forced charges.
        """
        totals = self._state.totals
        lent = totals.get(LENT + system, 0) if self._plan.overdraft else 0
        return self._shares.get(system, 0) - totals.get(system, 0) + lent

    def _borrow(self, demand: Demand, want: int) -> int:
        taken = 0
        lenders = [pool for pool in self._plan.systems if pool != demand.system]
        for pool in sorted(lenders, key=lambda pool: self._lendable(pool, demand.system), reverse=True):
            taken += self._take(demand, min(want - taken, self._lendable(pool, demand.system)), pool)
        return taken

    def _lendable(self, pool: str, to: str) -> int:
        """
        Return what *pool* lends to a system now.
        """
        seen, share = self._state.seen.get(pool), self._shares[pool]
        used, most = self._state.totals.get(pool, 0), 100
        if seen is not None:
            if self._now_ms - seen < self._plan.active_ms:
                return 0
            most -= self._plan.wake
        if to == OTHER:
            most = min(most, self._plan.lent)
        return share * most // 100 - used

    def _take(self, demand: Demand, want: int, pool: str) -> int:
        ceilings = {"critical": self._plan.hard, "essential": self._plan.full}
        n = min(want, ceilings.get(demand.cls, self._plan.normal) - self._state.used)
        if n <= 0:
            return 0
        charge(self._state, pool, demand.system, n)
        self._grants.append(Grant(demand.system, demand.cls, n, pool, self._state.head))
        return n


def _paced(state: State, plan: Plan, now_ms: int) -> dict[str, int]:
    """
    Return the shares, made smaller where the month has too little left for its hours.
    """
    if not plan.pace:
        return plan.shares
    limit = sum(plan.shares.values())
    left = max(0, plan.writes - state.used)
    hour = left * plan.pace * HOUR_MS // max(HOUR_MS, state.ends * DAY_MS - now_ms)
    if hour >= limit:
        return plan.shares
    return {system: share * hour // limit for system, share in plan.shares.items()}


def status_of(state: State, plan: Plan, now_ms: int) -> GateStatus:
    """
    Return what *state* holds at *now_ms*; it is not changed.
    """
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)  # a copy whose clock may turn
    now_ms = advance(state, now_ms, plan.seen_ms)
    turn = Turn(state, plan, now_ms)
    totals = state.totals
    return GateStatus(
        now_ms=now_ms,
        bucket=state.head,
        servers=hear(state, ""),
        systems=[_system(state, plan, turn, system, now_ms) for system in plan.systems],
        essential=PoolStatus(totals.get(ESSENTIAL_POOL, 0), plan.essential),
        critical=PoolStatus(totals.get(CRITICAL_POOL, 0), plan.critical),
        level=level_of(state.used, plan),
        month=state.month,
        month_used=state.used,
        month_limit=plan.writes,
        month_by_system=state.spent,
        months=state.months,
        days={**state.days, state.day: state.today},
    )


def _system(state: State, plan: Plan, turn: Turn, system: str, now_ms: int) -> SystemStatus:
    totals = state.totals
    lent, borrowed = totals.get(LENT + system, 0), totals.get(BORROWED + system, 0)
    charged = [bucket for bucket, counts in state.buckets.items() if system in counts]
    return SystemStatus(
        system=system,
        current=totals.get(system, 0) - lent + borrowed,
        limit=plan.shares[system],
        remaining=turn.remaining(system),
        borrowed=borrowed,
        lent=lent,
        reserved=totals.get(RESERVED + system, 0),
        last_attempt_ms=state.seen.get(system),
        frees_ms=(min(charged) + SPAN) * MINUTE_MS - now_ms if charged else None,
    )
