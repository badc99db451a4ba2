"""
The server when something is wrong: the store is away, code is at fault, senders are slow, a signal says stop.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.running import PATIENCE_S, Line, Running, request
from tests.server.scripted import ScriptedStore, away
from tests.stores.servers import RealServer
from tracelog.core.compact import CONTENT_TYPE, encode_batch
from tracelog.core.rows import Header
from tracelog.stores import PartlyStoredError

ENTRY = b'{"trace_id":"t","message":"m"}'
COMPACT = ("Content-Type", CONTENT_TYPE)
BOTH = pytest.mark.parametrize("direct", [True, False], ids=["direct", "long way"])


@pytest.fixture(params=[True, False], ids=["direct", "long way"])
def scripted(request: pytest.FixtureRequest) -> Iterator[tuple[Running, ScriptedStore]]:
    """
    A server over a store that does what the test says.
    """
    store = ScriptedStore()
    with Running(store, direct=request.param) as running:
        yield running, store


def until(true: Callable[[], bool]) -> None:
    """
    Wait until *true* says so.

    Raises:
        AssertionError: When it never does.
    """
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_store_that_is_away_is_said_and_over_when_it_is_back(
    scripted: tuple[Running, ScriptedStore],
) -> None:
    """
    While it is away: 503 with `Retry-After`, not ready with the cause, alive. Then everything by itself as before.
    """
    running, store = scripted
    store.trouble = away()
    answer = running.post(ENTRY)
    assert (answer.status, answer.header("retry-after")) == (503, "3")
    assert answer.json == {
        "success": False,
        "error": "the store does not answer",
        "reason": "store_unavailable",
    }
    ready = running.get("/readyz")
    assert (ready.status, ready.json["cause"]) == (503, "the store does not answer")
    assert ready.json["parts"]["store"] == {"ok": False, "cause": "the store does not answer"}
    read = running.get("/api/v1/traces")
    assert (read.status, read.header("retry-after"), read.json["reason"]) == (503, "3", "store_unavailable")
    assert running.get("/healthz").status == 200
    store.trouble = None
    well = {"ok": True, "cause": None}
    assert running.get("/readyz").json == {
        "ready": True,
        "cause": None,
        "parts": {"server": well, "store": well},
    }
    assert running.post(ENTRY).status == 200


def test_nothing_is_acknowledged_before_the_store_has_it(scripted: tuple[Running, ScriptedStore]) -> None:
    """
    While a write is held back its sender waits, others are answered, and a sender that leaves harms nobody.
    """
    running, store = scripted
    store.hold = True
    with running.connect() as waits:
        waits.send(request(body=b'{"id":"a","message":"m"}'))
        until(lambda: len(store.writes) == 1)
        with running.connect() as leaves:
            leaves.send(request(body=b'{"id":"b","message":"m"}'))
            until(lambda: len(store.writes) == 2)
        assert running.get("/healthz").status == 200
        assert store.stored == {}
        running.server.servers[0].get_loop().call_soon_threadsafe(store.release)
        assert waits.answer().json["id"] == "a"
    until(lambda: set(store.stored) == {"a", "b"})


def test_only_those_whose_rows_are_missing_are_told_to_come_again(
    scripted: tuple[Running, ScriptedStore],
) -> None:
    """
    Of a partly stored write the requests whose rows are there get 200.
    """
    running, store = scripted
    store.hold = True
    lines = [running.connect() for _ in range(6)]
    for number, line in enumerate(lines):
        line.send(request(body=json.dumps({"id": str(number), "message": "m"}).encode()))
        until(lambda number=number: len(store.writes) == min(4, number + 1))
    until(lambda: len(running.app.ingest._committer._waiting) == 2)
    store.results = ["A"] * 4 + [PartlyStoredError("one shard is away", "XA")]
    running.server.servers[0].get_loop().call_soon_threadsafe(store.release)
    assert [line.answer().status for line in lines] == [200, 200, 200, 200, 503, 200]
    for line in lines:
        line.close()


def test_counts_and_reports_wait_for_the_store(scripted: tuple[Running, ScriptedStore]) -> None:
    """
    What was refused, and what clients report of themselves, is written once the store is back, once.
    """
    running, store = scripted
    store.trouble = away()
    assert running.post([7]).status == 400
    report = encode_batch(Header(v=1, source="reporter", report={"emitted": 3}), [])
    assert running.post(report, COMPACT).status == 200
    store.trouble = None
    running.post([8, 9])
    until(lambda: bool(store.reports) and sum(one.n for one in store.outcomes) == 3)
    assert json.loads(store.reports["reporter"]) == {"emitted": 3}
    assert {(one.outcome, one.reason) for one in store.outcomes} == {("rejected", "not_an_object")}


def test_a_fault_inside_is_one_line_and_costs_one_request(
    scripted: tuple[Running, ScriptedStore], caplog: pytest.LogCaptureFixture
) -> None:
    """
    A store that raises what it may not: JSON with a 5xx, the connection goes on, one line, nothing of the input.
    """
    running, store = scripted
    secret = "the-planted-input"
    with running.connect() as line, caplog.at_level(logging.WARNING):
        store.trouble = ValueError(secret)
        line.send(request(body=json.dumps({"message": secret}).encode()))
        first = line.answer()
        for _ in range(3):
            line.send(request("GET", f"/api/v1/traces/{secret}"))
            second = line.answer()
        store.trouble = None
        line.send(request(body=ENTRY))
        assert line.answer().status == 200
    assert (first.status, second.status, second.json["reason"]) == (503, 500, "fault")
    assert secret.encode() not in first.body + second.body
    assert secret not in caplog.text
    assert len(caplog.records) == 1
    assert running.get("/api/v1/status").json["faults"] == 4


def test_a_fault_before_the_store_is_answered_too(
    scripted: tuple[Running, ScriptedStore], monkeypatch
) -> None:
    """
    An exception in redaction is a 500 with JSON, and the connection goes on.
    """
    running, _ = scripted
    with running.connect() as line, monkeypatch.context() as patch:
        patch.setattr(running.app.ingest, "redactor", None)
        line.send(request(body=ENTRY))
        answer = line.answer()
        assert (answer.status, answer.json["reason"]) == (500, "fault")
        patch.undo()
        line.send(request(body=ENTRY))
        assert line.answer().status == 200


SLOW = {
    "header": (b"POST /log HTTP/1.1\r\nX: ", b"x", 408),
    "body": (request(headers=[("Content-Length", "900")]), b"x", 408),
    "chunks": (request(headers=[("Transfer-Encoding", "chunked")]), b"1\r\nx\r\n", 408),
    "second request": (request(body=ENTRY) + b"POST /log HTTP/1.1\r\nX: ", b"x", 408),
    "refused body": (request("PUT", headers=[("Content-Length", "900")]), b"x", None),
    "silence": (b"", b"", None),
    "blank lines": (request(body=ENTRY), b"\r\n", 408),
}


@pytest.fixture(scope="module", params=[True, False], ids=["direct", "long way"])
def hasty(request: pytest.FixtureRequest) -> Iterator[Running]:
    """
    A server that waits for a request no longer than 200 ms.
    """
    with Running(direct=request.param, receive_timeout=0.2) as running:
        yield running


@pytest.mark.parametrize("name", SLOW)
def test_slow_senders_are_told_and_closed(name: str, hasty: Running) -> None:
    """
    A request that trickles in is answered 408 within its time and a bit, a silent connection closed.
    """
    start, drop, status = SLOW[name]
    with hasty.connect() as line:
        began = time.monotonic()
        line.send(start)
        if start.startswith((b"PUT",)) or ENTRY in start:
            line.answer()
        line.socket.settimeout(0.02)
        received = _trickle(line, drop)
        assert 0.15 < time.monotonic() - began < 5.0
        if status is None:
            assert received == b""
        else:
            assert received.startswith(b"HTTP/1.1 408 ")
            assert b'"reason":"too_slow"' in received


def _trickle(line: Line, drop: bytes) -> bytes:
    """
    Send *drop* every 20 ms until the server closes; return what it said.
    """
    received = b""
    while True:
        try:
            piece = line.socket.recv(4096)
        except TimeoutError:
            try:
                line.send(drop)
            except OSError:
                continue
            continue
        except ConnectionResetError:
            return received
        if not piece:
            return received
        received += piece


def test_a_server_may_start_before_its_redis(tmp_path: Path) -> None:
    """
    Without its store it is alive and not ready; once Redis is there, entries are taken within two seconds.
    """
    late = RealServer(tmp_path)
    with Running(store=None, store_url=late.url) as running:
        assert running.get("/healthz").status == 200
        ready = running.get("/readyz")
        assert (ready.status, ready.json["ready"]) == (503, False)
        assert ready.json["cause"]
        refused = running.post(ENTRY)
        assert (refused.status, refused.json["reason"]) == (503, "store_unavailable")
        assert int(refused.header("retry-after") or 0) >= 1
        with late:
            began = time.monotonic()
            until(lambda: running.post(ENTRY).status == 200)
            assert time.monotonic() - began < 2.0
            assert running.get("/readyz").json["ready"] is True


@BOTH
def test_stopping_does_not_wait_for_slow_senders(direct: bool) -> None:
    """
    A hundred connections that trickle, idle or have said nothing do not hold up the stop.
    """
    starts = [b"POST /log HT", request(headers=[("Content-Length", "9")]), b"", request(body=ENTRY)]
    with Running(direct=direct, stop_timeout=5.0) as running:
        lines = [running.connect() for _ in range(100)]
        for number, line in enumerate(lines):
            line.send(starts[number % 4])
        for line in lines[3::4]:
            assert line.answer().status == 200
        until(lambda: len(running.server.server_state.connections) == 100)
        began = time.monotonic()
        running.stop()
        assert time.monotonic() - began < 3.0
        assert lines[0].answer().json["reason"] == "stopping"
        for line in lines:
            line.close()


@BOTH
def test_requests_in_flight_are_answered_when_the_server_stops(direct: bool) -> None:
    """
    What was taken before the stop is stored and answered, also behind half of another request; then it closes.
    """
    store = ScriptedStore()
    with Running(store, direct=direct, stop_timeout=5.0) as running:
        store.hold = True
        lines = [running.connect() for _ in range(8)]
        for number, line in enumerate(lines):
            body = json.dumps({"id": str(number), "message": "m"}).encode()
            line.send(request(body=body) + (b"POST /log" if number % 2 else b""))
        committer = running.app.ingest._committer
        until(lambda: sum(map(len, store.writes)) + len(committer._waiting) == 8)
        loop = running.server.servers[0].get_loop()
        running.server.should_exit = True
        until(lambda: not running.server.servers[0].is_serving())
        loop.call_soon_threadsafe(store.release)
        for line in lines:
            assert line.answer().status == 200
            assert line.closed()
            line.close()
        running.stop()
    assert len(store.stored) == 8
    assert store.closed


@BOTH
def test_a_store_that_hangs_does_not_hold_up_the_stop(direct: bool) -> None:
    """
    After the time for stopping the server goes, though a write never ends; nobody was told that it did.
    """
    store = ScriptedStore()
    with Running(store, direct=direct, stop_timeout=1.0) as running, running.connect() as line:
        store.hold = True
        line.send(request(body=ENTRY))
        until(lambda: len(store.writes) == 1)
        began = time.monotonic()
        running.stop()
        assert time.monotonic() - began < 5.0
        assert store.stored == {}
