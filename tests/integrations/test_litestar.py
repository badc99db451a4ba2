"""
Litestar's requests and WebSockets are entries of their caller's trace, with the exceptions that it answers for.
"""

import time
from contextlib import suppress

import pytest
from litestar import Litestar, Response, WebSocket, get, websocket
from litestar.background_tasks import BackgroundTask
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.params import FromPath
from litestar.response import Stream
from litestar.testing import TestClient

import tracelog
from tests.integrations.serving import Asgi
from tests.integrations.test_asgi import settled
from tests.integrations.traces import PARENT, TRACE, VALID
from tracelog.integrations.asgi import Middleware
from tracelog.integrations.litestar import after_exception, setup

log = tracelog.get_logger


@get("/orders/{order:int}")
async def order(order: FromPath[int]) -> dict[str, str]:
    log("shop").info("looking", order=order)
    return dict(tracelog.inject({}))


@get("/fail")
async def fail() -> str:
    raise ValueError("no order")


@get("/denied")
async def denied() -> str:
    raise NotAuthorizedException


@get("/handled")
async def handled() -> str:
    raise LookupError("gone")


@get("/sync", sync_to_thread=True)
def sync() -> str:
    log("shop").info("in a thread")
    return "x"


@get("/stream")
async def stream() -> Stream:
    async def parts():
        for part in ("a", "b"):
            log("shop").info("part", part=part)
            yield part

    return Stream(parts())


@get("/later")
async def later() -> Response[str]:
    async def work() -> None:
        log("shop").info("in the background")

    return Response("soon", background=BackgroundTask(work))


@websocket("/echo")
async def echo(socket: WebSocket) -> None:
    if "refuse" in socket.query_params:
        raise PermissionDeniedException
    await socket.accept()
    while (text := await socket.receive_text()) != "bye":
        if text == "fail":
            raise ValueError("no such word")
        await socket.send_text(text)
    await socket.close(code=4000)


def app_of(**settings):
    return Litestar(
        [order, fail, denied, handled, sync, stream, later, echo],
        exception_handlers={LookupError: lambda _request, _error: Response("gone", status_code=404)},
        openapi_config=None,
        logging_config=None,
        **settings,
    )


@pytest.fixture(params=["setup", "around", "inside"])
def server(request):
    """
    An app under uvicorn, watched in each of the ways that the page tells of.
    """
    undo = setup() if request.param == "setup" else lambda: None
    if request.param == "setup":
        app = app_of()
    elif request.param == "around":
        app = Middleware(app_of(after_exception=[after_exception]))
    else:
        app = app_of(after_exception=[after_exception], middleware=[Middleware])
    with Asgi(app) as running:
        yield running
    undo()


def test_requests_are_entries_of_their_callers_trace(told, server):
    """
    A request is one entry with route, status and duration under its caller's hop, state passed on; what is logged
    in handlers, threads, streams and background tasks belongs to it.
    """
    answer = server.get("/orders/7", [("traceparent", VALID), ("tracestate", "a=1,b=2")])
    line, request = settled(told, 1)
    assert (request.trace_id, request.parent_id, line.span_id) == (TRACE, PARENT, request.span_id)
    assert request.context == {
        "method": "GET",
        "path": "/orders/7",
        "route": "/orders/{order}",
        "status": 200,
    }
    assert answer.header("x-trace-id") == TRACE
    assert b'"tracestate":"a=1,b=2"' in answer.body
    assert f"00-{TRACE}-{request.span_id}-01".encode() in answer.body

    for path, lines in (("/sync", ["in a thread"]), ("/stream", ["part", "part"])):
        before = len(told())
        server.get(path)
        *logged, request = settled(told, 2 + (path == "/stream"))[before:]
        assert [entry.message for entry in logged] == lines
        assert {entry.span_id for entry in logged} == {request.span_id}


def test_exceptions_are_told(told, server):
    """
    The exception behind a 500 is the error of its request, though Litestar answers for it; one that is an answer by
    itself, or that a handler of the app makes one of, is none.
    """
    assert [server.get(path).status for path in ("/fail", "/denied", "/handled")] == [500, 401, 404]
    failed, refused, answered = settled(told, 3)
    assert (failed.level, failed.context["status"], failed.context["route"]) == ("error", 500, "/fail")
    assert failed.error == {"type": "ValueError", "message": "no order"}
    assert "in fail" in failed.stack
    assert [(entry.level, entry.context["status"], entry.error) for entry in (refused, answered)] == [
        ("info", 401, None),
        ("info", 404, None),
    ]


def test_background_tasks_belong_to_their_request(told, server):
    """
    What a background task logs stands under the request that started it.
    """
    server.get("/later")
    for _ in range(2_000):
        if len(entries := told()) == 2:
            break
        time.sleep(0.005)
    by_message = {entry.message: entry for entry in entries}
    assert by_message["in the background"].span_id == by_message["GET /later"].span_id


@pytest.mark.parametrize(
    ("path", "words", "seen"),
    [
        ("/echo", ["a", "bye"], ("info", 4000, None)),
        ("/echo", ["fail"], ("error", 4500, "no such word")),
        ("/echo?refuse", [], ("info", 4500, None)),
    ],
    ids=["closed", "failed", "refused"],
)
def test_a_websocket_is_one_entry(told, path, words, seen):
    """
    A WebSocket is one entry when it ends, with how it was closed, and the exception that ended it.
    """
    app = Middleware(app_of(after_exception=[after_exception]))
    with (
        suppress(Exception),  # the client's word for a closed connection, of no matter here
        TestClient(app).websocket_connect(path, headers={"traceparent": VALID}) as socket,
    ):
        for word in words:
            socket.send_text(word)
            socket.receive_text()
    (request,) = settled(told, 1)
    error = request.error and request.error["message"]
    assert (request.level, request.context["close_code"], error) == seen
    assert (request.message, request.trace_id, request.parent_id) == ("WS /echo", TRACE, PARENT)


def test_setup_can_be_undone(told):
    """
    A second `setup` changes nothing; undone, an app that was watched is as before.
    """
    undo = setup()
    setup()()
    app = app_of()
    with TestClient(app) as client:
        client.get("/orders/1")
        undo()
        client.get("/orders/2")
    assert [entry.context.get("path") for entry in told() if entry.duration_ms is not None] == ["/orders/1"]
