"""
The status against the store behind it: every number is what the raw keys say, whichever server is asked, on every kind
of store; and the terminal shows the same.
"""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from redis import Redis

from tests.server.running import Running
from tests.server.test_protection import CALM, entries, words
from tests.stores.servers import RealCluster, RealServer
from tests.stores.upstash_server import TOKEN, UpstashServer
from tracelog.cli import commands
from tracelog.cli.status import rows as lines_of
from tracelog.core import keys
from tracelog.core.quota_settings import QuotaSettings

QUOTA = QuotaSettings(limit=100, monthly_writes=140)
SHARES = {"browser": 40, "worker": 30, "backend": 30, "other": 0}
NORMAL_WRITES = 133
"""What the month's first 95 % are."""

SERVERS_OF = {"valkey": 1, "cluster": 3, "upstash": 1, "sqlite": 0}


class Held(NamedTuple):
    """
    A store by its raw keys.

    Attributes:
        gate: The state of the quotas, its minutes, days and months in it.
        outcomes: (outcome, reason) → entries not stored; *redacted* rule → how often.
        stored: Entries that sources had stored, as the ledger's own hash has it.
    """

    gate: dict[str, Any]
    outcomes: Counter[tuple[str, str]]
    redacted: Counter[str]
    stored: int


def hashes_of(servers: list[RealServer], name: str) -> dict[str, str]:
    """
    Return a hash of whichever of *servers* holds it.
    """
    for server in servers:
        with Redis.from_url(server.url, protocol=2) as client:
            names = list(client.scan_iter(match=name.replace("{", "[{]").replace("}", "[}]"), count=1_000))
            if names:
                return {key.decode(): value.decode() for key, value in client.hgetall(names[0]).items()}
    return {}


def held_by_redis(servers: list[RealServer]) -> Held:
    fields = hashes_of(servers, keys.GATE)
    gate = json.loads(fields.pop("state"))
    for name, text in fields.items():
        part = gate.setdefault({"b": "buckets", "d": "days", "m": "months"}[name[0]], {})
        part[name[1:]] = json.loads(text)
    outcomes: Counter[tuple[str, str, str]] = Counter()
    for field, n in hashes_of(servers, keys.OUTCOMES).items():
        outcome, reason, _, source = field.split(" ", 3)
        outcomes[outcome, reason, source] += int(n)
    tally = hashes_of(servers, keys.TALLY)
    stored = sum(int(text.split()[0]) for name, text in tally.items() if not name.endswith(" @server"))
    return held_of(gate, outcomes, stored)


def held_by_file(path: Path) -> Held:
    with closing(sqlite3.connect(path)) as file:
        [(text,)] = file.execute("SELECT value FROM gate").fetchall()
        rows = file.execute("SELECT outcome, reason, source, n FROM outcomes").fetchall()
        [(stored,)] = file.execute("SELECT sum(received) FROM tallies WHERE source <> '@server'").fetchall()
    return held_of(json.loads(text), Counter({(*what,): n for *what, n in rows}), stored)


def held_of(gate: dict[str, Any], outcomes: Counter[tuple[str, str, str]], stored: int) -> Held:
    ends: Counter[tuple[str, str]] = Counter()
    redacted: Counter[str] = Counter()
    for (outcome, reason, source), n in outcomes.items():
        if source == "@server":
            assert outcome == "redacted"
            redacted[reason] += n
        else:
            ends[outcome, reason] += n
    return Held(gate, +ends, redacted, stored)


@pytest.fixture(scope="module", params=SERVERS_OF)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """
    The URL of an empty store of each kind, and a function that looks into it.
    """
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        match request.param:
            case "sqlite":
                yield f"sqlite:///{folder}/logs.db", lambda: held_by_file(folder / "logs.db")
            case "cluster":
                cluster = stack.enter_context(RealCluster(folder))
                yield cluster.url, lambda: held_by_redis(cluster.servers)
            case kind:
                server = stack.enter_context(RealServer(folder))
                url = server.url
                if kind == "upstash":
                    rest = stack.enter_context(UpstashServer(server.port))
                    url = f"upstash+http://:{quote(TOKEN)}@{rest.address}"
                yield url, lambda: held_by_redis([server])


def speak(one: Running, two: Running) -> None:
    """
    Let both servers store, lend, fold, redact, refuse by the hour and by the month, and slow a source down.
    """
    one.post(entries(70, system="browser"))
    two.post(entries(5, first=70, system="worker", level="error", source="w"))
    two.post(entries(40, first=75, system="worker", source="w"))
    one.post(entries(25, first=175, system="backend", level="error", source="b", trace_id="errors"))
    for server in (one, two):
        secret = [f"password=hunter2-{words(n)}" for n in range(3)]
        server.post([{"trace_id": "s", "system": "tv", "level": "error", "message": each} for each in secret])
    two.post([{"trace_id": "loop", "system": "tv", "level": "error", "message": "again"}] * 9)
    critical = entries(12, first=300, system="backend", source="c", trace_id="vip")
    two.post([{**each, "context": {"critical": True}} for each in critical])


def check_quotas(quotas: dict[str, Any], gate: dict[str, Any]) -> None:
    """
    Each system's window, its loans both ways, its part of the reserve, and when its first minute leaves.
    """
    totals, seen = Counter(gate["totals"]), gate["seen"]
    now_ms = time.time() * 1000
    assert {name: system["limit"] for name, system in quotas["systems"].items()} == SHARES
    for name, system in quotas["systems"].items():
        lent, borrowed = totals[f"<{name}"], totals[f">{name}"]
        assert (system["lent"], system["borrowed"]) == (lent, borrowed)
        assert system["current"] == totals[name] - lent + borrowed
        assert system["reserve"] == totals[f"!{name}"]
        assert system["last_attempt"] == seen.get(name)
        charged = [int(minute) for minute, counts in gate["buckets"].items() if name in counts]
        assert (system["reset_ms"] is None) == (not charged)
        if charged:
            assert abs((min(charged) + 61) * 60_000 - now_ms - system["reset_ms"]) < 5_000
        room = SHARES[name] - totals[name]
        assert system["remaining"] == max(0, min(room, NORMAL_WRITES - gate["used"]))
    assert quotas["current"] == sum(totals[name] for name in SHARES)
    assert quotas["essential"] == {"used": totals["@essential"], "limit": 20}
    assert quotas["critical"] == {"used": totals["@critical"], "limit": 5_000}
    assert quotas["servers"] == len(gate["servers"])


def check_budget(budget: dict[str, Any], gate: dict[str, Any]) -> None:
    """
    The month by system, its level and what is left, and the days.
    """
    assert (budget["used"], budget["by_system"]) == (gate["used"], gate["spent"])
    assert budget["used"] == sum(gate["spent"].values())
    assert (budget["limit"], budget["remaining"]) == (140, max(0, 140 - gate["used"]))
    assert budget["level"] == ("ok", "warn", "essential_only", "exhausted")[gate["level"]]
    assert budget["month"].replace("-", "") == str(gate["month"])
    assert [day["by_system"] for day in budget["days"]] == [gate["today"]]
    assert budget["usd"] == pytest.approx(gate["used"] * 10 / 140, abs=1e-4)
    assert budget["projection"]["writes"] >= gate["used"]


def test_every_number_is_what_the_store_holds(store: Any) -> None:
    """
    Quotas, loans, budget, ledger and redaction counts are the raw keys', whichever server is asked.
    """
    url, look = store
    with (
        Running(store_url=url, limits=True, guard=CALM, quota=QUOTA) as one,
        Running(store_url=url, limits=True, guard=CALM, quota=QUOTA) as two,
    ):
        speak(one, two)
        for server in (one, two, one, two):
            server.get("/api/v1/status")  # each tells what waits in it
        shown = [server.get("/api/v1/status").json for server in (one, two)]
        held = look()
        said = CliRunner().invoke(commands, ["status", "--url", f"http://127.0.0.1:{two.port}"]).stdout
    for status in shown:
        check_quotas(status["quotas"], held.gate)
        check_budget(status["budget"], held.gate)
        ledger = status["ledger"]
        reasons = {
            (outcome, reason): n
            for outcome in ("suppressed", "limited", "rejected", "dropped")
            for reason, n in ledger[outcome].items()
        }
        assert (ledger["stored"], reasons) == (held.stored, dict(held.outcomes))
        assert status["redacted"] == dict(held.redacted) == {"password": 6}
    assert {("limited", "system_quota"), ("suppressed", "loop")} <= set(held.outcomes)
    assert sum(held.gate["totals"].get(f">{name}", 0) for name in SHARES) > 0
    assert min(held.gate["totals"][name] for name in ("@essential", "@critical")) > 0
    assert held.gate["level"] > 0
    for name, text in lines_of(shown[1], "here"):
        if name not in {"server", "store", "systems"} and "heard" not in text and "free again" not in text:
            assert text in said


def test_a_source_that_is_heard_less_is_shown_with_its_step() -> None:
    """
    The step of a source, and the limit of that step, are those that the limiter goes by.
    """
    with Running(limits=True) as running:
        shield = running.app.ingest.shield
        for minute in range(3):
            shield._clock = lambda minute=minute: 1_000.0 + 60.0 * minute
            running.post(entries(150, first=150 * minute, source="loud"))
        guard = running.get("/api/v1/status").json["guard"]
    assert guard["steps"] == [50, 25, 12, 6]
    assert guard["slowed"] == [{"system": "backend", "source": "loud", "limit": 12, "step": 2}]
