"""
Random schedules for gates: what is asked, what comes back, and how the store's clock goes on.
"""

import random

import msgspec
from hypothesis import strategies as st

from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Asked, Demand, Refund, Repair, Reply

NOON_MS = 1_794_830_400_000
"""2026-11-16, 12:00 UTC."""

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

SMALL = QuotaSettings(limit=40, critical=9, monthly_writes=10_000_000)
"""Limits that a short schedule reaches; 16, 12 and 12 rows are the shares, 8 the reserve."""

SYSTEMS = ("browser", "worker", "backend", "other")
SERVERS = ("", "a1", "b2", "c3")
"""Who calls; nobody is counted who has no name."""

CLASSES = ("critical", "essential", "privileged", "normal", "lease")
ROWS = ("privileged", "normal", "lease")
"""Classes that only the pools hold."""


class Step(msgspec.Struct, frozen=True):
    """
    One call of *server*: *wait* ms after the one before; *back* names earlier grants (from the newest) and how much of each
    comes back.
    """

    wait: int
    demands: tuple[Demand, ...]
    back: tuple[tuple[int, int], ...] = ()
    forced: tuple[Demand, ...] = ()
    floor: int | None = None
    server: str = ""


FORWARD = st.one_of(
    st.integers(0, 5 * SECOND),
    st.integers(0, 5 * MINUTE),
    st.sampled_from((MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 61 * MINUTE, 25 * HOUR)),
)
DEMANDS = st.dictionaries(
    st.tuples(st.sampled_from(SYSTEMS), st.sampled_from(CLASSES)), st.integers(0, 50), max_size=4
).map(lambda wants: tuple(Demand(system, cls, n) for (system, cls), n in wants.items()))
BACK = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), max_size=2).map(tuple)

STEPS = st.lists(st.builds(Step, FORWARD, DEMANDS, BACK), min_size=1, max_size=16)
"""Time goes on; nothing is forced or repaired."""


class Feed:
    """
    Turns steps into calls and remembers what was granted, so that it can come back.

    Args:
        honest: Whether no more comes back of a grant than there is of it.
    """

    def __init__(self, *, honest: bool = True) -> None:
        self.now_ms = NOON_MS
        self.honest = honest
        self.grants: list[list] = []
        self.month = 0

    def asked(self, step: Step) -> Asked:
        self.now_ms += step.wait
        refunds = tuple(self._refund(at, n) for at, n in step.back if at < len(self.grants))
        repair = () if step.floor is None else (Repair(self.month, step.floor),)
        return Asked(step.demands, refunds, step.forced, repair, step.server)

    def took(self, reply: Reply) -> None:
        self.grants += [[self.now_ms, grant, grant.n] for grant in reply.grants]
        self.month = reply.month

    def _refund(self, at: int, n: int) -> Refund:
        kept = self.grants[-1 - at]
        n = min(n, kept[2]) if self.honest else n
        kept[2] -= n
        return kept[1].refund(n)


def long_schedule(seed: int, steps: int) -> list[Step]:
    """
    Return a schedule with everything in it: jumps of the clock both ways, months, refunds, repairs, forced charges.
    """
    draw = random.Random(seed)
    waits = [(0, 3 * SECOND)] * 8 + [(0, 3 * MINUTE)] * 6 + [(0, 20 * MINUTE)] * 3
    waits += [
        (0, 2 * HOUR),
        (0, 3 * DAY),
        (0, 40 * DAY),
        (-40 * MINUTE, 0),
        (-2 * HOUR, 0),
        (-3 * DAY, 0),
        (-70 * DAY, 0),
    ]

    def demands(most: int) -> tuple[Demand, ...]:
        keys = {(draw.choice(SYSTEMS), draw.choice(CLASSES)) for _ in range(draw.randint(0, most))}
        return tuple(Demand(system, cls, draw.choice((0, 1, 3, 10, 60))) for system, cls in sorted(keys))

    return [
        Step(
            wait=draw.randint(*draw.choice(waits)),
            demands=demands(6),
            back=tuple((draw.randint(0, 9), draw.randint(0, 12)) for _ in range(draw.choice((0, 0, 1, 3)))),
            forced=demands(2) if draw.random() < 0.05 else (),
            floor=draw.randint(0, 400) if draw.random() < 0.05 else None,
            server=draw.choice(SERVERS),
        )
        for _ in range(steps)
    ]
