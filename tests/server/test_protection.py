"""
Limits from the front door: what a flood leaves, what its senders are told, and that the counts add up.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.flooding import wait_for
from tests.server.running import Running
from tests.server.scripted import ScriptedStore, away
from tracelog.config import Key
from tracelog.core import loops
from tracelog.core.budget import Alert, alert
from tracelog.core.guard_settings import GuardSettings
from tracelog.core.quota_settings import QuotaSettings, TraceQuota
from tracelog.server import own
from tracelog.server.app import create_app

CALM = GuardSettings(normal=(100_000,), privileged=(100_000,), essential=(100_000,), hot_above=1_000_000)
"""A guard that folds exact repeats and does nothing else, so that quotas are what binds."""

WORDS = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay")


def words(n: int) -> str:
    """
    Return a text for *n* that shares its form with no other number's.
    """
    return " ".join(WORDS[int(digit)] for digit in str(n))


def entries(count: int, *, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """
    Return entries that no guard folds, of one source.
    """
    given = {"trace_id": "flood", "system": "backend", "source": "s", **fields}
    return [{"message": words(n), "seq": n, **given} for n in range(first, first + count)]


def ledger_after(store: str, source: str) -> dict[str, Any]:
    """
    Return the ledger of a source once its server has ended and counted everything.
    """
    with Running(store_url=store) as running:
        ledger: dict[str, Any] = running.get(f"/api/v1/ledger?source={source}").json
        return ledger


def rows_after(store: str, trace_id: str) -> list[dict[str, Any]]:
    """
    Return what a trace holds once its server has ended and told everything.
    """
    with Running(store_url=store) as running:
        found = running.get(f"/api/v1/traces/{trace_id}")
        return found.json["entries"] if found.status == 200 else []


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/logs.db"


def test_sixteen_thousand_equal_errors_are_a_few_rows(store: str) -> None:
    """
    A loop is stored as its first entries and a summary that counts all the others, in the same words.
    """
    with Running(limits=True, store_url=store) as running:
        for batch in range(16):
            said = running.post(
                [
                    {"trace_id": "loop", "level": "error", "message": "again", "source": "s", "seq": n}
                    for n in range(1_000 * batch, 1_000 * (batch + 1))
                ]
            )
            assert said.status == 200
    ledger = ledger_after(store, "s")
    rows = rows_after(store, "loop")
    assert len(rows) <= 15
    assert sum(row.get("count", 1) for row in rows) == 16_000
    assert {row["message"] for row in rows} == {"again"}
    assert (ledger["emitted"], ledger["balanced"]) == (16_000, True)
    assert ledger["suppressed"] == {"loop": 16_000 - ledger["stored"]}


def test_a_sender_is_told_of_each_limit() -> None:
    """
    Part of a batch is a 200 that counts, all of it and a single entry are a 429 that says when to come back.
    """
    with Running(limits=True, guard=CALM, quota=QuotaSettings(limit=50), trace_quota=TraceQuota()) as running:
        part = running.post(entries(60))
        whole = running.post(entries(5, first=60))
        single = running.post(entries(1, first=65)[0])
        error = running.post({"trace_id": "flood", "level": "error", "message": "still heard"})
    assert (part.status, part.json["accepted"], part.json["limited"]) == (200, 50, {"system_quota": 10})
    assert part.json["remaining_quota"] == 0
    assert 0 < part.json["retry_after"] <= 60
    assert (whole.status, whole.json["reason"], whole.json["limited"]) == (
        429,
        "system_quota",
        {"system_quota": 5},
    )
    assert single.status == 429
    assert single.json["success"] is False
    assert single.json["trace_id"] == "flood"
    assert int(single.header("retry-after") or 0) >= 1
    assert error.status == 200


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_batch_that_comes_again_is_counted_once(store: str, times: int) -> None:
    """
    Whatever became of its entries, sending a batch again changes neither the store nor the ledger.
    """
    batch = (
        entries(45)
        + [{"trace_id": "flood", "message": "same", "source": "s", "seq": n} for n in range(45, 60)]
        + [{"trace_id": "flood", "message": "[HMR] connected", "source": "s", "seq": 60}]
    )
    with Running(limits=True, guard=CALM, quota=QuotaSettings(limit=40), store_url=store) as running:
        for _ in range(times):
            answer = running.post(batch)
    ledger = ledger_after(store, "s")
    assert answer.status == 200
    assert ledger["suppressed"] == {"loop": 10, "noise": 1}
    assert ledger["stored"] + ledger["limited"]["system_quota"] == 50
    assert (ledger["emitted"], ledger["balanced"]) == (61, True)


def test_what_an_error_needs_comes_out_with_it(store: str) -> None:
    """
    Entries that were left out stand before the error of their trace, as context, and are counted once.
    """
    sampled = GuardSettings(sample_mode="always", sample_rate=0.0, privileged=(0,))
    with Running(limits=True, guard=sampled, store_url=store) as running:
        running.post(entries(6, trace_id="failing") + entries(6, first=6, trace_id="calm"))
        running.post({"trace_id": "failing", "level": "error", "message": "broke", "system": "backend"})
        failing = running.get("/api/v1/traces/failing").json["entries"]
        calm = running.get("/api/v1/traces/calm").json.get("entries", [])
        report = running.get("/api/v1/traces/failing/report").json
    ledger = ledger_after(store, "s")
    assert {row["kind"] for row in calm} <= {"suppressed"}
    failing = [row for row in failing if row.get("kind") != "suppressed"]
    assert [row.get("kind") for row in failing] == ["context"] * 6 + [None]
    assert [row["message"] for row in failing] == [*(words(n) for n in range(6)), "broke"]
    assert (ledger["stored"], ledger["suppressed"], ledger["emitted"]) == (0, {"sampled": 12}, 12)
    assert report["chains"][0]["root"] == failing[-1]["id"]


def test_what_was_refused_shows_in_the_trace(store: str) -> None:
    """
    A full trace says how many entries are missing and why, in rows and in its ledger.
    """
    with Running(
        limits=True, guard=CALM, trace_quota=TraceQuota(normal=10, extra=4), store_url=store
    ) as running:
        said = running.post(entries(30))
        assert said.json["limited"] == {"trace_quota": 20}
    rows = rows_after(store, "flood")
    missing = [row for row in rows if row.get("kind") == "suppressed"]
    assert [(row["why"], row["count"]) for row in missing] == [("trace_quota", 20)]
    with Running(store_url=store) as running:
        ledger = running.get("/api/v1/ledger?trace=flood").json
    assert (ledger["stored"], ledger["limited"]) == (10, {"trace_quota": 20})


@pytest.mark.parametrize(
    ("public", "fates"), [(False, {"success": True}), (True, {"success": False})], ids=["trusted", "public"]
)
def test_only_a_trusted_sender_calls_a_trace_critical(public: bool, fates: dict[str, bool]) -> None:
    """
    A critical trace passes full quotas when a server of ours says so; a page's word does not count.
    """
    keys = (Key(token="t" * 16, public=public), Key(token="r" * 16, role="read"))
    with Running(limits=True, guard=CALM, quota=QuotaSettings(limit=10), keys=keys) as running:
        bearer = ("Authorization", f"Bearer {'t' * 16}")
        running.post(entries(20), bearer)
        said = running.post(
            {"trace_id": "vip", "message": "order", "system": "backend", "context": {"critical": True}},
            bearer,
        )
    assert {"success": said.json["success"]} == fates


def test_a_spent_budget_is_told_once_everywhere(store: str) -> None:
    """
    A new level of the budget is a row in the store, a call of the operator's function and a field of the status.
    """
    told: list[Alert] = []
    with Running(limits=True, guard=CALM, quota=QuotaSettings(monthly_writes=40), store_url=store) as running:
        running.app.ingest._on_alert = told.append
        running.post(entries(60))
        budget = running.get("/api/v1/status").json["budget"]
    assert [change.level for change in told] == [2]
    assert budget["level"] == "essential_only"
    assert budget["used"] in {38, 39}  # the row that tells of it is a write, too
    assert budget["used"] + budget["remaining"] == 40
    assert budget["projection"]["sentence"].startswith("the month's budget is spent")
    with Running(store_url=store) as running:
        rows = running.get('/api/v1/search?q="log budget" system:tracelog'.replace(" ", "%20")).json[
            "entries"
        ]
    assert len(rows) == 1
    assert rows[0]["level"] == "error"


def test_an_app_takes_the_operators_function() -> None:
    """
    `create_app(on_alert=…)` hands it on.
    """
    told: list[Alert] = []
    app = create_app(store="sqlite::memory:", port=0, on_alert=told.append)
    change = alert(0, 1, month=202611, used=80, settings=QuotaSettings(monthly_writes=100))
    app.ingest._on_alert(change)
    assert told == [change]


def test_the_status_is_what_the_store_holds() -> None:
    """
    Per system: what it stored, borrowed and lent; the sum is what the store has of it.
    """
    with Running(limits=True, guard=CALM, quota=QuotaSettings(limit=100)) as running:
        running.post(entries(70, system="browser"))
        running.post(entries(5, first=70, system="worker", level="error"))
        status = running.get("/api/v1/status").json
        stored = Counter(
            entry["system"] for entry in running.get("/api/v1/search?limit=1000").json["entries"]
        )
    quotas = status["quotas"]["systems"]
    assert {name: quotas[name]["current"] for name in ("browser", "worker")} == dict(stored)
    assert quotas["browser"]["borrowed"] == 30
    assert sum(system["lent"] for system in quotas.values()) == sum(
        system["borrowed"] for system in quotas.values()
    )
    assert status["quotas"]["current"] == 75
    assert status["guard"]["passed"] == 75


def test_who_reads_sees_what_is_folded_so_far() -> None:
    """
    A trace, its report and the ledger are complete when they are read, though a loop still goes on.
    """
    with Running(limits=True) as running:
        running.post([{"trace_id": "loop", "message": "again", "source": "s", "seq": n} for n in range(50)])
        rows = running.get("/api/v1/traces/loop").json["entries"]
        ledger = running.get("/api/v1/ledger?source=s").json
    assert sum(row.get("count", 1) for row in rows) == 50
    assert (ledger["stored"], ledger["suppressed"], ledger["balanced"]) == (5, {"loop": 45}, True)


def test_who_keeps_reading_makes_no_row_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A trace that is read after each batch of a loop tells all of it each time, and has few rows in the end.
    """
    monkeypatch.setattr(own, "CATCH_UP_S", 0.01)
    with Running(limits=True) as running:
        for turn in range(30):
            loop = [{"message": "again", "source": "s", "seq": turn * 20 + n} for n in range(20)]
            running.post([{"trace_id": "watched", **each} for each in loop])
            rows = running.get("/api/v1/traces/watched").json["entries"]
            assert sum(row.get("count", 1) for row in rows) == (turn + 1) * 20
    assert len(rows) <= 5 + 3


def test_a_source_that_is_heard_less_is_named() -> None:
    """
    The status names sources whose limit has fallen, with their limit of the minute.
    """
    with Running(limits=True, guard=GuardSettings(hot_above=1_000_000)) as running:
        running.post(entries(400, trace_id="a") + entries(400, first=400, trace_id="b"))
        status = running.get("/api/v1/status").json
        suppressed = status["guard"]["suppressed"]
    assert suppressed["rate"] == 800 - 2 - 50
    assert status["guard"]["slowed"] == []  # its first minute is not over


def test_no_name_that_a_page_makes_up_is_worth_more(store: str) -> None:
    """
    With a key that anyone can read, a sender that takes a new name for every entry is soon heard as one.
    """
    keys = (Key(token="t" * 16, public=True), Key(token="r" * 16, role="read"))
    flood = [{**each, "source": f"tab_{each['seq']}"} for each in entries(400)]
    with Running(
        limits=True, guard=GuardSettings(hot_above=1_000_000), keys=keys, store_url=store
    ) as running:
        said = running.post(flood, ("Authorization", f"Bearer {'t' * 16}")).json
    assert (
        said["accepted"] == 1 + 29 + 50
    )  # the first of its hop, other new names, and all further ones as one
    assert said["suppressed_by"] == {"rate": 320}


def test_a_page_of_this_machine_is_a_page(store: str) -> None:
    """
    Without keys, too, what a browser sends is a page's word: its trace is not critical, and its names are no worth.
    """
    origin = ("Origin", "http://localhost:3000")
    flood = [{**each, "source": f"tab_{each['seq']}"} for each in entries(200)]
    with Running(limits=True, guard=GuardSettings(hot_above=1_000_000), store_url=store) as running:
        said = running.post(flood, origin).json
        said_critical = running.post(
            [{**each, "context": {"critical": True}} for each in entries(200, trace_id="vip", first=200)],
            origin,
        ).json
    assert said["accepted"] == 1 + 29 + 50
    assert said_critical["suppressed_by"]["rate"] > 100


def test_a_refusal_that_comes_again_is_told_once(store: str) -> None:
    """
    However often a full trace's batch is repeated, its timeline counts each missing entry once.
    """
    with Running(
        limits=True, guard=CALM, trace_quota=TraceQuota(normal=10, extra=4), store_url=store
    ) as running:
        for _ in range(3):
            running.post(entries(30))
        guard = running.get("/api/v1/status").json["guard"]
    missing = [row for row in rows_after(store, "flood") if row.get("kind") == "suppressed"]
    assert sum(row["count"] for row in missing) == 20
    assert guard["passed"] == 10


def test_the_status_names_so_many_systems() -> None:
    """
    A sender may make up any number of systems; those heard last are named, so many at most.
    """
    with Running() as running:
        for first in range(0, 200, 100):
            running.post(
                [{"message": "x", "system": f"made_up_{n}", "source": "s"} for n in range(first, first + 100)]
            )
        status = running.get("/api/v1/status").json
    assert len(status["systems"]) == 100


def test_what_is_folded_or_left_out_holds_no_secret(store: str) -> None:
    """
    Rows about entries that were not kept are made of redacted ones, and each secret is counted once.
    """
    loop = [{"trace_id": "t", "message": "password=hunter2-secret-thing", "level": "warn"}] * 40
    sampled = GuardSettings(sample_mode="always", sample_rate=0.0)
    with Running(limits=True, guard=sampled, store_url=store) as running:
        running.post(loop)
        running.post([{"trace_id": "t", "message": f"{words(n)} password=hunter2-{n}"} for n in range(10)])
        running.post({"trace_id": "t", "message": "broke", "level": "error"})
        kept = running.get("/api/v1/traces/t").body
        redacted = running.get("/api/v1/status").json["redacted"]
    assert b"context" in kept
    assert b"summary" in kept
    assert b"hunter2" not in kept
    assert sum(redacted.values()) == 50
    assert all(
        b"hunter2" not in path.read_bytes()
        for path in Path(store.removeprefix("sqlite:///")).parent.iterdir()
    )


def test_rows_about_others_wait_for_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What a summary counts is stored once, under one id, however often the store was away.
    """
    monkeypatch.setattr(loops, "EARLY", 1.0)
    store = ScriptedStore()
    with Running(store, limits=True) as running:
        running.post([{"trace_id": "loop", "message": "again", "source": "s", "seq": n} for n in range(50)])
        store.trouble = away()
        assert running.get("/api/v1/traces/loop").status == 503
        store.trouble = None
    rows = [json.loads(row) for row in store.stored.values()]
    assert [row.get("count", 1) for row in rows] == [1, 1, 1, 1, 1, 45]
    assert sum(rows[-1]["id"] in ids for ids in store.writes) >= 2


def test_a_system_without_a_share_is_sampled_once_loans_run_short() -> None:
    """
    Who is named by no weight can only borrow: it is under pressure when all systems together have used so much.
    """
    sampled = GuardSettings(normal=(100_000,), hot_above=1_000_000, sample_rate=0.0, sample_spare=0)
    with Running(limits=True, guard=sampled, quota=QuotaSettings(limit=100)) as running:
        running.post(entries(60, system="mainframe", source="m", trace_id="m"))
        sampler = running.app.ingest.shield.guard.sampler
        wait_for(lambda: sampler.is_active)
        running.post(entries(30, first=60, system="mainframe", source="m", trace_id="m"))
        suppressed = running.get("/api/v1/status").json["guard"]["suppressed"]
    assert suppressed == {"sampled": 30}


def test_without_limits_there_are_none() -> None:
    """
    A trusted load is neither folded nor limited, and the status says so.
    """
    with Running(limits=False) as running:
        said = running.post([{"trace_id": "loop", "message": "again"}] * 900)
        status = running.get("/api/v1/status").json
    assert (said.json["accepted"], said.json["remaining_quota"]) == (900, None)
    assert (status["limits"], status["quotas"], status["budget"]) == (False, None, None)
