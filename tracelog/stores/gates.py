"""
What a gate is: the place where all servers ask together whether rows may be stored.

Obligations, held by one test class over every kind, against the arithmetic of `core/quota.py`:

* A call is decided as a whole and atomically, on the clock of the store; no clock of a sender or server
  counts.
* What a call grants is charged when it returns. When it raises, it may have been charged or not: it is never
  asked again, and the tokens are taken for lost.
* Systems are named as `QuotaSettings.system_of` names them; others are counted as theirs.
* A call says which server process makes it, and the reply how many do: each `Gate` of a store is one of them.
* What cannot be decided now raises `StoreUnavailableError` within the time limit of the connection.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Protocol

from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import (
    Asked,
    Class,
    Demand,
    GateStatus,
    Grant,
    PoolStatus,
    Refund,
    Repair,
    Reply,
    SystemStatus,
)

__all__ = [
    "Asked",
    "Class",
    "Demand",
    "Gate",
    "GateStatus",
    "Grant",
    "PoolStatus",
    "Refund",
    "Repair",
    "Reply",
    "SystemStatus",
    "asked_of",
    "new_server",
]


class Gate(Protocol):
    """
    Shared quotas and the month's budget; the obligations stand at the top of this file.
    """

    async def ask(
        self,
        demands: Sequence[Demand],
        refunds: Sequence[Refund] = (),
        repair: Repair | None = None,
        forced: Sequence[Demand] = (),
    ) -> Reply:
        """
        Take back *refunds*, charge *forced*, and grant what is possible of *demands*.

        Args:
            demands: Wanted now. Those of one system and class are one demand.
            refunds: Granted before and not stored.
            repair: The largest use of the month that this server saw.
            forced: Stored without asking while the store was away.

        Raises:
            StoreUnavailableError: When the store cannot decide now.
        """
        ...

    async def status(self) -> GateStatus:
        """
        Return all that the gate holds; nothing is charged or changed.

        Raises:
            StoreUnavailableError: When the store cannot tell now.
        """
        ...


def new_server() -> str:
    """
    Return a name for this server process that no other one has.
    """
    return os.urandom(4).hex()


def asked_of(
    settings: QuotaSettings,
    demands: Sequence[Demand],
    refunds: Sequence[Refund],
    repair: Repair | None,
    forced: Sequence[Demand],
) -> Asked:
    """
    Return one call's arguments with systems as *settings* name them, each system and class once.
    """
    return Asked(
        demands=_merged(settings, demands),
        refunds=tuple(refunds),
        forced=_merged(settings, forced),
        repair=() if repair is None else (repair,),
    )


def _merged(settings: QuotaSettings, demands: Iterable[Demand]) -> tuple[Demand, ...]:
    sums: dict[tuple[str, Class], int] = {}
    for demand in demands:
        key = (settings.system_of(demand.system), demand.cls)
        sums[key] = sums.get(key, 0) + max(0, demand.n)
    return tuple(Demand(system, cls, n) for (system, cls), n in sums.items())
