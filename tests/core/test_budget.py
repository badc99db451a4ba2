"""
The month's budget: months, levels, alerts, where the month ends, the report of a day.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.schedules import DAY, HOUR, MINUTE, NOON_MS
from tracelog.core.budget import (
    ESSENTIAL_ONLY,
    EXHAUSTED,
    LEVELS,
    OPEN,
    WARN,
    alert,
    civil,
    day_report,
    level_of,
    project,
)
from tracelog.core.quota_settings import QuotaSettings

SETTINGS = QuotaSettings()
PLAN = SETTINGS.plan()
EPOCH = date(1970, 1, 1)


@given(st.dates(EPOCH, date(2400, 1, 1)))
def test_a_day_is_in_its_month(at):
    """
    Every day lies in its civil month, which begins on a first and ends where the next begins.
    """
    day = (at - EPOCH).days
    month, first, after = civil(day)
    assert month == at.year * 100 + at.month
    assert first <= day < after
    assert (EPOCH + timedelta(days=first)).day == 1
    assert (EPOCH + timedelta(days=after)).day == 1
    assert 28 <= after - first <= 31


@pytest.mark.parametrize(
    ("used", "level"),
    [
        (0, OPEN),
        (99_999, OPEN),
        (100_000, WARN),
        (118_749, WARN),
        (118_750, ESSENTIAL_ONLY),
        (124_999, ESSENTIAL_ONLY),
        (125_000, EXHAUSTED),
        (131_250, EXHAUSTED),
    ],
)
def test_levels_begin_at_their_percentage(used, level):
    """
    I5: with the defaults the levels begin at 100,000, 118,750 and 125,000 writes.
    """
    assert level_of(used, PLAN) == level


def test_a_write_has_its_price():
    """
    Budget and writes are two settings; a write costs one by the other.
    """
    assert SETTINGS.usd_a_write == pytest.approx(0.00008)
    assert QuotaSettings(budget_usd=10, monthly_writes=5_000_000).usd_a_write == pytest.approx(0.000002)


@pytest.mark.parametrize("was", range(4))
@pytest.mark.parametrize("level", range(4))
def test_each_change_of_level_is_told(was, level):
    """
    There is an alert exactly when the level changed; it carries both levels and a sentence with the numbers.
    """
    told = alert(was, level, month=202611, used=118_750, settings=SETTINGS)
    if was == level:
        assert told is None
        return
    assert told is not None
    assert (told.level, told.was, told.used, told.writes) == (level, was, 118_750, 125_000)
    assert told.message.startswith(
        "log budget of 2026-11: 118,750 of 125,000 writes are used (95 %, $9.50); "
    )


def test_alerts_say_what_happens_now():
    """
    Each level's alert says what is still stored, as loud as that is bad.
    """
    told = [
        alert(1 if level != 1 else 0, level, month=202611, used=1, settings=SETTINGS) for level in range(4)
    ]
    assert [each.severity for each in told if each] == ["info", "warn", "error", "error"]
    assert len({each.message for each in told if each}) == 4


@pytest.mark.parametrize(
    ("used", "an_hour", "sentence"),
    [
        (5_000, 1_000, "the month's budget is spent in 5 days at this rate"),
        (124_000, 1_000, "the month's budget is spent in 60 minutes at this rate"),
        (124_999, 60, "the month's budget is spent in 1 minute at this rate"),
        (119_000, 1_000, "the month's budget is spent in 6 hours at this rate"),
        (0, 100, "27 % of the month's budget is spent by its end at this rate"),
        (50_000, 0, "40 % of the month's budget is spent by its end at this rate"),
        (125_000, 1_000, "the month's budget is spent"),
    ],
)
def test_projections_are_sentences(used, an_hour, sentence):
    """
    The sentence names the time that is left, or the part that will be used; 348 hours are left here.
    """
    assert project(used, NOON_MS, an_hour, SETTINGS).sentence == sentence


@given(st.integers(0, 130_000), st.integers(0, 3_000), st.integers(0, 14 * DAY))
def test_a_projection_is_true(used, an_hour, later):
    """
    At the moment it names the budget is used up, give or take a row, and that moment lies in this month; else the
    month ends within the budget.
    """
    now_ms = NOON_MS + later
    seen = project(used, now_ms, an_hour, SETTINGS)
    end_ms = NOON_MS + 14 * DAY + 12 * HOUR
    assert abs(seen.writes - used - an_hour * (end_ms - now_ms) / HOUR) <= 1
    if seen.spent_at_ms is None:
        assert seen.writes <= 125_000
    elif used >= 125_000:
        assert seen.spent_at_ms == now_ms
    else:
        assert abs(used + an_hour * (seen.spent_at_ms - now_ms) / HOUR - 125_000) <= 1
        assert now_ms <= seen.spent_at_ms <= end_ms + MINUTE


def test_the_report_of_a_day():
    """
    A day's report names its rows by system, their cost, and where the month stood.
    """
    report = day_report(
        NOON_MS // DAY, {"worker": 900, "browser": 100}, month_used=100_000, settings=SETTINGS
    )
    assert (report.day, report.writes, report.by_system) == (
        "2026-11-16",
        1_000,
        {"worker": 900, "browser": 100},
    )
    assert (report.usd, report.month_usd) == (pytest.approx(0.08), pytest.approx(8.0))
    assert (report.month, report.month_used, report.month_writes, report.level) == (
        202611,
        100_000,
        125_000,
        "warn",
    )
    assert datetime.fromtimestamp(NOON_MS / 1000, UTC).date().isoformat() == report.day
    assert len(LEVELS) == 4
