"""
The doors for other systems over real HTTP: who may enter, what is answered, what is stored.
"""

import gzip
import hashlib
import hmac
import json
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.server.receivers.bodies import (
    JSON,
    OTHERS,
    PROTOBUF,
    REQUEST,
    SECRET,
    SPAN,
    TRACE,
    VECTOR,
    VECTOR_SIGNATURE,
    attributes,
    console,
    execution,
    log,
    logs_request,
    record,
    span,
    spans_request,
    tail,
)
from tests.server.receivers.test_otlp import RECORDS, SPANS, as_protobuf
from tests.server.running import Answer, Running, request
from tests.server.scripted import ScriptedStore
from tracelog.config import Key
from tracelog.errors import StoreUnavailableError
from tracelog.server.signature import FRESH_MS

PATHS = ("/v1/logs", "/v1/traces", "/i/v1/logs", "/webhooks/convex", "/webhooks/cloudflare")
KEYS = (
    Key(token="writes"),
    Key(token="reads", role="read"),
    Key(token="edge", system="edge-eu"),
    Key(token="page", origins=("https://shop.example.com",), public=True),
)
AS_JSON = ("Content-Type", JSON)
AS_PROTOBUF = ("Content-Type", PROTOBUF)
WRITES = ("Authorization", "Bearer writes")
READS = ("Authorization", "Bearer reads")


@pytest.fixture(scope="module")
def signed() -> Iterator[Running]:
    """
    A server that knows Convex's secret.
    """
    with Running(convex_secret=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def keyed() -> Iterator[Running]:
    """
    A server with keys.
    """
    with Running(keys=KEYS) as running:
        yield running


def now_ms(ago: float = 0.0) -> float:
    return round(time.time() * 1000 - ago)


def now_ns() -> str:
    return str(time.time_ns())


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def to_convex(running: Running, body: bytes, *signatures: str, **named: str) -> Answer:
    headers = [("X-Webhook-Signature", signature) for signature in signatures]
    return running.post(body, AS_JSON, *headers, target="/webhooks/convex", **named)


def trace(running: Running, trace_id: str, *headers: tuple[str, str]) -> list[dict[str, Any]]:
    """
    Return the stored entries of a trace, none when it is unknown.
    """
    answer = running.get(f"/api/v1/traces/{trace_id}", *headers)
    return answer.json["entries"] if answer.status == 200 else []


def test_processes_and_restarts_take_a_request_for_the_same(tmp_path: Path) -> None:
    """
    What one process learned about a request holds for the others of its store, and a body sent again to any of
    them, or after a restart, is stored once, in the trace that it first was of.
    """
    said = (f"'trace_id={TRACE}'", "'early'", "'late'")
    marker, early, late = (json.dumps([console(text, timestamp=now_ms())]).encode() for text in said)
    settings: dict[str, Any] = {"store_url": f"sqlite:///{tmp_path}/logs.db", "convex_secret": SECRET}

    def accepted(running: Running, body: bytes) -> int:
        return int(to_convex(running, body, sign(body)).json["accepted"])

    with Running(**settings) as one, Running(**settings) as two:
        sent = [(one, early), (two, marker), (one, late), (two, late), (two, early), (one, early)]
        assert [accepted(*each) for each in sent] == [1, 1, 1, 0, 0, 0]
    with Running(**settings) as again:
        assert [accepted(again, body) for body in (late, early)] == [0, 0]
        assert [e["message"] for e in trace(again, TRACE)] == [f"trace_id={TRACE}", "late"]
        assert [e["message"] for e in trace(again, f"convex:{REQUEST}")] == ["early"]


def test_the_published_vector_verifies(signed: Running) -> None:
    """
    The event that Convex sends to test a connection is answered with success, however old the vector is.
    """
    answer = to_convex(signed, VECTOR, VECTOR_SIGNATURE)
    assert (answer.status, answer.json["accepted"] + answer.json["duplicate"]) == (200, 1)
    stored = [e for e in trace(signed, "convex:happy-animal-123") if e["timestamp"] == 1715879172882]
    assert [(e["message"], e["origin"], e["system"]) for e in stored] == [
        ("Convex connection test", "webhook", "convex")
    ]


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        ["sha256=" + "0" * 64],
        [VECTOR_SIGNATURE.removeprefix("sha256=")],
        [VECTOR_SIGNATURE[:-1]],
        [VECTOR_SIGNATURE + "0"],
        ["sha256=" + VECTOR_SIGNATURE[7:].upper()],
        [VECTOR_SIGNATURE.replace("sha256", "sha512")],
        [VECTOR_SIGNATURE, VECTOR_SIGNATURE],
        [sign(VECTOR, "another secret")],
        [sign(json.dumps(json.loads(VECTOR)).encode())],
        [""],
        ["sha256=" + "é" * 64],
    ],
)
def test_a_wrong_signature_is_refused(signatures: list[str], signed: Running) -> None:
    """
    Whatever is wrong about a signature, nothing is stored and the answer is 401.
    """
    body = json.dumps([console(f"'{signatures}'", timestamp=now_ms())]).encode()
    answer = to_convex(signed, VECTOR if signatures else body, *signatures)
    assert (answer.status, answer.json["success"]) == (401, False)
    assert answer.json["reason"] in {"signature", "signature_missing"}


def test_a_key_does_not_replace_the_signature(signed: Running) -> None:
    """
    Where a secret is set, loopback and keys are not enough.
    """
    assert signed.post([console()], AS_JSON, WRITES, target="/webhooks/convex").status == 401


@pytest.mark.parametrize(
    ("ago", "status"),
    [
        (0, 200),
        (6 * 60_000, 200),
        (FRESH_MS + 60_000, 401),
        (-FRESH_MS - 60_000, 401),
        (30 * 86_400_000, 401),
    ],
)
def test_an_old_body_is_a_replay(ago: float, status: int, signed: Running) -> None:
    """
    A signed body whose newest event is not from about now is refused and not stored.
    """
    request_id = f"ago-{ago:.0f}"
    item = console("'x'", timestamp=now_ms(ago), function={"request_id": request_id})
    body = json.dumps([item]).encode()
    answer = to_convex(signed, body, sign(body))
    assert answer.status == status
    assert len(trace(signed, f"convex:{request_id}")) == (status == 200)
    assert status == 200 or answer.json["reason"] == "stale"


@pytest.mark.parametrize("timestamp", [None, "soon", 10**18])
def test_a_body_that_says_no_time_is_a_replay(timestamp: Any, signed: Running) -> None:
    """
    An event without a time that makes sense proves nothing; arrival is not its age.
    """
    body = json.dumps([console("'x'", timestamp=timestamp)]).encode()
    assert to_convex(signed, body, sign(body)).json["reason"] == "stale"


def test_the_lines_of_a_long_action_are_taken(signed: Running) -> None:
    """
    The newest event tells the age: lines of half an hour ago come with the end of their action.
    """
    events = [console(timestamp=now_ms(30 * 60_000)), execution(timestamp=now_ms(), execution_time_ms=1.8e6)]
    body = json.dumps(events).encode()
    assert to_convex(signed, body, sign(body)).json["accepted"] == 2


def test_a_replayed_body_stores_nothing(signed: Running) -> None:
    """
    A body sent again within its time is acknowledged as duplicates.
    """
    events = [console(f"'{n}'", timestamp=now_ms(), function={"request_id": "again"}) for n in range(3)]
    body = json.dumps(events).encode()
    first, second = (to_convex(signed, body, sign(body)).json for _ in range(2))
    assert (first["accepted"], second["accepted"], second["duplicate"]) == (3, 0, 3)
    assert len(trace(signed, "convex:again")) == 3


def test_every_topic_is_taken_in_both_formats(signed: Running) -> None:
    """
    Arrays and lines of all event shapes are accepted whole.
    """
    events = [{**item, "timestamp": now_ms()} for item in [console(), execution(), *OTHERS]]
    for body in (json.dumps(events).encode(), "\n".join(map(json.dumps, events)).encode()):
        answer = to_convex(signed, body, sign(body))
        assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (200, len(events), [])


def test_bad_events_are_named_with_place_and_reason(signed: Running) -> None:
    """
    A batch with bad events keeps its good ones; one without any good one is refused for good.
    """
    body = json.dumps([5, console(timestamp=now_ms()), {}]).encode()
    answer = to_convex(signed, body, sign(body)).json
    assert [(one["index"], one["reason"]) for one in answer["rejected"]] == [
        (0, "not_an_object"),
        (2, "no_topic"),
    ]
    assert answer["accepted"] == 1
    assert to_convex(signed, b"[5,6]", sign(b"[5,6]")).status == 400
    assert to_convex(signed, b"[]", sign(b"[]")).status == 200


def test_convex_without_a_secret_needs_loopback_or_a_key(way: Running, keyed: Running) -> None:
    """
    Without a secret the webhook is a door like any other, and its entries are Convex's.
    """
    item = console("'x'", function={"request_id": "unsigned"})
    assert way.post([item], AS_JSON, target="/webhooks/convex").status == 200
    assert {e["origin"] for e in trace(way, "convex:unsigned")} == {"local"}
    assert keyed.post([item], AS_JSON, target="/webhooks/convex").status == 401
    assert keyed.post([item], AS_JSON, target="/webhooks/convex?key=writes").status == 200
    (entry,) = trace(keyed, "convex:unsigned", READS)
    assert (entry["origin"], entry["system"]) == ("server", "convex")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([READS], 403),
        ([("Authorization", "Bearer wrong")], 401),
        ([WRITES, ("Origin", "https://evil.example.com")], 403),
        ([WRITES, WRITES], 400),
        ([WRITES, ("Content-Encoding", "br")], 415),
        ([WRITES, ("Content-Encoding", "gzip")], 400),
        ([WRITES, ("Content-Length", "99999999")], 413),
    ],
)
def test_what_a_head_says_decides_first(path: str, headers: list[Any], status: int, keyed: Running) -> None:
    """
    Keys, origins, encodings and lengths are refused as everywhere, with an answer of the door's own shape.
    """
    answer = keyed.post(b"{}", AS_JSON, *headers, target=path)
    assert answer.status == status
    assert "www-authenticate" in dict(answer.headers) or status != 401
    assert answer.json["message" if path.endswith(("logs", "traces")) else "error"]


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_and_hosts_are_refused(path: str, way: Running) -> None:
    """
    A door takes POST on a host that this server is.
    """
    for method in ("GET", "PUT", "DELETE"):
        answer = way.ask(request(method, path, b"" if method != "GET" else None))
        assert (answer.status, answer.header("allow")) == (405, "POST, OPTIONS")
    foreign = ("Host", "evil.example.com")
    assert way.post(b"{}", foreign, target=path).status == 421
    assert way.ask(request("OPTIONS", path, headers=[foreign])).status == 421


@pytest.mark.parametrize("path", PATHS)
def test_browsers_may_send_from_where_they_are_allowed(path: str, keyed: Running) -> None:
    """
    A page of a listed origin gets its preflight and its answer, any other gets neither.
    """
    for origin, allowed in (("https://shop.example.com", True), ("https://evil.example.com", False)):
        asked = request(
            "OPTIONS", path, headers=[("Origin", origin), ("Access-Control-Request-Method", "POST")]
        )
        answer = keyed.ask(asked)
        assert answer.status == 204
        assert (answer.header("access-control-allow-origin") == origin) is allowed
    page = [("Authorization", "Bearer page"), ("Origin", "https://shop.example.com")]
    answer = keyed.post(b"{}", AS_JSON, *page, target=path)
    assert answer.header("access-control-allow-origin") == "https://shop.example.com"


@pytest.mark.parametrize("kind", ["application/gzip", "text/plain; charset=utf-8"])
def test_a_file_of_logpush_tells_by_itself_how_it_is_packed(kind: str, way: Running) -> None:
    """
    NDJSON in gzip is read where no header says so, member by member; a file that is cut short is refused.
    """
    lines = [json.dumps(tail(scriptName=f"w{n}")).encode() + b"\n" for n in range(2)]
    packed = b"".join(map(gzip.compress, lines))
    answer = way.post(packed, ("Content-Type", kind), target="/webhooks/cloudflare")
    assert (answer.status, answer.json["rejected"]) == (200, [])
    assert answer.json["accepted"] + answer.json["duplicate"] >= 2
    cut = way.post(packed[:-9], ("Content-Type", kind), target="/webhooks/cloudflare")
    assert (cut.status, cut.json["reason"]) == (400, "bad_encoding")


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
@pytest.mark.parametrize("protobuf", [False, True])
@pytest.mark.parametrize(
    ("signal", "made", "response"),
    [
        ("logs", logs_request(*RECORDS), ExportLogsServiceResponse),
        ("traces", spans_request(*SPANS), ExportTraceServiceResponse),
    ],
    ids=["logs", "traces"],
)
def test_an_export_succeeds(
    signal: str, made: Any, response: Any, protobuf: bool, encoding: str, way: Running
) -> None:
    """
    A whole export is answered as OTLP says, in the language of the request, whatever packs it.
    """
    body = as_protobuf(signal, made) if protobuf else json.dumps(made).encode()
    packed = {"": body, "gzip": gzip.compress(body), "deflate": zlib.compress(body)}[encoding]
    headers = [("Content-Encoding", encoding)] if encoding else []
    answer = way.post(packed, AS_PROTOBUF if protobuf else AS_JSON, *headers, target=f"/v1/{signal}")
    assert (answer.status, answer.header("content-type")) == (200, PROTOBUF if protobuf else JSON)
    if protobuf:
        assert response.FromString(answer.body) == response()
    else:
        assert answer.json == {}


@pytest.mark.parametrize(
    ("signal", "made", "field", "response"),
    [
        ("logs", logs_request({}, record(), record(), {}), "rejectedLogRecords", ExportLogsServiceResponse),
        (
            "traces",
            spans_request(span(traceId="0a"), span(), span(spanId="")),
            "rejectedSpans",
            ExportTraceServiceResponse,
        ),
    ],
)
def test_a_partial_success_counts_what_was_refused(
    signal: str, made: Any, field: str, response: Any, way: Running
) -> None:
    """
    Bad items are counted and explained, in both encodings; the good ones are taken.
    """
    told = way.post(made, AS_JSON, target=f"/v1/{signal}").json["partialSuccess"]
    assert told[field] == "2"
    answer = way.post(as_protobuf(signal, made), AS_PROTOBUF, target=f"/v1/{signal}")
    partial = response.FromString(answer.body).partial_success
    rejected = partial.rejected_log_records if signal == "logs" else partial.rejected_spans
    assert (answer.status, rejected) == (200, 2)
    assert partial.error_message == told["errorMessage"]


def status_of(body: bytes) -> tuple[int, str]:
    """
    Return the fields of a `google.rpc.Status`; a partial success has the same types under the same numbers.
    """
    read = ExportLogsServiceResponse.FromString(
        b"\x0a" + bytes([len(body) & 0x7F | 0x80, len(body) >> 7]) + body
    )
    return read.partial_success.rejected_log_records, read.partial_success.error_message


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"\xff\xff", [AS_PROTOBUF], 400, 3),
        (b"{", [AS_JSON], 400, 3),
        (b'{"resourceSpans":[]}', [AS_JSON], 400, 3),
        (json.dumps(logs_request({}, 5)).encode(), [AS_JSON], 400, 3),
        (b"<a/>", [("Content-Type", "application/xml")], 415, 3),
        (gzip.compress(b" " * 5_000_000), [AS_PROTOBUF, ("Content-Encoding", "gzip")], 413, 8),
        (b"{}", [AS_PROTOBUF, ("Host", "evil.example.com")], 421, 7),
    ],
    ids=["no protobuf", "no json", "traces", "crooked logs", "neither", "far too large", "foreign host"],
)
def test_a_refusal_is_a_status_in_the_language_of_the_request(
    body: bytes, headers: list[Any], status: int, code: int, way: Running
) -> None:
    """
    What cannot be taken is refused for good with a `google.rpc.Status`.
    """
    answer = way.post(body, *headers, target="/v1/logs")
    assert answer.status == status
    if AS_PROTOBUF in headers:
        assert answer.header("content-type") == PROTOBUF
        told = status_of(answer.body)
    else:
        told = (answer.json["code"], answer.json["message"])
    assert told[0] == code
    assert len(told[1]) > 20


@pytest.mark.parametrize("path", PATHS)
def test_temporary_trouble_is_503_with_a_time_to_wait(path: str) -> None:
    """
    While the store is away nothing is taken, and the sender is told when to come again; then all is taken.
    """
    store = ScriptedStore()
    bodies = {
        "/v1/traces": spans_request(span()),
        "/webhooks/convex": [console()],
        "/webhooks/cloudflare": [tail()],
    }
    body = bodies.get(path, logs_request(record()))
    with Running(store) as running:
        store.trouble = StoreUnavailableError("away", retry_after=7)
        answer = running.post(body, AS_JSON, target=path)
        assert (answer.status, answer.header("retry-after")) == (503, "7")
        store.trouble = None
        assert running.post(body, AS_JSON, target=path).status == 200
        assert len(store.stored) == 1


def test_a_fault_of_ours_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What nobody foresaw is a 500 that says nothing about the inside, and the server goes on.
    """
    with Running() as running, running.connect() as line:
        with monkeypatch.context() as patch:
            patch.setattr(running.app.ingest, "redactor", None)
            line.send(
                request("POST", "/v1/logs", json.dumps(logs_request(record())).encode(), headers=[AS_JSON])
            )
            answer = line.answer()
        assert (answer.status, answer.json["code"]) == (500, 13)
        assert b"NoneType" not in answer.body
        line.send(request("POST", "/v1/logs", json.dumps(logs_request(record())).encode(), headers=[AS_JSON]))
        assert line.answer().status == 200


def test_a_sender_that_goes_away_costs_nothing(way: Running) -> None:
    """
    A body that ends in the middle is no entry and no trouble for others.
    """
    before = way.get("/api/v1/status").json["faults"]
    with way.connect() as line:
        line.send(request("POST", "/webhooks/convex", b"[", headers=[AS_JSON, ("Content-Length", "50")]))
    assert way.post([], AS_JSON, target="/webhooks/convex").status == 200
    assert way.get("/api/v1/status").json["faults"] == before


def test_one_request_through_four_systems_is_one_trace(way: Running) -> None:
    """
    A worker's tail event, a Python span with its exception, a log record and a line of Convex make one
    report with one chain.
    """
    trace_id, root = "c" * 31 + str(way.port % 10), "aaaaaaaaaaaaaaaa"
    at, at_ns = now_ms(), time.time_ns()
    incoming = {"headers": {"traceparent": f"00-{trace_id}-{root}-01"}, "url": "https://s.example/pay"}
    resource = attributes(service_name="pay", telemetry_sdk_language="python")
    failed = span(
        traceId=trace_id,
        parentSpanId=root,
        startTimeUnixNano=str(at_ns),
        endTimeUnixNano=str(at_ns + 5_000_000),
        status={"code": 2, "message": "declined"},
        events=[
            {
                "name": "exception",
                "timeUnixNano": str(at_ns + 2_000_000),
                "attributes": attributes(exception_type="CardError", exception_message="declined"),
            }
        ],
    )
    said = record("charging", traceId=trace_id, spanId=SPAN, timeUnixNano=str(at_ns + 1_000_000))
    line = console(f"'trace_id={trace_id}'", timestamp=at + 3, function={"request_id": f"r{way.port}"})
    posts = [
        (
            "/webhooks/cloudflare",
            [tail(eventTimestamp=at, event={"request": incoming}, logs=[log("hi", at=at)])],
        ),
        ("/v1/traces", spans_request(failed, resource=resource)),
        ("/v1/logs", logs_request(said, resource=resource)),
        ("/webhooks/convex", [line]),
    ]
    for path, body in posts:
        assert way.post(body, AS_JSON, target=path).status == 200
    report = way.get(f"/api/v1/traces/{trace_id}/report").json
    assert {one["system"] for one in report["systems"]} == {"worker", "backend", "convex"}
    assert len(report["timeline"]) == 6
    assert report["chains"][0]["entries"]


def test_a_bound_key_says_the_system(keyed: Running) -> None:
    """
    The system of a key counts, whatever body and door say.
    """
    bound = ("Authorization", "Bearer edge")
    for path, body, trace_id in (
        (
            "/webhooks/cloudflare",
            [tail(event={"request": {"headers": {"x-trace-id": "bound-1"}}})],
            "bound-1",
        ),
        ("/webhooks/convex", [console("'x'", function={"request_id": "bound-2"})], "convex:bound-2"),
        ("/v1/logs", logs_request(record(traceId=TRACE, timeUnixNano=now_ns())), TRACE),
    ):
        assert keyed.post(body, AS_JSON, bound, target=path).status == 200
        assert {e["system"] for e in trace(keyed, trace_id, READS)} == {"edge-eu"}


def test_secrets_do_not_pass_a_door(way: Running) -> None:
    """
    What other systems send is redacted like everything else.
    """
    secret = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    way.post(
        [console(f"'paid with {secret}'", function={"request_id": "secret"})],
        AS_JSON,
        target="/webhooks/convex",
    )
    (entry,) = trace(way, "convex:secret")[-1:]
    assert secret not in json.dumps(entry)
    assert "REDACTED" in entry["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"api_key":"writes","distinct_id":"x"}', 200),
        (b'{"api_key":"wrong"}', 401),
        (b'{"api_key":"reads"}', 403),
        (b'{"api_key":5}', 401),
        (b"[]", 401),
        (b"{", 400),
        ('{"api_key":"é€"}'.encode(), 401),
    ],
)
def test_convex_may_ask_whether_its_token_is_known(body: bytes, status: int, keyed: Running) -> None:
    """
    The exporter checks its token before it is set up; the token is an ingest key in the body.
    """
    assert keyed.post(body, AS_JSON, target="/decide?v=3").status == status


def test_without_keys_any_token_is_fine(way: Running) -> None:
    """
    A local server without keys answers the question with yes.
    """
    assert way.post(b'{"api_key":"any"}', AS_JSON, target="/decide?v=3").status == 200


BAD = [
    b"",
    b" ",
    b"null",
    b"true",
    b'"x"',
    b"{",
    b"{}{}",
    b"{'a':1}",
    b"[1,]",
    b"\xff\xfe[\x00]\x00",
    b"[" * 50_000,
    b'{"a":1e999}',
    b"[NaN]",
    b'[{"topic":"\\ud800"}]',
    b'[{"topic":"\xff"}]',
    b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"' + b"9" * 5_000 + b'"}]}]}]}',
    b"\x0a\xff\xff\xff\xff\x0f",
]


@pytest.mark.parametrize("path", [*PATHS, "/decide"])
@pytest.mark.parametrize(
    "kind", [JSON, PROTOBUF, "text/plain", "multipart/form-data", "application/json; charset=utf-16"]
)
def test_bad_input_is_never_a_fault(path: str, kind: str, way: Running) -> None:
    """
    No body of the corpus of bad input is answered with 5xx, whatever it claims to be.
    """
    with way.connect() as line:
        for body in BAD:
            line.send(request("POST", path, body, headers=[("Content-Type", kind)]))
            assert line.answer().status in {200, 400, 413, 415}


def test_a_slow_body_is_told_so() -> None:
    """
    A body that does not come in time is answered with 408 and the connection closed.
    """
    with Running(receive_timeout=0.2) as running, running.connect() as line:
        line.send(request("POST", "/v1/logs", b"{", headers=[AS_JSON, ("Content-Length", "50")]))
        answer = line.answer()
        assert answer.status == 408
        assert line.closed()
