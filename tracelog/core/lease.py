"""
Leases: rows of a system's own share that a server has been granted for the next seconds, before they came.

While a lease lasts, rows are admitted without a call of the store. It is charged when it is granted, so no
number of servers passes a limit by it; who dies with a lease has taken its rows out of the hour, and no more.
Such rows are kept from others meanwhile, so a server asks for no more than it has just been using, and for no
more than the hour's share yields in that time: where the limits are so low that an hour gives less than a row
in `LEASE_S`, there are no leases.
"""

from collections.abc import Iterable, Mapping
from math import exp
from typing import Final

from tracelog.core.quota_values import Demand, Grant, Refund, Reply

LEASE_S: Final = 5.0
"""Longest life of a lease, and the time for which it is to be enough."""

HOUR_S: Final = 3_600


class Lease:
    """
    Rows of a system, charged to its pool in minute *bucket*, to be used before *until* (monotonic seconds).
    """

    __slots__ = ("bucket", "left", "until")

    def __init__(self, bucket: int, left: int, until: float) -> None:
        self.bucket = bucket
        self.left = left
        self.until = until


class Leases:
    """
    The leases of one server process. Times are its monotonic seconds.

    Args:
        shares: System → rows an hour that are its own; others get no lease.

    Attributes:
        held: System → its leases.
    """

    def __init__(self, shares: Mapping[str, int]) -> None:
        self._most = {
            system: most for system, share in shares.items() if (most := int(share * LEASE_S / HOUR_S)) >= 1
        }
        self._recent = dict.fromkeys(self._most, (0.0, 0.0))
        self.held: dict[str, list[Lease]] = {}

    def take(self, demand: Demand, now: float) -> list[Grant]:
        """
        Take what is held for *demand*, and return it as if the store had granted it now.
        """
        grants, want = [], demand.n
        for lease in self.held.get(demand.system, ()):
            n = min(want, lease.left) if now < lease.until else 0
            if n > 0:
                lease.left -= n
                want -= n
                grants.append(Grant(demand.system, demand.cls, n, demand.system, lease.bucket))
        return grants

    def used(self, system: str, n: int, now: float) -> None:
        """
        Note that *system* was granted *n* rows. Its rate, as rows in `LEASE_S`, forgets half of what it knows
        in about three and a half seconds.
        """
        if system in self._recent:
            rows, at = self._recent[system]
            self._recent[system] = (rows * exp((at - now) / LEASE_S) + n, now)

    def wishes(self, systems: Iterable[str], now: float) -> list[Demand]:
        """
        Return what to ask for beside what *systems* need now.
        """
        wishes = []
        for system in dict.fromkeys(systems):
            if system in self._recent:
                rows, at = self._recent[system]
                n = min(self._most[system], int(rows * exp((at - now) / LEASE_S)))
                if n >= 1:
                    wishes.append(Demand(system, "lease", n))
        return wishes

    def learn(self, reply: Reply, asked_at: float) -> None:
        """
        Hold what *reply* grants, counted from before it was asked for: it ends with the store's minute at the
        latest, since that is where it is charged.
        """
        until = asked_at + min(LEASE_S, reply.retry_after_ms / 1000)
        for grant in reply.grants:
            if grant.cls == "lease":
                self.held.setdefault(grant.system, []).append(Lease(grant.bucket, grant.n, until))

    def over(self, now: float) -> list[Refund]:
        """
        Return what gives back all rows whose time is over; infinite *now* gives back everything.
        """
        back: list[Refund] = []
        for system, leases in list(self.held.items()):
            back += [
                Refund(system, lease.bucket, lease.left, system)
                for lease in leases
                if lease.left and now >= lease.until
            ]
            self.held[system] = [lease for lease in leases if lease.left and now < lease.until]
            if not self.held[system]:
                del self.held[system]
        return back
