"""
Statistics and patterns over many traces, as the wire sees them.
"""

import pytest

from tests.server.running import Running
from tracelog.config import Key
from tracelog.server import overview

READ = "read-key-0123456789"


def request(n, *, took, failed=False):
    """
    Return a request of trace *n*: a page calls a service, which took so long, and may have failed.
    """
    trace = {"trace_id": f"{n + 1:032x}"}
    page = {**trace, "system": "browser", "span_id": f"{n:015x}a", "level": "error" if failed else "info"}
    shop = {**trace, "system": "backend", "service": "shop", "span_id": f"{n:015x}b"}
    called = {"parent_id": f"{n:015x}a", "duration_ms": took, "timestamp": 1.8e12}
    rows = [
        {**shop, "message": f"GET /orders/{n}", **called},
        {**page, "message": "open orders", "duration_ms": took + 20, "timestamp": 1.8e12 - 10},
    ]
    failure = {**shop, "message": f"order {n} is locked", "level": "error", "timestamp": 1.8e12 + took - 1}
    return [*rows, failure] if failed else rows


@pytest.fixture(scope="module")
def filled():
    """
    A server with twenty requests, two of which failed.
    """
    with Running() as running:
        for n in range(20):
            running.post(request(n, took=100.0 + n, failed=n in {7, 12}))
        yield running


def test_operations_have_percentiles_errors_and_a_flow(filled):
    """
    Each operation has its calls, error share, p50 and p95, and each edge of the system flow the same.
    """
    told = filled.get("/api/v1/statistics?limit=200").json
    assert (told["traces"], told["failed"], told["entries"], told["more"]) == (20, 2, 42, False)
    [orders] = [one for one in told["operations"] if one["name"].startswith("GET /orders/")]
    assert (orders["calls"], orders["errors"], orders["error_share"]) == (20, 2, 0.1)
    assert (orders["p50_ms"], orders["p95_ms"]) == (109.0, 118.0)
    [edge] = told["flows"]
    assert (edge["caller"], edge["called"]) == ("browser", "backend/shop")
    assert (edge["calls"], edge["errors"]) == (20, 2)


def test_statistics_are_of_the_traces_asked_for(filled):
    """
    Filters are those of the list of traces, and what was not looked at is said.
    """
    failed = filled.get("/api/v1/statistics?errors=1").json
    assert (failed["traces"], failed["failed"], failed["more"]) == (2, 2, False)
    assert filled.get("/api/v1/statistics?q=locked").json["traces"] == 2
    assert filled.get("/api/v1/statistics?limit=3").json["more"]
    assert filled.get("/api/v1/statistics?system=convex").json["traces"] == 0


def test_patterns_have_a_first_seen(filled):
    """
    What is said is grouped by its form, errors first, with the trace in which it was first seen.
    """
    told = filled.get("/api/v1/patterns").json
    errors = [one for one in told["patterns"] if one["level"] == "error"]
    assert told["patterns"][: len(errors)] == errors
    [error] = [one for one in errors if "locked" in one["message"]]
    assert (error["level"], error["count"], error["traces"]) == ("error", 2, 2)
    assert (error["message"], error["first_trace"]) == ("order 7 is locked", f"{8:032x}")
    assert error["first_seen"] <= error["last_seen"]
    assert [one["count"] for one in told["patterns"]] == [2, 2, 20, 18]
    assert (told["entries"], told["more"], told["whole"]) == (42, False, True)
    assert all(one["new"] is None for one in told["patterns"])


def test_a_pattern_is_new_when_nothing_before_had_it(filled):
    """
    With `since`, what was first seen after it is new, and what was seen before is not.
    """
    seen = filled.get("/api/v1/patterns?q=locked").json["patterns"][0]["first_seen"]
    for since, new in ((seen - 10, True), (seen + 10, False)):
        told = filled.get(f"/api/v1/patterns?q=locked&since={since:.0f}").json
        assert [one["new"] for one in told["patterns"]] == [new]


def test_what_is_looked_at_is_bounded(filled, monkeypatch):
    """
    Beyond the bound the latest are told, and that it is not all.
    """
    monkeypatch.setattr(overview, "MOST_ENTRIES", 10)
    monkeypatch.setattr(overview, "PAGE", 5)
    told = filled.get("/api/v1/patterns?limit=1").json
    assert (told["entries"], len(told["patterns"]), told["more"], told["whole"]) == (10, 1, True, False)
    assert filled.get("/api/v1/statistics").json["more"]


@pytest.mark.parametrize(
    "path", ["statistics?limit=x", "statistics?errors=2", "patterns?q=%22", "patterns?since=x"]
)
def test_a_wrong_question_is_told(filled, path):
    """
    A parameter that means nothing is a 400 with a sentence.
    """
    answer = filled.get(f"/api/v1/{path}")
    assert (answer.status, answer.json["reason"]) == (400, "query")


def test_only_readers_ask():
    """
    Where there are keys, a reader's is needed.
    """
    with Running(keys=(Key(token=READ, role="read"),)) as running:
        for path in ("statistics", "patterns"):
            assert running.get(f"/api/v1/{path}").status == 401
            assert running.get(f"/api/v1/{path}", ("Authorization", f"Bearer {READ}")).status == 200
