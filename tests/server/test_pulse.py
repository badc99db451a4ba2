"""
The status as a stream over real HTTP, and who was heard: clocks bounded by what arrives, last words without secrets.
"""

import json
import time

import pytest

from tests.server.running import Running, request
from tests.server.test_admin import ADMIN, READ, bearer
from tests.server.test_live import Stream
from tracelog.config import Key
from tracelog.core.entry import Entry
from tracelog.server import pulse
from tracelog.server.faults import Faults
from tracelog.server.heard import BOUND_MS, OF_ONE, REMEMBERED, SHOWN, Hearing

LIVE = "/api/v1/status/live"

CLOSE = ("Connection", "close")
"""So that the end of a stream is the end of its connection."""

NOW = 1_795_348_800_000.0


@pytest.fixture(scope="module")
def running():
    """
    A server with limits that asks for no key, and tells its status ten times as often as it would.
    """
    with Running(limits=True) as server:
        server.app.pulse._every_s = 0.05
        yield server


def change(running, path, body, key=None, method="POST"):
    data = json.dumps(body).encode() if body is not None else b""
    return running.ask(request(method, f"/api/v1/{path}", data, headers=[bearer(key)] if key else []))


def test_a_reader_is_told_the_status_at_once_and_what_becomes_of_it(running):
    """
    The first event is what `GET /api/v1/status` answers; entries and operators' words are seen in later ones.
    """
    with Stream(running, LIVE) as reader:
        assert b"text/event-stream" in reader.head
        first = reader.event()
        assert first["event"] == "status"
        assert first["data"].keys() == running.get("/api/v1/status").json.keys()
        stored = first["data"]["ledger"]["stored"]
        running.post([{"trace_id": "pulse-1", "message": f"beat {word}"} for word in ("one", "two")])
        reader.until(lambda event: event["data"]["ledger"]["stored"] >= stored + 2)
        change(running, "switches", {"capture": False})
        told = reader.until(lambda event: event["data"]["switches"]["capture"] is False)["data"]
        assert told["changes"] > first["data"]["changes"]
        change(running, "switches", {"capture": None})


def test_all_readers_share_one_question_and_one_encoding(running):
    """
    Two readers get the same bytes, asked for once; when the last has left nobody asks any more.
    """
    with Stream(running, LIVE) as one, Stream(running, LIVE) as two:
        moments = {one.event()["data"]["now"] for _ in range(4)}
        assert moments & {two.event()["data"]["now"] for _ in range(4)}
        assert running.app.pulse.readers == 2
    deadline = time.monotonic() + 5
    while running.app.pulse.readers and time.monotonic() < deadline:
        running.get("/healthz")
    assert running.app.pulse._asking is None


def test_it_is_behind_the_rules_for_reading(running, monkeypatch):
    """
    Pages of other origins and hosts get nothing, and one reader too many is asked to come back.
    """
    assert running.get(LIVE, ("Origin", "https://evil.example")).status == 403
    assert running.get(LIVE, ("Host", "evil.example")).status == 421
    monkeypatch.setattr(pulse, "READERS", 0)
    assert running.get(LIVE).status == 503


def test_a_stream_ends_with_the_key_that_opened_it():
    """
    Who reads with a revoked key is cut off, and so is who read without one when the first key is made.
    """
    with Running() as server:
        made, readers = {}, [Stream(server, path, CLOSE) for path in (LIVE, "/api/v1/live")]
        for role in ("admin", "read"):
            key = made.get("admin", {}).get("token")
            made[role] = change(server, "keys", {"role": role, "name": role}, key).json
            for reader in readers:
                with reader, pytest.raises(ConnectionError):
                    reader.until(lambda _: False)
            readers = []
        with Stream(server, LIVE, bearer(made["read"]["token"]), CLOSE) as reader:
            reader.event()
            change(server, f"keys/{made['read']['id']}", None, made["admin"]["token"], "DELETE")
            with pytest.raises(ConnectionError):
                reader.until(lambda _: False)
        assert server.get(LIVE, bearer(made["read"]["token"])).status == 401


def test_a_read_key_is_enough_and_the_server_stops_in_spite_of_readers():
    """
    A stream is for who may read, and does not hold up the stop.
    """
    with Running(keys=(Key(token=ADMIN, role="admin"), Key(token=READ, role="read"))) as server:
        assert server.get(LIVE).status == 401
        reader = Stream(server, LIVE, bearer(READ))
        reader.event()
    with reader, pytest.raises(ConnectionError):
        reader.until(lambda _: False)


@pytest.mark.parametrize("path", [LIVE, "/api/v1/live"])
def test_a_stream_that_begins_while_the_server_stops_ends_at_once(path):
    """
    A reader that comes when the others were sent away gets its answer, and the server does not wait for it.
    """
    with Running(limits=True) as server:
        server.app.end_streams()
        with Stream(server, path, CLOSE) as reader, pytest.raises(ConnectionError):
            reader.until(lambda _: False)
        assert b"200 OK" in reader.head


@pytest.mark.anyio
async def test_what_cannot_be_found_out_is_told_as_a_fault_and_asked_again(monkeypatch):
    """
    A status that fails ends no stream: silence beats, and the next one that works is told.
    """
    monkeypatch.setattr(pulse, "EVERY_S", 0.0)
    monkeypatch.setattr(pulse, "HEARTBEAT_S", 0.001)
    faults, answers = Faults(), iter([ValueError("odd"), ValueError("odd")])

    async def shown():
        for answer in answers:
            raise answer
        return {"phase": "ready"}

    one = pulse.Pulse(shown, faults, every_s=0.0)
    stream = one._stream(0)
    said = [await anext(stream) for _ in range(2)]
    while not said[-1].startswith(b"event"):
        said.append(await anext(stream))
    await stream.aclose()
    assert said[0].startswith(b"retry:")
    assert said[-1] == b'event: status\ndata: {"phase":"ready"}\n\n'
    assert faults.total == 2


def said(text="words", source="s", at=NOW, **fields):
    given = {"id": f"{source}-1", "trace_id": "t-of-heard", "system": "backend", "level": "info", **fields}
    return Entry(message=text, source=source, timestamp=at, **given)


@pytest.mark.parametrize(
    ("lags", "clock_ms"),
    [([40.0], -40.0), ([900.0, 30.0, 5_000.0], -30.0), ([-94_000.0, 20.0], 94_000.0), ([0.0], 0.0)],
)
def test_a_clock_is_bounded_by_what_arrives(lags, clock_ms):
    """
    What came before it was said shows a clock that is ahead; of what came later the least delay is the bound.
    """
    hearing = Hearing()
    for lag in lags:
        hearing.note([said(at=NOW - lag)], NOW)
    assert [one["clock_ms"] for one in hearing.view()] == [clock_ms]


def test_a_bound_is_forgotten_when_it_is_old():
    """
    A clock that was set right is seen to be right after two of the times that a bound counts.
    """
    hearing = Hearing()
    for step, at in enumerate((NOW + 94_000, NOW, NOW, NOW)):
        hearing.note([said(at=at + step * BOUND_MS * 1.1)], NOW + step * BOUND_MS * 1.1)
    assert hearing.view()[0]["clock_ms"] == 0.0


def test_one_talkative_service_hides_no_other_and_nothing_grows():
    """
    However many sources one service has, the last words of others are told; what is kept and told is bounded.
    """
    hearing = Hearing()
    hearing.note([said("still here", "quiet", service="billing")], NOW)
    for number in range(3 * REMEMBERED // 10):
        pages = [said("hi", f"page-{number}-{i}", system="browser") for i in range(10)]
        hearing.note(pages, NOW + 1 + number) if number < 20 else None
    shown = hearing.view()
    assert [one["message"] for one in shown] == ["hi"] * OF_ONE + ["still here"]
    for number in range(10 * REMEMBERED):
        hearing.note([said("x" * 1000, f"made-up-{number}", system=f"s{number}")], NOW)
    assert len(hearing.view()) == SHOWN
    assert len(hearing._known.young) + len(hearing._known.old) <= 2 * REMEMBERED
    assert max(len(one["message"]) for one in hearing.view()) == 200


def test_last_words_are_in_the_status_without_their_secrets(running):
    """
    The status tells what each source said last, redacted as it is stored.
    """
    words = "charge refused, bearer abcdefghijklmnop1234567890"
    running.post({"trace_id": "pulse-heard", "system": "backend", "service": "till", "message": words})
    [one] = [each for each in running.get("/api/v1/status").json["heard"] if each["service"] == "till"]
    assert "[REDACTED:bearer" in one["message"]
    assert "abcdefghijklmnop" not in json.dumps(one)
    assert (one["system"], one["trace_id"], one["level"]) == ("backend", "pulse-heard", "info")
