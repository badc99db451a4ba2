"""
The reading endpoints over a real store: what was sent is found again, whole, by every door.
"""

import json
import time
from collections.abc import Iterator

import msgspec
import pytest

from tests.server.running import Running, request
from tracelog.core.compact import CONTENT_TYPE, encode_batch
from tracelog.core.rows import Header, Ids, Meta, Row
from tracelog.server.totals import ledger_of
from tracelog.stores import Tally

TRACE = "0af7651916cd43dd8448eb211c80319c"
LATER = "trace_later_than_that"
NOW = 1_795_000_000_000.0


def entry(number: int, trace: str, **more: object) -> dict[str, object]:
    return {
        "id": f"{trace[:6]}-{number}",
        "trace_id": trace,
        "system": "backend",
        "level": "info",
        "message": f"step {number}",
        "source": "reading",
        "seq": number,
        **more,
    }


@pytest.fixture(scope="module")
def filled() -> Iterator[Running]:
    """
    A server with two traces, one of them with an error, and a few refused entries.
    """
    with Running() as running:
        steps = [entry(n, TRACE) for n in range(3)]
        steps[2] |= {
            "level": "error",
            "system": "worker",
            "error": {"type": "Refused", "message": "no money"},
        }
        assert running.post([*steps, 7]).json["accepted"] == 3
        assert running.post([entry(3, LATER)]).json["accepted"] == 1
        yield running


def test_a_trace_comes_back_whole(filled: Running) -> None:
    """
    A trace has its entries, whether that is all of them, and how long it is kept.
    """
    trace = filled.get(f"/api/v1/traces/{TRACE}").json
    assert (trace["trace_id"], trace["complete"], trace["evicted"]) == (TRACE, True, 0)
    assert [one["message"] for one in trace["entries"]] == ["step 0", "step 1", "step 2"]
    assert trace["expires_at"] > trace["entries"][0]["received_at"]


@pytest.mark.parametrize(
    ("ref", "trace"),
    [
        (TRACE[:8], TRACE),
        (f"00-{TRACE}-b7ad6b7169203331-01", TRACE),
        ("latest", LATER),
        ("latest-error", TRACE),
        ("trace_later", LATER),
    ],
)
def test_a_trace_has_several_names(ref: str, trace: str, filled: Running) -> None:
    """
    Prefixes, a whole traceparent and `latest` name a trace at every address that takes a reference.
    """
    for tail in ("", "/report", "/export"):
        assert filled.get(f"/api/v1/traces/{ref}{tail}").json["trace_id"] == trace


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ("ffffffffffff", "unknown_trace"),
        ("short", "unknown_trace"),
        ("%00", "bad_reference"),
        ("%F0%9F%92%A9", "bad_reference"),
    ],
)
@pytest.mark.parametrize("tail", ["", "/report", "/export", "/export?format=md"])
def test_an_unknown_trace_is_a_sentence(ref: str, reason: str, tail: str, filled: Running) -> None:
    """
    404 with the reference and what may have become of it.
    """
    answer = filled.get(f"/api/v1/traces/{ref}{tail}")
    assert (answer.status, answer.json["reason"]) == (404, reason)
    assert reason == "bad_reference" or ref in answer.json["error"]
    assert answer.json["error"].count(" ") > 3


def test_an_ambiguous_beginning_names_its_number(way: Running) -> None:
    """
    A beginning that two traces share means neither.
    """
    way.post([entry(n, f"ambiguous-{n}") for n in range(2)])
    answer = way.get("/api/v1/traces/ambiguous-")
    assert answer.status == 404
    assert "ambiguous" in answer.json["error"]


def test_the_report_is_the_promised_one(filled: Running) -> None:
    """
    The report has every promised part, and its error chain has the error in it.
    """
    report = filled.get(f"/api/v1/traces/{TRACE}/report").json
    promised = (
        "trace_id complete missing started duration_ms systems timeline chains insights critical_path ledger"
    )
    assert set(promised.split()) <= set(report)
    assert len(report["timeline"]) == 3
    assert report["chains"][0]["root"] == f"{TRACE[:6]}-2"


def test_exports_hold_the_entries(filled: Running) -> None:
    """
    Both json and ndjson give the same entries as the trace, md a text with the error in it; the budget shortens it.
    """
    entries = filled.get(f"/api/v1/traces/{TRACE}").json["entries"]
    whole = filled.get(f"/api/v1/traces/{TRACE}/export")
    assert whole.json["entries"] == entries
    assert whole.header("content-disposition") == f'attachment; filename="{TRACE}.json"'
    lines = filled.get(f"/api/v1/traces/{TRACE}/export?format=ndjson")
    assert lines.header("content-type") == "application/x-ndjson"
    assert [json.loads(line) for line in lines.body.splitlines()] == entries
    text = filled.get(f"/api/v1/traces/{TRACE}/export?format=md")
    assert text.header("content-type") == "text/markdown; charset=utf-8"
    assert b"step 2" in text.body
    short = filled.get(f"/api/v1/traces/{TRACE}/export?format=md&budget=40")
    assert 0 < len(short.body) < len(text.body)


def test_an_export_comes_back_as_it_went(filled: Running, way: Running) -> None:
    """
    An ndjson export sent to another server is the same trace there.
    """
    lines = filled.get(f"/api/v1/traces/{TRACE}/export?format=ndjson").body
    assert way.post(lines).status == 200
    again = way.get(f"/api/v1/traces/{TRACE}").json["entries"]
    kept = ("id", "message", "level", "system", "timestamp", "error", "seq")
    first = filled.get(f"/api/v1/traces/{TRACE}").json["entries"]
    assert [[one.get(name) for name in kept] for one in again] == [
        [one.get(name) for name in kept] for one in first
    ]


@pytest.mark.parametrize(
    ("query", "traces"),
    [
        ("", [LATER, TRACE]),
        ("?errors=1", [TRACE]),
        ("?errors=0", [LATER, TRACE]),
        ("?system=worker", [TRACE]),
        ("?q=step%203", [LATER]),
        ("?since=1h", [LATER, TRACE]),
        ("?since=2100-01-01T00:00:00Z", []),
        ("?limit=1", [LATER]),
        ("?limit=0001", [LATER]),
        ("?limit=99999999999999999999", [LATER, TRACE]),
    ],
)
def test_traces_are_listed_and_filtered(query: str, traces: list[str], filled: Running) -> None:
    """
    The latest first, those that the filter names.
    """
    assert [one["trace_id"] for one in filled.get(f"/api/v1/traces{query}").json["traces"]] == traces


@pytest.mark.parametrize("path", ["/api/v1/traces", "/api/v1/search"])
def test_cursors_go_through_everything_once(path: str, filled: Running) -> None:
    """
    Page by page nothing is missed or told twice.
    """
    seen, cursor = [], ""
    for _ in range(10):
        page = filled.get(f"{path}?limit=1&cursor={cursor}").json
        seen += [one.get("id") or one["trace_id"] for one in page.get("traces") or page.get("entries", [])]
        cursor = page["cursor"] or ""
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == (2 if path.endswith("traces") else 4)


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        ("q=level:error", ["step 2"]),
        ("q=%22step%201%22", ["step 1"]),
        ("q=step%20-system:worker", ["step 3", "step 1", "step 0"]),
        ("", ["step 3", "step 2", "step 1", "step 0"]),
        ("until=1970-01-02T00:00:00Z", []),
    ],
)
def test_search_finds_by_the_language(query: str, messages: list[str], filled: Running) -> None:
    """
    Search gives whole entries, latest arrival first.
    """
    found = filled.get(f"/api/v1/search?{query}").json["entries"]
    assert sorted(one["message"] for one in found) == sorted(messages)


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/traces?limit=x",
        "/api/v1/traces?limit=-1",
        "/api/v1/traces?limit=0",
        "/api/v1/traces?limit=%D9%A1",
        "/api/v1/search?limit=1.5",
        "/api/v1/traces?cursor=%00nonsense",
        "/api/v1/traces?since=yesterday-ish",
        "/api/v1/traces?errors=maybe",
        "/api/v1/traces?q=level:absurd",
        "/api/v1/search?q=dur:%3Efast",
        "/api/v1/search?q=%22open",
        "/api/v1/search?cursor=x",
        "/api/v1/search?until=%22",
        "/api/v1/search?since=1h&until=2h",
        "/api/v1/search?q=since:1h+until:2h",
        "/api/v1/search?q=attempts:5..1",
        "/api/v1/search?limit=1e3",
        f"/api/v1/traces/{TRACE}/export?format=exe",
        f"/api/v1/traces/{TRACE}/export?format=md&budget=lots",
        f"/api/v1/traces/{TRACE}/export?format=md&budget=-1",
        f"/api/v1/traces/{TRACE}/export?format=md&budget=0",
    ],
)
def test_wrong_parameters_are_named(target: str, filled: Running) -> None:
    """
    400 with a sentence, never an empty result that looks like an answer.
    """
    answer = filled.get(target)
    assert (answer.status, answer.json["reason"]) == (400, "query")
    assert len(answer.json["error"]) > 15
    for name in ("limit", "budget"):
        if f"{name}=" in target:
            assert answer.json["error"].startswith(f"{name} is a whole number from 1 to ")


PATHS = [
    "/healthz",
    "/readyz",
    "/api/v1/status",
    "/api/v1/ledger",
    "/api/v1/traces",
    "/api/v1/search",
    f"/api/v1/traces/{TRACE}",
    f"/api/v1/traces/{TRACE}/report",
    f"/api/v1/traces/{TRACE}/export?format=md",
    "/api/v1/traces/unknown-one",
    "/nowhere",
    "/api/v1/traces/",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_is_fit_for_another_page(path: str, filled: Running) -> None:
    """
    Nothing is cached, sniffed, framed or read by other origins; errors included.
    """
    answer = filled.get(path)
    assert answer.header("cache-control") == "no-store"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("cross-origin-resource-policy") == "same-origin"
    assert answer.header("content-security-policy") == "default-src 'none'; frame-ancestors 'none'"
    assert answer.header("access-control-allow-origin") is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Origin", "http://localhost:3000")], 403),
        ([("Origin", "null")], 403),
        ([("Sec-Fetch-Site", "cross-site")], 403),
        ([("Host", "evil.example")], 421),
        ([("Host", "localhost:8787"), ("Origin", "http://localhost:8787")], 200),
        ([("Sec-Fetch-Site", "none")], 200),
    ],
)
@pytest.mark.parametrize("path", PATHS[2:9])
def test_other_pages_may_not_read(
    headers: list[tuple[str, str]], status: int, path: str, filled: Running
) -> None:
    """
    Reading is for this machine's programs and the server's own pages.
    """
    assert filled.get(path, *headers).status == status


@pytest.mark.parametrize("path", PATHS[:6])
def test_reading_changes_nothing(path: str, filled: Running) -> None:
    """
    Other methods than GET and HEAD are 405 with the right ones named.
    """
    answer = filled.ask(request("POST", path, b"{}"))
    assert (answer.status, answer.json["reason"]) == (405, "method")
    assert set(answer.header("allow").split(", ")) == {"GET", "HEAD"}
    assert filled.ask(request("HEAD", path)).status == 200


def until_counted(running: Running, source: str) -> dict[str, object]:
    """
    Return the ledger of *source* once its refused entries and its report are written.
    """
    end = time.monotonic() + 20
    while True:
        ledger = running.get(f"/api/v1/ledger?source={source}").json
        own = ledger["sources"].get(source, {})
        if (sum(own.get("rejected", {}).values()) == 1 and own.get("report")) or time.monotonic() > end:
            return ledger
        time.sleep(0.05)


def test_the_ledger_adds_up(way: Running) -> None:
    """
    Stored, repeated, refused and reported entries of a source sum up to what it emitted, holes included.
    """
    source = f"ledger-{way.port}"
    row = msgspec.msgpack.encode(Row(NOW / 1000, Meta(2), Ids("ab" * 16), "m", None))
    bad = msgspec.msgpack.encode(7)
    header = Header(
        v=1,
        source=source,
        system="backend",
        report={"emitted": 5, "dropped": {"queue_full": 2}, "stored": 99},
    )
    body = encode_batch(header, [row, row, bad])
    for _ in range(2):
        assert way.post(body, ("Content-Type", CONTENT_TYPE)).status == 200
    ledger = until_counted(way, source)
    own = ledger["sources"][source]
    assert (own["stored"], own["duplicate"], own["dropped"]) == (2, 2, {"queue_full": 2})
    assert sum(own["rejected"].values()) == 1
    assert own["emitted"] == 5
    assert own["in_flight"] == 0
    assert own["balanced"] is True
    assert own["systems"] == ["backend"]
    for name in ("emitted", "stored", "duplicate", "dropped", "rejected"):
        assert ledger[name] == own[name]


@pytest.mark.parametrize("form", ["array", "compact"])
def test_a_refused_entry_is_counted_where_its_sender_is(form: str, way: Running) -> None:
    """
    What was refused stands in the ledger of its source and its system, and leaves no hole in the numbers.
    """
    source, system = f"refused-{form}-{way.port}", f"ours-{form}"
    if form == "array":
        sent = [{"source": source, "system": system, "seq": n, "message": "m"} for n in range(3)]
        del sent[1]["message"]
        answer = way.post(sent)
    else:
        row = msgspec.msgpack.encode(Row(NOW / 1000, Meta(2), Ids("ab" * 16), "m", None))
        header = Header(v=1, source=source, system=system)
        answer = way.post(encode_batch(header, [row, b"\x07", row]), ("Content-Type", CONTENT_TYPE))
    assert [one["index"] for one in answer.json["rejected"]] == [1]
    end = time.monotonic() + 20
    for narrowed in (f"source={source}", f"system={system}"):
        while True:
            ledger = way.get(f"/api/v1/ledger?{narrowed}").json
            if ledger["rejected"] or time.monotonic() > end:
                break
            time.sleep(0.05)
        assert sum(ledger["rejected"].values()) == 1
        assert (ledger["emitted"], ledger["stored"]) == (3, 2)
        assert (ledger["in_flight"], ledger["unreported"], ledger["balanced"]) == (0, 0, True)


def test_a_trace_has_a_ledger_of_its_own(filled: Running) -> None:
    """
    `?trace=` counts what is there, by source, and takes every kind of reference.
    """
    ledger = filled.get(f"/api/v1/ledger?trace={TRACE[:10]}").json
    assert (ledger["stored"], ledger["emitted"], ledger["balanced"]) == (3, 3, True)
    assert ledger["sources"]["reading"]["stored"] == 3
    assert filled.get("/api/v1/ledger?trace=nothing-here").status == 404


def test_the_ledger_can_be_narrowed(filled: Running) -> None:
    """
    By source and by system; what nobody sent is empty and balanced.
    """
    assert filled.get("/api/v1/ledger?source=reading").json["stored"] == 4
    assert filled.get("/api/v1/ledger?system=worker").json["stored"] == 1
    empty = filled.get("/api/v1/ledger?source=nobody").json
    assert (empty["emitted"], empty["balanced"], empty["sources"]) == (0, True, {})


@pytest.mark.parametrize(
    "report",
    [
        b"[]",
        b"7",
        b"{",
        b'{"emitted":"many","dropped":7,"suppressed":{"a":"b"}}',
        b'{"emitted":{"a":1},"dropped":{"a":18446744073709551615,"b":18446744073709551615}}',
        b'{"emitted":-5,"dropped":{"a":-5},"stored":true}',
    ],
)
def test_a_lying_report_breaks_nothing(report: bytes) -> None:
    """
    What a source says of itself is taken where it can be a count, and the ledger can always be shown.
    """
    tally = Tally(
        source="liar",
        system="backend",
        received=3,
        duplicate=0,
        max_seq=2,
        outcomes={},
        report=report,
        last_seen_ms=NOW,
    )
    ledger = ledger_of([tally], NOW)
    assert msgspec.json.decode(msgspec.json.encode(ledger))["emitted"] == 3
    assert ledger["balanced"] is True


def test_what_a_client_withheld_is_limited_once() -> None:
    """
    Limits that the server counted itself are not counted again from the client's report; withheld entries are.
    """
    report = {
        "emitted": 10,
        "stored": 3,
        "limited": {"system_quota": 4, "withheld": 2},
        "suppressed": {"loop": 1},
    }
    tally = Tally(
        source="s",
        system="b",
        received=3,
        duplicate=0,
        max_seq=9,
        outcomes={"limited": {"system_quota": 4}, "suppressed": {"loop": 1}},
        report=msgspec.json.encode(report),
        last_seen_ms=NOW,
    )
    ledger = ledger_of([tally], NOW)
    assert ledger["limited"] == {"system_quota": 4, "withheld": 2}
    assert (ledger["suppressed"], ledger["in_flight"], ledger["balanced"]) == ({"loop": 1}, 0, True)


def test_a_silent_source_owes_what_is_unreported() -> None:
    """
    What a source still owes is in flight while it speaks, and missing once it is silent for a minute.
    """
    tally = Tally(
        source="s", system="b", received=3, duplicate=0, max_seq=9, outcomes={}, report=None, last_seen_ms=NOW
    )
    speaking, silent = ledger_of([tally], NOW + 1_000), ledger_of([tally], NOW + 61_000)
    assert (speaking["in_flight"], speaking["unreported"], speaking["balanced"]) == (7, 0, True)
    assert (silent["in_flight"], silent["unreported"], silent["balanced"]) == (0, 7, False)


def test_the_status_shows_store_systems_and_totals(filled: Running) -> None:
    """
    Status has phase, store health, what was redacted, and when each system was last heard.
    """
    status = filled.get("/api/v1/status").json
    assert (status["phase"], status["store"]["ok"], status["faults"]) == ("ready", True, 0)
    assert {"backend", "worker"} <= set(status["systems"])
    assert status["ledger"]["stored"] == 4
    assert status["systems"]["worker"]["last_seen"] <= status["now"]


def test_alive_and_ready(filled: Running) -> None:
    """
    Liveness and readiness are plain to a machine.
    """
    assert filled.get("/healthz").json == {"ok": True}
    assert filled.get("/readyz").json["ready"] is True
