"""
Each request of a Django app is one entry of its caller's trace, under WSGI and under ASGI.
"""

import asyncio
import io
import logging
import sys
import time
from types import ModuleType

import django
import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path

import tracelog
from tests.integrations.serving import Asgi, Wsgi
from tests.integrations.traces import CONTINUED, PARENT, RESTARTED, TRACE
from tracelog.integrations.django import Middleware, setup
from tracelog.integrations.logging import Handler


def order(request, order):
    tracelog.get_logger("shop").info("looking", order=order)
    return HttpResponse("x")


async def later(request):
    tracelog.get_logger("shop").info("looking")
    return HttpResponse("x")


def fail(request):
    raise LookupError("no such order")


def stream(request):
    async def parts():
        yield b"ab"

    return StreamingHttpResponse(parts() if hasattr(request, "scope") else [b"a", b"b"])


def speak(request):
    """
    An answer that logs while it is sent.
    """
    log = tracelog.get_logger("shop").info

    def parts():
        log("first part")
        yield b"a"
        log("last part")

    async def later():
        for part in parts():
            yield part

    return StreamingHttpResponse(later() if hasattr(request, "scope") else parts())


@pytest.fixture(scope="module", autouse=True)
def configured():
    """
    Settings with our middleware first.
    """
    urls = ModuleType("shop_urls")
    urls.urlpatterns = [
        path("orders/<int:order>", order),
        path("later", later),
        path("fail", fail),
        path("stream", stream),
        path("speak", speak),
    ]
    sys.modules["shop_urls"] = urls
    settings.configure(
        ROOT_URLCONF="shop_urls",
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["tracelog.integrations.django.Middleware", "django.middleware.common.CommonMiddleware"],
        LOGGING_CONFIG=None,
        SECRET_KEY="for tests",
    )
    django.setup()


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def server(request, configured):
    """
    The app under WSGI and under ASGI.
    """
    app = (
        Wsgi(get_wsgi_application())
        if request.param == "wsgi"
        else Asgi(get_asgi_application(), lifespan="off")
    )
    with app as running:
        yield running


def settled(told):
    """
    Return the entries once a request is among them.
    """
    for _ in range(2_000):
        entries = told()
        if entries and entries[-1].duration_ms is not None:
            return entries
        time.sleep(0.005)
    raise AssertionError(entries)


@pytest.mark.parametrize(("url", "route"), [("/orders/7", "orders/<int:order>"), ("/later", "later")])
def test_a_request_is_one_entry(told, server, url, route):
    """
    A request is an entry with its route, for views of both kinds; what is logged inside belongs to it.
    """
    answer = server.get(url)
    line, request = settled(told)
    assert request.context == {"method": "GET", "path": url, "route": route, "status": 200}
    assert (line.message, line.span_id) == ("looking", request.span_id)
    assert answer.header("x-trace-id") == request.trace_id


@pytest.mark.parametrize(
    ("url", "status", "level", "error"),
    [
        ("/fail", 500, "error", "no such order"),
        ("/nowhere", 404, "info", None),
        ("/stream", 200, "info", None),
    ],
)
def test_outcomes_are_told(told, server, url, status, level, error):
    """
    What a view raises is the error of its request, although Django has made an answer of it.
    """
    answer = server.get(url)
    (request,) = settled(told)
    assert (answer.status, request.context["status"], request.level) == (status, status, level)
    assert (request.error or {}).get("message") == error
    assert answer.header("x-trace-id") == request.trace_id


def test_what_is_streamed_belongs_to_its_request(told, server):
    """
    What a streamed answer logs stands in its request, whose entry comes after the last part.
    """
    assert server.get("/speak").body == b"a"
    first, last, request = settled(told)
    assert [first.message, last.message] == ["first part", "last part"]
    assert {first.span_id, last.span_id} == {request.span_id}
    assert (request.level, request.message) == ("info", "GET /speak")


def test_what_breaks_a_stream_is_the_error_of_its_request(told):
    """
    An exception in the middle of a streamed answer, of either kind, goes on and is told.
    """

    def parts():
        yield b"a"
        raise LookupError("half-way")

    async def later():
        for part in parts():
            yield part

    async def read(steps):
        return [part async for part in steps]

    for body in (parts(), later()):
        response = Middleware(lambda _request, body=body: StreamingHttpResponse(body))(
            RequestFactory().get("/x")
        )
        with pytest.raises(LookupError):
            asyncio.run(read(response.streaming_content)) if response.is_async else list(response)
    assert [(entry.level, entry.error["message"]) for entry in told()] == [("error", "half-way")] * 2


def test_an_answer_that_nobody_takes_ends_when_it_is_closed(told):
    """
    A streamed answer that is closed unread is one entry; a file goes on as Django made it.
    """

    async def parts():
        yield b"a"

    def answer(body):
        return Middleware(lambda _request: StreamingHttpResponse(body))(RequestFactory().get("/x"))

    for response in (answer(iter([b"a"])), answer(parts())):
        response.close()
        response.close()
    file = FileResponse(io.BytesIO(b"abc"))
    assert Middleware(lambda _request: file)(RequestFactory().get("/file")).file_to_stream is not None
    assert [entry.message for entry in told()] == ["GET /x", "GET /x", "GET /file"]


def interrupted(request):
    raise KeyboardInterrupt


async def interrupted_later(request):
    raise KeyboardInterrupt


def test_what_passes_through_is_told(told):
    """
    What Django makes no answer of goes on, and is named by the entry.
    """
    given = RequestFactory().get("/x")
    with pytest.raises(KeyboardInterrupt):
        Middleware(interrupted)(given)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(Middleware(interrupted_later)(given))
    assert [entry.context["ended_by"] for entry in told()] == ["KeyboardInterrupt"] * 2


@pytest.mark.parametrize("headers", [*CONTINUED, *RESTARTED])
def test_traces_go_on_by_the_rules_of_w3c(told, server, headers):
    """
    A valid `traceparent` goes on; any other begins a trace.
    """
    server.get("/nowhere", headers)
    (request,) = settled(told)
    expected = (True, PARENT) if headers in CONTINUED else (False, None)
    assert (request.trace_id == TRACE, request.parent_id) == expected


@pytest.fixture(params=["without middleware", "with middleware"])
def watched(request):
    """
    Django as `setup` has it, whose apps have our middleware as well, or not.
    """
    ours = [] if request.param == "without middleware" else ["tracelog.integrations.django.Middleware"]
    undo = setup()
    with override_settings(MIDDLEWARE=[*ours, "django.middleware.common.CommonMiddleware"]):
        setup()()
        yield get_wsgi_application, get_asgi_application
    undo()


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_every_app_is_watched_from_outside(told, watched, kind):
    """
    Once set up, a request of any app is one entry with route, exception and trace header, with and without our
    middleware, and what is streamed belongs to it.
    """
    app = Wsgi(watched[0]()) if kind == "wsgi" else Asgi(watched[1](), lifespan="off")
    with app as running:
        for url, status in (("/orders/7", 200), ("/later", 200), ("/fail", 500), ("/speak", 200)):
            before = len(told())
            answer = running.get(url)
            *lines, request = settled(lambda before=before: told()[before:])
            assert (answer.status, request.message) == (status, f"GET {url}")
            assert (request.context["status"], request.context["route"]) == (status, ROUTES[url])
            assert (request.error or {}).get("message") == (None if status == 200 else "no such order")
            assert {line.span_id for line in lines} <= {request.span_id}
            assert [value for name, value in answer.headers if name == "x-trace-id"] == [request.trace_id]


ROUTES = {"/orders/7": "orders/<int:order>", "/later": "later", "/fail": "fail", "/speak": "speak"}


def test_the_access_line_of_the_server_belongs_to_the_request(told, watched):
    """
    With the standard library wired, what uvicorn says of a request stands in its trace.
    """
    access = logging.getLogger("uvicorn.access")
    with Asgi(watched[1](), lifespan="off", access_log=True) as running:
        access.handlers[:], access.level = [Handler()], logging.INFO
        running.get("/orders/7")
        entries = settled(told)
        access.handlers[:] = []
    (line,) = [entry for entry in entries if entry.logger == "uvicorn.access"]
    assert (line.trace_id, line.span_id) == (entries[-1].trace_id, entries[-1].span_id)


def test_undone_nothing_is_watched(told):
    """
    What `setup` returns undoes it.
    """
    setup()()
    with override_settings(MIDDLEWARE=[]), Wsgi(get_wsgi_application()) as running:
        assert running.get("/orders/7").header("x-trace-id") is None
    assert [entry.message for entry in told()] == ["looking"]
