"""
OTLP: records and spans become entries, the same from JSON and from protobuf.
"""

import base64
import json
import sys

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.server.receivers.bodies import (
    JSON,
    NOW,
    NOW_NS,
    PARENT,
    PROTOBUF,
    SPAN,
    TRACE,
    as_bytes,
    attributes,
    console,
    entries,
    logs_request,
    one,
    read,
    record,
    span,
    spans_request,
)
from tracelog.core.entry import FIELDS
from tracelog.errors import InvalidBodyError

IDS = frozenset({"traceId", "spanId", "parentSpanId"})
MESSAGES = {"logs": ExportLogsServiceRequest, "traces": ExportTraceServiceRequest}


def as_protobuf(signal, request):
    """
    Return *request*, OTLP/JSON, as protobuf: the library wants ids in base64, OTLP/JSON has them in hex.
    """

    def in_base64(value):
        if isinstance(value, dict):
            return {
                key: base64.b64encode(bytes.fromhex(item)).decode() if key in IDS else in_base64(item)
                for key, item in value.items()
            }
        return [in_base64(item) for item in value] if isinstance(value, list) else value

    return ParseDict(in_base64(request), MESSAGES[signal](), max_recursion_depth=1_000).SerializeToString()


def test_a_record_is_an_entry():
    """
    Time, severity, body, ids, scope, resource and attributes all find their fields.
    """
    resource = attributes(
        service_name="pay",
        service_version="1.2",
        deployment_environment_name="prod",
        telemetry_sdk_language="python",
        host_name="h1",
    )
    more = {"traceId": TRACE, "spanId": SPAN, "severityNumber": 17, "severityText": "ERROR"}
    item = record("no card", **more, attributes=attributes(http_route="/pay", user_id="u1"))
    entry = one("logs", logs_request(item, resource=resource, scope={"name": "pay.bank", "version": "3"}))
    told = {name: getattr(entry, name) for name in FIELDS if getattr(entry, name) is not None}
    del told["id"]
    assert told == {
        "timestamp": NOW,
        "level": "error",
        "message": "no card",
        "trace_id": TRACE,
        "span_id": SPAN,
        "system": "backend",
        "service": "pay",
        "release": "1.2",
        "environment": "prod",
        "logger": "pay.bank",
        "user_id": "u1",
        "context": {
            "http.route": "/pay",
            "resource": {"telemetry.sdk.language": "python", "host.name": "h1"},
            "scope": {"version": "3"},
        },
    }


ANYTHING = {
    "kvlistValue": {
        "values": [
            {"key": "message", "value": {"stringValue": "from an object"}},
            {"key": "n", "value": {"intValue": "9007199254740993"}},
            {"key": "x", "value": {"doubleValue": 0.5}},
            {"key": "b", "value": {"bytesValue": "3q2+7w=="}},
            {"key": "nothing", "value": {}},
            {
                "key": "list",
                "value": {"arrayValue": {"values": [{"boolValue": True}, {"kvlistValue": {"values": []}}]}},
            },
        ]
    }
}

SPANS = [
    span(),
    span(
        spanId="1111111111111111",
        parentSpanId="",
        kind=2,
        traceState="a=b",
        droppedEventsCount=2,
        status={"code": 2, "message": "declined"},
        attributes=attributes(error_type="CardError", http_route="/pay"),
        links=[{"traceId": TRACE, "spanId": PARENT, "attributes": attributes(why="retry")}],
        events=[
            {
                "timeUnixNano": str(NOW_NS + 5_000_000),
                "name": "exception",
                "attributes": attributes(
                    exception_type="CardError",
                    exception_message="declined",
                    exception_stacktrace="File x",
                    exception_escaped="False",
                ),
            },
            {"timeUnixNano": str(NOW_NS + 1_000_000), "name": "cache miss", "attributes": attributes(k="v")},
        ],
    ),
]

RECORDS = [
    record("text", traceId=TRACE, spanId=SPAN),
    record(ANYTHING, eventName="paid"),
    record({"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}),
    record({"boolValue": True}, severityNumber=0, severityText="Warning"),
    record({}, attributes=attributes(exception_type="E", exception_message="m", exception_stacktrace="s")),
    record('{"message":"json","trace_id":"t-1","level":"debug","k":1}'),
    {"observedTimeUnixNano": str(NOW_NS), "body": {"stringValue": "seen"}},
    {"body": {"stringValue": "timeless"}},
]


@pytest.mark.parametrize(
    ("signal", "request_of", "items"),
    [("logs", logs_request, RECORDS), ("traces", spans_request, SPANS)],
    ids=["logs", "traces"],
)
def test_both_encodings_mean_the_same(signal, request_of, items):
    """
    The same request gives the same entries in JSON and in protobuf, but for ids made of the bytes.
    """
    request = request_of(*items)

    def told(body, kind):
        return [
            {name: getattr(e, name) for name in FIELDS - {"id", "trace_id"}}
            | ({"trace_id": e.trace_id} if e.trace_id in {TRACE, "t-1"} else {})
            for e in entries(signal, body, kind)
        ]

    assert told(request, JSON) == told(as_protobuf(signal, request), PROTOBUF)


def test_bodies_of_every_kind_are_messages():
    """
    Texts, objects, lists and plain values read as text; a record without body says what else it has.
    """
    found = entries(
        "logs",
        logs_request(*RECORDS, record({}, eventName="login"), record({}, attributes=attributes(a="b"))),
    )
    assert [(e.level, e.message) for e in found] == [
        ("info", "text"),
        ("info", "from an object"),
        ("info", '["a",1]'),
        ("warn", "true"),
        ("info", "E: m"),
        ("debug", "json"),
        ("info", "seen"),
        ("info", "timeless"),
        ("info", "login"),
        ("info", "a=b"),
    ]
    assert found[1].context == {
        "event_name": "paid",
        "n": 9007199254740993,
        "x": 0.5,
        "b": "3q2+7w==",
        "nothing": None,
        "list": [True, {}],
    }
    assert (found[4].error, found[4].stack) == ({"type": "E", "message": "m"}, "s")
    assert found[5].trace_id == "t-1"
    assert found[7].id.startswith("minted-"), "without a time, equal bytes may well be said twice"


@pytest.mark.parametrize(
    ("number", "text", "level"),
    [
        (1, "", "debug"),
        (8, "", "debug"),
        (9, "", "info"),
        (9, "LOG", "log"),
        (12, "", "info"),
        (13, "", "warn"),
        (17, "WARN", "error"),
        (21, "", "fatal"),
        (24, "CRITICAL", "fatal"),
        (0, "", "info"),
        (0, "warning", "warn"),
        (0, "ERROR3", "error"),
        (99, "debug", "debug"),
        (-5, "", "info"),
        ("SEVERITY_NUMBER_WARN2", "", "warn"),
        ("SEVERITY_NUMBER_UNSPECIFIED", "", "info"),
        (None, "odd", "info"),
    ],
)
def test_severity_is_a_level(number, text, level):
    """
    The number decides, the text where there is none; of names of one rank the text chooses.
    """
    assert one("logs", logs_request(record(severityNumber=number, severityText=text))).level == level


@pytest.mark.parametrize(
    ("trace_id", "span_id", "known"),
    [
        (TRACE, SPAN, True),
        (TRACE.upper(), SPAN.upper(), True),
        (
            base64.b64encode(bytes.fromhex(TRACE)).decode(),
            base64.b64encode(bytes.fromhex(SPAN)).decode(),
            True,
        ),
        ("0" * 32, "0" * 16, False),
        (TRACE[:-1], SPAN[:-1], False),
        ("", "", False),
        (None, None, False),
        (5, [], False),
        ("x" * 1_000, "é" * 16, False),
    ],
)
def test_ids_are_hex_or_base64(trace_id, span_id, known):
    """
    Ids are read in hexadecimal of any case, as OTLP/JSON demands, or base64, as general tools write it;
    others are none: a record goes without, a span is refused.
    """
    entry = one("logs", logs_request(record(traceId=trace_id, spanId=span_id)))
    assert ((entry.trace_id, entry.span_id) == (TRACE, SPAN)) is known
    assert known or entry.span_id is None
    batch = read("traces", spans_request(span(traceId=trace_id, spanId=span_id)))
    assert [drop.reason for drop in batch.drops] == ([] if known else ["bad_span"])


def test_a_span_is_an_entry_that_tells_its_duration():
    """
    A span stands at its start; exceptions and other events of it are entries of their own.
    """
    first, second, exception, event = entries("traces", spans_request(*SPANS))
    assert (first.message, first.timestamp, first.duration_ms, first.level) == (
        "charge card",
        NOW,
        12.5,
        "info",
    )
    assert (first.trace_id, first.span_id, first.parent_id) == (TRACE, SPAN, PARENT)
    assert first.context == {"kind": "client"}
    assert (second.level, second.error) == ("error", {"type": "CardError", "message": "declined"})
    assert second.parent_id is None
    assert second.context == {
        "error.type": "CardError",
        "http.route": "/pay",
        "kind": "server",
        "traceState": "a=b",
        "droppedEventsCount": 2,
        "links": [{"trace_id": TRACE, "span_id": PARENT, "attributes": {"why": "retry"}}],
    }
    assert (exception.level, exception.message, exception.stack) == ("error", "CardError: declined", "File x")
    assert exception.error == {"type": "CardError", "message": "declined"}
    assert exception.context == {"exception.escaped": "False"}
    assert (event.level, event.message, event.timestamp) == ("info", "cache miss", NOW + 1)
    assert {(e.span_id, e.service, e.logger) for e in (second, exception, event)} == {
        ("1111111111111111", "pay", "lib")
    }


def test_a_span_has_the_same_id_whoever_sends_it():
    """
    Two exporters that send one span, in whatever batch, store it once; its client and server halves in
    systems that share span ids are two.
    """
    alone = one("traces", spans_request(span()))
    among = entries("traces", spans_request(span(spanId="2" * 16), span(), span(kind=2)))
    assert alone.id == among[1].id
    assert len({e.id for e in among}) == 3


@pytest.mark.parametrize(
    ("start", "end", "duration"),
    [(NOW_NS, 0, None), (NOW_NS, NOW_NS, 0.0), (NOW_NS, NOW_NS - 1, None), (0, 0, None)],
)
def test_a_span_that_did_not_end_has_no_duration(start, end, duration):
    """
    Only an end behind the start makes a duration.
    """
    entry = one("traces", spans_request(span(startTimeUnixNano=start, endTimeUnixNano=str(end))))
    assert (entry.duration_ms, entry.timestamp) == (duration, NOW)


def test_names_of_enumerations_are_understood():
    """
    Kinds and status codes written as names, as general JSON tools do, mean the same.
    """
    entry = one("traces", spans_request(span(kind="SPAN_KIND_SERVER", status={"code": "STATUS_CODE_ERROR"})))
    assert (entry.level, entry.context) == ("error", {"kind": "server"})
    entry = one("traces", spans_request(span(kind="ODD", status={"code": 77})))
    assert (entry.level, entry.context) == ("info", None)


@pytest.mark.parametrize(
    ("resource", "system"),
    [
        (attributes(telemetry_sdk_language="webjs"), "browser"),
        (attributes(cloud_platform="cloudflare.workers", telemetry_sdk_language="js"), "worker"),
        (attributes(browser_platform="Linux"), "browser"),
        (attributes(telemetry_sdk_language="go"), "backend"),
        (attributes(tracelog_system="edge", telemetry_sdk_language="go"), "edge"),
        (attributes(host_name="h"), ""),
        ([], ""),
    ],
)
def test_the_resource_tells_the_system(resource, system):
    """
    What spoke is told by its resource; where it says nothing, headers decide later.
    """
    assert one("logs", logs_request(record(), resource=resource)).system == system


def test_our_own_fields_come_through():
    """
    Attributes `tracelog.<field>` set that field, so an entry that was forwarded by OTLP is stored once and
    as it was.
    """
    own = [
        {"key": f"tracelog.{name}", "value": value}
        for name, value in {
            "id": {"stringValue": "src-7"},
            "trace_id": {"stringValue": "trace_123"},
            "source": {"stringValue": "src"},
            "seq": {"intValue": "7"},
            "hops": {"intValue": "2"},
            "area": {"stringValue": "checkout"},
            "origin": {"stringValue": "server"},
        }.items()
    ]
    for entry in (
        one("logs", logs_request(record(traceId=TRACE, attributes=own))),
        one("traces", spans_request(span(attributes=own))),
    ):
        assert (entry.id, entry.trace_id, entry.source, entry.seq) == ("src-7", "trace_123", "src", 7)
        assert (entry.hops, entry.area, entry.origin) == (2, "checkout", None)
        assert (entry.context or {})["tracelog.origin"] == "server"


def test_a_bad_trace_id_of_our_own_is_only_an_attribute():
    """
    An id that could not be a key stays in the context; the one that OTLP names counts.
    """
    bad = attributes(**{"tracelog.trace_id": "{x}"})
    bad[0]["key"] = "tracelog.trace_id"
    assert one("logs", logs_request(record(traceId=TRACE, attributes=bad))).trace_id == TRACE
    assert one("traces", spans_request(span(attributes=bad))).trace_id == TRACE


def test_a_record_id_of_its_own_is_the_entry_id():
    """
    `log.record.uid` says which records are one.
    """
    assert one("logs", logs_request(record(attributes=attributes(log_record_uid="01H")))).id == "01H"


def test_the_body_does_not_say_where_it_is_from():
    """
    A JSON body cannot override what the resource says.
    """
    body = json.dumps({"message": "m", "service": "fake", "environment": "fake", "logger": "fake"})
    entry = one("logs", logs_request(record(body)))
    assert (entry.service, entry.environment, entry.logger) == ("pay", None, "pay.bank")


def test_events_of_convex_are_unwrapped():
    """
    Convex's own OTLP exporter wraps the events of its log stream; they are read as such, traces included.
    """
    wrapped = [
        record(json.dumps(event), attributes=attributes(convex_topic="console"))
        for event in (console("'trace_id=t-1'"), console("'second'", level="WARN"))
    ]
    found = entries("logs", logs_request(*wrapped))
    assert [(e.system, e.trace_id, e.level, e.message) for e in found] == [
        ("convex", "t-1", "log", "trace_id=t-1"),
        ("convex", "t-1", "warn", "second"),
    ]


@pytest.mark.parametrize("body", ["plain", "5", '{"no":"topic"}', "{broken"])
def test_what_only_looks_like_an_event_of_convex_is_a_record(body):
    """
    A record that claims to be Convex's and is not stays a record.
    """
    entry = one("logs", logs_request(record(body, attributes=attributes(convex_topic="console"))))
    assert (entry.message, entry.service) == (body, "pay")


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (5, "not_an_object"),
        (None, "not_an_object"),
        ({}, "missing_message"),
        ({"body": {}}, "missing_message"),
        (record(timeUnixNano="soon"), "bad_number"),
        (record(timeUnixNano=-1), "bad_number"),
        (record(timeUnixNano=0.5), "bad_number"),
        (record(timeUnixNano=True), "bad_number"),
        (record(attributes={"a": 1}), "bad_attributes"),
        (record(attributes=[{"key": 5}]), "bad_attributes"),
        (record(attributes=[{"key": "tracelog.hops", "value": {"intValue": "9"}}]), "loop"),
    ],
)
def test_a_bad_record_is_refused_alone(item, reason):
    """
    A record that cannot be read is dropped with its place among all records; the others are taken.
    """
    batch = read("logs", logs_request(record(), item, record()))
    assert [(drop.index, drop.reason) for drop in batch.drops] == [(1, reason)]
    assert batch.places == [0, 2]


@pytest.mark.parametrize("status", [None, 5, "x"])
def test_parts_of_a_wrong_kind_cost_nothing(status):
    """
    A span is read without what is not what it should be.
    """
    assert one("traces", spans_request(span(status=status, name=5, kind=True))).level == "info"


def test_an_exception_by_another_name_is_one():
    """
    An event with the attributes of an exception is an error, whatever it is called; its name is kept.
    """
    event = {"name": "payment.failed", "attributes": attributes(exception_type="E")}
    entry = entries("traces", spans_request(span(events=[event])))[1]
    assert (entry.level, entry.message, entry.context) == ("error", "E", {"event_name": "payment.failed"})


def test_times_may_be_numbers_of_any_kind():
    """
    Nanoseconds are read from text, integers and whole floats alike.
    """
    for time in (str(NOW_NS), NOW_NS, float(NOW_NS)):
        assert one("logs", logs_request(record(timeUnixNano=time))).timestamp == NOW


def test_a_time_that_makes_no_sense_is_replaced_by_arrival():
    """
    A clock that was never set costs no record; the entry says what was sent.
    """
    entry = one("logs", logs_request(record(timeUnixNano=str(NOW_NS + 10**18))))
    assert (entry.timestamp, entry.fixed) == (NOW, ["timestamp"])


def test_values_are_nested_as_deep_as_an_entry_may_be():
    """
    Deeper attribute values end in a mark, in both encodings.
    """
    for depth in (34, 80):
        value = {"intValue": "1"}
        for _ in range(depth // 2):
            value = {"arrayValue": {"values": [value]}}
            value = {"kvlistValue": {"values": [{"key": "k", "value": value}]}}
        request = logs_request(record(attributes=[{"key": "deep", "value": value}]))
        assert "nested too deep" in json.dumps(one("logs", request).context)
        if depth == 34:  # what is deeper, protobuf itself refuses
            entry = one("logs", as_protobuf("logs", request), PROTOBUF)
            assert "nested too deep" in json.dumps(entry.context)


def test_a_file_of_requests_is_read_line_by_line():
    """
    What a Collector writes to a file, one request a line, can be posted as it is.
    """
    lines = "\n".join(json.dumps(logs_request(record(text))) for text in ("a", "b")).encode()
    assert [e.message for e in entries("logs", lines, "application/x-ndjson")] == ["a", "b"]


@pytest.mark.parametrize("signal", ["logs", "traces"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", PROTOBUF),
        (b"{}", JSON),
        (b'{"resourceLogs":null,"resourceSpans":[]}', JSON),
        (b'{"resourceLogs":[{}],"resourceSpans":[{}]}', JSON),
        (b'{"resourceLogs":[],"resourceSpans":[{"scopeSpans":[]}],"unknown":{"x":1}}', JSON),
    ],
)
def test_an_empty_request_is_fine(signal, body, kind):
    """
    A request without items succeeds, and names that are not known are skipped (OTLP specification).
    """
    batch = read(signal, body, kind)
    assert (batch.entries, batch.drops) == ([], [])


@pytest.mark.parametrize(
    ("body", "kind", "reason", "status"),
    [
        (b"not json", JSON, "not_json", 400),
        (b"[{}]x", JSON, "bad_json", 400),
        (b"{", JSON, "bad_json", 400),
        (b"[1]", JSON, "not_otlp", 400),
        (b'{"resourceSpans":[]}', JSON, "not_otlp", 400),
        (b'{"resourceLogs":5}', JSON, "not_otlp", 400),
        (b'{"resourceLogs":[5]}', JSON, "not_otlp", 400),
        (b'{"resourceLogs":[{"resource":{"attributes":[1]}}]}', JSON, "bad_attributes", 400),
        (b'{"resourceLogs":[{"scopeLogs":[{"scope":{"attributes":7}}]}]}', JSON, "bad_attributes", 400),
        pytest.param(b'{"a":' * 100_000, JSON, "too_deep", 400, id="deep"),
        (b"{}", PROTOBUF, "bad_protobuf", 400),
        (b"{}", "", "content_type", 415),
        (b"{}", "multipart/form-data", "content_type", 415),
        (b"{}", "application/json;charset=utf-16", "content_type", 415),
        pytest.param(as_bytes(logs_request(*[{}] * 10_001)), JSON, "too_many", 413, id="many"),
        pytest.param(
            as_protobuf("logs", logs_request(*[{}] * 10_001)), PROTOBUF, "too_many", 413, id="many protobuf"
        ),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_as_a_whole(body, kind, reason, status):
    """
    What is no request is refused with a status that no exporter repeats.
    """
    with pytest.raises(InvalidBodyError) as refused:
        read("logs", body, kind)
    assert (refused.value.reason, refused.value.status) == (reason, status)


def test_without_the_extra_protobuf_is_refused_and_json_works(monkeypatch):
    """
    Where `opentelemetry-proto` is not installed, JSON is read all the same, and protobuf is told what to do.
    """
    monkeypatch.delitem(sys.modules, "tracelog.server.receivers.otlp_protobuf", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.collector.logs.v1.logs_service_pb2", None)
    assert one("logs", logs_request(record())).message == "hello"
    with pytest.raises(InvalidBodyError, match="extra otlp") as refused:
        read("logs", as_protobuf("logs", logs_request(record())), PROTOBUF)
    assert refused.value.status == 415
