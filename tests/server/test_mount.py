"""
The app inside another one, over any ASGI server: no thread, no socket, no lifespan.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.server.running import settings_of
from tests.server.scripted import ScriptedStore, away
from tracelog.config import ClientSettings
from tracelog.errors import ConfigError
from tracelog.server import create_app
from tracelog.server.app import App

pytestmark = pytest.mark.anyio

ENTRY = {"trace_id": "mounted", "message": "m"}


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


@pytest.mark.parametrize("below", ["/logs-api", "/log", "/a/b"])
async def test_a_mounted_app_is_the_same_app(below: str) -> None:
    """
    Below any path, without a lifespan, entries are taken and given back.
    """
    app = create_app(settings_of())
    async with client_of(Starlette(routes=[Mount(below, app)])) as client:
        for path in ("/log", "/log/"):
            answer = await client.post(f"{below}{path}", json=ENTRY)
            assert (answer.status_code, answer.json()["trace_id"]) == (200, "mounted")
        assert (await client.get(f"{below}/log")).status_code == 405
        assert len((await client.get(f"{below}/api/v1/traces/mounted")).json()["entries"]) == 2
        assert (await client.get(f"{below}/readyz")).json()["ready"] is True
        assert (await client.get(f"{below}/api/v1/traces/x/nothing")).json()["reason"] == "not_found"
        assert (await client.post("/log", json=ENTRY)).status_code in {307, 404, 405}
    await app.stop()


@pytest.mark.parametrize("settings", [{"port": 1}, {}, "sqlite::memory:", ClientSettings()])
async def test_settings_of_another_kind_are_a_sentence(settings: Any) -> None:
    """
    What is handed over as settings and is none is told with the way that works, and that way works.
    """
    with pytest.raises(ConfigError) as refused:
        create_app(settings)
    assert str(refused.value) == (
        f"create_app: settings must be ServerSettings, not {type(settings).__name__}; "
        "give a mapping of settings as keywords, create_app(**settings)"
    )
    assert create_app(store="sqlite::memory:", port=1).settings.port == 1


async def test_an_app_behind_a_prefix_of_its_server_works() -> None:
    """
    `root_path` of the server itself is no part of the address.
    """
    app = create_app(settings_of())
    transport = httpx.ASGITransport(app, root_path="/proxied")
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.post("/log", json=ENTRY)).status_code == 200
        assert (await client.post("/proxied/log", json=ENTRY)).status_code == 200
    await app.stop()


async def test_many_first_requests_open_the_store_once() -> None:
    """
    Requests that arrive together before the store is open all wait for the one opening.
    """

    class Counting(ScriptedStore):
        starts = 0

        async def start(self) -> None:
            self.starts += 1
            await asyncio.sleep(0)

    store = Counting()
    async with client_of(App(settings_of(), store=store)) as client:
        answers = await asyncio.gather(*[client.post("/log", json=ENTRY) for _ in range(20)])
    assert [answer.status_code for answer in answers] == [200] * 20
    assert store.starts == 1


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (away(), 503, "store_unavailable"),
        (ConfigError("no such store"), 500, "config"),
        (OSError("x"), 500, "fault"),
    ],
)
async def test_a_store_that_does_not_open_is_an_answer(error: Exception, status: int, reason: str) -> None:
    """
    Until the store opens every request says why it does not.
    """

    class Closed(ScriptedStore):
        broken = True

        async def start(self) -> None:
            if self.broken:
                raise error

    store = Closed()
    async with client_of(App(settings_of(), store=store)) as client:
        for path in ("/log", "/api/v1/traces", "/readyz"):
            answer = await client.post(path, json=ENTRY)
            assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        store.broken = False
        assert (await client.post("/log", json=ENTRY)).status_code == 200


async def converse(app: App, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """
    Return what *app* says in a lifespan of *messages*.
    """
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    for message in messages:
        incoming.put_nowait(message)
    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await app({"type": "lifespan"}, incoming.get, send)
    return said


async def test_the_lifespan_opens_and_closes_the_store() -> None:
    """
    Start and stop are said; after the stop the store is closed and the app is not ready.
    """
    store = ScriptedStore()
    app = App(settings_of(), store=store)
    said = await converse(app, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert [message["type"] for message in said] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert store.closed
    async with client_of(app) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["cause"]) == (503, "the server is stopping")


async def test_a_lifespan_that_cannot_start_says_why() -> None:
    """
    A store that cannot be opened ends the start with its sentence.
    """

    class Closed(ScriptedStore):
        async def start(self) -> None:
            raise ConfigError("the folder does not exist")

    said = await converse(App(settings_of(), store=Closed()), {"type": "lifespan.startup"})
    assert said == [{"type": "lifespan.startup.failed", "message": "the folder does not exist"}]


def scope_of(**more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/log",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        **more,
    }


async def serve(app: App, receive: Callable[[], Any], **more: Any) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await app(scope_of(**more), receive, send)
    return said


async def test_a_body_has_a_deadline_under_any_server() -> None:
    """
    A body of which nothing comes is 408, also where no protocol of ours watches the connection.
    """

    async def never() -> None:
        await asyncio.Event().wait()

    app = App(settings_of(receive_timeout=0.05), store=ScriptedStore())
    said = await serve(app, never)
    assert said[0]["status"] == 408
    assert (b"connection", b"close") in said[0]["headers"]


@pytest.mark.parametrize("before", [[], [{"type": "http.request", "body": b"[", "more_body": True}]])
async def test_a_sender_that_goes_away_is_not_answered(before: list[dict[str, Any]]) -> None:
    """
    When the connection ends before the body does, nothing is stored and nothing is said.
    """
    store = ScriptedStore()
    messages = iter([*before, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    assert await serve(App(settings_of(), store=store), receive) == []
    assert store.stored == {}


@pytest.mark.parametrize("length", [b"4194305", b"9" * 30, b"0" * 30 + b"4194305", b"-1", b"x", b"9" * 5000])
async def test_a_length_over_the_limit_is_refused_unread(length: bytes) -> None:
    """
    The body is not asked for when its length says that it is too large, or is none.
    """

    async def never() -> None:
        raise AssertionError("read")

    said = await serve(
        App(settings_of(), store=ScriptedStore()),
        never,
        headers=[(b"host", b"localhost"), (b"content-length", length)],
    )
    assert said[0]["status"] == 413


async def test_a_websocket_is_turned_away() -> None:
    """
    There are no websockets here.
    """
    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    app = App(settings_of(), store=ScriptedStore())
    await app(scope_of(type="websocket", subprotocols=[]), receive, send)
    assert said[0]["type"] == "websocket.close"
