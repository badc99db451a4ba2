"""
`POST /mcp`: the agent's tools in the server itself, off unless the setting `mcp` is on.

The tools ask the server's own reading endpoints, without a network between, with the headers of whoever
calls: so every question of a tool is held to the same rules as a request of its caller, and a tool can do
nothing that its caller could not.
"""

import asyncio
import importlib.metadata
import importlib.util
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlencode

import msgspec

from tracelog.errors import ConfigError, TracelogError
from tracelog.mcp.asking import NoAnswerError
from tracelog.server.access import CHALLENGE, Access
from tracelog.server.answers import Answer, refuse
from tracelog.server.heads import once

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

PATH: Final = "/mcp"
DISTRIBUTION: Final = "tracelog-kit"

CALLS: Final = 16
"""Calls at the same time: each may hold a large trace in memory, and wait a minute in a thread."""

BUSY_S: Final = 5
"""Seconds after which one of them has probably ended."""

ANSWER_S: Final = 30.0
"""Longest wait of a tool for one of our own answers, as for a command's."""

OFF: Final = refuse(
    404, "MCP over HTTP is off; start the server with `tracelog serve --mcp` or TRACELOG_MCP=on", "mcp_off"
)
BUSY: Final = refuse(
    503,
    f"{CALLS} calls of agents are being answered; call again in a moment",
    "busy",
    ((b"retry-after", b"%d" % BUSY_S),),
)
POST_ONLY: Final = refuse(
    405, "MCP is spoken here by POST alone: there is no session", "method", ((b"allow", b"POST"),)
)


class Caller(NamedTuple):
    """
    What decides what a request may do: its Host and Authorization, and the key in its address. *loop* is the
    event loop that serves it.
    """

    headers: tuple[tuple[bytes, bytes], ...]
    key: str | None
    loop: asyncio.AbstractEventLoop


_caller: ContextVar[Caller] = ContextVar("caller")


class Inside:
    """
    The reading endpoints of this server for tools, which run in threads.

    Args:
        app: The server.
    """

    def __init__(self, app: Asgi) -> None:
        self._app = app
        self._ended = threading.Event()

    def end(self) -> None:
        """
        Let whoever waits wait no longer, and answer nobody any more.
        """
        self._ended.set()

    def sleep(self, seconds: float) -> None:
        """
        Wait in a tool's thread.

        Raises:
            NoAnswerError: When the server stops meanwhile.
        """
        if self._ended.wait(seconds):
            raise NoAnswerError("the server is being stopped; call again when it is back", down=True)

    def get(self, path: str, **options: str | float | None) -> bytes:
        asked = urlencode({name: value for name, value in options.items() if value is not None})
        return self._asked("GET", path, asked, b"")

    def post(self, path: str, value: Any) -> bytes:
        return self._asked("POST", path, "", msgspec.json.encode(value))

    def _asked(self, method: str, path: str, query: str, body: bytes) -> bytes:
        self.sleep(0.0)
        loop = _caller.get().loop
        future = asyncio.run_coroutine_threadsafe(self._answer(method, path, query, body), loop)
        try:
            status, answer = future.result(ANSWER_S)
        except TimeoutError as error:
            future.cancel()
            raise NoAnswerError(f"the store did not answer within {ANSWER_S:.0f} s", down=False) from error
        if status != 200:
            raise NoAnswerError(str(msgspec.json.decode(answer)["error"]), down=False)
        return answer

    async def _answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, bytes]:
        """
        Return status and body of the app's answer to a request of the caller.
        """
        caller, status, parts = _caller.get(), 500, [b""]
        if caller.key is not None:
            query = f"{query}&{urlencode({'key': caller.key})}".lstrip("&")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [*caller.headers, (b"content-length", b"%d" % len(body))],
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return status, b"".join(parts)


class Agents:
    """
    The route.

    Args:
        access: Who may read.
        inside: What the tools ask.
        tools: The SDK's app.
    """

    def __init__(self, access: Access, inside: Inside, tools: Any) -> None:
        self._access = access
        self._inside = inside
        self._tools = tools
        self._calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        try:
            once(scope["headers"], headers)
            self._access.check_read(headers, scope["query_string"])
        except TracelogError as error:
            more = (CHALLENGE,) if error.status == 401 else ()
            await reply(send, refuse(error.status, str(error), error.reason, more))
            return
        if scope["method"] != "POST" or self._calls >= CALLS:
            await reply(send, BUSY if scope["method"] == "POST" else POST_ONLY)
            return
        kept = tuple((name, headers[name]) for name in (b"host", b"authorization") if name in headers)
        key = parse_qs(scope["query_string"].decode("latin-1")).get("key", [None])[0]
        token = _caller.set(Caller(kept, key, asyncio.get_running_loop()))
        self._calls += 1
        try:
            await self._tools(scope, receive, send)
        finally:
            self._calls -= 1
            _caller.reset(token)

    def hurry(self) -> None:
        """
        Let calls that wait for something end now.
        """
        self._inside.end()

    async def stop(self) -> None:
        """
        End every call.
        """
        self.hurry()
        await self._tools.stop()


def open_agents(access: Access, app: Asgi) -> Agents:
    """
    Return the route, whose tools ask *app*.

    Raises:
        ConfigError: When the SDK is not installed.
    """
    if importlib.util.find_spec("mcp") is None:
        raise ConfigError(
            f"mcp is on, but its library is missing; it comes with the extra `mcp` of {DISTRIBUTION}"
        )
    from tracelog.mcp.http import HttpTools  # noqa: PLC0415 - loads what only servers with the setting need

    inside = Inside(app)
    return Agents(access, inside, HttpTools(inside, _version(), sleep=inside.sleep))


def _version() -> str:
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:  # a bare checkout
        return ""


class Off:
    """
    The route where it is switched off: says so, and how to switch it on.
    """

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await reply(send, OFF)


async def reply(send: Send, answer: Answer) -> None:
    """
    Send *answer*.
    """
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer.body)),
        (b"cache-control", b"no-store"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
