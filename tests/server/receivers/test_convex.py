"""
Convex Log Streams: every event shape is taken, every field kept, and requests find their traces.
"""

import json

import pytest

from tests.server.receivers.bodies import (
    DEPLOYMENT,
    FUNCTION,
    JSON,
    NOW,
    OTHERS,
    REQUEST,
    TRACE,
    VECTOR,
    console,
    entries,
    event,
    execution,
    mint,
    one,
    read,
)
from tracelog.core.aliases import BODY_NAMES
from tracelog.core.entry import Limits
from tracelog.errors import InvalidBodyError
from tracelog.server.receivers.aliases import Aliases, Recent
from tracelog.server.receivers.convex import Receiver

FAILURE = (
    "Uncaught TypeError: no card\nof any kind\n    at handler (../convex/messages.ts:12:3)\n    at async x"
)


CONFLICT = {
    "table_name": "messages",
    "document_id": "d1",
    "write_source": "messages:send",
    "component_path": None,
    "retry_count": 2,
}
SHAPES = [
    console(),
    console(system_code="TooManyReads", is_truncated=True, level="WARN"),
    execution(),
    execution(status="failure", error_message="Uncaught Error: x", will_retry=True, occ_info=CONFLICT),
    execution(function={**FUNCTION, "type": "query", "cached": True}, scheduler_info=None),
    *OTHERS,
]


@pytest.mark.parametrize("item", SHAPES, ids=lambda item: item["topic"])
def test_every_event_is_taken_and_every_field_kept(item):
    """
    An event of any topic is one entry of system convex that holds every field by its own name, nulls too.
    """
    entry = one("convex", [item])
    assert (entry.system, entry.service, entry.environment) == ("convex", "app", "prod")
    kept = {key: value for key, value in item.items() if key not in {"timestamp", "message"}}
    assert kept.items() <= (entry.context or {}).items()
    assert entry.message
    assert entry.fixed is None


def test_the_test_of_the_connection_is_an_entry():
    """
    What Convex sends when a stream is set up is taken as it is.
    """
    entry = one("convex", VECTOR)
    assert (entry.message, entry.level, entry.trace_id) == (
        "Convex connection test",
        "info",
        "convex:happy-animal-123",
    )


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "LOG", "WARN", "ERROR"])
def test_console_levels_are_ours(level):
    """
    The five levels of Convex's console are five of ours, with nothing to repair.
    """
    entry = one("convex", [console(level=level)])
    assert (entry.level, entry.fixed) == (level.lower(), None)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("'Sent message!'", "Sent message!"),
        ("'it\\'s 5 \\\\ 6'", "it's 5 \\ 6"),
        ("'a\\nb\\tc\\x1B'", "a\nb\tc\x1b"),
        ("'user' { id: 1, name: 'x' }", "user { id: 1, name: 'x' }"),
        ("{ id: 1 }", "{ id: 1 }"),
        ("'open", "'open"),
        ("'a'b", "'a'b"),
        ("''", ""),
        ("5", "5"),
        ('\'{"message":"paid","level":"warn","amount":3}\'', "paid"),
    ],
)
def test_a_leading_string_reads_as_it_was_written(sent, message):
    """
    Quotes and escapes that Convex puts around a string argument are taken off; the rest stays.
    """
    assert one("convex", [console(sent)]).message == message


def test_a_printed_json_line_is_read():
    """
    A line that is a JSON object sets message, level and trace; its other fields join the event's own.
    """
    line = json.dumps({"message": "paid", "level": "error", "trace_id": "t-1", "topic": "money", "id": 7})
    entry = one("convex", [console(f"'{line}'")])
    assert (entry.message, entry.level, entry.trace_id) == ("paid", "error", "t-1")
    assert entry.context["topic"] == "console"
    assert entry.context["topic_"] == "money"
    assert entry.id != "7"


def test_an_execution_begins_before_its_event():
    """
    The event of a function comes at its end; the entry stands at its beginning, with its duration.
    """
    entry = one("convex", [execution()])
    assert (entry.timestamp, entry.duration_ms) == (NOW - 12.5, 12.5)
    assert (entry.message, entry.level, entry.logger) == ("mutation messages:send", "info", "messages:send")


@pytest.mark.parametrize(("will_retry", "level"), [(False, "error"), (True, "warn")])
def test_a_failed_execution_is_an_error(will_retry, level):
    """
    A failure says its message, its type and its stack; one that Convex repeats by itself is a warning.
    """
    entry = one("convex", [execution(status="failure", error_message=FAILURE, will_retry=will_retry)])
    assert entry.level == level
    assert entry.message == "Uncaught TypeError: no card\nof any kind"
    assert entry.error == {"type": "TypeError", "message": "no card\nof any kind"}
    assert entry.stack == FAILURE


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("plain words: not a type", {"type": "Error", "message": "plain words: not a type"}),
        (None, {"type": "Error", "message": "the function failed"}),
    ],
)
def test_a_failure_without_a_type_is_an_error_all_the_same(text, error):
    """
    What names no class of errors is an `Error` with the whole text.
    """
    assert one("convex", [execution(status="failure", error_message=text)]).error == error


@pytest.mark.parametrize(
    "marker",
    [
        f"'tracelog trace_id={TRACE}'",
        f"{{ trace_id: '{TRACE}' }}",
        f'\'{{"traceId":"{TRACE}"}}\'',
        f"'traceparent: 00-{TRACE}-00f067aa0ba902b7-01'",
    ],
)
def test_one_line_that_names_the_trace_joins_its_request(marker):
    """
    All events of a request belong to the trace that any of them names, wherever in the body it stands.
    """
    other = console(function={**FUNCTION, "request_id": "ffff"})
    found = entries("convex", [execution(), console(marker), console(), other])
    assert [entry.trace_id for entry in found] == [TRACE, TRACE, TRACE, "convex:ffff"]


def test_a_request_stays_known_in_later_bodies():
    """
    What one body told about a request holds for the next, and the first word about it stays.
    """
    receiver = Receiver(Aliases())

    def trace_of(*events):
        batch = receiver.receive(json.dumps(events).encode(), JSON, now_ms=NOW, mint=mint(), limits=Limits())
        return [entry.trace_id for entry in batch.entries]

    assert trace_of(console("'early'")) == [f"convex:{REQUEST}"]
    assert trace_of(console("'trace_id=t-1'")) == ["t-1"]
    assert trace_of(console("'trace_id=t-2'"), console("'late'")) == ["t-2", "t-1"]
    assert trace_of(console("'early'")) == [f"convex:{REQUEST}"], "sent again, it must come out the same"


@pytest.mark.parametrize(
    ("request_id", "trace_id"),
    [
        (TRACE, TRACE),
        ("a b{c}", "convex:a_b_c_"),
        ("x" * 500, "convex:" + "x" * 100),
        ("", "convex:happy-animal-123"),
        (None, "convex:happy-animal-123"),
        (7, "convex:happy-animal-123"),
    ],
)
def test_a_request_without_a_trace_makes_one_of_its_own_id(request_id, trace_id):
    """
    Nobody named a trace: the request's id is one if it has the form, else names one; without a request it is
    the deployment's.
    """
    assert one("convex", [console(function={**FUNCTION, "request_id": request_id})]).trace_id == trace_id


def test_lines_and_arrays_mean_the_same():
    """
    Both formats of the webhook give the same entries, ids aside.
    """
    events = [console(), execution(), *OTHERS]
    as_lines = "\n".join(map(json.dumps, events)).encode()

    def plain(found):
        return [(e.message, e.trace_id, e.timestamp, e.context) for e in found]

    assert plain(entries("convex", events)) == plain(entries("convex", as_lines))
    assert plain(entries("convex", as_lines.replace(b"\n", b"\r\n\r\n"))) == plain(entries("convex", events))


def test_the_same_body_has_the_same_ids_and_another_has_others():
    """
    A body sent again makes duplicates; equal lines at different places of a body do not.
    """
    body = [console(), console()]
    first, again, other = (
        [entry.id for entry in entries("convex", sent)] for sent in (body, body, [*body, console()])
    )
    assert first == again == sorted(first)
    assert len({*first, *other}) == 5


V1 = [
    (
        {
            "_topic": "_console",
            "_timestamp": NOW,
            "_functionPath": "messages:send",
            "_functionType": "mutation",
            "_functionCached": True,
            "message": "'hello'",
        },
        ("hello", "info", "messages:send", None),
    ),
    (
        {
            "_topic": "_execution_record",
            "_timestamp": NOW,
            "_functionPath": "m:s",
            "_functionType": "query",
            "executionTimeMs": 5,
            "reason": "Uncaught Error: boom",
        },
        ("Uncaught Error: boom", "error", "m:s", 5.0),
    ),
    (
        {"_topic": "_execution_record", "_timestamp": NOW, "_functionPath": "m:s", "executionTimeMs": 5},
        ("m:s", "info", "m:s", 5.0),
    ),
    (
        {"_topic": "_audit_log", "_timestamp": NOW, "action": "push"},
        ("audit_log schema=v1 action=push", "info", None, None),
    ),
]


@pytest.mark.parametrize(("item", "expected"), V1)
def test_the_old_schema_is_translated(item, expected):
    """
    Events of streams set up before May 2024 are read as those of today.
    """
    entry = one("convex", [item])
    assert (entry.message, entry.level, entry.logger, entry.duration_ms) == expected
    assert entry.context["schema"] == "v1"
    assert entry.fixed is None


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (5, "not_an_object"),
        (None, "not_an_object"),
        ([], "not_an_object"),
        ({}, "no_topic"),
        ({"topic": 5}, "no_topic"),
        ({"_topic": None}, "no_topic"),
        (event("console", function=FUNCTION, log_level="LOG"), "missing_message"),
        (console('\'{"message":"x","hops":9}\''), "loop"),
    ],
)
def test_a_bad_event_is_refused_alone(item, reason):
    """
    An event that means nothing is dropped with its place and the reason; its neighbours are taken.
    """
    batch = read("convex", [console(), item, execution()])
    assert [(drop.index, drop.reason) for drop in batch.drops] == [(1, reason)]
    assert batch.places == [0, 2]


def test_a_broken_line_is_refused_alone():
    """
    One line that is no JSON does not spoil the others, in either format.
    """
    good = json.dumps(console()).encode()
    for body in (b"\n".join([good, b'{"topic":', good]), b"[" + b",".join([good, b'{"a":NaN}', good]) + b"]"):
        batch = read("convex", body)
        assert (batch.places, [(drop.index, drop.reason) for drop in batch.drops]) == (
            [0, 2],
            [(1, "bad_json")],
        )


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (console(timestamp="yesterday"), "timestamp"),
        (console(timestamp=-5), "timestamp"),
        (console(level="SHOUT"), "level"),
        (console({"no": "text"}), "message"),
    ],
)
def test_a_crooked_field_is_repaired_and_named(item, field):
    """
    A field that is not what it should be costs no event; the entry says which it was.
    """
    assert field in (one("convex", [item]).fixed or [])


def test_parts_of_a_wrong_kind_cost_nothing():
    """
    Where objects should stand and something else does, the event is read without them.
    """
    entry = one("convex", [execution(function=5, convex=[], execution_time_ms="x")])
    assert (entry.message, entry.duration_ms, entry.service) == ("function", None, None)
    assert len(entry.trace_id) == 32


@pytest.mark.parametrize(
    ("body", "content_type", "reason", "status"),
    [
        (b"", JSON, "empty", 400),
        (b" \r\n", JSON, "empty", 400),
        (b"5", JSON, "not_json", 400),
        (b"\x0a\x05hello", JSON, "not_json", 400),
        (b"[1,", JSON, "bad_json", 400),
        (b"{}", "application/x-protobuf", "content_type", 415),
        (b"{}", "application/json; charset=UTF-16", "content_type", 415),
        (b"[" + b"1," * 10_000 + b"1]", JSON, "too_many", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_as_a_whole(body, content_type, reason, status):
    """
    What is no list of events at all is refused with the status that its sender understands.
    """
    with pytest.raises(InvalidBodyError) as refused:
        read("convex", body, content_type)
    assert (refused.value.reason, refused.value.status) == (reason, status)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [(b"\xff", "\ufffd"), (b"\\ud800", "\ufffd"), (b"\\u0000", "\\x00"), ("é😀".encode(), "é😀")],
)
def test_text_that_is_no_text_is_cleaned(raw, shown):
    """
    Bytes that are no UTF-8, half characters and NUL are replaced and named; the event is kept.
    """
    body = json.dumps([console("'a?b'")]).encode().replace(b"?", raw)
    entry = one("convex", body)
    assert entry.message == f"a{shown}b"
    assert (entry.fixed == ["message"]) is (shown != "é😀")


def test_what_is_remembered_is_bounded():
    """
    The oldest request is forgotten when too many are known, one that was asked for is not.
    """
    recent = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c"), len(recent)) == (1, None, 3, 2)


def test_a_sender_cannot_make_the_server_remember_without_end():
    """
    Of a body with thousands of requests only so many are remembered as it was read, and no endless id; all
    of them get their traces.
    """
    aliases = Aliases()
    long = "x" * 10_000
    events = [console(f"'trace_id=t-{n}'", function={"request_id": f"{n}{long}"}) for n in range(3)]
    events += [console(function={"request_id": f"r{n}"}) for n in range(1_000)]
    body = json.dumps(events).encode()
    batch = Receiver(aliases).receive(body, JSON, now_ms=NOW, mint=mint(), limits=Limits())
    assert len({entry.trace_id for entry in batch.entries}) == 1_003
    assert aliases.trace_of(f"0{long}") is None
    assert sum(len(known) for known in aliases._bodies._known.values()) == BODY_NAMES


def test_deployments_are_told_by_the_best_name_they_have():
    """
    The service is the project, and the deployment where no project is named.
    """
    bare = {"deployment_name": "happy-animal-123", "deployment_type": None}
    assert one("convex", [console(convex=bare)]).service == "happy-animal-123"
    assert one("convex", [console(convex={**DEPLOYMENT, "project_slug": None})]).service == "App"
