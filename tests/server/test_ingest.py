"""
What happens to entries between the socket and the store: secrets go, sizes are cut, labels are set.
"""

import gzip
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.running import Line, Running
from tests.server.scripted import ScriptedStore
from tracelog.core.compact import CONTENT_TYPE, encode_batch
from tracelog.core.rows import Header, Ids, Meta, Row
from tracelog.server.counts import MOST, Counts
from tracelog.server.faults import PLACES, Faults
from tracelog.stores import Outcome

SECRET = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
COMPACT = ("Content-Type", CONTENT_TYPE)


@pytest.fixture(scope="module", params=[True, False], ids=["direct", "long way"])
def kept(request: pytest.FixtureRequest) -> Iterator[tuple[Running, ScriptedStore]]:
    """
    A server whose stored bytes can be looked at.
    """
    store = ScriptedStore()
    with Running(store, direct=request.param) as running:
        yield running, store


@pytest.mark.parametrize(
    "entry",
    [
        {"message": f"paid with {SECRET}"},
        {"message": "m", "stack": f"at pay ({SECRET})"},
        {"message": "m", "context": {"deep": [{"er": f"x {SECRET} y"}]}},
        {"message": "m", "unknown_field": SECRET},
        {
            "message": "m",
            "error": {"type": "E", "message": SECRET, "cause": {"type": "C", "message": SECRET}},
        },
        {"message": "m", "context": {"password": SECRET}},
        {"message": "m", "user_id": SECRET},
        {"message": "m", "service": SECRET},
        {"message": "m", "area": SECRET},
        {"message": f"a\x00b {SECRET}"},
        {"message": f"{'x' * 70_000} {SECRET}"},
        {"message": f"{'x' * 65_525} {SECRET}"},
    ],
)
@pytest.mark.parametrize("form", ["single", "array", "gzip"])
def test_a_secret_never_reaches_the_store(
    entry: dict[str, Any], form: str, kept: tuple[Running, ScriptedStore]
) -> None:
    """
    Whatever field a plain sender puts a secret in, it is gone before the store, and before anything is cut.
    """
    running, store = kept
    data = json.dumps(entry if form == "single" else [{"message": "other"}, entry]).encode()
    headers = [("Content-Encoding", "gzip")] if form == "gzip" else []
    answer = running.post(gzip.compress(data) if form == "gzip" else data, *headers)
    assert answer.status == 200
    whole = b"\n".join(store.stored.values())
    assert SECRET.encode() not in whole
    assert SECRET[:16].encode() not in whole


def test_a_secret_in_the_compact_form_never_reaches_the_store(kept: tuple[Running, ScriptedStore]) -> None:
    """
    A client that does not redact is redacted by the server.
    """
    running, store = kept
    row = Row(
        1_795_000_000.0, Meta(2), Ids("ab" * 16), f"paid with {SECRET}", {"token": SECRET, "nul": "\x00"}
    )
    body = encode_batch(Header(v=1, source=f"secret-{running.port}"), [msgspec.msgpack.encode(row)])
    assert running.post(body, COMPACT).json["accepted"] == 1
    stored = store.stored[f"secret-{running.port}-0"]
    assert SECRET.encode() not in stored
    assert b"\\u0000" not in stored


@pytest.mark.parametrize(
    "text", ["\\u0000", "a\\\\u0000b", "\u2028", "\U0001f4a9", "</script>", "%00", "\ufffd", "\x7f"]
)
def test_text_is_stored_as_it_was_sent(text: str, kept: tuple[Running, ScriptedStore]) -> None:
    """
    What only looks like an escape, and every character but NUL, comes back byte by byte.
    """
    running, store = kept
    stored = json.loads(store.stored[running.post({"message": text}).json["id"]])
    assert stored["message"] == text
    assert "fixed" not in stored


def test_an_entry_that_is_too_long_is_cut_and_says_so(kept: tuple[Running, ScriptedStore]) -> None:
    """
    A long message is stored cut, named in `fixed`, and the entry stays within its bound.
    """
    running, store = kept
    name = running.post(
        {"message": "é" * 300_000, "stack": "s" * 300_000, "context": {"c": "c" * 300_000}}
    ).json["id"]
    stored = json.loads(store.stored[name])
    assert len(store.stored[name]) <= running.settings.limit.entry
    assert {"message", "stack"} <= set(stored["fixed"])


def test_a_repeated_id_is_a_duplicate_whatever_it_says(kept: tuple[Running, ScriptedStore]) -> None:
    """
    The first of an id is kept; the second is acknowledged and counted as a repetition.
    """
    running, store = kept
    first = running.post([{"id": f"twice-{running.port}", "message": "first"}]).json
    second = running.post([{"id": f"twice-{running.port}", "message": "second"}]).json
    assert (first["accepted"], second["accepted"], second["duplicate"]) == (1, 0, 1)
    assert b"first" in store.stored[f"twice-{running.port}"]


def one(name: str) -> dict[str, Any]:
    return {"id": name, "trace_id": "trace-a", "message": "m"}


@pytest.mark.parametrize(
    ("fate", "status", "reason"),
    [("T", 429, "trace_quota"), ("Z", 429, "trace_size"), ("W", 400, "store_refused")],
)
def test_what_the_store_refuses_is_said_of_a_single_entry(
    fate: str, status: int, reason: str, kept: tuple[Running, ScriptedStore]
) -> None:
    """
    A trace that is full is answered 429 with its window as the time to wait, a key that is not ours with 400: no
    sender repeats it.
    """
    running, store = kept
    store.results = [fate]
    answer = running.post(one("refused"))
    assert (answer.status, answer.json["success"], answer.json["reason"]) == (status, False, reason)
    waits = {"trace_id": "trace-a", "retry_after": 3_600} if status == 429 else {}
    assert {key: answer.json[key] for key in ("trace_id", "retry_after") if key in answer.json} == waits
    assert answer.header("retry-after") == ("3600" if waits else None)


@pytest.mark.parametrize(
    ("fates", "status", "accepted", "limited", "rejected"),
    [
        ("ATDTZ", 200, 1, {"trace_quota": 2, "trace_size": 1}, []),
        ("AWA", 200, 2, {}, [(1, "store_refused")]),
        ("TTT", 429, 0, {"trace_quota": 3}, []),
        ("WW", 400, 0, {}, [(0, "store_refused"), (1, "store_refused")]),
        ("TW", 200, 0, {"trace_quota": 1}, [(1, "store_refused")]),
    ],
)
def test_what_the_store_refuses_is_said_of_a_batch(
    fates: str,
    status: int,
    accepted: int,
    limited: dict[str, int],
    rejected: list[tuple[int, str]],
    kept: tuple[Running, ScriptedStore],
) -> None:
    """
    A batch is told how many its traces' quotas refused, and which entries the store refused for good.
    """
    running, store = kept
    store.results = [fates]
    answer = running.post([one(f"{at}") for at in range(len(fates))])
    assert (answer.status, answer.json["accepted"], answer.json["limited"]) == (status, accepted, limited)
    assert [(item["index"], item["reason"]) for item in answer.json["rejected"]] == rejected
    assert answer.json["duplicate"] == fates.count("D")
    assert answer.header("retry-after") == ("3600" if status == 429 else None)
    assert answer.json["success"] is (status == 200)


def test_places_of_refused_entries_are_those_of_the_request(kept: tuple[Running, ScriptedStore]) -> None:
    """
    An entry that the store refused is named by its place in the request, also behind one that was no entry.
    """
    running, store = kept
    store.results = ["AW"]
    answer = running.post([one("a"), 7, one("b")])
    assert [(item["index"], item["reason"]) for item in answer.json["rejected"]] == [
        (1, "not_an_object"),
        (2, "store_refused"),
    ]


def test_what_the_store_refuses_is_counted_once() -> None:
    """
    The ledger counts every refused entry of its source and system once, by outcome and reason.
    """
    store = ScriptedStore()
    store.results = ["ATTZWD"]
    with Running(store) as running:
        running.post([one(f"{at}") | {"source": "s", "system": "worker"} for at in range(6)])
    assert sorted(store.outcomes, key=lambda each: each.reason) == [
        Outcome("s", "worker", "rejected", "store_refused", 1),
        Outcome("s", "worker", "limited", "trace_quota", 2),
        Outcome("s", "worker", "limited", "trace_size", 1),
    ]


NASTY = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\x00"), max_size=40)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)
FIELDS = st.sampled_from(
    [
        "id",
        "trace_id",
        "timestamp",
        "system",
        "level",
        "message",
        "user_id",
        "error",
        "context",
        "source",
        "seq",
        "kind",
        "count",
        "sample_rate",
        "hops",
        "fixed",
        "span_id",
        "parent_id",
        "duration_ms",
        "stack",
        "origin",
        "received_at",
        "last_timestamp",
    ]
)
BODIES = (
    st.binary(max_size=200)
    | JSON_VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(FIELDS, JSON_VALUES, max_size=8).map(lambda value: json.dumps(value).encode())
    | st.lists(st.dictionaries(FIELDS, JSON_VALUES, max_size=4), max_size=4).map(
        lambda value: json.dumps(value).encode()
    )
    | JSON_VALUES.map(repr).map(msgspec.msgpack.encode)
    | st.binary(max_size=60).map(lambda tail: b"\x92\x81\xa1v\x01" + tail)
)
TYPES = st.sampled_from(["application/json", "text/plain", CONTENT_TYPE, "application/x-ndjson", "", "x/y"])
ENCODINGS = st.sampled_from([None, None, None, "gzip", "zstd", "deflate", "br", "gzip, gzip"])
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["Origin", "Host", "User-Agent", "Authorization", "X-Any", "Sec-Fetch-Site", "Cf-Worker"]
        ),
        NASTY.map(str.strip),
    ),
    max_size=3,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    body=BODIES,
    kind=TYPES,
    encoding=ENCODINGS,
    headers=HEADERS,
    target=st.sampled_from(["/log", "/log/", "/log?key=%zz&key"]),
)
def test_no_input_is_a_fault(
    body, kind, encoding, headers, target: str, kept: tuple[Running, ScriptedStore]
) -> None:
    """
    Whatever bytes come, the answer is below 500, has our shape, and the server counts no fault.
    """
    running, _ = kept
    given_headers = [("Content-Type", kind), *headers]
    if encoding is not None:
        packed = gzip.compress(body) if encoding == "gzip" else body
        body = packed
        given_headers.append(("Content-Encoding", encoding))
    answer = running.post(body, *given_headers, target=target)
    assert answer.status < 500
    assert answer.json["success"] is (answer.status == 200)
    assert answer.status == 200 or {"error", "reason"} <= set(answer.json)
    assert running.app.faults.total == 0


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    data=st.binary(max_size=300),
    start=st.sampled_from([b"", b"POST /log HTTP/1.1\r\n", b"POST /log HTTP/1.1\r\nHost: 127.0.0.1\r\n"]),
)
def test_no_bytes_on_the_wire_are_a_fault(
    data: bytes, start: bytes, kept: tuple[Running, ScriptedStore]
) -> None:
    """
    Bytes that are no HTTP are answered below 500 or not at all, and the next connection is served.
    """
    running, _ = kept
    with Line(running.port) as line:
        line.send(start + data + b"\r\n\r\n")
        line.socket.shutdown(1)
        with suppress(ConnectionError, ValueError):  # closed without a word, or words before the head
            assert line.answer().status < 500
    assert running.get("/healthz").status == 200
    assert running.app.faults.total == 0


@pytest.fixture
def anyio_backend() -> str:
    """
    The loop that the server is made for.
    """
    return "asyncio"


@pytest.mark.anyio
async def test_counts_are_bounded_while_the_store_is_away() -> None:
    """
    However many names refused entries come under, so many are kept apart and the rest without one; none is lost.
    """
    store = ScriptedStore()
    store.trouble = RuntimeError("broken")
    counts = Counts(store, Faults())
    for number in range(MOST + 500):
        counts.add(f"s{number}", "backend", "rejected", "bad_json")
        counts.keep(f"s{number}", b"{}")
    assert len(counts._counts) <= MOST + 1
    assert len(counts._reports) == MOST
    store.trouble = None
    await counts.drain()
    assert sum(one.n for one in store.outcomes) == MOST + 500
    assert f"s{MOST + 499}" in store.reports


@pytest.mark.anyio
async def test_a_count_is_written_once_whatever_fails_after_it() -> None:
    """
    When counts are in the store and reports fail, only the reports are tried again.
    """

    class Half(ScriptedStore):
        async def report(self, source: str, report: bytes) -> None:
            if self.hold:
                raise RuntimeError("broken")
            await super().report(source, report)

    store = Half()
    store.hold = True
    faults = Faults()
    counts = Counts(store, faults)
    counts.add("s", "backend", "rejected", "bad_json")
    counts.keep("s", b"1")
    await counts.drain()
    assert faults.total == 1
    counts.keep("t", b"2")
    store.hold = False
    await counts.drain()
    assert sum(one.n for one in store.outcomes) == 1
    assert store.reports == {"s": b"1", "t": b"2"}
    await counts.drain()


def test_the_same_fault_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """
    A fault that comes again and again is one line a minute, with how often it came.
    """
    now = [0.0]
    faults = Faults(clock=lambda: now[0])
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            faults.tell(_raised())
        now[0] = 61.0
        faults.tell(_raised())
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[1].endswith("and 4 times before")
    assert "KeyError at server/test_ingest.py:" in said[0]
    assert "secret" not in caplog.text
    assert faults.total == 6


def test_the_memory_of_faults_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """
    Faults of any number of kinds fill no memory.
    """
    faults = Faults()
    with caplog.at_level(logging.CRITICAL):
        for number in range(3 * PLACES):
            faults.tell(type(f"Kind{number}", (Exception,), {})())
    assert len(faults._told) <= PLACES


def _raised() -> KeyError:
    with pytest.raises(KeyError) as caught:
        {}["secret"]
    return caught.value
