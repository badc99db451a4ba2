"""
The live view over real HTTP: a row grows in place, a reader resumes, a slow one is told what it missed.
"""

import json
import socket

import pytest

from tests.server.running import Line, Running, request
from tracelog.core import query as language
from tracelog.server import live, live_reader


@pytest.fixture(scope="module")
def running():
    """
    A server with limits off that processes everything.
    """
    with Running(process_sample=1.0) as server:
        yield server


class Stream:
    """
    One reader of the live view.
    """

    def __init__(self, running, target="/api/v1/live", *headers, line=None):
        self.line = line or Line(running.port)
        self.line.send(request("GET", target, headers=headers))
        self.head = b"".join(iter(self.line._file.readline, b"\r\n"))
        assert b" 200 " in self.head, self.head

    def event(self):
        """
        Return fields of the next event, comments and lengths of chunks left out.
        """
        said = {}
        for line in self.line._file:
            name, colon, value = line.decode().strip().partition(": ")
            if colon and name in ("id", "event", "data"):
                said[name] = value
            elif not line.strip() and "data" in said:
                return {**said, "data": json.loads(said["data"])}
        raise ConnectionError("the stream ended")

    def until(self, wanted):
        """
        Return the first event for which *wanted* holds.
        """
        return next(event for event in iter(self.event, None) if wanted(event))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()


LONG = {"context": {"why": "y" * 6000}}


def narrow(running):
    """
    Return a connection for which the system keeps next to nothing, so that not to read it stalls it.
    """
    line = Line.__new__(Line)
    line.socket = socket.socket()
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.socket.settimeout(20)
    line.socket.connect(("127.0.0.1", running.port))
    line._file = line.socket.makefile("rb")
    return line


def says(text):
    return lambda event: text in event["data"].get("message", "")


def test_a_row_grows_in_place_and_a_reader_resumes_behind_it(running, one_span):
    """
    What comes again is an `update` of the same row with the sum, and who resumes is told what changed since.
    """
    entry = {"trace_id": "live_1", "level": "error", "message": "cannot reach the bank", "service": "till"}
    with Stream(running, "/api/v1/live?q=service:till") as reader:
        assert b"text/event-stream" in reader.head
        running.post({**entry, "id": "g1"})
        first = reader.event()
        assert (first["event"], first["data"]["count"], first["data"]["entry_id"]) == ("row", 1, "g1")
        running.post([{**entry, "id": f"h{n}"} for n in range(99)])
        grown = reader.until(lambda event: event["data"]["count"] == 100)
        assert (grown["event"], grown["data"]["id"]) == ("update", first["data"]["id"])
        assert int(grown["id"]) > int(first["id"])
    running.post({**entry, "id": "i1", "message": "the bank is back"})
    resumed = ("Last-Event-ID", grown["id"])
    with Stream(running, "/api/v1/live?q=service:till", resumed) as reader:
        assert says("is back")(reader.event())
    with Stream(running, "/api/v1/live?q=service:till", ("Last-Event-ID", "99999999999999999")) as reader:
        assert reader.event()["data"]["count"] == 100  # an id of another store begins anew


def test_a_stalled_reader_costs_nobody_anything_and_is_told_of_its_gap(running, monkeypatch):
    """
    A reader that does not read loses the oldest and hears how many; one that reads gets all of them, in order.
    """
    monkeypatch.setattr(live_reader, "BUFFER_BYTES", 200_000)
    names = [f"stalled {chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(600)]
    target = "/api/v1/live?q=stalled"
    heard = []
    with Stream(running, target, line=narrow(running)) as slow, Stream(running, target) as quick:
        for first in range(0, len(names), 20):
            some = [{"id": name, "message": name, **LONG} for name in names[first : first + 20]]
            assert (
                running.post([{"trace_id": "live_2", "level": "error", **each} for each in some]).status
                == 200
            )
            heard += [quick.event()["data"].get("message") for _ in some]
        assert heard == names
        gap = slow.until(lambda event: event["event"] == "gap" or names[-1] == event["data"].get("message"))
        assert gap["event"] == "gap"
        assert gap["data"]["missed"] > 0


@pytest.mark.anyio
async def test_a_buffer_holds_the_latest_and_a_quiet_stream_has_a_heartbeat(monkeypatch):
    """
    Of what is too much the oldest goes and is counted; what was told before is not told again; silence beats.
    """
    monkeypatch.setattr(live_reader, "BUFFER_BYTES", 10)
    monkeypatch.setattr(live_reader, "HEARTBEAT_S", 0.001)
    reader = live_reader.Reader(language.parse(""))
    for version in range(1, 4):
        reader.offer(live_reader.Chunk(version, 5, b"%d" % version * 6))
    assert await reader.next(0) == b'event: gap\ndata: {"missed":10}\n\n333333'
    reader.offer(live_reader.Chunk(4, 1, b"old"))
    assert await reader.next(4) == b""
    assert await reader.next(4) == live_reader.BEAT
    for state in (b"away", b"back"):
        reader.tell(state)
    assert await reader.next(4) == b"back"  # how things were is no news
    assert await reader.next(4) == live_reader.BEAT


def test_readers_are_bounded(running, monkeypatch):
    """
    One reader too many is asked to come back.
    """
    monkeypatch.setattr(live, "READERS", 0)
    refused = running.get("/api/v1/live")
    assert (refused.status, refused.json["reason"]) == (503, "store_unavailable")


def test_the_live_view_is_behind_the_rules_for_reading(running):
    """
    Pages of other origins and other hosts get nothing, a wrong search is explained.
    """
    assert running.get("/api/v1/live", ("Origin", "https://evil.example")).status == 403
    assert running.get("/api/v1/live", ("Host", "evil.example")).status == 421
    assert running.get("/api/v1/live?q=level:").json["reason"] == "query"


def test_status_and_metrics_tell_of_processing(running):
    """
    What was processed and what waits stands in both, and entries add up.
    """
    running.post({"trace_id": "live_3", "id": "counted", "message": "counted"})
    with Stream(running, "/api/v1/live?q=counted") as reader:
        reader.until(says("counted"))
        told = running.get("/api/v1/status").json["processing"]
        assert told["inside"] is True
        assert told["readers"] >= 1
        counts = told["counts"]
        kept = counts["rows"] + counts.get("folded", 0) + counts.get("sampled", 0)
        assert counts["entries"] == kept >= 1
    metrics = running.get("/metrics").body.decode()
    for name in (
        "queue_writes",
        "queue_lag_seconds",
        "queue_cut",
        'processed{what="entries"}',
        "live_readers",
    ):
        assert f"tracelog_{name} " in metrics


def test_streams_end_when_the_server_stops():
    """
    A reader does not hold up the stop.
    """
    with Running() as server:
        reader = Stream(server)
    with reader, pytest.raises(ConnectionError):
        reader.event()
