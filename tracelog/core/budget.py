"""
The month's budget: how far it is used, what that allows, and the sentences about it.

A write is a stored row. The month is the UTC month by the store's clock.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from tracelog.core.quota_settings import Plan, QuotaSettings

DAY_MS: Final = 86_400_000

OPEN, WARN, ESSENTIAL_ONLY, EXHAUSTED = range(4)
"""Levels: nothing to say; a warning; normal rows are refused; errors are, too, and only critical traces
pass."""

LEVELS: Final = ("ok", "warn", "essential_only", "exhausted")
"""The levels by name."""

_ORDINAL_1970: Final = date(1970, 1, 1).toordinal()

_TOLD: Final = (
    "it is open again",
    "all rows are still stored",
    "only errors and critical traces are stored until the month ends",
    "only critical traces are stored until the month ends",
)


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """
    That the level changed, as a row, a callback and a metric carry it.

    Attributes:
        level: Now; *was* before. *severity* is the level of the row that tells it.
        used: Writes of *month* (as 202611), of *writes* in all.
    """

    level: int
    was: int
    severity: str
    month: int
    used: int
    writes: int
    message: str

    @property
    def id(self) -> str:
        """
        The id of the row that tells it, the same in every process: however many tell, the store keeps one.
        """
        return f"{self.trace_id}-{self.level}"

    @property
    def trace_id(self) -> str:
        """
        The trace of all alerts of the month.
        """
        return f"budget-{self.month}"


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where the month ends at the present rate.

    Attributes:
        writes: Used at the month's end if nothing were refused.
        spent_at_ms: When all of the budget is used, Unix milliseconds; None when that is not in this month.
        sentence: The same in words.
    """

    writes: int
    spent_at_ms: int | None
    sentence: str


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one day stored, and where the month stood.

    Attributes:
        day: ISO date, UTC.
        writes: Stored that day, *by_system* by whom; *usd* is their cost.
        month_used: Of *month_writes*, *level* by name.
    """

    day: str
    writes: int
    by_system: Mapping[str, int]
    usd: float
    month: int
    month_used: int
    month_writes: int
    month_usd: float
    level: str


def civil(day: int) -> tuple[int, int, int]:
    """
    Return the month of *day*, counted from 1970, as 202611; its first day and that of the month after.
    """
    at = date.fromordinal(day + _ORDINAL_1970)
    first = at.replace(day=1).toordinal() - _ORDINAL_1970
    after = date(at.year + at.month // 12, at.month % 12 + 1, 1).toordinal() - _ORDINAL_1970
    return at.year * 100 + at.month, first, after


def level_of(used: int, plan: Plan) -> int:
    """
    Return the level of a month with *used* writes.
    """
    return sum(used >= edge for edge in (plan.warn, plan.normal, plan.full))


def alert(was: int, level: int, *, month: int, used: int, settings: QuotaSettings) -> Alert | None:
    """
    Return what to tell of a level that was *was* and is *level*, or None when it did not change.
    """
    if was == level:
        return None
    writes = settings.monthly_writes
    return Alert(
        level=level,
        was=was,
        severity=("info", "warn", "error", "error")[level],
        month=month,
        used=used,
        writes=writes,
        message=f"log budget of {month // 100}-{month % 100:02d}: {used:,} of {writes:,} writes are used"
        f" ({used * 100 // writes} %, ${used * settings.usd_a_write:.2f}); {_TOLD[level]}",
    )


def project(used: int, now_ms: int, an_hour: float, settings: QuotaSettings) -> Projection:
    """
    Return where the month ends when every hour stores *an_hour* rows more.

    Args:
        used: Writes of the month so far.
        now_ms: The present, Unix milliseconds.
        an_hour: Rows of the last hour, or of a day by 24: the rate to go on with.
        settings: With the budget.
    """
    end_ms = civil(now_ms // DAY_MS)[2] * DAY_MS
    rate, left = an_hour / 3_600_000, settings.monthly_writes - used
    writes = used + int((end_ms - now_ms) * rate)
    if left <= 0:
        return Projection(writes=writes, spent_at_ms=now_ms, sentence="the month's budget is spent")
    if rate * (end_ms - now_ms) < left:
        share = writes * 100 // settings.monthly_writes
        sentence = f"{share} % of the month's budget is spent by its end at this rate"
        return Projection(writes=writes, spent_at_ms=None, sentence=sentence)
    wait_ms = int(left / rate)
    return Projection(
        writes=writes,
        spent_at_ms=now_ms + wait_ms,
        sentence=f"the month's budget is spent in {_span(wait_ms)} at this rate",
    )


def day_report(
    day: int, by_system: Mapping[str, int], *, month_used: int, settings: QuotaSettings
) -> DayReport:
    """
    Return the report of *day*, counted from 1970, whose month stood at *month_used* writes.
    """
    writes = sum(by_system.values())
    return DayReport(
        day=datetime.fromtimestamp(day * 86_400, UTC).date().isoformat(),
        writes=writes,
        by_system=dict(by_system),
        usd=writes * settings.usd_a_write,
        month=civil(day)[0],
        month_used=month_used,
        month_writes=settings.monthly_writes,
        month_usd=month_used * settings.usd_a_write,
        level=LEVELS[level_of(month_used, settings.plan())],
    )


def _span(ms: int) -> str:
    """
    Return *ms* as the nearest whole days, hours or minutes that say enough.
    """
    for unit, size in (("day", DAY_MS), ("hour", 3_600_000)):
        if ms >= 2 * size:
            return f"{round(ms / size)} {unit}s"
    minutes = max(1, round(ms / 60_000))
    return f"{minutes} minute{'s' if minutes > 1 else ''}"
