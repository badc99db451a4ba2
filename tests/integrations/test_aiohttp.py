"""
What an aiohttp server gets and what an aiohttp client calls is told, under one trace.
"""

import asyncio
import threading

import aiohttp
import pytest
from aiohttp import web

import tracelog
from tests.integrations.calling import CallContract, told_calls
from tests.integrations.serving import Served
from tests.integrations.traces import CONTINUED, PARENT, RESTARTED, TRACE
from tests.sinks.scripted import drip, scripted
from tracelog.integrations.aiohttp import init_app, setup


class TestAiohttp(CallContract):
    setup = staticmethod(setup)
    redirected = (307, 200)

    def call(self, url, method="GET", headers=None, body=None):
        async def request():
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, url, headers=headers, data=body) as answer,
            ):
                return answer.status, await answer.text()

        return asyncio.run(request())


@pytest.mark.parametrize("reads", [True, False])
def test_an_answer_in_pieces_that_breaks_is_told(told, reads):
    """
    What breaks an answer that is read piece by piece is told, once; one that nobody reads to its end is not.
    """
    undo = setup()

    async def request(url):
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            async for _ in answer.content.iter_any():
                if not reads:
                    break

    with scripted(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 0.001)) as server:
        try:
            asyncio.run(request(server.url))
        except aiohttp.ClientPayloadError:
            assert reads
    undo()
    assert [entry.level for entry in told()] == ["info"] + ["error"] * reads


class Aiohttp(Served):
    """
    An aiohttp app on a real socket.
    """

    def __init__(self, make):
        super().__init__()
        self._make = make
        self._stop = None
        self._loop = None

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self._make(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        await self._stop.wait()
        await runner.cleanup()

    def stop(self):
        self._loop.call_soon_threadsafe(self._stop.set)


async def order(request):
    tracelog.get_logger("shop").info("looking")
    return web.json_response({"order": request.match_info["order"]})


async def fail(request):
    raise LookupError("no such order")


async def refuse(request):
    raise web.HTTPForbidden


async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"a")
    tracelog.get_logger("shop").info("part")
    await response.write_eof()
    return response


async def echo(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


async def hang(request):
    await asyncio.sleep(60)


def shop():
    app = web.Application()
    app.router.add_get("/orders/{order}", order)
    app.router.add_get("/fail", fail)
    app.router.add_get("/refuse", refuse)
    app.router.add_get("/stream", stream)
    app.router.add_get("/echo", echo)
    return app


def mall():
    inner = init_app(shop())
    app = init_app(shop())
    app.add_subapp("/inner", inner)
    return app


@pytest.fixture(scope="module")
def server():
    """
    An app with an app within.
    """
    with Aiohttp(mall) as running:
        yield running


def settled(told, pause=threading.Event()):  # noqa: B008 - never set
    for _ in range(2_000):
        entries = told()
        if entries and entries[-1].duration_ms is not None:
            return entries
        pause.wait(0.005)
    raise AssertionError(entries)


@pytest.mark.parametrize("prefix", ["", "/inner"])
def test_a_request_is_one_entry(told, server, prefix):
    """
    A request is an entry with its route, also in an app within an app; what is logged inside belongs to it.
    """
    answer = server.get(f"{prefix}/orders/7?password=x")
    line, request = settled(told)
    assert request.context == {
        "method": "GET",
        "path": f"{prefix}/orders/7",
        "route": f"{prefix}/orders/{{order}}",
        "status": 200,
    }
    assert (line.message, line.span_id) == ("looking", request.span_id)
    assert answer.header("x-trace-id") == request.trace_id


@pytest.mark.parametrize(
    ("path", "status", "level", "error"),
    [
        ("/fail", 500, "error", "no such order"),
        ("/refuse", 403, "info", None),
        ("/nowhere", 404, "info", None),
    ],
)
def test_outcomes_are_told(told, server, path, status, level, error):
    """
    An answer that is raised is an answer; any other exception is the error of its request.
    """
    answer = server.get(path)
    (request,) = settled(told)
    assert (answer.status, request.context["status"], request.level) == (status, status, level)
    assert (request.error or {}).get("message") == error
    assert answer.header("x-trace-id") == request.trace_id


def test_a_stream_is_named_before_it_begins(told, server):
    """
    A streamed answer names its trace, too, and its lines belong to it.
    """
    answer = server.get("/stream")
    line, request = settled(told)
    assert (answer.body, answer.header("x-trace-id")) == (b"a", request.trace_id)
    assert line.span_id == request.span_id


@pytest.mark.parametrize("headers", [*CONTINUED, *RESTARTED])
def test_traces_go_on_by_the_rules_of_w3c(told, server, headers):
    """
    A valid `traceparent` goes on; any other begins a trace.
    """
    server.get("/nowhere", headers)
    (request,) = settled(told)
    expected = (True, PARENT) if headers in CONTINUED else (False, None)
    assert (request.trace_id == TRACE, request.parent_id) == expected


def test_a_websocket_is_one_entry(told, server):
    """
    A WebSocket is one entry when it ends, with how it was closed.
    """

    async def talk():
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.url}/echo") as socket:
            await socket.send_str("a")
            assert await socket.receive_str() == "a"
            await socket.close(code=4000)

    asyncio.run(talk())
    (request,) = settled(told)
    assert (request.context["status"], request.context["close_code"]) == (101, 4000)


def test_setup_joins_server_and_client(told):
    """
    After `setup` a call from one app to another is one trace: the call, and the request that it causes.
    """
    undo = setup()

    async def work(url):
        async with aiohttp.ClientSession() as session:
            with tracelog.trace("order"):
                async with session.get(f"{url}/orders/7") as answer:
                    return answer.status

    with Aiohttp(shop) as server:
        assert asyncio.run(work(server.url)) == 200
    undo()
    entries = told()
    request = next(entry for entry in entries if entry.message == "GET /orders/7")
    (call,) = told_calls(told)
    assert request.parent_id == call.span_id
    assert len({entry.trace_id for entry in entries}) == 1
