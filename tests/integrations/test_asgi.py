"""
Each request of an ASGI app is one entry of its caller's trace, whatever becomes of it.
"""

import asyncio
import logging
import re
import time
from contextlib import asynccontextmanager

import fastapi
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware as Used
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import tracelog
from tests.integrations.serving import Asgi
from tests.integrations.traces import CONTINUED, PARENT, RESTARTED, TRACE, VALID
from tracelog.core.compact import CONTENT_TYPE
from tracelog.integrations.asgi import Middleware
from tracelog.integrations.logging import Handler
from tracelog.integrations.starlette import setup

log = tracelog.get_logger


async def hello(request):
    log("shop").info("saying hello")
    return PlainTextResponse("hello")


async def refuse(request):
    return PlainTextResponse("no", 404)


async def fail(request):
    raise ValueError("no order")


async def unwell(request):
    return PlainTextResponse("down", 503)


async def stream(request):
    async def parts():
        for part in ("a", "b", "c"):
            log("shop").info("part", part=part)
            yield part

    return StreamingResponse(parts())


async def break_off(request):
    async def parts():
        yield "a"
        raise ValueError("half-way")

    return StreamingResponse(parts(), headers={"content-length": "9"})


async def later(request):
    async def work():
        log("shop").info("in the background")
        if "fail" in request.query_params:
            raise ValueError("in the background")

    return PlainTextResponse("soon", background=BackgroundTask(work))


async def named(request):
    return PlainTextResponse("x", headers={"X-Trace-Id": "mine"})


async def baggage(request):
    return PlainTextResponse(repr(sorted(tracelog.inject().items())))


def sync(request):
    log("shop").info("in a thread")
    return PlainTextResponse("x")


ROUTES = [
    Route("/hello/{name}", hello),
    Route("/refuse", refuse),
    Route("/fail", fail),
    Route("/unwell", unwell),
    Route("/stream", stream),
    Route("/break", break_off),
    Route("/later", later),
    Route("/named", named),
    Route("/baggage", baggage),
    Route("/sync", sync),
]


@pytest.fixture(scope="module")
def server():
    """
    A Starlette app with the middleware around it, under uvicorn.
    """
    app = Starlette(routes=[*ROUTES, Mount("/inner", Middleware(Starlette(routes=ROUTES)))])
    with Asgi(Middleware(app)) as running:
        yield running


def requests_of(entries):
    return [entry for entry in entries if entry.duration_ms is not None]


def settled(told, count):
    """
    Return the entries once *count* exchanges are among them: a server's work may outlast its answer.
    """
    for _ in range(2_000):
        entries = told()
        if len(requests_of(entries)) >= count:
            return entries
        time.sleep(0.005)
    raise AssertionError(entries)


def test_a_request_is_one_entry(told, server):
    """
    A request is an entry with method, path, route, status and duration; what is logged inside belongs to it.
    """
    answer = server.get("/hello/ann?password=x")
    line, request = settled(told, 1)
    assert (request.message, request.level) == ("GET /hello/ann", "info")
    assert request.context == {"method": "GET", "path": "/hello/ann", "route": "/hello/{name}", "status": 200}
    assert request.duration_ms >= 0
    assert (line.message, line.trace_id, line.span_id) == ("saying hello", request.trace_id, request.span_id)
    assert answer.header("x-trace-id") == request.trace_id


@pytest.mark.parametrize("headers", CONTINUED)
def test_a_valid_trace_goes_on(told, server, headers):
    """
    With a valid `traceparent` the request is a hop of its caller's trace.
    """
    answer = server.get("/refuse", headers)
    (request,) = settled(told, 1)
    assert (request.trace_id, request.parent_id) == (TRACE, PARENT)
    assert answer.header("x-trace-id") == TRACE


@pytest.mark.parametrize("headers", RESTARTED)
def test_an_invalid_trace_starts_anew(told, server, headers):
    """
    Without a valid `traceparent` the request begins a trace of its own.
    """
    answer = server.get("/refuse", headers)
    (request,) = settled(told, 1)
    assert re.fullmatch("[0-9a-f]{32}", request.trace_id)
    assert request.trace_id != TRACE
    assert request.parent_id is None
    assert answer.header("x-trace-id") == request.trace_id


def test_state_and_baggage_are_passed_on(told, server):
    """
    What travels with the trace goes on to whoever is called from inside.
    """
    answer = server.get(
        "/baggage", [("traceparent", VALID), ("tracestate", "a=1,b=2"), ("baggage", "user=u1")]
    )
    assert b"('tracestate', 'a=1,b=2')" in answer.body
    assert b"('baggage', 'user=u1')" in answer.body


def test_an_id_of_another_kind_goes_on(told, server):
    """
    Without a `traceparent` an `x-trace-id` names the trace.
    """
    server.get("/refuse", [("x-trace-id", "order-7")])
    (request,) = settled(told, 1)
    assert request.trace_id == "order-7"


OUTCOMES = [("/refuse", 404, "info"), ("/unwell", 503, "error"), ("/nowhere", 404, "info")]


@pytest.mark.parametrize(("path", "status", "level"), OUTCOMES)
def test_levels_follow_the_status(told, server, path, status, level):
    """
    What a server answers 5xx is an error; that a caller was refused is not.
    """
    assert server.get(path).status == status
    (request,) = settled(told, 1)
    assert (request.context["status"], request.level, request.error) == (status, level, None)


def test_an_exception_is_told_and_raised(told, server):
    """
    An exception is the error of its request, once, and reaches whoever is outside as it was.
    """
    answer = server.get("/fail")
    (request,) = settled(told, 1)
    assert (answer.status, request.context["status"], request.level) == (500, 500, "error")
    assert request.error == {"type": "ValueError", "message": "no order"}
    assert "in fail" in request.stack
    assert answer.header("x-trace-id") == request.trace_id


def test_a_stream_ends_with_its_last_part(told, server):
    """
    A streamed answer is one entry, after its last part; its lines belong to it.
    """
    assert server.get("/stream").body == b"abc"
    *parts, request = settled(told, 1)
    assert [entry.context["part"] for entry in parts] == ["a", "b", "c"]
    assert {entry.span_id for entry in parts} == {request.span_id}


def test_a_broken_stream_is_an_error(told, server):
    """
    An exception after the answer has begun is the error of the request, beside the status that was sent.
    """
    assert server.get("/break").status == 200
    (request,) = settled(told, 1)
    assert (request.context["status"], request.level, request.error["message"]) == (200, "error", "half-way")


def test_background_tasks_belong_to_their_request(told, server):
    """
    Background tasks log under the request that started them, whose entry does not wait for them; a failure of
    theirs is an entry of its own.
    """
    server.get("/later?fail")
    for _ in range(2_000):
        entries = told()
        if len(entries) == 3:
            break
        time.sleep(0.005)
    request, line, failure = entries
    assert (request.message, request.level, request.context["status"]) == ("GET /later", "info", 200)
    assert (line.message, line.span_id) == ("in the background", request.span_id)
    assert (failure.message, failure.error["message"]) == (
        "GET /later failed after its answer",
        "in the background",
    )
    assert failure.span_id == request.span_id


def test_a_header_of_the_app_stays(told, server):
    """
    Where the app names a trace itself, that is what its caller sees.
    """
    answer = server.get("/named")
    assert [value for name, value in answer.headers if name.lower() == "x-trace-id"] == ["mine"]


def test_threads_of_the_app_keep_the_trace(told, server):
    """
    A handler that Starlette runs in a thread logs under its request.
    """
    server.get("/sync")
    line, request = settled(told, 1)
    assert (line.message, line.span_id) == ("in a thread", request.span_id)


def test_an_app_within_an_app_is_one_request(told, server):
    """
    Where the middleware is met twice, the request is still one entry.
    """
    server.get("/inner/hello/ann")
    line, request = settled(told, 1)
    assert (line.span_id, request.context["path"]) == (request.span_id, "/inner/hello/ann")


def test_deliveries_are_no_requests(told, server):
    """
    What a client of ours delivers to this very process is not logged: it would be delivered in turn, for ever.
    """
    server.ask("POST", "/hello/ann", [("content-type", CONTENT_TYPE)], b"x")
    server.get("/refuse")
    assert [entry.message for entry in settled(told, 1)] == ["GET /refuse"]


def test_uvicorn_logs_under_the_request(told):
    """
    With our handler uvicorn's access line belongs to the request it tells of.
    """
    access = logging.getLogger("uvicorn.access")
    access.handlers[:] = [Handler()]
    access.setLevel("INFO")
    with Asgi(Middleware(Starlette(routes=ROUTES))) as server:
        server.get("/refuse")
        entries = settled(told, 1)
    access.handlers[:] = []
    assert len({entry.trace_id for entry in entries}) == 1
    assert '"GET /refuse HTTP/1.1" 404' in " ".join(entry.message for entry in entries)


def test_what_uvicorn_says_of_a_failure_belongs_to_its_request(told):
    """
    Uvicorn logs an exception after the request is over; the line belongs to it all the same.
    """
    errors = logging.getLogger("uvicorn.error")
    errors.handlers[:] = [Handler()]
    with Asgi(Middleware(Starlette(routes=ROUTES))) as server:
        server.get("/fail")
    errors.handlers[:] = []
    request, said = (entry for entry in told() if entry.error)  # the server is stopped: it has said all
    assert (request.message, said.message) == ("GET /fail", "Exception in ASGI application\n")
    assert (said.trace_id, said.span_id) == (request.trace_id, request.span_id)


def test_lifespan_passes(told):
    """
    The app's lifespan runs as without the middleware.
    """
    seen = []

    async def lifespan(app):
        seen.append("start")
        yield
        seen.append("stop")

    app = Starlette(routes=ROUTES, lifespan=asynccontextmanager(lifespan))
    with Asgi(Middleware(app), lifespan="on") as server:
        server.get("/refuse")
        settled(told, 1)
    assert seen == ["start", "stop"]


def test_fastapi_with_add_middleware(told):
    """
    Added to a FastAPI app it logs requests, and the exception that the app raises.
    """
    app = fastapi.FastAPI()
    app.add_middleware(Middleware)

    @app.get("/orders/{order}")
    async def order(order: int):
        log("shop").info("looking", order=order)
        raise LookupError("no such order")

    with Asgi(app) as server:
        assert server.get("/orders/7").status == 500
        assert server.get("/orders/x").status == 422
        line, failed, refused = settled(told, 2)
    assert (line.trace_id, failed.context["route"]) == (failed.trace_id, "/orders/{order}")
    assert (failed.error["type"], failed.level) == ("LookupError", "error")
    assert (refused.context["status"], refused.level) == (422, "info")


def test_setup_is_around_every_app(told):
    """
    After `setup` every Starlette and FastAPI app is watched from outside, also its own middleware and its 500s; a
    second call changes nothing, and it can be undone.
    """
    undo = setup()
    setup()()
    with Asgi(fastapi.FastAPI(routes=ROUTES, middleware=[Used(Middleware)])) as server:
        answer = server.get("/fail")
        (request,) = settled(told, 1)
        undo()
        server.get("/refuse")
    assert answer.header("x-trace-id") == request.trace_id
    assert len(requests_of(told())) == 2, "the app's own middleware goes on"


async def echo(socket):
    if "refuse" in socket.query_params:
        await socket.close(1008)
        return
    await socket.accept()
    log("shop").info("accepted")
    while True:
        text = await socket.receive_text()
        if text == "fail":
            raise ValueError("no such word")
        if text == "bye":
            await socket.close(4000)
            return
        await socket.send_text(text)


@pytest.fixture
def sockets():
    """
    A client of an app with a WebSocket.
    """
    return TestClient(Middleware(Starlette(routes=[WebSocketRoute("/echo", echo)])))


def test_a_websocket_is_one_entry(told, sockets):
    """
    A WebSocket is one entry when it ends, with how it was closed; what is logged inside belongs to it.
    """
    with (  # noqa: PT012 - the client's end is where the exception of the app comes out
        pytest.raises(WebSocketDisconnect),
        sockets.websocket_connect("/echo", headers={"traceparent": VALID}) as socket,
    ):
        socket.send_text("a")
        assert socket.receive_text() == "a"
        assert dict(socket.extra_headers or [])[b"x-trace-id"] == TRACE.encode()
    line, request = settled(told, 1)
    assert (request.message, request.trace_id, request.parent_id) == ("WS /echo", TRACE, PARENT)
    assert request.context["status"] == 101
    assert request.context["close_code"] == 1000
    assert (line.span_id, request.level) == (request.span_id, "info")


@pytest.mark.parametrize(("word", "code", "level"), [("bye", 4000, "info"), ("fail", None, "error")])
def test_a_websocket_tells_its_end(told, sockets, word, code, level):
    """
    Whoever closes it, the code is told; an exception is the error.
    """
    with pytest.raises((WebSocketDisconnect, ValueError)), sockets.websocket_connect("/echo") as socket:  # noqa: PT012
        socket.send_text(word)
        socket.receive_text()
    _, request = settled(told, 1)
    assert (request.level, request.context.get("close_code")) == (level, code)


def test_a_refused_websocket(told, sockets):
    """
    One that is closed before it was accepted was refused.
    """
    with pytest.raises(WebSocketDisconnect), sockets.websocket_connect("/echo?refuse"):
        pass
    (request,) = settled(told, 1)
    assert (request.context["status"], request.context["close_code"]) == (403, 1008)


def run(app, messages=(), headers=()):
    """
    Run *app* by hand and return what it sent.
    """
    sent, waiting = [], list(messages)

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": list(headers)}
    asyncio.run(app(scope, receive, send))
    return sent


async def leaves(scope, receive, send):
    await receive()


async def silent(scope, receive, send):
    return


async def cancelled(scope, receive, send):
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("app", "ended"), [(leaves, "disconnect"), (silent, "no answer"), (cancelled, "CancelledError")]
)
def test_a_request_without_an_answer_is_told(told, app, ended):
    """
    A request that ends without an answer says how, and is no failure.
    """
    try:
        run(Middleware(app))
    except asyncio.CancelledError:
        assert app is cancelled
    (request,) = told()
    assert (request.context, request.level) == ({"method": "GET", "path": "/", "ended_by": ended}, "info")


def test_the_exception_itself_is_raised(told):
    """
    What the app raises is what the server gets, the very object, unchained.
    """
    failure = ValueError("no")

    async def app(scope, receive, send):
        raise failure

    with pytest.raises(ValueError, match="no") as caught:
        run(Middleware(app))
    assert caught.value is failure
    assert (failure.__cause__, failure.__context__) == (None, None)


def test_the_own_client_logs(told, connect):
    """
    With `client=` that one logs, and a switched-off one changes nothing.
    """
    client, wire = connect()
    off, _ = connect(enabled=False)
    run(Middleware(silent, client=client))
    run(Middleware(silent, client=off))
    assert client.flush(10) == 0
    assert (wire.messages, told()) == (["GET /"], [])
