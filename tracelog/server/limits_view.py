"""
What limits hold at present, as `GET /api/v1/status` shows it: the shared quotas as the store has them, the
month's budget, and what this process decides by itself.
"""

from typing import Any

import msgspec

from tracelog.core.budget import LEVELS, civil, day_report, project
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import GateStatus
from tracelog.errors import StoreUnavailableError
from tracelog.server.gate import Gatekeeper
from tracelog.server.heat import SharedHeat
from tracelog.server.shield import Shield


async def limits_view(
    gatekeeper: Gatekeeper | None, shield: Shield | None, heat: SharedHeat | None
) -> dict[str, Any]:
    """
    Return `{"limits", "quotas", "budget", "guard", "gate"}`; the latter four are None where limits are off,
    and what only the store knows is None while it is away.
    """
    if gatekeeper is None or shield is None or heat is None:
        return {"limits": False, "quotas": None, "budget": None, "guard": None, "gate": None}
    try:
        held: GateStatus | None = await gatekeeper.gate.status()
    except StoreUnavailableError:
        held = None
    return {
        "limits": True,
        "quotas": None if held is None else _quotas(held, gatekeeper.settings),
        "budget": None if held is None else _budget(held, gatekeeper.settings),
        "guard": {**shield.view(), "hot_everywhere": heat.view()},
        "gate": {"calls": gatekeeper.calls, "unanswered": gatekeeper.unanswered},
    }


def _quotas(held: GateStatus, settings: QuotaSettings) -> dict[str, Any]:
    return {
        "limit": settings.limit,
        "servers": held.servers,
        "current": sum(system.current for system in held.systems),
        "systems": {
            system.system: {
                "current": system.current,
                "limit": system.limit,
                "remaining": system.remaining,
                "borrowed": system.borrowed,
                "lent": system.lent,
                "reserve": system.reserved,
                "last_attempt": system.last_attempt_ms,
                "reset_ms": system.frees_ms,
            }
            for system in held.systems
        },
        "essential": msgspec.to_builtins(held.essential),
        "critical": msgspec.to_builtins(held.critical),
    }


def _budget(held: GateStatus, settings: QuotaSettings) -> dict[str, Any]:
    used, limit = held.month_used, held.month_limit
    an_hour = sum(system.current for system in held.systems) + held.essential.used + held.critical.used
    projection, plan = project(used, held.now_ms, an_hour, settings), settings.plan()
    return {
        "month": f"{held.month // 100}-{held.month % 100:02d}",
        "level": LEVELS[held.level],
        "used": used,
        "limit": limit,
        "remaining": max(0, limit - used),
        "usd": round(used * settings.usd_a_write, 4),
        "budget_usd": settings.budget_usd,
        "by_system": held.month_by_system,
        "projection": msgspec.to_builtins(projection),
        "usd_by_system": {
            system: round(n * settings.usd_a_write, 4) for system, n in held.month_by_system.items()
        },
        "usd_remaining": round(max(0, limit - used) * settings.usd_a_write, 4),
        "projected_usd": round(projection.writes * settings.usd_a_write, 4),
        "levels": {"warn": plan.warn, "essential_only": plan.normal, "exhausted": plan.full},
        "days": days_of(held, settings),
        "months": {f"{month // 100}-{month % 100:02d}": systems for month, systems in held.months.items()},
    }


def days_of(held: GateStatus, settings: QuotaSettings, *, only: int | None = None) -> list[dict[str, Any]]:
    """
    Return the reports of days, the last one first: what each stored, and where its month stood in the end;
    of one day, counted from 1970, *only*.
    """
    after = {month: sum(by_system.values()) for month, by_system in held.months.items()}
    after[held.month] = held.month_used
    reports = []
    for day, by_system in sorted(held.days.items(), reverse=True):
        month = civil(day)[0]
        report = day_report(day, by_system, month_used=after.get(month, 0), settings=settings)
        after[month] = max(0, report.month_used - report.writes)
        if only not in (None, day):
            continue
        reports.append(
            {
                "day": report.day,
                "writes": report.writes,
                "usd": round(report.usd, 4),
                "by_system": report.by_system,
                "month_used": report.month_used,
                "level": report.level,
            }
        )
    return reports
