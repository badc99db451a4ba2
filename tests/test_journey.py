"""
The whole path with nothing in between left out: a program logs, a real server stores, the story is read.
"""

import json
import signal
import sqlite3
import threading
import urllib.request
from contextlib import closing, contextmanager, suppress

import pytest

import tracelog
from tests.cli.started import Started
from tests.stores.servers import free_port

THREADS = 8
PLENTY, FEW = 12_500, 2_500
"""
Calls of each thread: 100,000 entries in total where the server is killed meanwhile, which is the harder case of the
two; without that, enough for dozens of batches.
"""


@contextmanager
def serving(port, store):
    """
    A real server process on *port*; yields it once it listens.
    """
    started = Started("serve", "--port", str(port), "--store", store, "--no-limits")
    try:
        started.line(r"http://127\.0\.0\.1:(\d+)")
        yield started
    finally:
        started.clear()


def test_what_people_do_by_hand_fits_together(tmp_path):
    """
    A fetched trace correlates as it comes; a deep secret costs an entry nothing else; a failed span says with
    what; an entry without a trace joins that of its request's headers; a foreign value in a shared list is
    passed over.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    client = tracelog.Client(service="hand", url=url)
    with serving(port, f"sqlite:///{tmp_path / 'hand.db'}"):
        with suppress(ValueError), client.trace("import", user_id="u-1") as trace:
            client.get_logger("deep").info(event="nested", d={"a": [{"b": {"password": "qq-secret"}}]})
            with client.span("read row"):
                raise ValueError("row 7 has no name")
        assert client.flush(10) == 0
        request = urllib.request.Request(f"{url}/log", b'{"message":"by hand"}', trace.headers())
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["trace_id"] == trace.trace_id
        fetched = read(port, f"traces/{trace.trace_id}")["entries"]
    client.shutdown()
    nested = next(entry for entry in fetched if entry["message"] == "nested")
    assert "original_timestamp" not in nested["context"]
    assert "qq-secret" not in json.dumps(nested)
    report = tracelog.correlate(fetched)
    assert "read row: ValueError: row 7 has no name" in [row.message for row in report.timeline]
    assert trace.trace_id[:8] in report.to_terminal()
    assert tracelog.correlate([{**fetched[0], "trace_id": "order_7"}]).to_terminal().count("order_7") == 1
    assert tracelog.render.terminal is not None


def read(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=20) as answer:
        return json.load(answer)


def test_one_request_becomes_one_story(tmp_path):
    """
    What two services log under one trace, handed on by headers, is one report with the first cause named.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    shop = tracelog.Client(service="shop", url=url)
    bank = tracelog.Client(service="bank", system="worker", url=url)
    with serving(port, f"sqlite:///{tmp_path / 'journey.db'}"):
        with shop.trace("POST /checkout", user_id="u-81") as request:
            shop.get_logger("cart").info("charging", token="ghp_0123456789abcdefABCDEF0123456789abcd")
            with bank.trace("POST /charge", headers=request.headers()):
                bank.get_logger("ledger").error(
                    "charge failed", exc_info=TimeoutError("no answer within 2 s")
                )
            shop.get_logger("cart").error("checkout failed: bank answered 502")
        assert (shop.flush(10), bank.flush(10)) == (0, 0)
        report = read(port, f"traces/{request.trace_id}/report")
        stored = json.dumps(read(port, f"traces/{request.trace_id}"))
        ledger = read(port, "ledger")
        shop.shutdown()
        bank.shutdown()
    by_id = {row["id"]: row for row in report["timeline"]}
    assert by_id[report["chains"][0]["root"]]["message"] == "charge failed"
    assert [row["message"] for row in report["timeline"]] == [
        "POST /checkout",
        "charging",
        "POST /charge",
        "charge failed",
        "checkout failed: bank answered 502",
    ]
    assert {system["system"] for system in report["systems"]} == {"backend", "worker"}
    assert "ghp_0123456789" not in stored
    assert "[REDACTED:" in stored
    assert (ledger["emitted"], ledger["stored"], ledger["balanced"]) == (5, 5, True)


@pytest.mark.parametrize(
    ("killed", "calls"), [(False, FEW), (True, PLENTY)], ids=["in peace", "killed in the middle"]
)
def test_everything_arrives_in_order(tmp_path, killed, calls):
    """
    All entries of 8 threads arrive, in order for each thread, and the account adds up, also when the server is
    killed in the middle of 100,000 and started again.
    """
    port, file = free_port(), tmp_path / "all.db"
    client = tracelog.Client(service="flood", url=f"http://127.0.0.1:{port}")
    log = client.get_logger("flood")
    halfway = threading.Barrier(THREADS + 1)
    onwards = threading.Event()

    def work(thread):
        for number in range(calls):
            if number == calls // 2:
                halfway.wait()
                onwards.wait()
            log.info("step", thread=thread, number=number)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(THREADS)]
    with serving(port, f"sqlite:///{file}") as server:
        for thread in threads:
            thread.start()
        halfway.wait()
        if killed:
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        onwards.set()
        for thread in threads:
            thread.join()
        if killed:
            assert client.flush(0.2) > 0
            with serving(port, f"sqlite:///{file}"):
                assert client.flush(60) == 0
        else:
            assert client.flush(60) == 0
    stats = client.stats()
    client.shutdown()
    assert (stats["emitted"], stats["stored"], stats["balanced"]) == (THREADS * calls, THREADS * calls, True)
    with closing(sqlite3.connect(file)) as store:
        rows = [json.loads(row[0]) for row in store.execute("SELECT body FROM entries")]
    assert len({row["id"] for row in rows}) == len(rows) == THREADS * calls
    seen = {thread: [] for thread in range(THREADS)}
    for row in sorted(rows, key=lambda row: row["seq"]):
        seen[row["context"]["thread"]].append(row["context"]["number"])
    assert all(numbers == list(range(calls)) for numbers in seen.values())
