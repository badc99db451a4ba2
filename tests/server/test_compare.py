"""
The endpoints of marks and differences, as the wire sees them.
"""

import json

import msgspec
import pytest

from tests.flooding import wait_for
from tests.server.running import Running
from tracelog.config import Key
from tracelog.correlation.diff import Difference
from tracelog.render.difference import headline, sizes
from tracelog.server import compare

INGEST, READ, ADMIN = "ingest-key-0123456789", "read-key-0123456789", "admin-key-0123456789"
KEYS = (Key(token=INGEST), Key(token=READ, role="read"), Key(token=ADMIN, role="admin"))


@pytest.fixture(scope="module")
def running():
    with Running() as running:
        yield running


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b'{"name":"a"}', 200, None),
        (b"", 400, "mark"),
        (b"[]", 400, "mark"),
        (b'{"name":7}', 400, "mark"),
        (b'{"name":"\xff"}', 400, "mark"),
        (b'{"name":"a\\nb"}', 400, "query"),
        (b'{"name":"' + b"x" * 65 + b'"}', 400, "query"),
        (b" " * 1_025, 413, "body_too_large"),
    ],
)
def test_a_mark_is_a_name_and_nothing_else(running, body, status, reason):
    """
    A usable name is taken; anything else is refused with its reason.
    """
    answer = running.post(body, target="/api/v1/marks")
    assert (answer.status, answer.json.get("reason")) == (status, reason)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([("Authorization", f"Bearer {INGEST}")], 403),
        ([("Authorization", f"Bearer {READ}")], 200),
        ([("Authorization", f"Bearer {ADMIN}")], 200),
        ([("Authorization", f"Bearer {READ}"), ("Origin", "https://evil.example")], 403),
    ],
)
def test_who_may_read_may_mark(headers, status):
    """
    Marks are set by who compares: with a read key, and from no page of another origin.
    """
    with Running(keys=KEYS) as running:
        assert running.post(b'{"name":"a"}', *headers, target="/api/v1/marks").status == status


def test_a_page_cannot_mark_a_server_without_keys(running):
    """
    On a machine without keys a web page's request is refused, so that no page moves a mark.
    """
    answer = running.post(b'{"name":"a"}', ("Origin", "http://localhost:3000"), target="/api/v1/marks")
    assert answer.status == 403


def test_only_the_server_sets_marks(running):
    """
    An entry that somebody sends to the trace of marks is none.
    """
    running.post(
        {"trace_id": "tracelog-marks", "logger": "tracelog.mark", "message": "x", "context": {"mark": "b"}}
    )
    answer = running.get("/api/v1/diff?a=mark:b&b=now")
    assert (answer.status, answer.json["reason"]) == (404, "unknown_trace")


def test_both_sides_of_two_marks_are_told_apart():
    """
    Between two marks stands what came between them; marks themselves are on no side.
    """
    with Running() as running:
        for text in ("alpha", "beta", "gamma"):
            running.post({"trace_id": "t-12345678", "message": text})
            running.post(json.dumps({"name": text}).encode(), target="/api/v1/marks")
        found = running.get("/api/v1/diff?a=mark:alpha&b=mark:beta").json
    assert [(change["kind"], change["message"]) for change in found["changes"]] == [
        ("new", "beta"),
        ("gone", "alpha"),
    ]
    assert (found["a"]["entries"], found["b"]["entries"]) == (1, 1)


def test_what_the_server_says_of_itself_is_no_change_of_the_programs():
    """
    A mute set after a mark is told in its own trace and on no side, unless the two traces are named; what a
    program says under the server's name is.
    """
    with Running() as running:
        running.post({"trace_id": "t-12345678", "message": "alpha"})
        running.post(b'{"name":"before"}', target="/api/v1/marks")
        running.post(b'{"system":"worker","minutes":5}', target="/api/v1/mutes")
        own = "/api/v1/traces/tracelog-admin"
        wait_for(lambda: running.get(own).status == 200)
        running.post({"trace_id": "t-12345678", "message": "beta", "system": "tracelog"})
        found = running.get("/api/v1/diff?a=mark:before&b=now").json
        named = running.get("/api/v1/diff?a=t-12345678&b=tracelog-admin").json
    assert [change["message"] for change in found["changes"]] == ["beta", "alpha"]
    assert any("mute" in change["message"] for change in named["changes"])


@pytest.mark.parametrize(
    ("before", "between", "whole"), [(3, 3, [True, True]), (4, 3, [False, True]), (3, 4, [True, False])]
)
def test_what_was_not_compared_is_told(monkeypatch, before, between, whole):
    """
    Where a side has more entries than are compared, the answer says so, and the first line of its text, too.
    """
    monkeypatch.setattr(compare, "MOST", 3)
    with Running() as running:
        running.post([{"trace_id": "t-12345678", "message": f"alpha {n}"} for n in range(before)])
        running.post(b'{"name":"here"}', target="/api/v1/marks")
        running.post([{"trace_id": "t-12345678", "message": f"beta {n}"} for n in range(between)])
        body = running.get("/api/v1/diff?a=mark:here&b=now").body
    found = msgspec.json.decode(body, type=Difference)
    assert [found.a.entries, found.b.entries] == [3, 3]
    assert [found.a.whole, found.b.whole] == whole
    assert ("older entries were not compared" in headline(found)) == (not all(whole))
    assert [side.startswith(("a: 3", "b: 3", "3")) for side in sizes(found).split(" · ")] == whole
