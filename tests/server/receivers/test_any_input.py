"""
Whatever comes in: a receiver gives a valid batch or refuses with a sentence, and never fails in another way.
"""

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.receivers.bodies import (
    JSON,
    NOW,
    OTHERS,
    PROTOBUF,
    RECEIVERS,
    attributes,
    console,
    execution,
    log,
    logpush,
    logs_request,
    read,
    record,
    span,
    spans_request,
    tail,
)
from tests.server.receivers.test_otlp import RECORDS, SPANS, as_protobuf
from tracelog.core.console import console_text
from tracelog.core.entry import LEVELS, SYSTEM, decode_entry, encode_entry, is_span_id, is_trace_id
from tracelog.errors import TracelogError
from tracelog.server.receivers.texts import find_trace, read_line

SEEDS = {
    "convex": [
        console(),
        console('\'{"trace_id":"t","message":"m"}\''),
        execution(status="failure"),
        *OTHERS,
    ],
    "cloudflare": [tail(logs=[log("%s %d", "a", 1, {"b": [None]})]), logpush(Exceptions=[{"Name": "E"}])],
    "logs": [logs_request(*RECORDS), logs_request(record(traceId="x"))],
    "traces": [spans_request(*SPANS), spans_request(span(links=[{}], events=[{}]))],
}
"""Honest input, to be bent."""

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", "\x00", "1" * 30, "trace_id=x", '{"message":1}', "00", "-1", "NaN", 10**400])
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def bent(draw, seeds):
    """
    Return one of *seeds* with a few of its parts replaced, removed or doubled.
    """
    value = json.loads(json.dumps(draw(st.sampled_from(seeds))))
    for _ in range(draw(st.integers(1, 4))):
        at, where = value, []
        while isinstance(at, dict | list) and at and (not where or draw(st.integers(0, 5))):
            keys = sorted(at) if isinstance(at, dict) else range(len(at))
            where.append((at, draw(st.sampled_from(list(keys)))))
            at = where[-1][0][where[-1][1]]
        if where:
            owner, key = where[-1]
            owner[key] = draw(VALUES)
    return value


def check(name, body, content_type=JSON):
    """
    Read *body* and hold everything that comes out against what a batch promises.
    """
    try:
        batch = read(name, body, content_type)
    except TracelogError as refused:
        status = refused.status
    else:
        check_batch(batch)
        status = 200
    assert 200 <= status < 500


def check_batch(batch):
    """
    Hold a batch and its entries against what they promise.
    """
    assert len(batch.places) == len(batch.entries)
    assert batch.places == sorted(batch.places)
    assert {drop.index for drop in batch.drops}.isdisjoint(batch.places)
    for entry in batch.entries:
        encoded = encode_entry(entry)
        assert b"\\u0000" not in encoded.replace(b"\\\\", b"")
        assert encode_entry(decode_entry(encoded)) == encoded
        assert entry.id
        assert is_trace_id(entry.trace_id)
        assert entry.level in LEVELS
        assert entry.timestamp > 0
        assert entry.system == "" or SYSTEM.fullmatch(entry.system)
        assert all(one is None or is_span_id(one) for one in (entry.span_id, entry.parent_id))
        assert entry.origin is None
    for drop in batch.drops:
        assert drop.outcome == "rejected"
        assert drop.reason
        assert drop.error


@pytest.mark.parametrize("name", RECEIVERS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bent_input_is_read_or_refused(name, data):
    """
    Honest input with parts of it replaced by anything gives valid entries and refusals, nothing else.
    """
    value = data.draw(bent(SEEDS[name]))
    check(name, json.dumps(value).encode())


@pytest.mark.parametrize("name", RECEIVERS)
@settings(max_examples=60)
@given(value=VALUES | st.lists(VALUES, max_size=4))
def test_any_json_is_read_or_refused(name, value):
    """
    JSON of any shape, with numbers that are none and halves of characters, raises nothing unforeseen.
    """
    check(name, json.dumps(value).encode())
    check(name, json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", RECEIVERS)
@settings(max_examples=50)
@given(data=st.data())
def test_any_bytes_are_read_or_refused(name, data):
    """
    Bytes of any kind, and honest bytes cut, doubled or with one of them changed, raise nothing unforeseen.
    """
    honest = json.dumps(data.draw(st.sampled_from(SEEDS[name]))).encode()
    cut = data.draw(st.integers(0, len(honest)))
    middle = data.draw(st.binary(max_size=4))
    kind = data.draw(st.sampled_from([JSON, "text/plain", PROTOBUF, "", "x/y"]))
    check(name, honest[:cut] + middle + honest[cut:], kind)
    check(name, data.draw(st.sampled_from([b"", b"{", b"["])) + middle * 3, kind)


@pytest.mark.parametrize("name", ["logs", "traces"])
@settings(max_examples=60)
@given(data=st.data())
def test_any_protobuf_is_read_or_refused(name, data):
    """
    Messages with bytes changed, and bytes of any kind, raise nothing unforeseen.
    """
    items = {"logs": logs_request(*RECORDS), "traces": spans_request(*SPANS)}[name]
    honest = as_protobuf(name, items)
    at = data.draw(st.integers(0, len(honest)))
    check(
        name,
        honest[:at] + data.draw(st.binary(max_size=4)) + honest[at + data.draw(st.integers(0, 3)) :],
        PROTOBUF,
    )
    check(name, data.draw(st.binary(max_size=40)), PROTOBUF)


@given(
    st.text(max_size=60) | st.sampled_from(["trace_id=" + "a" * 129, "trace_id=" * 50, "traceparent=00-x"])
)
def test_a_trace_found_in_a_text_is_one(text):
    """
    What is taken for a trace id out of free text is one, and stands in it.
    """
    found = find_trace(text)
    assert found is None or (is_trace_id(found) and found in text)
    assert "message" in read_line(text)


@given(st.lists(VALUES, max_size=4))
def test_console_arguments_of_any_kind_are_a_text(arguments):
    """
    Formatting takes any arguments and never loses a plain text among them.
    """
    text = console_text(arguments)
    assert isinstance(text, str)
    if arguments and isinstance(arguments[0], str) and "%" not in arguments[0]:
        assert text.startswith(arguments[0])


@pytest.mark.parametrize("name", RECEIVERS)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b'[{"topic":"console","message":"' + b"a" * 3_000_000 + b'"}]',
        b'[{"topic":"x","n":' + b"9" * 1_000_000 + b"}]",
        b'[{"topic":"x","n":1e999}]',
        b'[{"topic":"console","message":"' + b"trace_id=" * 100_000 + b'"}]',
        b'[{"topic":"console","message":"' + b"'" + b"\\\\" * 400_000 + b'"}]',
        b'[{"logs":[{"message":["' + b"%s" * 200_000 + b'"' + b",1" * 100_000 + b"]}]}]",
    ],
    ids=["brackets", "nested", "long", "digits", "infinite", "markers", "escapes", "specifiers"],
)
def test_hostile_sizes_cost_no_time(name, body):
    """
    Inputs made to be slow are read or refused; the time limit of the test is its stopwatch.
    """
    check(name, body)


def test_arrival_is_the_clock_of_what_has_none():
    """
    The fixed moment of these tests is what an entry without a time gets.
    """
    batch = read("convex", [{"topic": "x"}])
    assert batch.entries[0].timestamp == NOW


LONG = "x" * 1_000_000
MANY = 1_000
COPIED = {
    "name of a worker": ("cloudflare", lambda word, n: tail(scriptName=word, logs=[log("a")] * n)),
    "entry point": ("cloudflare", lambda word, n: tail(entrypoint=word, logs=[log("a")] * n)),
    "version": ("cloudflare", lambda word, n: tail(scriptVersion={"id": word}, logs=[log("a")] * n)),
    "resource": ("logs", lambda word, n: logs_request(*[record()] * n, resource=attributes(a=word))),
    "attributes": (
        "logs",
        lambda word, n: logs_request(
            *[record()] * n, resource=attributes(**{f"a{at}": "v" for at in range(len(word) // 50)})
        ),
    ),
    "scope": ("logs", lambda word, n: logs_request(*[record()] * n, scope={"name": word, "version": word})),
    "attributes of a scope": (
        "logs",
        lambda word, n: logs_request(*[record()] * n, scope={"attributes": attributes(a=word)}),
    ),
    "span": (
        "traces",
        lambda word, n: spans_request(
            span(events=[{"name": "e"}] * n, attributes=attributes(tracelog_service=word, tracelog_id=word))
        ),
    ),
}
"""Where a body says something once that each of its entries has: kind, and the body of a word and so many entries."""


def cost_of(kind, body):
    """
    Return the seconds of computing that *body* takes, the least of three: other programs take no part in it.
    """

    def once():
        began = time.thread_time()
        read(kind, body)
        return time.thread_time() - began

    return min(once() for _ in range(3))


@pytest.mark.parametrize("name", COPIED)
def test_what_many_entries_share_costs_once(name):
    """
    A word that a body says once and means for a thousand entries is looked at once, however long it is: it costs
    what it does for one entry, beside what the entries cost. And they stay in proportion to it together.
    """
    kind, make = COPIED[name]
    bodies = [
        json.dumps(make(word, many)).encode() for word, many in ((LONG, 1), ("x" * 400, MANY), (LONG, MANY))
    ]
    entries = read(kind, bodies[-1]).entries
    assert len(entries) >= MANY
    assert sum(len(encode_entry(entry)) for entry in entries) < 12 * len(LONG)
    word, many, both = (cost_of(kind, body) for body in bodies)
    assert both < 4 * (word + many)


@pytest.mark.parametrize("protobuf", [False, True])
def test_a_resource_says_what_it_lost(protobuf):
    """
    What a resource says beyond its room is left out, largest first, and counted as OTLP counts it.
    """
    sizes = {"big": 9_000, "middle": 5_000, "more": 5_100}
    resource = attributes(service_name="pay", host_name="a", **{name: "x" * n for name, n in sizes.items()})
    made = logs_request(record(), resource=resource)
    body, kind = (as_protobuf("logs", made), PROTOBUF) if protobuf else (made, JSON)
    (entry,) = read("logs", body, kind).entries
    kept = (entry.context or {})["resource"]
    assert (entry.service, set(kept)) == ("pay", {"host.name", "middle", "droppedAttributesCount"})
    assert kept["droppedAttributesCount"] == 2


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("logs", b'{"resourceLogs":[' + b",".join([b"{}"] * 20_000) + b"]}", JSON),
        ("logs", b'{"resourceLogs":[{"scopeLogs":[' + b",".join([b"{}"] * 20_000) + b"]}]}", JSON),
        ("logs", b"\x0a\x00" * 20_000, PROTOBUF),
        ("traces", b"\x0a\x00" * 20_000, PROTOBUF),
    ],
    ids=["resources", "scopes", "protobuf logs", "protobuf spans"],
)
def test_a_request_of_empty_groups_is_refused(name, body, kind):
    """
    Two bytes make a resource: more of them than items may be in a body are too many.
    """
    with pytest.raises(TracelogError) as refused:
        read(name, body, kind)
    assert (refused.value.reason, refused.value.status) == ("too_many", 413)


def test_what_is_too_much_is_not_understood_first():
    """
    An event with more lines than a body may make is refused unread, and so is what comes behind too many.
    """
    events = [tail(logs=[log("a")] * 10_001), *[tail(logs=[log("a")] * 9_000)] * 4, tail(logs=[])]
    batch = read("cloudflare", events)
    drops = sorted((drop.index, drop.reason) for drop in batch.drops)
    assert drops == [(at, "too_many") for at in (0, 2, 3, 4, 5)]
    assert len(batch.entries) == batch.places.count(1) >= 9_001
