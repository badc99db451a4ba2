"""
Cloudflare Workers: tail events and Logpush records become one hop with its lines and errors.
"""

import json

import pytest

from tests.server.receivers.bodies import NOW, PARENT, TRACE, entries, log, logpush, one, read, tail

THROWN = {"timestamp": NOW + 2, "name": "TypeError", "message": "no card", "stack": "    at pay (w.js:1:2)"}


def request(**fields):
    return {"request": {"url": "https://a.example/x", "method": "GET", "headers": {}, **fields}}


def test_an_invocation_is_one_hop():
    """
    The request, its console lines and its uncaught error share trace and hop, in the order of speaking.
    """
    item = tail(logs=[log("one"), log("two", level="warn")], exceptions=[THROWN], outcome="exception")
    found = entries("cloudflare", [item])
    assert [(e.level, e.message) for e in found] == [
        ("error", "POST https://shop.example.com/cart 200 exception"),
        ("log", "one"),
        ("warn", "two"),
        ("error", "TypeError: no card"),
    ]
    assert {(e.trace_id, e.parent_id, e.system, e.service, e.release) for e in found} == {
        (TRACE, PARENT, "worker", "edge", "v-1")
    }
    assert len({e.span_id for e in found}) == 1
    assert [e.duration_ms for e in found] == [25.0, None, None, None]
    assert found[3].error == {"type": "TypeError", "message": "no card"}
    assert found[3].stack == "TypeError: no card\n    at pay (w.js:1:2)"
    assert [e.id for e in found] == sorted(e.id for e in found)


def test_every_field_of_the_event_is_kept():
    """
    The entry of the invocation holds all that the tail event says, but for what has entries of its own.
    """
    item = tail(diagnosticsChannelEvents=[{"channel": "c", "message": {"a": 1}, "timestamp": NOW}])
    entry = one("cloudflare", [item])
    assert entry.context == {key: value for key, value in item.items() if key not in {"logs", "exceptions"}}


@pytest.mark.parametrize(
    ("outcome", "status", "level"),
    [
        ("ok", 200, "info"),
        ("ok", 404, "info"),
        ("ok", 500, "error"),
        ("ok", None, "info"),
        (None, None, "info"),
        ("canceled", 200, "warn"),
        ("responseStreamDisconnected", None, "warn"),
        ("exceededCpu", None, "error"),
        ("something new", 200, "error"),
        (5, 200, "error"),
    ],
)
def test_outcome_and_status_make_the_level(outcome, status, level):
    """
    A failed invocation is an error, one that its caller broke off a warning.
    """
    event = {**request(), "response": {"status": status}}
    assert one("cloudflare", [tail(outcome=outcome, event=event)]).level == level


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"rpcMethod": "add"}, "rpc add"),
        ({"scheduledTime": NOW, "cron": "*/5 * * * *"}, "scheduled */5 * * * *"),
        ({"queue": "jobs", "batchSize": 3}, "queue jobs"),
        ({"scheduledTime": NOW}, "alarm 1763812800000.0"),
        ({"mailFrom": "a@b.example", "rcptTo": "c@d.example", "rawSize": 5}, "email a@b.example"),
        ({}, "invocation"),
        (None, "invocation"),
        ("odd", "invocation"),
    ],
)
def test_an_event_that_is_no_request_says_what_it_is(event, message):
    """
    Every kind of event has a title of its own.
    """
    assert one("cloudflare", [tail(event=event)]).message == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", 1, None, True, {"b": [1]}], 'a 1 null true {"b":[1]}'),
        (["%s has %d%% of %i", "x", 5.7, "9"], "x has 5% of 9"),
        (["%cbig", "color:red"], "big"),
        (["%f %d %i", 1, "x", None], "1.0 NaN NaN"),
        (["%f and more", "x"], "NaN and more"),
        (["%o and %O", [1], {"a": 1}, "more"], '[1] and {"a":1} more'),
        (["%s %s", "only"], "only %s"),
        (["100%", 5], "100% 5"),
        ([["list"]], '["list"]'),
        ([], ""),
    ],
)
def test_console_arguments_read_as_a_console_shows_them(arguments, message):
    """
    The runtime hands on raw arguments; specifiers are applied here (WHATWG Console §2.2.1).
    """
    assert entries("cloudflare", [tail(logs=[log(*arguments)])])[1].message == message


@pytest.mark.parametrize("arguments", [["\ud800"], ["a", "\ud800"], ["%s", "\ud800"]])
def test_half_a_character_is_replaced_and_named(arguments):
    """
    What a browser's broken text left in a console line costs no line; the entry says so.
    """
    entry = entries("cloudflare", [tail(logs=[log(*arguments)])])[1]
    assert entry.message.endswith("\ufffd")
    assert entry.fixed == ["message"]


def test_a_logged_error_keeps_its_type_and_stack():
    """
    Newer runtimes tell of error arguments beside the text.
    """
    info = {"name": "RangeError", "message": "far", "stack": "    at f (w.js:1:1)"}
    item = tail(logs=[log("oh", "RangeError: far", level="error", errorInfo=[None, info])])
    entry = entries("cloudflare", [item])[1]
    assert entry.error == {"type": "RangeError", "message": "far"}
    assert entry.stack == "RangeError: far\n    at f (w.js:1:1)"
    assert entry.context == {"errorInfo": [None, info]}


def test_a_printed_json_line_is_read_but_does_not_say_where_it_is_from():
    """
    A JSON line sets message, level and user; service, system and id are the platform's to say.
    """
    line = {"message": "m", "level": "warn", "user_id": "u1", "service": "fake", "system": "x", "id": "1"}
    entry = entries("cloudflare", [tail(logs=[log(json.dumps(line))])])[1]
    assert (entry.message, entry.level, entry.user_id) == ("m", "warn", "u1")
    assert (entry.service, entry.system) == ("edge", "worker")
    assert entry.context == {"service": "fake", "system": "x", "id": "1"}


@pytest.mark.parametrize(
    ("headers", "logs", "trace_id"),
    [
        ({"traceparent": f"00-{TRACE}-{PARENT}-01"}, ["trace_id=other"], TRACE),
        ({"x-trace-id": "trace_123"}, [], "trace_123"),
        ({}, ["plain", "trace_id=mine"], "mine"),
        ({}, ['{"traceId":"t-9"}'], "t-9"),
        (None, ["trace_id=mine."], "mine"),
        ("odd", ["trace_id: 'mine'"], "mine"),
    ],
)
def test_the_trace_is_taken_from_headers_then_lines(headers, logs, trace_id):
    """
    The request's own headers name the trace; without them the first line that does.
    """
    item = tail(event=request(headers=headers), logs=[log(text) for text in logs])
    assert entries("cloudflare", [item])[0].trace_id == trace_id


def test_without_any_trace_each_invocation_has_its_own():
    """
    Two invocations that nobody gave a trace have two, the same ones when the body comes again.
    """
    body = [tail(event={}, logs=[log("a")]), tail(event={})]
    first, again = ([e.trace_id for e in entries("cloudflare", body)] for _ in range(2))
    assert first == again
    assert first[0] == first[1] != first[2]


def test_logpush_tells_the_same_as_a_tail_event():
    """
    A record of Logpush gives the entries of the tail event that it describes.
    """
    record = logpush(
        Logs=[{"Level": "warn", "Message": ["x", {"Level": 1}], "TimestampMs": NOW + 1}],
        Exceptions=[
            {"Name": "E", "Message": "m", "Stack": "    at s", "TimestampMs": NOW + 2},
        ],
        Outcome="exception",
    )
    event = {
        "request": {"url": "https://shop.example.com/cart?item=1", "method": "POST"},
        "response": {"status": 200},
    }
    same = tail(
        event=event,
        outcome="exception",
        logs=[log("x", {"Level": 1}, level="warn", at=NOW + 1)],
        exceptions=[{"timestamp": NOW + 2, "name": "E", "message": "m", "stack": "    at s"}],
    )

    def told(body):
        return [
            (e.timestamp, e.level, e.message, e.duration_ms, e.service, e.release, e.logger, e.error, e.stack)
            for e in entries("cloudflare", body)
        ]

    assert told(record) == told([same])
    assert entries("cloudflare", record)[0].context["event"]["rayID"] == "8f1e2d3c4b5a6978"


def test_truncated_logpush_texts_are_lines():
    """
    Where Logpush cut, it puts a text in the place of a line or of all of them; it is kept.
    """
    record = logpush(Logs=["<<<Logpush: logs truncated>>>"], Exceptions="<<<Logpush: truncated>>>")
    found = entries("cloudflare", record)
    assert [e.message for e in found[1:]] == ["<<<Logpush: logs truncated>>>", "<<<Logpush: truncated>>>"]


@pytest.mark.parametrize("body", [b'{"content":"tests"}', b'{"content":"test","filename":"test.txt"}\n'])
def test_the_trial_of_logpush_is_answered(body):
    """
    Setting a job up sends one line that is no event; it is taken and makes no entry.
    """
    batch = read("cloudflare", body, "text/plain")
    assert (batch.entries, batch.drops) == ([], [])


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (5, "not_an_object"),
        ({"hello": 1}, "no_event"),
        (tail(event=request(url="https://logs.example.com/webhooks/cloudflare/?key=k")), "loop"),
        (tail(logs=[log('{"message":"m","hops":99}')]), "loop"),
    ],
)
def test_a_bad_item_is_refused_alone(item, reason):
    """
    What is no event, or would go round for ever, is dropped with its place; its neighbours are taken.
    """
    batch = read("cloudflare", [tail(), item, tail()])
    assert [(drop.index, drop.reason) for drop in batch.drops] == [(1, reason)]
    assert batch.places == [0, 2]


def test_parts_of_a_wrong_kind_cost_nothing():
    """
    Lines, errors and addresses of a wrong kind are shown as text; the event is kept.
    """
    item = tail(
        event=request(url="http://[bad", method=7),
        logs=["loose", {"message": "no list", "level": []}, {"level": 7, "message": [1]}],
        exceptions=["thrown"],
        scriptVersion="v",
        wallTime="long",
        scriptName=9,
    )
    found = entries("cloudflare", item)
    assert [e.message for e in found] == ["7 http://[bad", "loose", "no list", "1", "thrown"]
    assert [e.level for e in found][2:] == ["info", "debug", "error"]


def test_lines_of_items_are_read_like_an_array():
    """
    NDJSON and arrays give the same.
    """
    items = [tail(), logpush()]
    lines = "\n".join(map(json.dumps, items)).encode()
    assert [e.message for e in entries("cloudflare", lines, "text/plain; charset=utf-8")] == [
        e.message for e in entries("cloudflare", items)
    ]


def test_a_body_that_makes_too_many_entries_is_refused_in_part():
    """
    What fits is taken; the item that does not is dropped whole.
    """
    batch = read("cloudflare", [tail(logs=[log("x")] * 9_000), tail(logs=[log("x")] * 9_000), tail()])
    assert len(batch.entries) == 9_002
    assert [(drop.index, drop.reason) for drop in batch.drops] == [(1, "too_many")]
