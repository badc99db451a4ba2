"""
Each request of a WSGI app is one entry of its caller's trace, whatever becomes of it.
"""

import io
import re
import sys
import time
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracelog
from tests.integrations.serving import Wsgi
from tests.integrations.traces import CONTINUED, PARENT, RESTARTED, TRACE
from tests.pair import pair
from tracelog.core.compact import CONTENT_TYPE
from tracelog.integrations.wsgi import Middleware

TEXT = [("Content-Type", "text/plain")]


def hello(environ, start_response):
    tracelog.get_logger("shop").info("saying hello")
    start_response("200 OK", TEXT)
    return [b"hello"]


def refuse(environ, start_response):
    start_response("404 Not Found", TEXT)
    return [b"no"]


def unwell(environ, start_response):
    start_response("503 Service Unavailable", TEXT)
    return [b"down"]


def fail(environ, start_response):
    raise ValueError("no order")


def stream(environ, start_response):
    start_response("200 OK", TEXT)
    for part in (b"a", b"b"):
        tracelog.get_logger("shop").info("part")
        yield part


def break_off(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"a"
    raise ValueError("half-way")


def named(environ, start_response):
    start_response("200 OK", [("X-Trace-Id", "mine")])(b"written")
    return []


def handled(environ, start_response):
    try:
        raise ValueError("handled")  # noqa: TRY301 - an exception to hand over
    except ValueError:
        start_response("500 Internal Server Error", TEXT, sys.exc_info())
    return [b"sorry"]


def file(environ, start_response):
    start_response("200 OK", TEXT)
    return FileWrapper(io.BytesIO(b"from a file"))


PATHS = {
    f"/{app.__name__.replace('_', '-')}": app
    for app in (hello, refuse, unwell, fail, stream, break_off, named, handled, file)
}


def shop(environ, start_response):
    return PATHS[environ["PATH_INFO"]](environ, start_response)


@pytest.fixture(scope="module")
def server():
    """
    An app behind the middleware, twice, under the server of the standard library.
    """
    with Wsgi(Middleware(Middleware(shop))) as running:
        yield running


def settled(told):
    """
    Return the entries once a request is among them: the server closes an answer after it was read.
    """
    for _ in range(2_000):
        entries = told()
        if entries and entries[-1].duration_ms is not None:
            return entries
        time.sleep(0.005)
    raise AssertionError(entries)


def test_a_request_is_one_entry(told, server):
    """
    A request is an entry with method, path, status and duration; what is logged inside belongs to it.
    """
    answer = server.get("/hello?password=x")
    line, request = settled(told)
    assert (request.message, request.level, answer.body) == ("GET /hello", "info", b"hello")
    assert request.context == {"method": "GET", "path": "/hello", "status": 200}
    assert (line.message, line.span_id) == ("saying hello", request.span_id)
    assert answer.header("x-trace-id") == request.trace_id
    assert answer.header("content-length") == "5", "the server still sees that there is one part"


@pytest.mark.parametrize("headers", CONTINUED)
def test_a_valid_trace_goes_on(told, server, headers):
    """
    With a valid `traceparent` the request is a hop of its caller's trace.
    """
    assert server.get("/refuse", headers).header("x-trace-id") == TRACE
    (request,) = settled(told)
    assert (request.trace_id, request.parent_id) == (TRACE, PARENT)


@pytest.mark.parametrize("headers", RESTARTED)
def test_an_invalid_trace_starts_anew(told, server, headers):
    """
    Without a valid `traceparent` the request begins a trace of its own.
    """
    server.get("/refuse", headers)
    (request,) = settled(told)
    assert re.fullmatch("[0-9a-f]{32}", request.trace_id)
    assert (request.trace_id == TRACE, request.parent_id) == (False, None)


OUTCOMES = [
    ("/refuse", 404, "info", None),
    ("/unwell", 503, "error", None),
    ("/handled", 500, "error", None),
    ("/fail", 500, "error", "no order"),
    ("/break-off", 200, "error", "half-way"),
    ("/named", 200, "info", None),
    ("/file", 200, "info", None),
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(("path", "status", "level", "error"), OUTCOMES)
def test_outcomes_are_told(told, server, capfd, path, status, level, error):
    """
    The entry says how the request ended, with the exception where there was one.
    """
    assert server.get(path).status == status
    (request,) = settled(told)
    assert (request.context["status"], request.level) == (status, level)
    assert (request.error or {}).get("message") == error


def test_a_stream_is_inside_in_each_step(told, server):
    """
    What a streamed answer logs belongs to its request; the entry comes after the last part.
    """
    assert server.get("/stream").body == b"ab"
    *parts, request = settled(told)
    assert [entry.span_id for entry in parts] == [request.span_id] * 2


def test_a_header_of_the_app_stays(told, server):
    """
    Where the app names a trace itself, that is what its caller sees.
    """
    answer = server.get("/named")
    assert [value for name, value in answer.headers if name.lower() == "x-trace-id"] == ["mine"]
    assert answer.body == b"written"


def test_deliveries_are_no_requests(told, server):
    """
    What a client of ours delivers to this very process is not logged: it would be delivered in turn, for ever.
    """
    server.ask("POST", "/hello", [("content-type", CONTENT_TYPE)], b"x")
    server.get("/refuse")
    assert [entry.message for entry in settled(told)] == ["GET /refuse"]


def begin(app, **environ):
    setup_testing_defaults(environ)
    return Middleware(app)(environ, lambda status, headers, *exc_info: lambda data: None)


def test_between_the_steps_nothing_is_current(told):
    """
    While the server has the turn, the thread is in no trace, and a second request can be served in between.
    """
    one, two = iter(begin(stream)), iter(begin(stream))
    next(one)
    next(two)
    assert tracelog.current() is None
    list(one)
    list(two)
    lines = told()
    assert len({entry.span_id for entry in lines}) == 2
    assert sum(entry.duration_ms is not None for entry in lines) == 2


def test_an_abandoned_answer_ends_with_close(told):
    """
    An answer that the server gives up half-way is one entry, once, and the app cleans up inside its request.
    """
    cleaned = []

    class Parts:
        def __iter__(self):
            return iter([b"a", b"b"])

        def close(self):
            cleaned.append(tracelog.current().trace_id)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Parts()

    parts = begin(app)
    next(iter(parts))
    parts.close()
    parts.close()
    (request,) = told()
    assert cleaned == [request.trace_id] * 2


def test_a_failing_close_is_told_and_raised(told):
    """
    What the clean-up of an answer raises goes on to the server, and is the error of the request.
    """

    class Parts(list):
        def close(self):
            raise ValueError("cannot close")

    with pytest.raises(ValueError, match="cannot close"):
        begin(lambda environ, start_response: Parts()).close()
    (request,) = told()
    assert (request.error["message"], request.context["status"]) == ("cannot close", 500)


def test_being_interrupted_is_no_failure(told):
    """
    What is no `Exception` is named, no more, and goes on.
    """

    def app(environ, start_response):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin(app)
    (request,) = told()
    assert (request.level, request.context["ended_by"]) == ("info", "KeyboardInterrupt")


@given(status=st.text(max_size=5), path=st.text(), headers=st.dictionaries(st.text(), st.text(), max_size=3))
def test_any_request_is_an_entry(status, path, headers):
    """
    Whatever method, path, headers and status are, the answer is the app's and one entry arrives.
    """
    client, wire = pair()
    environ = {"PATH_INFO": path, **{f"HTTP_{name}": value for name, value in headers.items()}}

    def app(environ, start_response):
        start_response(status, [])
        return [b"x"]

    parts = Middleware(app, client=client)(environ, lambda *said: None)
    assert list(parts) == [b"x"]
    parts.close()
    assert client.shutdown(10) == 0
    assert len(wire.entries) == 1
