"""
The history that the status shows: what days and months stored, and where each day left its month.
"""

import pytest

from tests.core.schedules import DAY, NOON_MS
from tests.server.scripted import LocalGate, ScriptedStore
from tracelog.core.guard_settings import GuardSettings
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Demand, Repair
from tracelog.server.faults import Faults
from tracelog.server.gate import Gatekeeper
from tracelog.server.heat import SharedHeat
from tracelog.server.limits_view import limits_view
from tracelog.server.shield import Shield

pytestmark = pytest.mark.anyio

MONTH = QuotaSettings(limit=10**6, monthly_writes=100)


def keeper_of(gate: LocalGate) -> Gatekeeper:
    return Gatekeeper(
        gate, MONTH, clock=lambda: 0.0, wall_ms=lambda: 0.0, tell=lambda change: None, timeout_s=5.0
    )


async def budget_of(gate: LocalGate) -> dict:
    shield = Shield(GuardSettings(), clock=lambda: 0.0)
    heat = SharedHeat(ScriptedStore(), GuardSettings(), shield.guard.templates, Faults())
    shown = await limits_view(keeper_of(gate), shield, heat)
    budget: dict = shown["budget"]
    return budget


async def test_days_say_where_they_left_their_month() -> None:
    """
    Each day has its rows by system and the month as it stood at its end, also where the month has ended since.
    """
    gate = LocalGate(MONTH)
    gate.now_ms = NOON_MS
    for wait, system, n in (
        (0, "worker", 50),
        (14 * DAY, "worker", 35),
        (DAY, "browser", 7),
        (DAY, "worker", 2),
    ):
        gate.now_ms += wait
        await gate.ask([Demand(system, "normal", n)])
    budget = await budget_of(gate)
    said = [(day["day"], day["by_system"], day["month_used"], day["level"]) for day in budget["days"]]
    assert said == [
        ("2026-12-02", {"worker": 2}, 9, "ok"),
        ("2026-12-01", {"browser": 7}, 7, "ok"),
        ("2026-11-30", {"worker": 35}, 85, "warn"),
        ("2026-11-16", {"worker": 50}, 50, "ok"),
    ]
    assert (budget["month"], budget["used"], budget["remaining"]) == ("2026-12", 9, 91)
    assert budget["months"] == {"2026-11": {"worker": 85}}
    assert sum(day["writes"] for day in budget["days"]) == 85 + 9


async def test_the_month_is_whole_after_the_data_was_lost() -> None:
    """
    A store that came back empty and was told the month shows it, its level and its projection again; what it was told
    belongs to no day.
    """
    gate = LocalGate(MONTH)
    await gate.ask([Demand("worker", "normal", 90)])
    before = await budget_of(gate)
    gate.forget()
    await gate.ask([], (), Repair(202611, 90), [Demand("worker", "normal", 3)])
    after = await budget_of(gate)
    assert (before["used"], before["level"]) == (90, "warn")
    assert (after["used"], after["level"], after["remaining"]) == (93, "warn", 7)
    assert after["by_system"] == {"@repaired": 90, "worker": 3}
    assert [(day["writes"], day["month_used"]) for day in after["days"]] == [(3, 93)]
    assert after["projection"]["writes"] >= 93
