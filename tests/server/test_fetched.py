"""
Traces as they are fetched: rows of other programs are shown, and large traces keep nobody waiting.
"""

import concurrent.futures
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.running import Running
from tests.server.scripted import ScriptedStore
from tests.stores.servers import RealServer
from tracelog.server.fetched import LARGE, LARGE_BYTES
from tracelog.server.query import THREADS
from tracelog.stores import Trace

TRACE = "shared-by-programs"
AT = 1_795_000_000_000.0
OWN = {
    "id": "own",
    "trace_id": TRACE,
    "timestamp": AT,
    "system": "backend",
    "level": "info",
    "message": "own",
}


class Shared:
    """
    A server whose Redis other programs write to, too.
    """

    def __init__(self, running: Running, port: int) -> None:
        self.running = running
        self._port = port

    def push(self, trace: str, *rows: Any) -> None:
        """
        Append *rows* to a trace as any client of Redis does: bytes as they are, all else as JSON.
        """
        words = [b"RPUSH", f"logs:{trace}".encode()]
        words += [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
        command = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        with socket.create_connection(("127.0.0.1", self._port), timeout=20) as line:
            line.sendall(command)
            assert line.recv(64).startswith(b":")

    def trace(self, trace: str, tail: str = "") -> Any:
        return self.running.get(f"/api/v1/traces/{trace}{tail}").json


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with (
        RealServer(tmp_path_factory.mktemp("redis")) as server,
        Running(store=None, store_url=server.url) as running,
    ):
        yield Shared(running, server.port)


def test_what_other_programs_wrote_is_shown(shared: Shared) -> None:
    """
    A row without an id is an entry with the name of its place, and nothing is called evicted or missing.
    """
    shared.push(
        TRACE, {"message": "first"}, OWN, {"msg": "third", "level": "WARN", "user": 7}, {"message": "x"}
    )
    trace = shared.trace(TRACE)
    assert (trace["complete"], trace["evicted"], trace["unreadable"]) == (True, 0, 0)
    ids = [f"{TRACE}-0", "own", f"{TRACE}-2", f"{TRACE}-3"]
    assert [one["id"] for one in trace["entries"]] == ids
    third, last = trace["entries"][2:]
    assert (third["message"], third["level"], third["context"]) == ("third", "warn", {"user": 7})
    assert (third["trace_id"], third["system"], third["timestamp"]) == (TRACE, "manual", AT)
    assert last["timestamp"] == AT
    report = shared.trace(TRACE, "/report")
    assert (report["trace_id"], report["complete"], len(report["timeline"])) == (TRACE, True, 4)
    lines = shared.running.get(f"/api/v1/traces/{TRACE}/export?format=ndjson").body.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ids
    ledger = shared.running.get(f"/api/v1/ledger?trace={TRACE}").json
    assert (ledger["stored"], ledger["balanced"]) == (4, True)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"message": "m", "source": "p", "seq": 4}, {"id": "p-4", "source": "p", "seq": 4}),
        ({"message": "m", "trace_id": "another-trace"}, {"message": "m"}),
        ({"message": "m", "trace_id": "* no trace"}, {"message": "m"}),
        ({"id": "mine", "message": "m"}, {"id": "mine"}),
        ({"id": 7, "message": 7}, {"id": "7", "message": "7"}),
        ({**OWN, "level": "WARNING"}, {"id": "own", "level": "warn"}),
        ({"message": "m", "timestamp": AT / 1000}, {"timestamp": AT}),
        (b'{"message":"a\xffb"}', {"message": "a\ufffdb", "fixed": ["message"]}),
        (b'{"message":"a","n":NaN}', {"message": "a", "context": {"n": "NaN"}}),
        (b'{"message":"\\ud800"}', {"message": "\ufffd"}),
        (b"hello", None),
        (b"", None),
        (b"[" * 10_000, None),
        (b"\x80\x04\x95", None),
        ({"id": "mine"}, None),
        ({}, None),
        ([], None),
        (7, None),
    ],
    ids=str,
)
def test_any_row_is_an_entry_or_none(row: Any, expected: dict[str, Any] | None, shared: Shared) -> None:
    """
    What can be read is straightened as if it had been sent; what is no entry is counted as unreadable.
    """
    name = f"row-{threading.get_ident()}-{abs(hash(str(row)))}"
    shared.push(name, row)
    trace = shared.trace(name)
    assert (trace["complete"], trace["evicted"]) == (True, 0)
    assert trace["unreadable"] == (expected is None)
    assert all(one["trace_id"] == name and one["id"] for one in trace["entries"])
    kept = [{key: one[key] for key in expected or {}} for one in trace["entries"]]
    assert kept == ([] if expected is None else [expected])
    report = shared.trace(name, "/report")
    assert (report["trace_id"], len(report["timeline"])) == (name, len(kept))


class Watched(list[bytes]):
    """
    Rows that say which thread reads them, and wait there for as many others as the test wants to see at once.
    """

    def __init__(self, rows: list[bytes], readers: list[int], meet: threading.Barrier | None = None) -> None:
        super().__init__(rows)
        self._readers = readers
        self._meet = meet

    def __iter__(self) -> Iterator[bytes]:
        self._readers.append(threading.get_ident())
        if self._meet is not None:
            self._meet.wait(20)
        return super().__iter__()


class Holding(ScriptedStore):
    """
    A store that holds one trace, and says which thread asks for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[bytes] = []
        self.server = 0

    async def fetch(self, trace_id: str) -> Trace | None:
        self.server = threading.get_ident()
        return Trace(trace_id=trace_id, entries=self.rows, expires_at_ms=AT, stored=len(self.rows))


ADDRESSES = [
    "/api/v1/traces/t",
    "/api/v1/traces/t/report",
    "/api/v1/traces/t/export",
    "/api/v1/traces/t/export?format=ndjson",
    "/api/v1/traces/t/export?format=md",
    "/api/v1/ledger?trace=t",
]


@pytest.mark.parametrize(
    ("count", "chars", "large"),
    [(1, 1, False), (LARGE, 1, False), (LARGE + 1, 1, True), (2, LARGE_BYTES // 2, True)],
)
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_large_trace_is_worked_on_apart(address: str, count: int, chars: int, large: bool) -> None:
    """
    Reading, correlating and rendering many or long entries leaves the thread that serves everybody.
    """
    store, readers = Holding(), list[int]()
    row = json.dumps({**OWN, "trace_id": "t", "message": "m" * chars}).encode()
    store.rows = Watched([row.replace(b'"own"', b'"%d"' % n, 1) for n in range(count)], readers)
    with Running(store) as running:
        assert running.get(address).status == 200
    assert readers
    assert (readers[-1] != store.server) is large


def test_while_large_traces_are_read_others_are_served() -> None:
    """
    So many large traces are read at a time as there are threads for; meanwhile the server takes and answers.
    """
    store, readers = Holding(), list[int]()
    meet = threading.Barrier(THREADS + 1)
    row = json.dumps({**OWN, "trace_id": "t"}).encode()
    store.rows = Watched([row] * (LARGE + 1), readers, meet)
    with Running(store) as running, concurrent.futures.ThreadPoolExecutor() as asking:
        reports = [asking.submit(running.get, "/api/v1/traces/t/report") for _ in range(2 * THREADS)]
        for _ in range(2):
            assert running.post({"message": "meanwhile"}).status == 200
            assert running.get("/healthz").status == 200
            meet.wait(20)
        assert [report.result(20).status for report in reports] == [200] * 2 * THREADS
    assert len(readers) == 2 * THREADS
