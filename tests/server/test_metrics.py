"""
`GET /metrics`: what Prometheus reads, and that it is what the status shows.
"""

import re
from typing import Any

import pytest

from tests.server.running import Answer, Running
from tests.server.scripted import ScriptedStore, away
from tracelog.config import Key
from tracelog.core.guard_settings import GuardSettings
from tracelog.core.ledger import REASONED
from tracelog.core.quota_settings import QuotaSettings
from tracelog.server.metrics import exposition

CALM = GuardSettings(normal=(100_000,), privileged=(100_000,), hot_above=1_000_000, sample_mode="off")

SAMPLE = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+-]+|NaN|[+-]Inf)'
)
"""A line of the format, as its description has it."""


def read(text: str) -> dict[str, float]:
    """
    Return the samples of *text*, each of a metric that was announced before.
    """
    found: dict[str, float] = {}
    kinds: dict[str, str] = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, line
            assert kinds[sample[1]] in {"gauge", "counter"}
            assert line.rpartition(" ")[0] not in found
            found[line.rpartition(" ")[0]] = float(sample[3])
    return found


def lines(n: int, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    given = {"trace_id": "t", "system": "backend", "source": "s", **fields}
    return [{"message": f"said {at}", "seq": at, **given} for at in range(first, first + n)]


def test_metrics_are_the_status() -> None:
    """
    Entries by outcome and reason, quotas by system, the budget and secrets are told as the status has them.
    """
    quota = QuotaSettings(limit=10, monthly_writes=15)
    with Running(limits=True, guard=CALM, quota=quota) as running:
        running.post([*lines(7), {**lines(1, 7)[0], "message": "password=hunter2hunter2"}])
        running.post(lines(20, 8))
        status = running.get("/api/v1/status").json
        answer = running.get("/metrics")
    found = read(answer.body.decode())
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    assert found['tracelog_entries{outcome="stored",reason=""}'] == status["ledger"]["stored"] == 10
    for outcome in REASONED:
        for reason, n in status["ledger"][outcome].items():
            assert found[f'tracelog_entries{{outcome="{outcome}",reason="{reason}"}}'] == n
    for system, held in status["quotas"]["systems"].items():
        assert found[f'tracelog_quota_rows{{system="{system}"}}'] == held["current"]
        assert found[f'tracelog_quota_share_rows{{system="{system}"}}'] == held["limit"]
        assert found[f'tracelog_quota_lent_rows{{system="{system}"}}'] == held["lent"]
    budget = status["budget"]
    names = ("budget_writes", "budget_limit_writes", "budget_level", "budget_usd", "servers", "ready")
    assert [found[f"tracelog_{name}"] for name in names] == [budget["used"], 15, 0, budget["usd"], 1, 1]
    for rule, n in status["redacted_here"].items():
        assert found[f'tracelog_redacted_total{{rule="{rule}"}}'] == n
    assert status["redacted_here"]
    assert {name: found[f"tracelog_gate_{name}_total"] for name in ("calls", "unanswered")} == status["gate"]
    assert status["gate"]["calls"] > 0


def test_the_budgets_level_is_a_number() -> None:
    """
    An alarm can be set on it: 2 when only errors are stored.
    """
    with Running(limits=True, guard=CALM, quota=QuotaSettings(monthly_writes=40)) as running:
        running.post(lines(60))
        assert read(running.get("/metrics").body.decode())["tracelog_budget_level"] == 2


def test_scraping_makes_no_rows() -> None:
    """
    However often it is scraped, a loop that goes on is told at its own pace.
    """
    with Running(limits=True) as running:
        running.post([{"trace_id": "loop", "message": "again", "system": "backend"}] * 50)
        found = [read(running.get("/metrics").body.decode()) for _ in range(3)][-1]
    assert found['tracelog_quota_rows{system="backend"}'] == 5


@pytest.mark.parametrize(("token", "status"), [("r" * 16, 200), ("i" * 16, 403), (None, 401)])
def test_metrics_are_for_who_may_read(token: str | None, status: int) -> None:
    """
    The rules are those of the status: a read key where there are keys.
    """
    keys = (Key(token="i" * 16), Key(token="r" * 16, role="read"))
    with Running(keys=keys) as running:
        bearer = [("Authorization", f"Bearer {token}")] if token else []
        answers: list[Answer] = [running.get(path, *bearer) for path in ("/metrics", "/api/v1/status")]
    assert [answer.status for answer in answers] == [status, status]


def test_what_only_the_store_knows_is_left_out_while_it_is_away() -> None:
    """
    The server still tells of itself, and that the store is away.
    """
    store = ScriptedStore()
    with Running(store, limits=True) as running:
        store.trouble = away()
        found = read(running.get("/metrics").body.decode())
        store.trouble = None
    assert found["tracelog_store_ok"] == 0
    assert not [name for name in found if name.startswith("tracelog_entries")]


NOTHING = {"quotas": None, "budget": None, "gate": None, "processing": None}


def test_names_of_others_are_escaped() -> None:
    """
    A reason that a foreign server made up breaks no line.
    """
    ledger = {"stored": 1, "emitted": 2, "duplicate": 0, **{outcome: {} for outcome in REASONED}}
    shown = {"phase": "ready", "uptime_s": 1.5, "faults": 0, "redacted_here": {}, "store": {"ok": True}}
    told = dict.fromkeys(("sent", "failed", "dropped", "left_to_others", "waiting"), 0)
    shown |= {"alerts": told, "mutes": 0, "switches": {"capture": True}}
    odd = {**ledger, "dropped": {'a"b\\c\nd': 1}}
    found = read(exposition({**shown, **NOTHING, "ledger": odd}))
    assert found['tracelog_entries{outcome="dropped",reason="a\\"b\\\\c\\nd"}'] == 1
