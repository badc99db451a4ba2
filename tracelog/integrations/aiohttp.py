"""
aiohttp: each request that a server gets as a hop, and each call that a client makes.
"""

from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession, web
from aiohttp.typedefs import Handler

from tracelog.client.context import Wish
from tracelog.client.foreign import chosen
from tracelog.integrations.calls import Call, Target, is_untold
from tracelog.integrations.exchange import HEADER, Exchange, Inside
from tracelog.integrations.patching import Method, Undo, replace_all

if TYPE_CHECKING:
    from tracelog.client.client import Client

_KEY: Final = web.RequestKey("tracelog", Exchange)
"""Where a request says that it is being watched already: apps have apps within."""

_CALL: Final = "_tracelog_call"
"""Where an answer keeps the call that it answers."""


def init_app(app: web.Application, *, client: "Client | None" = None) -> web.Application:
    """
    Log the requests of *app*, which is returned. Call it before the app runs.
    """
    who = chosen(client)

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _KEY in request:
            return await handler(request)
        fields = {"method": request.method, "path": request.path}
        wish = Wish(headers=list(request.headers.items()))
        exchange = request[_KEY] = Exchange(who(), f"{request.method} {request.path}", wish, fields)
        return await _serve(exchange, request, handler)

    app.middlewares.insert(0, watch)
    app.on_response_prepare.append(_name)
    return app


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log the requests of every app made from now on, and the calls of every session made from now on.

    Trace headers go to hosts that may know them; each hop of a redirect is a call of its own. A second call
    changes nothing.

    Returns:
        A function that undoes it; apps and sessions that were made before go on.
    """
    who = chosen(client)

    async def tell(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        if not is_untold():
            return await handler(request)
        with Call(who(), request.method, _target(request.url)) as call:
            call.write(request.headers)
            response = await handler(request)
            call.status = response.status
        setattr(response, _CALL, call)
        return response

    def session(before: Method) -> Method:
        def __init__(self: ClientSession, *args: Any, **rest: Any) -> None:  # noqa: N807 - what it replaces
            before(self, *args, **{**rest, "middlewares": (tell, *(rest.get("middlewares") or ()))})

        return __init__

    def app(before: Method) -> Method:
        def __init__(self: web.Application, *args: Any, **rest: Any) -> None:  # noqa: N807 - what it replaces
            before(self, *args, **rest)
            init_app(self, client=client)

        return __init__

    return replace_all(
        (
            (ClientSession, "__init__", session),
            (ClientResponse, "read", _read),
            (ClientResponse, "release", _released),
            (web.Application, "__init__", app),
        )
    )


def _read(before: Method) -> Method:
    async def read(self: ClientResponse) -> Any:
        call = vars(self).get(_CALL)
        if call is None:
            return await before(self)
        with call.body():
            return await before(self)

    return read


def _released(before: Method) -> Method:
    def release(self: ClientResponse) -> Any:
        """
        Let go of the connection; what broke a body that was read piece by piece is known now.
        """
        call = vars(self).pop(_CALL, None)  # what comes behind is the end of a connection that nobody reads
        if call is not None and isinstance(error := self.content.exception(), Exception):
            call.broke(error)
        return before(self)

    return release


async def _serve(exchange: Exchange, request: web.Request, handler: Handler) -> web.StreamResponse:
    resource = request.match_info.route.resource
    if resource is not None:
        exchange.fields["route"] = resource.canonical
    try:
        with Inside(exchange.trace):
            response = await handler(request)
    except web.HTTPException as answer:  # aiohttp's way to say 404: an answer, no failure
        exchange.status = answer.status
        exchange.end()
        raise
    except BaseException as error:
        exchange.status = 500 if isinstance(error, Exception) else None  # what aiohttp answers then
        exchange.end(error)
        raise
    exchange.status = response.status
    if isinstance(response, web.WebSocketResponse):
        exchange.fields["close_code"] = response.close_code
    exchange.end()
    return response


async def _name(request: web.Request, response: web.StreamResponse) -> None:
    exchange = request.get(_KEY)
    if exchange is not None:
        response.headers.setdefault(HEADER, exchange.trace.trace_id)


def _target(url: Any) -> Target:
    return Target(url.scheme, url.host or "", url.port, url.path)
