"""
What is called with httpx or httpx2 goes on with the trace, where it may, and is told.
"""

import asyncio

import httpx
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

import tracelog
from tests.integrations.calling import CallContract, echo, told_calls
from tests.integrations.test_wsgi import hello
from tracelog.integrations import httpx as ours
from tracelog.integrations import httpx2 as ours2
from tracelog.integrations.calls import Target, may_know


class Sync:
    def call(self, url, method="GET", headers=None, body=None):
        with self.library.Client(follow_redirects=True) as client:
            answer = client.request(method, url, headers=headers, content=body)
        return answer.status_code, answer.text


class Async:
    def call(self, url, method="GET", headers=None, body=None):
        async def request():
            async with self.library.AsyncClient(follow_redirects=True) as client:
                return await client.request(method, url, headers=headers, content=body)

        answer = asyncio.run(request())
        return answer.status_code, answer.text


class One:
    library, setup = httpx, staticmethod(ours.setup)


class Two:
    library, setup = httpx2, staticmethod(ours2.setup)


class TestHttpx(One, Sync, CallContract):
    pass


class TestHttpxAsync(One, Async, CallContract):
    pass


class TestHttpx2(Two, Sync, CallContract):
    pass


class TestHttpx2Async(Two, Async, CallContract):
    pass


@pytest.mark.parametrize(("library", "setup"), [(httpx, ours.setup), (httpx2, ours2.setup)])
def test_apps_in_the_same_process_are_called_alike(told, library, setup):
    """
    A call to an app in this process, without a socket, is told; so is what the app calls in turn.
    """
    undo = setup()

    async def relay(request):
        return await echo(request)

    async def work():
        transport = library.ASGITransport(Starlette(routes=[Route("/echo", relay)]))
        async with library.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/echo")

    with library.Client(transport=library.WSGITransport(hello), base_url="http://shop") as client:
        client.get("/")
    assert "traceparent" in asyncio.run(work()).json()
    undo()
    assert [call.context["url"] for call in told_calls(told)] == ["http://shop/", "http://localhost/echo"]


def test_the_program_sees_its_own_request(told):
    """
    The request that an answer belongs to is the one that the program made, without our headers.
    """
    undo = ours.setup()
    transport = httpx.WSGITransport(hello)
    with httpx.Client(transport=transport, base_url="http://localhost") as client:
        request = client.build_request("GET", "/")
        answer = client.send(request)
    undo()
    assert answer.request is request
    assert "traceparent" not in request.headers


@pytest.mark.parametrize(
    ("host", "port", "listed", "known"),
    [
        ("127.0.0.1", 80, (), True),
        ("localhost", None, (), True),
        ("::1", 8080, (), True),
        ("[::1]", 8080, (), True),
        ("api.example.com", None, (), False),
        ("api.example.com", None, ("api.example.com",), True),
        ("API.example.com", None, ("api.Example.com",), True),
        ("evil-api.example.com", None, ("api.example.com",), False),
        ("api.example.com.evil.com", None, ("api.example.com",), False),
        ("api.example.com", None, ("*.example.com",), True),
        ("example.com", None, ("*.example.com",), False),
        ("evilexample.com", None, ("*.example.com",), False),
        ("api.example.com", 8443, ("api.example.com:8443",), True),
        ("api.example.com", 8444, ("api.example.com:8443",), False),
        ("api.example.com", None, ("api.example.com:443",), True),
        ("2001:db8::1", 80, ("[2001:db8::1]",), True),
        ("localhost.evil.com", 80, (), False),
    ],
)
def test_who_may_know(host, port, listed, known):
    """
    This machine may know, and who is listed by name, by name and port, or as one below a domain; nobody else.
    """
    assert may_know(Target("https", host, port, "/"), listed) == known


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target("https", "a.b", None, "/c?d=e"), "https://a.b/c"),
        (Target("https", "a.b", 443, "/"), "https://a.b/"),
        (Target("http", "::1", 8080, "/c"), "http://[::1]:8080/c"),
    ],
)
def test_a_target_is_shown_without_its_query(target, text):
    """
    What is shown of a target has no query: it holds secrets.
    """
    assert str(target) == text


def test_outside_any_trace_a_call_begins_one(told):
    """
    A call outside any trace is the first hop of its own.
    """
    undo = ours.setup()
    with httpx.Client(transport=httpx.WSGITransport(hello), base_url="http://localhost") as client:
        client.get("/")
    undo()
    (call,) = told_calls(told)
    assert call.parent_id is None
    assert tracelog.current() is None
