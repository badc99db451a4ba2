"""
Settings of quotas and budget, and the plan that gates work from: the same numbers, ready for arithmetic.

The defaults are those of the source designs: 1,000 rows an hour split 40/30/30, 125,000 writes and 10 dollars
a month. These two do not follow from one another (1,000 an hour for a month is 720,000), so both are settings
and `usd_a_write` is their quotient.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from tracelog.core.entry import SYSTEM
from tracelog.errors import ConfigError

OTHER: Final = "other"
"""Systems that have no share of their own are counted as this one, which may only borrow."""

MAX_SYSTEMS: Final = 64
"""The state of a gate is read and written as a whole with every batch, so it stays small."""

MAX_COUNT: Final = 10**12
"""Largest limit: Lua's JSON writes 14 digits, and sums of limits must fit."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Percent = Annotated[int, msgspec.Meta(ge=0, le=1_000)]
Part = Annotated[int, msgspec.Meta(ge=0, le=100)]
Span = Annotated[int, msgspec.Meta(ge=0, le=31 * 86_400)]

_WEIGHTS: Final = {"browser": 40, "worker": 30, "backend": 30}
_ALIASES: Final = {
    "client": "browser",
    "web": "browser",
    "edge": "worker",
    "convex": "backend",
    "server": "backend",
    "python": "backend",
    "manual": "backend",
}


class TraceQuota(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What one trace may store. Its window begins with its first entry, on the store's clock; when it is over,
    a new one begins with the first entry that the old one would have refused.

    A row's class is a letter: `n` normal; `p` privileged (the first of a system, a context row, a row that a
    client says about others); `e` essential (an error); `c` critical, which makes its trace critical for as
    long as the trace lives; `o` a row of the server's own about entries that were not kept; `w` the same when
    the hour or the month has no room for it. Where an own row finds no place its count is noted with the
    trace, and shown.

    Attributes:
        normal: Rows of any class in a window.
        extra: Rows beyond that for essential ones; privileged ones may take half of them, so that context
            never takes the place of the error it explains.
        critical: Rows in a window of a critical trace, whatever their classes; the last *extra* of them are
            not for privileged ones.
        window_s: Length of the window, in seconds.
        max_bytes: Bytes that the entries of the trace may have together, 0 for any number. A list of this
            size is still read, moved and removed by Redis without others noticing. The last eighth of it is
            for errors, critical and own rows.
        own: Own rows beyond all this; further ones take places as privileged ones do.
        echo_burst: Entries of one form that are stored within *echo_window_s* when several systems say it, 0
            for any number. The first entry of each system and its first error are stored beyond that.
        echo_window_s: Seconds of that window, which begins with the first of them.
    """

    normal: Count = 100
    extra: Count = 50
    critical: Count = 1_000
    window_s: Annotated[int, msgspec.Meta(ge=1, le=31 * 86_400)] = 3_600
    max_bytes: Count = 1024 * 1024
    echo_burst: Count = 5
    echo_window_s: Annotated[float, msgspec.Meta(ge=0.001, le=3_600)] = 1.0
    own: Count = 8

    @property
    def ordinary_bytes(self) -> int:
        """
        Bytes up to which rows go in that are neither errors nor critical nor own.
        """
        return self.max_bytes - self.max_bytes // 8

    @property
    def echo_window_ms(self) -> int:
        return round(self.echo_window_s * 1000)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a gate needs to know, as it travels to the script.

    Attributes:
        systems: Every system that has a pool, in the order of the settings, `other` last.
        shares: System → rows an hour that are its own.
        essential: Rows an hour of the reserve for errors: *one* of them for a system that is not alone,
            *others* for all together that have no share. *critical* rows are those of critical traces.
        lent: Percent of a pool up to which those without a share may fill it.
        active_ms: A system that attempted anything within it lends nothing.
        seen_ms: One that attempted anything within it keeps *wake* percent of its share unlent.
        overdraft: Whether a lender may always use its whole share, though the hour's sum then grows.
        warn: Writes of the month at which the level rises to 1; *normal*, *full* are those of levels 2 and 3,
            and the ceilings of normal and of essential rows; *hard* is the ceiling of critical ones.
        writes: Writes a month that *pace*, unless 0, spreads over the hours: an hour may use so many times
            its part.
    """

    systems: tuple[str, ...]
    shares: dict[str, int]
    essential: int
    one: int
    others: int
    lent: int
    critical: int
    active_ms: int
    seen_ms: int
    wake: int
    overdraft: bool
    warn: int
    normal: int
    full: int
    hard: int
    writes: int
    pace: int


class QuotaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How much may be stored.

    Attributes:
        limit: Normal rows in any hour, over all systems.
        weights: System → its part of *limit*, in any unit.
        aliases: System → the one whose pool it uses.
        essential_percent: Rows for errors beyond the pools, in percent of *limit*.
        reserve_system_percent: Of these, what one system may have as long as another one that has a share was
            seen within *seen_s*. *reserve_other_percent* is for all systems together that no weight names: a
            sender makes up as many as it likes.
        loan_other_percent: How full a pool may be for these to borrow of it; the rest is left to systems that
            have a share.
        critical: Rows an hour of critical traces, which use no pool.
        active_s: A system lends nothing for so long after its last attempt.
        seen_s: For so long it keeps *wake_percent* of its share for the moment it comes back.
        reclaim: `strict` never passes *limit*; `overdraft` lets a lender always use its share.
        budget_usd: Dollars a month that *monthly_writes* cost.
        monthly_writes: Rows that may be stored in a month, UTC.
        warn_percent: Of *monthly_writes*, where a warning is due; from *essential_only_percent* normal rows
            are refused, from 100 % errors as well, and from *hard_percent* everything.
        pace: Hourly limit as a multiple of what the month has left for each of its hours; 0 leaves the month
            to whoever comes first.
    """

    limit: Count = 1_000
    weights: Mapping[str, Count] = msgspec.field(default_factory=lambda: dict(_WEIGHTS))
    aliases: Mapping[str, str] = msgspec.field(default_factory=lambda: dict(_ALIASES))
    essential_percent: Percent = 20
    reserve_system_percent: Part = 70
    reserve_other_percent: Part = 20
    loan_other_percent: Part = 75
    critical: Count = 5_000
    active_s: Span = 600
    seen_s: Span = 86_400
    wake_percent: Part = 10
    reclaim: str = "strict"
    budget_usd: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 10.0
    monthly_writes: Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)] = 125_000
    warn_percent: Percent = 80
    essential_only_percent: Percent = 95
    hard_percent: Percent = 105
    pace: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0

    def __post_init__(self) -> None:
        for holds, sentence in _doubts(self):
            if not holds:
                raise ConfigError(sentence)

    @property
    def usd_a_write(self) -> float:
        """
        What one stored row costs, in dollars.
        """
        return self.budget_usd / self.monthly_writes

    def system_of(self, system: str) -> str:
        """
        Return whose pool *system* uses: its own, that of its alias, or `other`.
        """
        pool = system if system in self.weights else self.aliases.get(system, OTHER)
        return pool if pool in self.weights else OTHER

    def plan(self) -> Plan:
        """
        Return these settings as a gate wants them.
        """
        shares = split(self.limit, self.weights)
        shares.setdefault(OTHER, 0)
        writes = self.monthly_writes
        reserve = self.limit * self.essential_percent // 100
        return Plan(
            systems=tuple(shares),
            shares=shares,
            essential=reserve,
            one=reserve * self.reserve_system_percent // 100,
            others=reserve * self.reserve_other_percent // 100,
            lent=self.loan_other_percent,
            critical=self.critical,
            active_ms=self.active_s * 1000,
            seen_ms=self.seen_s * 1000,
            wake=self.wake_percent,
            overdraft=self.reclaim == "overdraft",
            warn=writes * self.warn_percent // 100,
            normal=writes * self.essential_only_percent // 100,
            full=writes,
            hard=writes * self.hard_percent // 100,
            writes=writes,
            pace=self.pace,
        )


def split(limit: int, weights: Mapping[str, int]) -> dict[str, int]:
    """
    Return *limit* split by *weights* so that the parts sum to it (largest remainder; ties in order).
    """
    total = sum(weights.values())
    if total == 0:
        return dict.fromkeys(weights, 0)
    parts = {system: limit * weight // total for system, weight in weights.items()}
    by_rest = sorted(weights, key=lambda system: -(limit * weights[system] % total))
    for system in by_rest[: limit - sum(parts.values())]:
        parts[system] += 1
    return parts


def _doubts(settings: QuotaSettings) -> list[tuple[Any, str]]:
    """
    Return what must hold, each with the sentence for when it does not.
    """
    weights, aliases = settings.weights, settings.aliases
    names = [name for name in (*weights, *aliases) if not SYSTEM.fullmatch(name)]
    astray = [name for name in aliases.values() if name not in weights and name != OTHER]
    return [
        (any(weights.values()), "the quota setting weights must give at least one system a part above 0"),
        (len(weights) <= MAX_SYSTEMS, f"the quota setting weights names more than {MAX_SYSTEMS} systems"),
        (not names, f"the quota settings name {names[:1]}, which is no system such as backend"),
        (
            settings.reclaim in {"strict", "overdraft"},
            "the quota setting reclaim must be strict or overdraft",
        ),
        (
            settings.warn_percent <= settings.essential_only_percent <= 100 <= settings.hard_percent,
            "the quota settings must rise: warn_percent, essential_only_percent, 100, hard_percent",
        ),
        (
            not astray or aliases == _ALIASES,  # ours lead to `other` where their system is not named
            f"the quota setting aliases leads to {astray[:1]}, which weights does not name",
        ),
    ]
