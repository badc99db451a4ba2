"""
A gate's state and its clock: a ring of minutes, a day, a month.

A window is the last `SPAN` minutes, so it never holds less than an hour and never admits more than its limit
in any hour. Time that went back stands still. After more than `BACK_MS` it goes on from the earlier moment
and keeps every charge, so that a store whose clock was wrong does not stay shut until that day comes.
"""

from typing import Final

import msgspec

from tracelog.core.budget import DAY_MS, civil
from tracelog.core.quota_values import ESSENTIAL_POOL, Counts

MINUTE_MS: Final = 60_000
SPAN: Final = 61
BACK_MS: Final = DAY_MS

DAYS_KEPT: Final = 62
HEARD_MINUTES: Final = 10
"""A server that has not called for so long is not counted: one under a flood calls about once a minute."""

MOST_SERVERS: Final = 256
"""Counted at most: they stand in the state, which every call reads."""

MONTHS_KEPT: Final = 200
"""Two years, as the difference of two months in the form 202611."""

LENT: Final = "<"
BORROWED: Final = ">"
RESERVED: Final = "!"
"""Before a system's name, where charges are counted: what its pool lent, what it borrowed of others, and what
it took of the reserve for errors."""


class State(msgspec.Struct):
    """
    Everything a gate remembers.

    Attributes:
        born: The moment of the first call, Unix milliseconds.
        head: The minute of the last call; *day* its day, *month* its month (202611), which *begins* and
            *ends* on days.
        level: Of the budget, as last told.
        used: Writes of the month, *spent* by system, *today* those of the day.
        totals: Charges of the window by pool, with what was lent, borrowed and taken of the reserve.
        seen: System → its last attempt, Unix milliseconds.
        servers: Server process → the minute of its last call.
        buckets: Minute → the charges in it.
        months: Earlier months → writes by system; *days* earlier days.
    """

    born: int = 0
    head: int = 0
    day: int = 0
    month: int = 0
    begins: int = 0
    ends: int = 0
    level: int = 0
    used: int = 0
    spent: Counts = msgspec.field(default_factory=dict)
    today: Counts = msgspec.field(default_factory=dict)
    totals: Counts = msgspec.field(default_factory=dict)
    seen: Counts = msgspec.field(default_factory=dict)
    servers: Counts = msgspec.field(default_factory=dict)
    buckets: dict[int, Counts] = msgspec.field(default_factory=dict)
    months: dict[int, Counts] = msgspec.field(default_factory=dict)
    days: dict[int, Counts] = msgspec.field(default_factory=dict)


def add(counts: Counts, name: str, n: int) -> None:
    """
    Add *n* to a count; one that falls to 0 is forgotten, and none falls below.
    """
    total = counts.get(name, 0) + n
    if total > 0:
        counts[name] = total
    else:
        counts.pop(name, None)


def advance(state: State, now_ms: int, seen_ms: int) -> int:
    """
    Turn the clock of *state* to *now_ms* and return the time that counts.

    Args:
        state: Changed in place.
        now_ms: The store's clock, Unix milliseconds.
        seen_ms: Attempts older than this are forgotten.
    """
    if state.head == 0:
        state.born = now_ms
    if state.head * MINUTE_MS - now_ms > BACK_MS:
        _go_back(state, now_ms)
    now_ms = max(now_ms, state.head * MINUTE_MS)
    bucket, day = now_ms // MINUTE_MS, now_ms // DAY_MS
    if bucket > state.head:
        _expire(state, bucket)
        state.seen = {name: at for name, at in state.seen.items() if now_ms - at < seen_ms}
        state.head = bucket
    if day != state.day:
        _turn_day(state, day)
    return now_ms


def hear(state: State, server: str) -> int:
    """
    Note that *server* has called in this minute; return how many have in the last ones.
    """
    state.servers = {name: at for name, at in state.servers.items() if 0 <= state.head - at < HEARD_MINUTES}
    if server and (server in state.servers or len(state.servers) < MOST_SERVERS):
        state.servers[server] = state.head
    return len(state.servers)


def charge(state: State, pool: str, system: str, n: int) -> None:
    """
    Charge *n* rows of *system* to *pool* in this minute and to the month.
    """
    for counts in (state.totals, state.buckets.setdefault(state.head, {})):
        for name in _names(pool, system):
            add(counts, name, n)
    spend(state, system, n)


def spend(state: State, system: str, n: int) -> None:
    """
    Count *n* writes of *system* in the month.
    """
    add(state.spent, system, n)
    add(state.today, system, n)
    state.used += n


def refund(state: State, pool: str, bucket: int, n: int, system: str) -> None:
    """
    Return at most *n* rows to *pool* and the minute *bucket*; nothing, when that minute is over.
    """
    counts = state.buckets.get(bucket, {})
    n = min(n, *(counts.get(name, 0) for name in _names(pool, system)))
    if n <= 0:
        return
    for name in _names(pool, system):
        add(counts, name, -n)
        add(state.totals, name, -n)
    if bucket * MINUTE_MS >= state.begins * DAY_MS:
        back = min(n, state.spent.get(system, 0))
        add(state.spent, system, -back)
        state.used -= back
    if bucket * MINUTE_MS >= state.day * DAY_MS:
        add(state.today, system, -n)


def _names(pool: str, system: str) -> tuple[str, ...]:
    if pool == ESSENTIAL_POOL:
        return (pool, RESERVED + system)
    if pool == system or pool.startswith("@"):
        return (pool,)
    return (pool, LENT + pool, BORROWED + system)


def _expire(state: State, bucket: int) -> None:
    for old in [old for old in state.buckets if old <= bucket - SPAN]:
        for name, n in state.buckets.pop(old).items():
            add(state.totals, name, -n)


def _go_back(state: State, now_ms: int) -> None:
    state.head = now_ms // MINUTE_MS
    state.buckets = {state.head: dict(state.totals)}
    state.seen = {name: min(at, now_ms) for name, at in state.seen.items()}


def _turn_day(state: State, day: int) -> None:
    month, begins, ends = civil(day)
    state.today = _turn(state.days, state.day, day, state.today)
    if month != state.month:
        state.spent = _turn(state.months, state.month, month, state.spent)
        state.used = sum(state.spent.values())
    state.day, state.month, state.begins, state.ends = day, month, begins, ends
    state.days = {at: counts for at, counts in state.days.items() if at >= day - DAYS_KEPT}
    state.months = {at: counts for at, counts in state.months.items() if at >= month - MONTHS_KEPT}


def _turn(history: dict[int, Counts], old: int, new: int, counts: Counts) -> Counts:
    """
    Return the counts a period begins with: none, or after a wrong clock its own and those since.
    """
    if new > old:
        if old:
            history[old] = counts
        return {}
    known = history.pop(new, {})
    for name, n in counts.items():
        add(known, name, n)
    return known
