"""
`tracelog status`: a server as a few lines that add up.
"""

import json

import pytest

from tracelog.cli.status import rows, sum_of

LEDGER = {
    "emitted": 1273,
    "stored": 1200,
    "duplicate": 0,
    "suppressed": {},
    "limited": {},
    "rejected": {},
    "dropped": {},
    "in_flight": 0,
    "unreported": 0,
    "balanced": True,
}
QUOTAS = {
    "limit": 1000,
    "current": 501,
    "systems": {
        "browser": {
            "current": 500,
            "limit": 400,
            "remaining": 0,
            "borrowed": 100,
            "lent": 0,
            "reset_ms": 41_000,
        },
        "worker": {
            "current": 1,
            "limit": 300,
            "remaining": 299,
            "borrowed": 0,
            "lent": 100,
            "reset_ms": 41_000,
        },
        "backend": {
            "current": 0,
            "limit": 300,
            "remaining": 300,
            "borrowed": 0,
            "lent": 0,
            "reset_ms": None,
        },
        "other": {
            "current": 0,
            "limit": 0,
            "remaining": 0,
            "borrowed": 0,
            "lent": 0,
            "reserve": 2,
            "reset_ms": None,
        },
    },
    "essential": {"used": 2, "limit": 200},
}
BUDGET = {
    "used": 501,
    "limit": 125_000,
    "remaining": 124_499,
    "usd": 0.04,
    "budget_usd": 10.0,
    "level": "ok",
    "projection": {"sentence": "80 % of it is spent at this rate"},
    "days": [
        {"day": "2026-11-22", "writes": 1_501, "usd": 0.12},
        {"day": "2026-11-21", "writes": 12, "usd": 0.001},
    ],
    "months": {"2026-09": {"worker": 7}, "2026-10": {"worker": 1_000, "browser": 200}},
}
STATUS = {
    "phase": "ready",
    "uptime_s": 190.0,
    "now": 1_795_350_664_000.0,
    "store": {"kind": "sqlite", "ok": True, "size_bytes": 1_250_000, "keys": 12, "warnings": []},
    "systems": {},
    "redacted": {},
    "ledger": {**LEDGER, "stored": 1273},
}


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"stored": 1273}, "1,273 logged = 1,273 stored"),
        (
            {"suppressed": {"repeat": 40}, "limited": {"system_quota": 33}},
            "1,273 logged = 1,200 stored + 40 suppressed (repeat) + 33 limited (system_quota)",
        ),
        ({"in_flight": 73}, "1,273 logged = 1,200 stored + 73 on their way"),
        (
            {"unreported": 73, "balanced": False},
            "1,200 stored + 73 missing without a word; this does not add up",
        ),
        ({"stored": 1273, "duplicate": 5}, "1,273 stored; 5 came twice and were kept once"),
    ],
)
def test_a_ledger_is_one_sum(changed, shown):
    """
    What was logged equals what is stored and every other outcome, each by its reason; a sum that fails says
    so.
    """
    assert sum_of({**LEDGER, **changed}).endswith(shown)


@pytest.mark.parametrize(
    ("changed", "name", "text"),
    [
        ({}, "server", "http://h, ready, up 3 minutes"),
        ({"uptime_s": 0.4}, "server", "http://h, ready, up less than a second"),
        ({"uptime_s": 90_000}, "server", "http://h, ready, up 1 day"),
        ({}, "store", "sqlite, well, 12 traces, 1.2 MB"),
        ({"store": {"kind": "redis", "ok": False, "cause": "refused"}}, "store", "redis, not well: refused"),
        ({"store": {**STATUS["store"], "kind": "redis", "keys": 1}}, "store", "redis, well, 1 key, 1.2 MB"),
        ({"store": {**STATUS["store"], "warnings": ["eviction is on"]}}, "", "eviction is on"),
        ({}, "systems", "none has logged yet"),
        (
            {"systems": {"browser": {"sources": 2, "last_seen": STATUS["now"] - 3000}}},
            "systems",
            "browser    heard 3 seconds ago, from 2 sources",
        ),
        ({"redacted": {"jwt": 2, "bearer": 1}}, "secrets", "3 replaced: 2 jwt, 1 bearer"),
        ({}, "ledger", "1,273 logged = 1,273 stored"),
        ({"limits": False}, "limits", "off"),
        ({"quotas": QUOTAS}, "hour", "501 of 1,000 rows, 2 of 200 in the reserve for errors"),
        (
            {"quotas": QUOTAS},
            "",
            "browser    500 of 400, 0 left, 100 borrowed, the first free again in 41 seconds",
        ),
        (
            {"quotas": QUOTAS},
            "",
            "worker     1 of 300, 299 left, 100 lent, the first free again in 41 seconds",
        ),
        ({"quotas": QUOTAS}, "", "other      0 of 0, 0 left, 2 in the reserve"),
        (
            {"budget": BUDGET},
            "month",
            "501 of 125,000 rows ($0.04 of $10.00), 124,499 left, ok; 80 % of it is spent at this rate",
        ),
        (
            {"budget": BUDGET},
            "days",
            "2026-11-22 1,501 ($0.12), 2026-11-21 12 ($0.00)",
        ),
        ({"budget": BUDGET}, "months", "2026-10 1,200, 2026-09 7"),
        (
            {
                "guard": {
                    "slowed": [{"system": "browser", "source": "tab", "limit": 12, "step": 2}],
                    "steps": [50, 25, 12, 6],
                }
            },
            "slowed",
            "browser tab: 12 ordinary entries a minute, step 3 of 4",
        ),
    ],
)
def test_a_status_is_read_as_lines(changed, name, text):
    """
    Server, store, systems, limits, ledger and secrets each have their line, in units people use.
    """
    assert (name, text) in list(rows({**STATUS, **changed}, "http://h"))


def test_systems_are_told_latest_first():
    """
    Who spoke last stands on top, and only the first line names the column.
    """
    systems = {
        name: {"sources": 1, "last_seen": STATUS["now"] - ago} for name, ago in (("a", 9), ("b", 1), ("c", 5))
    }
    told = [row for row in rows({**STATUS, "systems": systems}, "http://h") if "heard" in row[1]]
    assert [(name, text[0]) for name, text in told] == [("systems", "b"), ("", "c"), ("", "a")]


def test_a_running_server_is_told(served, trace):
    """
    The status of a real server names its store, the systems that spoke, and a ledger that adds up.
    """
    served.post({"trace_id": trace, "message": "hello", "system": "browser"})
    result = served.run("status")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"server    {served.url}, ready, up " in result.stdout
    assert "store     sqlite, well" in result.stdout
    assert "browser" in result.stdout
    assert "does not add up" not in result.stdout
    assert json.loads(served.run("status", "--format", "json").stdout)["phase"] == "ready"
