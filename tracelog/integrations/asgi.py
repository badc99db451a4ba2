"""
ASGI: each request of an app, and each WebSocket, as a hop that goes on with its caller's trace.

    app = Middleware(app)                 # around any ASGI app
    app.add_middleware(Middleware)        # FastAPI, Starlette

Nothing of what the app sends, receives or raises is changed but for one header of the answer, `x-trace-id`.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from tracelog.client.context import Wish
from tracelog.client.foreign import chosen
from tracelog.client.hop import MUTED
from tracelog.core.compact import CONTENT_TYPE
from tracelog.integrations.exchange import HEADER, Exchange, Inside

if TYPE_CHECKING:
    from tracelog.client.client import Client

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

KEY: Final = "tracelog"
"""Where a scope says that it is being watched already, and by what: apps are mounted in apps."""

ERROR: Final = "tracelog.error"
"""Where a scope holds the exception of which a framework has made an answer, as its integration has noted."""

_DELIVERY: Final = (b"content-type", CONTENT_TYPE.encode())
_NAME: Final = HEADER.encode()


class Middleware:
    """
    An ASGI app around *app*.

    Args:
        app: The app.
        client: Who logs the requests; the default one when None.
    """

    def __init__(self, app: App, *, client: "Client | None" = None) -> None:
        self._app = app
        self._client = chosen(client)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch = _WATCHES.get(scope["type"])
        if watch is None or KEY in scope:
            await self._app(scope, receive, send)
            return
        if _DELIVERY in scope["headers"]:  # what this very process ships would be logged and shipped for ever
            with Inside(MUTED):
                await self._app(scope, receive, send)
            return
        method = scope.get("method", "WS")
        wish = Wish(headers=scope["headers"])
        fields = {"method": method, "path": scope["path"]}
        exchange = Exchange(self._client(), f"{method} {scope['path']}", wish, fields)
        scope = {**scope, KEY: exchange}
        await watch(exchange, scope, (receive, send)).run(self._app)


class _Watch(ABC):
    """
    Sees what passes between the server and the app.

    Args:
        exchange: What is seen.
        scope: As the app gets it; routers write into it.
        wire: The server's receive and send.
    """

    def __init__(self, exchange: Exchange, scope: Scope, wire: tuple[Receive, Send]) -> None:
        self._exchange = exchange
        self._scope = scope
        self._receive, self._send = wire
        self._pair = (_NAME, exchange.trace.trace_id.encode())
        self._whole = False
        self._gone = False

    async def run(self, app: App) -> None:
        """
        Run *app* as the hop, which ends with its answer or with what it raises.
        """
        failed: BaseException | None = None
        try:
            with Inside(self._exchange.trace):
                await app(self._scope, self.receive, self.send)
        except BaseException as error:
            failed = error
            raise
        finally:
            self._finish(failed)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"].endswith(".disconnect"):
            self._left(message)
        return message

    @abstractmethod
    async def send(self, message: Message) -> None:
        """
        Pass *message* on to the server.
        """

    def _left(self, _message: Message) -> None:
        self._gone = True

    def _finish(self, failed: BaseException | None) -> None:
        exchange = self._exchange
        if failed is None and exchange.ended:
            return
        failed = failed or self._scope.get(ERROR)
        if self._gone and type(failed).__name__ in _HUNG_UP:
            failed = None
        if exchange.status is None and isinstance(failed, Exception):
            exchange.status = 500  # what a server answers then
        if failed is None and not self._whole:
            exchange.fields["ended_by"] = "disconnect" if self._gone else "no answer"
        self._end(failed)

    def _end(self, failed: BaseException | None = None) -> None:
        route = getattr(self._scope.get("route"), "path", None) or self._scope.get("path_template")
        if isinstance(route, str):
            self._exchange.fields["route"] = route
        self._exchange.end(failed)

    def _named(self, message: Message) -> Message:
        """
        Return *message*, which begins an answer, with the trace in its headers, unless the app names one.
        """
        headers = list(message.get("headers") or ())
        if any(name.lower() == _NAME for name, _ in headers):
            return message
        return {**message, "headers": [*headers, self._pair]}


class _Http(_Watch):
    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self._exchange.status = message["status"]
            message = self._named(message)
        await self._send(message)
        if kind in _LAST and not message.get("more_body", False):
            self._whole = True
            self._exchange.answered()
            if self._exchange.status is None or self._exchange.status < 500:  # else its exception may follow
                self._end()


class _WebSocket(_Watch):
    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in _OPENING:
            self._exchange.status = message.get("status", 101)
            message = self._named(message)
        elif kind == "websocket.close":
            self._closed(message)
        await self._send(message)

    def _left(self, message: Message) -> None:
        self._gone = True
        self._closed(message)

    def _closed(self, message: Message) -> None:
        """
        Note how the connection was closed; before it was accepted that is a refusal (ASGI: 403).
        """
        self._whole = True
        self._exchange.fields.setdefault("close_code", message.get("code", 1000))
        if self._exchange.status is None and message["type"] == "websocket.close":
            self._exchange.status = 403


_LAST: Final = frozenset({"http.response.body", "http.response.pathsend"})
_HUNG_UP: Final = frozenset({"WebSocketDisconnect", "ClientDisconnect"})
"""Exceptions by which frameworks tell an app that the other side has left: no failure of anybody's."""

_OPENING: Final = frozenset({"websocket.accept", "websocket.http.response.start"})
_WATCHES: Final[dict[str, type[_Watch]]] = {"http": _Http, "websocket": _WebSocket}
"""What is watched, by type of scope. `lifespan`, and whatever comes later, passes untouched."""
