"""
What is asked of a gate and what it answers: values that travel to the store's script and back as JSON arrays.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Class = Literal["critical", "essential", "privileged", "normal", "lease"]
"""
How much an entry matters: of a critical trace; an error or worse; the first of its trace and system, or a
summary; any other; and none yet, a supply for the next seconds.
"""

CLASS_OF: Final[Mapping[str, Class]] = {
    "n": "normal",
    "p": "privileged",
    "e": "essential",
    "c": "critical",
}
"""The letters that rows carry to a store, one each, and the classes they mean: the one table of them."""

OWN: Final = "o"
"""The letter of a row that the server says itself about entries that were not kept. A gate takes it for one
of class `privileged`."""

OWN_COUNT: Final = "w"
"""The letter of such a row that the gate refused: only its count is to be kept with the trace."""

LETTER_OF: Final[Mapping[str, str]] = {name: letter for letter, name in CLASS_OF.items()}
"""The same the other way round."""

ESSENTIAL_POOL: Final = "@essential"
CRITICAL_POOL: Final = "@critical"
"""Pools of no system. A system's name has no `@`."""

Counts = dict[str, int]


class Demand(msgspec.Struct, array_like=True, frozen=True):
    """
    That *system* wants to store *n* entries of class *cls*.
    """

    system: str
    cls: Class
    n: int


class Refund(msgspec.Struct, array_like=True, frozen=True):
    """
    That *n* granted rows of *system* were not stored: they return to the *pool* and minute they were charged
    to.
    """

    pool: str
    bucket: int
    n: int
    system: str


class Grant(msgspec.Struct, array_like=True, frozen=True):
    """
    That *n* entries of *system* and class *cls* may be stored, charged to *pool* in minute *bucket*.
    """

    system: str
    cls: Class
    n: int
    pool: str
    bucket: int

    def refund(self, n: int) -> Refund:
        """
        Return what gives *n* of these back.
        """
        return Refund(self.pool, self.bucket, n, self.system)


class Repair(msgspec.Struct, array_like=True, frozen=True):
    """
    The largest use of *month* (as 202611) that somebody saw: a store that lost its data takes it over.

    It is told after the store was away or lost its data, not with every call: refunds lower the month, and
    this would undo them.
    """

    month: int
    floor: int


class Asked(msgspec.Struct, frozen=True):
    """
    Everything that one call brings.

    Attributes:
        demands: Wanted now; one for each system and class.
        refunds: Not stored of what was granted before.
        forced: Stored without asking, while the store was away: charged whatever the limits say.
        repair: At most one.
        server: Who calls: a name of letters and digits that no other server process has; empty for nobody.
    """

    demands: tuple[Demand, ...] = ()
    refunds: tuple[Refund, ...] = ()
    forced: tuple[Demand, ...] = ()
    repair: tuple[Repair, ...] = ()
    server: str = ""


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """
    What a gate answers.

    Attributes:
        grants: What may be stored; what is missing of the demands is refused.
        level: Of the month's budget, after this call; *was* before it, so that exactly one call sees a
            change.
        bucket: The store's minute.
        retry_after_ms: Until the minute ends: sooner no window frees anything.
        month: As 202611; *month_used* its writes, of which every server keeps the largest for a `Repair`.
        remaining: System that asked → normal rows it could have now.
        born: When the store's memory of the quotas began, Unix milliseconds; another value than before means
            that it lost its data, and a `Repair` is due.
        filled: System that asked → how much of its own share the window holds, in percent; loans to others
            count, loans from others do not. Of a system without a share: how much of all shares is held.
        servers: How many have called within the last minutes, this one included.
    """

    grants: tuple[Grant, ...]
    level: int
    was: int
    bucket: int
    retry_after_ms: int
    month: int
    month_used: int
    remaining: Counts
    born: int
    filled: Counts
    servers: int

    def granted(self, system: str, cls: Class) -> int:
        """
        Return how many entries of *system* and *cls* may be stored.
        """
        return sum(grant.n for grant in self.grants if grant.system == system and grant.cls == cls)


class SystemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """
    One system's window.

    Attributes:
        current: Rows it stored in the window, by its own pool and by loans; not from the reserves.
        limit: Its share; *remaining* is what it could have now, loans included.
        borrowed: Of *current*, charged to others. *lent*: charged to it by others.
        reserved: Errors that it stored beside, in the reserve for them.
        last_attempt_ms: Unix milliseconds by the store's clock, None when it is long ago.
        frees_ms: Until something of its pool becomes free, None when nothing is charged.
    """

    system: str
    current: int
    limit: int
    remaining: int
    borrowed: int
    lent: int
    reserved: int
    last_attempt_ms: int | None
    frees_ms: int | None


class PoolStatus(msgspec.Struct, frozen=True):
    used: int
    limit: int


class GateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """
    All that a gate holds.

    Attributes:
        now_ms: The store's clock; *bucket* its minute.
        systems: In the order of the settings.
        servers: How many processes have called within the last minutes.
        essential: The reserve for errors; *critical* the pool of critical traces.
        month: As 202611; *month_used* of *month_limit*, *month_by_system* by whom.
        months: Earlier months, and *days*, this one last, by system; days are counted from 1970.
    """

    now_ms: int
    bucket: int
    servers: int
    systems: list[SystemStatus]
    essential: PoolStatus
    critical: PoolStatus
    level: int
    month: int
    month_used: int
    month_limit: int
    month_by_system: Counts
    months: dict[int, Counts]
    days: dict[int, Counts]
