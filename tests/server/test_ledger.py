"""
The ledger from the front door: what a client that died still owes, reports that pass where entries do not, sums over
any number of sources, and a trace's own account.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec
import pytest

from tests.flooding import Farm
from tests.server.running import Running
from tests.server.test_protection import CALM, entries, words
from tests.stores.servers import RealCluster
from tracelog.core.compact import CONTENT_TYPE, encode_batch
from tracelog.core.quota_settings import QuotaSettings, TraceQuota
from tracelog.core.rows import Header, Ids, Meta, Row
from tracelog.server.totals import MOST_SOURCES, SILENT_AFTER_MS, ledger_of
from tracelog.stores import OTHERS, Tally
from tracelog.stores.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]
NOW = 1_795_000_000_000.0

KILLED = """
import os, signal, sys, threading
import tracelog
from tracelog.sinks import HttpSink

class Doomed:
    '''Delivers one parcel, waits until everything is logged, delivers another one and takes the program with it.'''
    def __init__(self, url):
        self.http, self.all_logged, self.parcels = HttpSink(url), threading.Event(), 0
    def __call__(self, parcel):
        receipt = self.http(parcel)
        self.parcels += 1
        if self.parcels == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        self.all_logged.wait(20)
        return receipt
    def close(self):
        self.http.close()

sink = Doomed(sys.argv[1])
tracelog.configure(service="doomed", sinks=[sink])
log = tracelog.get_logger("app")
for n in range(12_000):
    log.info(f"said {n}")
sink.all_logged.set()
tracelog.flush(20)
"""


async def _tallies(path: Path) -> list[Tally]:
    store = SqliteStore(str(path))
    await store.start()
    try:
        return await store.tallies()
    finally:
        await store.close()


def test_a_killed_client_owes_what_never_arrived(tmp_path: Path) -> None:
    """
    Of a client that was killed, what it had logged and not delivered is unreported, to the entry.
    """
    program = tmp_path / "doomed.py"
    program.write_text(KILLED, encoding="utf-8")
    with Running(store_url=f"sqlite:///{tmp_path}/logs.db") as running:
        done = subprocess.run(
            [sys.executable, str(program), f"http://127.0.0.1:{running.port}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
        stored = len(list(_all(running)))
    [tally] = asyncio.run(_tallies(tmp_path / "logs.db"))
    shown = ledger_of([tally], tally.last_seen_ms + SILENT_AFTER_MS + 1)
    assert 0 < stored < 12_000
    assert (shown["emitted"], shown["stored"]) == (12_000, stored)
    assert (shown["unreported"], shown["balanced"]) == (12_000 - stored, False)


def _all(running: Running) -> Iterator[dict[str, Any]]:
    cursor = ""
    while cursor is not None:
        page = running.get(f"/api/v1/search?limit=1000{f'&cursor={cursor}' if cursor else ''}").json
        yield from page["entries"]
        cursor = page["cursor"]


def compact(source: str, seq: int, rows: int, report: Any) -> bytes:
    """
    Return a batch of our own clients with *rows* distinct entries and a *report*.
    """
    packed = [
        msgspec.msgpack.encode(Row(NOW / 1000, Meta(2), Ids("ab" * 16), words(seq + n), None))
        for n in range(rows)
    ]
    return encode_batch(Header(v=1, source=source, seq=seq, system="backend", report=report), packed)


def test_reports_pass_where_entries_do_not(tmp_path: Path) -> None:
    """
    With every quota used up, a report alone and one in a batch that is refused as a whole are taken all the same.
    """
    with Running(
        limits=True, guard=CALM, quota=QuotaSettings(limit=20), store_url=f"sqlite:///{tmp_path}/logs.db"
    ) as running:
        kind = ("Content-Type", CONTENT_TYPE)
        assert running.post(compact("s", 0, 20, {"emitted": 20}), kind).json["accepted"] == 20
        whole = running.post(compact("s", 22, 5, {"emitted": 27, "dropped": {"queue_overflow": 2}}), kind)
        assert (whole.status, whole.json["limited"]) == (429, {"system_quota": 5})
        first = running.get("/api/v1/ledger?source=s").json
        alone = running.post(compact("s", 30, 0, {"emitted": 30, "dropped": {"queue_overflow": 5}}), kind)
        assert alone.status == 200
        last = running.get("/api/v1/ledger?source=s").json
    assert (first["stored"], first["limited"], first["dropped"]) == (
        20,
        {"system_quota": 5},
        {"queue_overflow": 2},
    )
    assert (first["emitted"], first["balanced"]) == (27, True)
    assert (last["emitted"], last["dropped"], last["balanced"]) == (30, {"queue_overflow": 5}, True)


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ({"shutdown": 6}, {"shutdown": 4}),
        ({"shutdown": 2, "crashed": 5}, {"shutdown": 2, "crashed": 2}),
        ({"retry_expired": 3, "shutdown": 3, "encode": 1}, {"encode": 1, "shutdown": 3}),
        ({"encode": 2, "sink_error": 1}, {"encode": 2, "sink_error": 1}),
    ],
)
def test_losses_that_a_client_was_unsure_of_fill_up_what_is_missing(
    tmp_path: Path, said: dict[str, int], counted: dict[str, int]
) -> None:
    """
    A batch that was given up while nobody had answered may be stored: no more of it counts as lost than is missing.
    """
    kind = ("Content-Type", CONTENT_TYPE)
    with Running(store_url=f"sqlite:///{tmp_path}/logs.db") as running:
        running.post(compact("s", 0, 6, None), kind)
        running.post(compact("s", 10, 0, {"emitted": 10, "dropped": said}), kind)
        ledger = running.get("/api/v1/ledger?source=s").json
    assert (ledger["emitted"], ledger["stored"], ledger["dropped"]) == (10, 6, counted)
    assert ledger["balanced"]


def test_what_a_killed_server_had_told_is_not_lost(tmp_path: Path) -> None:
    """
    A server that is killed before it wrote down what it refused leaves no hole: the sender's next report says it.
    """
    kind = {"Content-Type": CONTENT_TYPE}
    noise = [msgspec.msgpack.encode(Row(NOW / 1000, Meta(2), Ids("ab" * 16), "[HMR] connected", None))] * 7
    told = encode_batch(Header(v=1, source="s", seq=0, system="backend"), noise)
    with Farm(tmp_path, f"sqlite:///{tmp_path}/logs.db") as farm:
        [port] = farm.ports
        for body in (told, compact("s", 7, 0, {"emitted": 7, "suppressed": {"noise": 7}})):
            request = Request(f"http://127.0.0.1:{port}/log", body, kind)
            with urlopen(request, timeout=10) as answer:
                assert answer.status == 200
            if body is told:
                farm.kill(port)
                farm.start(port)
        ledger = farm.get("/api/v1/ledger?source=s")
    assert (ledger["emitted"], ledger["suppressed"], ledger["balanced"]) == (7, {"noise": 7}, True)
    assert (ledger["in_flight"], ledger["unreported"]) == (0, 0)


def test_a_restart_under_the_same_name_lowers_nothing(tmp_path: Path) -> None:
    """
    A program that starts again under its old name adds what it stores; what it had reported stays.
    """
    kind = ("Content-Type", CONTENT_TYPE)
    with Running(store_url=f"sqlite:///{tmp_path}/logs.db") as running:
        running.post(compact("s", 0, 8, {"emitted": 10, "dropped": {"encode": 2}}), kind)
        before = running.get("/api/v1/ledger?source=s").json
        again = [
            {"source": "s", "seq": n, "id": f"again-{n}", "message": words(n), "system": "backend"}
            for n in range(3)
        ]
        running.post(again)
        running.post(compact("s", 3, 0, {"emitted": 3, "dropped": {"retry_expired": 1}}), kind)
        after = running.get("/api/v1/ledger?source=s").json
    assert (before["emitted"], before["stored"], before["balanced"]) == (10, 8, True)
    assert (after["emitted"], after["stored"], after["balanced"]) == (14, 11, True)
    assert after["dropped"] == {"encode": 2, "retry_expired": 1}


def test_sums_cover_every_source(tmp_path: Path) -> None:
    """
    With more sources than a ledger shows one by one the sums are of all of them, and what is left is one line.
    """
    many = MOST_SOURCES + 500
    with Running(store_url=f"sqlite:///{tmp_path}/logs.db") as running:
        for first in range(0, many, 500):
            running.post(
                [
                    {"source": f"s{n}", "seq": 1, "system": "worker", "message": "m"}
                    for n in range(first, first + 500)
                ]
            )
        shown = running.get("/api/v1/ledger").json
        narrowed = running.get("/api/v1/ledger?system=worker").json
        status = running.get("/api/v1/status").json
    assert (shown["stored"], shown["emitted"], shown["in_flight"]) == (many, 2 * many, many)
    assert len(shown["sources"]) == MOST_SOURCES + 1
    assert shown["sources"][OTHERS]["sources"] == 500
    for name in ("emitted", "stored", "in_flight"):
        assert sum(own[name] for own in shown["sources"].values()) == shown[name] == narrowed[name]
    assert status["ledger"]["stored"] == many
    assert status["systems"]["worker"]["sources"] == many


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with RealCluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(params=["sqlite", "cluster"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/logs.db"
    url: str = request.getfixturevalue("cluster").url
    return url


def test_a_trace_accounts_for_itself(store_url: str) -> None:
    """
    The ledger of a trace is its rows: stored entries, and by reason what its suppressed rows and summaries count.
    """
    with Running(
        limits=True, guard=CALM, trace_quota=TraceQuota(normal=12, extra=10), store_url=store_url
    ) as running:
        running.post(entries(30))
        running.post(
            [
                {"trace_id": "flood", "system": "backend", "message": "same", "source": "s", "seq": n}
                for n in range(30, 60)
            ]
        )
        running.post(
            [
                {
                    "trace_id": "flood",
                    "message": "[HMR] connected",
                    "system": "backend",
                    "source": "t",
                    "seq": 0,
                }
            ]
        )
        running.post(entries(5, trace_id="calm", source="u"))
        shown = running.get("/api/v1/ledger?trace=flood").json
        rows = running.get("/api/v1/traces/flood").json["entries"]
        whole = running.get("/api/v1/ledger").json
    by_kind = Counter(row.get("kind") or "entry" for row in rows)
    stood_for: Counter[str] = Counter()
    for row in rows:
        if row.get("kind") in {"suppressed", "summary"}:
            stood_for[row["why"]] += row["count"]
    refused = Counter(shown["suppressed"]) + Counter(shown["limited"])
    assert shown["stored"] == by_kind["entry"] == 12
    assert refused == stood_for
    assert (shown["emitted"], shown["balanced"]) == (61, True)
    assert (whole["emitted"], whole["stored"], whole["balanced"]) == (66, 17, True)
