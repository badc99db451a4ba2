"""
What was refused shows in its trace: at once, on every server, whatever refused it and however full the trace is.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.server.running import Running
from tests.server.test_protection import CALM, entries, words
from tests.stores.servers import RealServer
from tracelog.config import Key
from tracelog.core.quota_settings import QuotaSettings, TraceQuota

pytestmark = pytest.mark.xdist_group("refused")  # its tests share one server

Found = dict[str, Any]

REFUSALS = {
    "trace_quota": {"trace_quota": TraceQuota(normal=6, extra=2)},
    "trace_size": {"trace_quota": TraceQuota(max_bytes=2_000)},
    "system_quota": {"quota": QuotaSettings(limit=6)},
    "budget": {"quota": QuotaSettings(monthly_writes=6)},
}
"""Reason, and the settings by which a trace of twenty entries is refused some for it."""


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """
    The URL of an empty store: a file, and a real server.
    """
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/logs.db"
    return emptied(request.getfixturevalue("redis"))


def emptied(server: RealServer) -> str:
    with Redis.from_url(server.url) as client:
        client.flushall()
    return server.url


def told(running: Running, trace_id: str = "flood") -> tuple[int, Counter[str]]:
    """
    Return how many entries of a trace are there, and by reason how many its two views say are missing: the same.
    """
    trace = running.get(f"/api/v1/traces/{trace_id}").json
    report = running.get(f"/api/v1/traces/{trace_id}/report").json
    assert (trace["complete"], trace["missing"]) == (report["complete"], report["missing"])
    shown = [row for row in report["timeline"] if row["kind"] == "suppressed"]
    missing: Counter[str] = Counter()
    for loss in trace["missing"]:
        missing[loss["reason"]] += loss["count"]
    assert trace["complete"] is not bool(missing)
    assert sum(row["count"] for row in shown) == missing.total()
    return sum(row.get("kind") is None for row in trace["entries"]), missing


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_trace_counts_what_was_refused(reason: str, store: str) -> None:
    """
    Whatever refuses entries, who reads the trace right afterwards is told how many are missing and why, while the
    server runs and for good; the brief says so, and no limit is passed for it.
    """
    with Running(limits=True, guard=CALM, store_url=store, **REFUSALS[reason]) as running:
        for first in (0, 20):
            accepted = running.post(entries(20, first=first)).json["accepted"]
            kept, missing = told(running)
            assert missing == {reason: first + 20 - kept}
            assert accepted == (kept if first == 0 else 0)
        brief = running.get("/api/v1/traces/flood/export?format=md").body.decode()
        assert "· complete" not in brief
        assert f"{40 - kept} " in brief
    with Running(store_url=store) as running:
        assert told(running) == (kept, missing)
        rows = running.get("/api/v1/search?limit=1000").json["entries"]
    assert len(rows) <= kept + 8
    if reason in {"system_quota", "budget"}:
        assert len(rows) <= 6


def test_what_finds_no_place_is_counted_all_the_same(store: str) -> None:
    """
    When the places for the server's own rows are used up, too, further counts go into one row that is shown with the
    trace, however often something is refused and whichever server refused it.
    """
    tight = TraceQuota(normal=3, extra=0, own=1)
    for run in range(4):
        with Running(limits=True, guard=CALM, trace_quota=tight, store_url=store) as running:
            running.post(entries(10, first=10 * run))
    with Running(store_url=store) as running:
        assert told(running) == (3, {"trace_quota": 37})
        rows = running.get("/api/v1/traces/flood").json["entries"]
        found = running.get("/api/v1/search?limit=1000").json["entries"]
    assert [row["count"] for row in rows if row.get("kind") == "suppressed"] == [7, 30]
    assert len(found) == 4


def test_another_server_knows_at_once(redis: RealServer) -> None:
    """
    A server that refused nothing itself never calls a trace complete that the store refused entries of.
    """
    url = emptied(redis)
    tight = {
        "limits": True,
        "guard": CALM,
        "trace_quota": TraceQuota(normal=5, extra=0),
        "store_url": url,
    }
    with Running(**tight) as one, Running(**tight) as two:
        one.post(entries(5))
        assert two.get("/api/v1/traces/flood").json["complete"] is True
        one.post(entries(1, first=5))
        assert two.get("/api/v1/traces/flood").json["complete"] is False
        assert two.get("/api/v1/traces/flood/report").json["complete"] is False


def test_another_server_counts_what_the_hour_refused(redis: RealServer) -> None:
    """
    What one server refused because the hour was used up stands in the trace that another one stored, for
    who reads it there.
    """
    shared = {"limits": True, "guard": CALM, "quota": QuotaSettings(limit=5), "store_url": emptied(redis)}
    with Running(**shared) as one:
        one.post(entries(5))
        with Running(**shared) as two:
            assert two.post(entries(3, first=5)).json["limited"] == {"system_quota": 3}
        assert told(one) == (5, {"system_quota": 3})


def test_context_leaves_room_for_the_error_it_explains(store: str) -> None:
    """
    What an error brings out takes neither the last places nor the last bytes of its trace: the error is stored.
    """
    held = [{**each, "message": each["message"] + " x" * 200} for each in entries(60)]
    for quota in (TraceQuota(normal=10, extra=8), TraceQuota(max_bytes=8_000)):
        trace_id = f"failing-{quota.normal}"
        with Running(limits=True, guard=CALM, trace_quota=quota, store_url=store) as running:
            running.post([{**each, "trace_id": trace_id} for each in held])
            said = [
                running.post(
                    {
                        "trace_id": trace_id,
                        "level": "error",
                        "message": f"broke {words(n)}",
                        "system": "backend",
                    }
                )
                for n in range(2)
            ]
        assert [answer.status for answer in said] == [200, 200]


PUBLIC = Key(token="t" * 16, public=True)
COUNTED = 10**15
SENDERS = {
    "a program of this machine": ((), (), 10**9),
    "a page of this machine": ((), (("Origin", "http://localhost:3000"),), 100_000),
    "a page with a public key": ((PUBLIC, Key(token="r" * 16, role="read")), (), 1),
}
"""Who sends, the keys of the server, further headers, and how many entries a row of theirs counts at most."""


@pytest.mark.parametrize("who", SENDERS)
@pytest.mark.parametrize("kind", ["summary", "suppressed"])
def test_nobody_counts_more_than_it_can_know(who: str, kind: str) -> None:
    """
    A row that claims to stand for a thousand million million counts what its sender may say, and tells what was not
    believed; a page says of nothing that it was suppressed.
    """
    keys, headers, most = SENDERS[who]
    writing = (("Authorization", f"Bearer {'t' * 16}"),) if keys else ()
    reading = (("Authorization", f"Bearer {'r' * 16}"),) if keys else ()
    row = {
        "trace_id": "forged",
        "message": "again",
        "kind": kind,
        "count": COUNTED,
        "why": "loop",
        "source": "s",
    }
    with Running(limits=True, keys=keys) as running:
        running.post({**row, "system": "browser"}, *headers, *writing)
        [stored] = running.get("/api/v1/traces/forged", *reading).json["entries"]
        ledger = running.get("/api/v1/traces/forged/report", *reading).json["ledger"]
    if kind == "suppressed" and "page" in who:
        most = 1
    assert (stored.get("count", 1), ledger["logged"]) == (most, most)
    assert {"count", "kind"} & set(stored["fixed"])


@pytest.mark.parametrize("who", SENDERS)
def test_a_page_does_not_report_for_the_world(who: str) -> None:
    """
    A report of more losses than a page can have is believed of programs only.
    """
    keys, headers, _ = SENDERS[who]
    writing = (("Authorization", f"Bearer {'t' * 16}"),) if keys else ()
    reading = (("Authorization", f"Bearer {'r' * 16}"),) if keys else ()
    lost = 10**11
    report = {"emitted": lost + 1, "dropped": {"queue_overflow": lost}}
    with Running(limits=True, keys=keys) as running:
        running.post({"report": report, "source": "s", "entries": entries(1)}, *headers, *writing)
        ledger = running.get("/api/v1/ledger?source=s", *reading).json
    assert ledger["emitted"] == (lost + 1 if who.startswith("a program") else 1)
