"""
What the debugging port of a browser says, read without a browser: every value, every outcome, every surprise.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.cli.chrome.calls import UNDER_WAY, Calls, trace_of
from tracelog.cli.chrome.remote import FRAMES, TEXT_CHARS, call_text, stack_text
from tracelog.cli.chrome.tab import Tab, Watching
from tracelog.core.wire import Mint, Reader

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
NOW = 1_795_382_397_000.0


def text(value):
    return {"type": "string", "value": value}


def previewed(description, *members, subtype=None, overflow=False, entries=None):
    properties = [{"name": name, "type": kind, "value": value} for name, kind, value in members]
    preview = {"description": description, "overflow": overflow, "properties": properties, "subtype": subtype}
    more = {} if entries is None else {"entries": entries}
    return {"type": "object", "subtype": subtype, "description": description, "preview": {**preview, **more}}


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], ""),
        ([text("100%"), text("x")], "100% x"),
        ([text("%s is %d, %i of %f %c%%"), text("a"), text("4.7"), text("x"), text("2.5"), text("color: red")], "a is 4, NaN of 2.5 %"),
        ([text("%o"), previewed("Object", ("a", "number", "1"))], "{a: 1}"),
        ([previewed("Object"), text("%s"), text("x")], "{} %s x"),
        ([previewed("Shop", ("x", "number", "1"), ("f", "function", ""), ("g", "accessor", ""))], "Shop {x: 1, f: [function], g: [getter]}"),
        ([previewed("Array(3)", ("0", "string", "a"), ("1", "object", "Object"), subtype="array", overflow=True)], "['a', {…}, …]"),
        ([previewed("Uint8Array(1)", ("0", "number", "7"), ("length", "number", "1"), subtype="typedarray")], "Uint8Array(1) [7]"),
        ([previewed("Map(1)", ("size", "number", "1"), subtype="map", entries=[{"key": {"type": "string", "description": "k"}, "value": {"type": "number", "description": "2"}}])], "Map(1) {'k' => 2}"),
        ([previewed("Promise")], "Promise"),
        ([{"type": "undefined"}, {"type": "object", "subtype": "null", "value": None}, {"type": "boolean", "value": False}, {"type": "boolean", "value": True}], "undefined null false true"),
        ([{"type": "number", "value": 0}, {"type": "number", "unserializableValue": "NaN", "description": "NaN"}, {"type": "bigint", "unserializableValue": "12n"}], "0 NaN 12n"),
        ([{"type": "symbol", "description": "Symbol(s)"}, {"type": "function", "description": "async function pay(a) {}"}, {"type": "function", "description": "() => 1"}, {"type": "function", "description": "class Shop {}"}], "Symbol(s) [function pay] [function ] [function Shop]"),
        ([{"type": "object", "subtype": "node", "description": "div#id.class"}, {"type": "object", "subtype": "regexp", "description": "/x/g"}], "<div#id.class> /x/g"),
        ([{"type": "object", "subtype": "error", "description": "Error: two\nlines\n    at f (u:1:2)"}], "Error: two\nlines"),
        ([text("x" * (TEXT_CHARS + 1))], "x" * TEXT_CHARS),
    ],
)  # fmt: skip
def test_a_call_reads_as_the_console_shows_it(arguments, shown):
    """
    Values of every kind, with the format specifiers of the standard.
    """
    assert call_text(arguments) == shown


def test_a_stack_reads_as_the_engine_writes_it():
    """
    Frames with their names, lines counted from one, those before an await below; bounded.
    """
    frame = {"functionName": "pay", "url": "http://a/b.js", "lineNumber": 3, "columnNumber": 0}
    stack = {"callFrames": [frame, {**frame, "functionName": ""}], "parent": {"callFrames": [frame]}}
    assert stack_text(stack) == (
        "    at pay (http://a/b.js:4:1)\n    at http://a/b.js:4:1\n    at async pay (http://a/b.js:4:1)"
    )
    assert len(stack_text({"callFrames": [frame] * 1000}).splitlines()) == FRAMES


@pytest.mark.parametrize(
    ("headers", "trace_id"),
    [
        ({}, None),
        ({"Traceparent": f"00-{TRACE}-{SPAN}-01", "x-trace-id": "t-1"}, TRACE),
        ({"X-Trace-Id": "trace_123"}, "trace_123"),
        ({"Server-Timing": f'db;dur=3, traceparent;desc="00-{TRACE}-{SPAN}-01"'}, TRACE),
        ({"server-timing": f"trace;desc=00-{TRACE}-{SPAN}-01"}, TRACE),
        ({"traceparent": "nonsense"}, None),
        ({"x-request-id": "somebody-elses"}, None),
    ],
)
def test_headers_name_the_trace(headers, trace_id):
    """
    `traceparent`, `x-trace-id` and `Server-Timing`, and no id that any proxy gives a request.
    """
    found = trace_of(headers)
    assert (found.trace_id if found else None) == trace_id


def tab(parent=None, since=0.0, **info):
    numbers = iter(range(1, 1_000_000))
    watching = Watching(
        slow_ms=1000.0,
        is_ours=lambda url: url.startswith("http://logs/"),
        new_trace=lambda: f"minted-{next(numbers)}",
        new_span=lambda: f"{next(numbers):016x}",
    )
    return Tab({"targetId": "T", "type": "page", "url": "http://a/", **info}, parent, watching, since)


def said(one, method, **params):
    return list(one.read(method, params))


def request(one, headers=None, number="1", url="http://a/x", method="GET", **more):
    sent = {"url": url, "method": method, "headers": headers or {}}
    said(
        one,
        "Network.requestWillBeSent",
        requestId=number,
        request=sent,
        timestamp=10.0,
        wallTime=NOW / 1000,
        **more,
    )


def answer(one, status, number="1", **more):
    said(
        one,
        "Network.responseReceived",
        requestId=number,
        response={"status": status, "url": "http://a/x", **more},
    )


def finish(one, at=10.2, number="1"):
    return said(one, "Network.loadingFinished", requestId=number, timestamp=at)


@pytest.mark.parametrize(
    ("status", "ended", "told"),
    [
        (200, 10.2, None),
        (200, 11.5, ("info", "GET http://a/x 200", 1500.0)),
        (302, 10.2, None),
        (404, 10.2, ("warn", "GET http://a/x 404", 200.0)),
        (503, 10.2, ("error", "GET http://a/x 503", 200.0)),
        (503, 9.0, ("error", "GET http://a/x 503", 0.0)),
    ],
)
def test_refused_and_slow_requests_are_told(status, ended, told):
    """
    Once each, with their duration, at the moment they began; what went well is no news.
    """
    one = tab()
    request(one)
    answer(one, status)
    found = finish(one, ended)
    if told is None:
        assert found == []
        return
    (raw,) = found
    assert (raw["level"], raw["message"]) == told[:2]
    assert raw["duration_ms"] == pytest.approx(told[2])
    assert raw["timestamp"] == NOW
    assert finish(one) == []


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"errorText": "net::ERR_FAILED"}, ("error", "GET http://a/x failed: net::ERR_FAILED")),
        ({"errorText": "net::ERR_FAILED", "corsErrorStatus": {"corsError": "MissingAllowOriginHeader"}}, ("error", "GET http://a/x failed: net::ERR_FAILED, CORS MissingAllowOriginHeader")),
        ({"blockedReason": "csp"}, ("error", "GET http://a/x failed: csp")),
        ({}, ("error", "GET http://a/x failed: no reason given")),
        ({"errorText": "net::ERR_ABORTED", "canceled": True}, None),
        ({"errorText": "net::ERR_ABORTED", "canceled": True, "timestamp": 12.0}, ("info", "GET http://a/x aborted")),
    ],
)  # fmt: skip
def test_requests_that_nobody_answered_are_told_with_the_reason(params, told):
    """
    One that the page took back is none, unless it was slow.
    """
    one = tab()
    request(one)
    found = said(one, "Network.loadingFailed", requestId="1", **{"timestamp": 10.1, **params})
    assert [(raw["level"], raw["message"]) for raw in found] == ([told] if told else [])


def test_a_redirection_is_one_call():
    """
    It takes as long as all of it, under the address that was asked for, and the headers sent last count.
    """
    one = tab()
    request(one)
    request(one, {"x-trace-id": "t-2"}, url="http://a/y", redirectResponse={"status": 302})
    answer(one, 500)
    (raw,) = finish(one, 11.0)
    assert (raw["message"], raw["trace_id"]) == ("GET http://a/x 500", "t-2")


def test_a_call_is_the_hop_that_its_headers_name():
    """
    The page joins the trace of its call; what the server does below the call names it as its parent.
    """
    one = tab()
    before = one.trace_id
    request(one, {"traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert (before, one.trace_id) == ("minted-2", TRACE)
    answer(one, 500)
    (raw,) = finish(one)
    (line,) = said(one, "Runtime.consoleAPICalled", type="log", args=[text("x")], timestamp=NOW)
    assert (raw["trace_id"], raw["span_id"], raw["parent_id"]) == (TRACE, SPAN, line["span_id"])


def test_an_answer_alone_names_the_trace_of_its_call_only():
    """
    A server that gives each answer a trace of its own does not take the page along, but for its document.
    """
    one = tab()
    request(one)
    answer(one, 500, headers={"x-trace-id": "t-3"})
    (raw,) = finish(one)
    assert (raw["trace_id"], raw["parent_id"], one.trace_id) == ("t-3", None, "minted-3")
    document = {"status": 200, "url": "http://a/next", "headers": {"x-trace-id": "t-4"}}
    said(one, "Network.responseReceived", requestId="7", type="Document", frameId="T", response=document)
    assert (one.trace_id, one.url) == ("t-4", "http://a/next")
    said(one, "Network.responseReceived", requestId="8", type="Document", frameId="other", response=document)
    assert one.trace_id == "t-4"


def test_a_worker_shares_the_trace_of_its_page():
    """
    Until it names one of its own.
    """
    page = tab()
    worker = tab(page, type="worker")
    assert worker.trace_id == page.trace_id
    request(worker, {"x-trace-id": "own"})
    assert (worker.trace_id, page.trace_id) == ("own", "minted-2")


def test_what_was_told_before_is_no_news():
    """
    Who attaches again is told again what a page said so far, and takes what is newer.
    """
    one = tab(since=NOW)
    for at, count in ((NOW - 1, 0), (NOW, 0), (NOW + 1, 1)):
        assert len(said(one, "Runtime.consoleAPICalled", type="log", args=[text("x")], timestamp=at)) == count
    assert one.heard_ms == NOW + 1


@pytest.mark.parametrize(
    "url", ["data:text/plain,x", "blob:http://a/1", "chrome-extension://x/y", "http://logs/log"]
)
def test_addresses_that_are_no_requests_of_the_page(url):
    """
    What is no request, and what goes to the server that entries go to, is not told.
    """
    one = tab()
    request(one, url=url)
    assert said(one, "Network.loadingFailed", requestId="1", timestamp=10.0, errorText="e") == []


def test_requests_that_never_end_are_bounded():
    """
    Only so many are remembered; the oldest is forgotten.
    """
    calls = Calls(0.0, lambda _: False)
    for number in range(UNDER_WAY + 1):
        calls.sent({"requestId": str(number), "request": {"url": "http://a/", "method": "GET"}})
    assert list(calls.finished({"requestId": "0"})) == []
    assert len(list(calls.finished({"requestId": "1"}))) == 1


def test_a_web_socket_that_fails_is_told():
    """
    Its opening and closing is not.
    """
    one = tab()
    assert said(one, "Network.webSocketCreated", requestId="9", url="ws://a/live") == []
    (raw,) = said(one, "Network.webSocketFrameError", requestId="9", errorMessage="refused")
    assert (raw["level"], raw["message"]) == ("error", "WebSocket ws://a/live failed: refused")
    assert said(one, "Network.webSocketClosed", requestId="9") == []
    assert said(one, "Network.webSocketFrameError", requestId="9") == []


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"source": "security", "level": "warning", "text": "mixed"}, [("warn", "security", "mixed")]),
        ({"source": "deprecation", "level": "verbose", "text": "old"}, [("debug", "deprecation", "old")]),
        ({"source": "network", "level": "error", "text": "404"}, []),
        ({"source": "worker", "level": "error", "text": "again"}, []),
    ],
)
def test_the_browsers_own_lines(entry, told):
    """
    What it warns of is told; what others tell better is not told twice.
    """
    found = said(tab(), "Log.entryAdded", entry={"timestamp": NOW, **entry})
    assert [(raw["level"], raw["logger"], raw["message"]) for raw in found] == told


FAULT = {
    "type": "object",
    "subtype": "error",
    "className": "PaymentError",
    "description": "PaymentError: no card\n    at pay (http://a/b.js:1:2)",
    "preview": {
        "properties": [{"name": "cause", "type": "object", "value": "RangeError: root\n    at f (u:1:1)"}]
    },
}
FRAMES_OF_IT = {
    "callFrames": [{"functionName": "pay", "url": "http://a/b.js", "lineNumber": 0, "columnNumber": 1}]
}


@pytest.mark.parametrize(
    ("details", "message", "error", "stack"),
    [
        (
            {"text": "Uncaught", "exception": FAULT, "stackTrace": FRAMES_OF_IT},
            "Uncaught PaymentError: no card",
            {
                "type": "PaymentError",
                "message": "no card",
                "cause": {"type": "RangeError", "message": "root"},
            },
            f"{FAULT['description']}\nCaused by: RangeError: root\n    at f (u:1:1)",
        ),
        (
            {"text": "Uncaught (in promise)", "exception": text("a text"), "stackTrace": FRAMES_OF_IT},
            "Uncaught (in promise) a text",
            {"type": "string", "message": "a text"},
            "    at pay (http://a/b.js:1:2)",
        ),
        (
            {"exception": {**FAULT, "description": "TypeError", "className": "TypeError", "preview": None}},
            "Uncaught TypeError",
            {"type": "TypeError", "message": ""},
            "TypeError",
        ),
        ({"stackTrace": FRAMES_OF_IT}, "Uncaught", None, "    at pay (http://a/b.js:1:2)"),
    ],
)
def test_what_is_thrown_is_told_with_its_cause(details, message, error, stack):
    """
    Errors with type, message, cause and stack; any other value as it reads.
    """
    (raw,) = said(tab(), "Runtime.exceptionThrown", exceptionDetails=details, timestamp=NOW)
    assert (raw["message"], raw.get("error"), raw["stack"]) == (message, error, stack)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([text("console.assert")], "Assertion failed"),
        ([text("as %d"), text("3")], "Assertion failed: as 3"),
        ([previewed("Object", ("a", "number", "1"))], "Assertion failed {a: 1}"),
    ],
)
def test_an_assertion_says_that_it_failed(arguments, message):
    """
    With or without words, and with the stack that led to it.
    """
    given = {"type": "assert", "args": arguments, "stackTrace": FRAMES_OF_IT, "timestamp": NOW}
    (raw,) = said(tab(), "Runtime.consoleAPICalled", **given)
    assert (raw["level"], raw["message"], raw["stack"]) == (
        "error",
        message,
        "    at pay (http://a/b.js:1:2)",
    )


def test_a_logged_error_is_an_error_of_its_entry():
    """
    The first among the arguments, with its stack instead of that of the call.
    """
    (raw,) = said(tab(), "Runtime.consoleAPICalled", type="warning", args=[text("x"), FAULT], timestamp=NOW)
    assert (raw["message"], raw["error"]["type"]) == ("x PaymentError: no card", "PaymentError")
    assert raw["stack"].startswith(FAULT["description"])


@pytest.mark.parametrize("kind", ["clear", "endGroup", "profile", "profileEnd", "", None, 5])
def test_calls_that_say_nothing(kind):
    """
    Console calls without a text make no entry.
    """
    assert said(tab(), "Runtime.consoleAPICalled", type=kind, args=[text("x")], timestamp=NOW) == []


METHODS = [
    "Runtime.consoleAPICalled",
    "Runtime.exceptionThrown",
    "Log.entryAdded",
    "Network.requestWillBeSent",
    "Network.responseReceived",
    "Network.loadingFinished",
    "Network.loadingFailed",
    "Network.webSocketCreated",
    "Network.webSocketFrameError",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NAMES = st.sampled_from(
    [
        "type",
        "subtype",
        "value",
        "description",
        "preview",
        "properties",
        "name",
        "args",
        "stackTrace",
        "callFrames",
        "parent",
        "entry",
        "source",
        "request",
        "response",
        "url",
        "headers",
        "status",
        "timing",
        "requestTime",
        "requestId",
        "timestamp",
        "wallTime",
        "exceptionDetails",
        "exception",
        "text",
        "entries",
        "key",
        "lineNumber",
        "frameId",
        "corsErrorStatus",
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)


@given(events=st.lists(st.tuples(st.sampled_from(METHODS), st.dictionaries(NAMES, VALUES)), max_size=4))
def test_no_event_is_a_surprise(events):
    """
    Whatever shape an event has, reading it raises nothing, and what it yields is an entry.
    """
    one = tab()
    reader = Reader(NOW, Mint(trace_id=lambda: TRACE, entry_id=str))
    for method, params in events:
        for raw in one.read(method, params):
            assert reader.straighten(raw).message is not None
