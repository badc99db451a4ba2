"""
Django: each request as a hop, sync and async.

    setup()  # every app of the process, from outside: what the server logs of a request belongs to it, too
    MIDDLEWARE = ["tracelog.integrations.django.Middleware", ...]  # or so; first, so that it sees all others

With both, or inside of another app that is watched, a request is still one entry.
"""

import functools
import sys
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Self

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.handlers.base import BaseHandler  # type: ignore[import-untyped] # it ships no types
from django.core.signals import got_request_exception  # type: ignore[import-untyped] # as above
from django.http import HttpRequest, HttpResponseBase  # type: ignore[import-untyped] # as above

from tracelog.client.context import Wish
from tracelog.client.default import default
from tracelog.integrations import asgi, wsgi
from tracelog.integrations.apps import around
from tracelog.integrations.arrival import upon
from tracelog.integrations.exchange import HEADER, Exchange, Inside
from tracelog.integrations.patching import Method, Undo, replace
from tracelog.integrations.wsgi import Parts

if TYPE_CHECKING:
    from tracelog.client.client import Client

_KEY = "_tracelog"
"""Where a request keeps its exchange."""


class Middleware:
    """
    Django's middleware, for apps under WSGI and under ASGI.

    Args:
        get_response: What answers; a coroutine function under ASGI.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        outer = _outer(request)
        if outer is not None:
            setattr(request, _KEY, outer)
            return (
                self._within_later(request) if self._is_async else _told(request, self._get_response(request))
            )
        exchange = _exchange(request)
        if self._is_async:
            return self._later(request, exchange)
        try:
            with Inside(exchange.trace):
                response: HttpResponseBase = self._get_response(request)
        except BaseException as error:
            exchange.end(error)
            raise
        return _answered(request, response, exchange)

    async def _later(self, request: HttpRequest, exchange: Exchange) -> HttpResponseBase:
        try:
            with Inside(exchange.trace):
                response: HttpResponseBase = await self._get_response(request)
        except BaseException as error:
            exchange.end(error)
            raise
        return _answered(request, response, exchange)

    async def _within_later(self, request: HttpRequest) -> HttpResponseBase:
        return _told(request, await self._get_response(request))

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """
        Remember what a view raised: Django makes an answer of it before it comes back here.
        """
        exchange: Exchange | None = getattr(request, _KEY, None)
        if exchange is not None:
            exchange.failure = exception


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log the requests of every app, under WSGI and under ASGI, its own middleware and error pages included.

    A second call changes nothing. Requests of Django's test client, which go past the doors of an app, are
    seen by the middleware only.

    Returns:
        A function that undoes it.
    """
    undoes = [replace(BaseHandler, "resolve_request", _resolved)]
    got_request_exception.connect(_failed)  # the same function twice is connected once

    def watch_asgi() -> None:
        undoes.append(around(sys.modules["django.core.handlers.asgi"].ASGIHandler, client))

    def watch_wsgi() -> None:
        def make(before: Method) -> Method:
            def call(self: Any, environ: Any, start_response: Any) -> Any:
                return wsgi.Middleware(functools.partial(before, self), client=client)(
                    environ, start_response
                )

            return call

        undoes.append(replace(sys.modules["django.core.handlers.wsgi"].WSGIHandler, "__call__", make))

    waiting = (upon("django.core.handlers.asgi", watch_asgi), upon("django.core.handlers.wsgi", watch_wsgi))

    def undo() -> None:
        for one in (*waiting, *undoes):
            one()

    return undo


def _resolved(before: Method) -> Method:
    def resolve_request(self: Any, request: HttpRequest) -> Any:
        match = before(self, request)
        exchange = _outer(request)
        if exchange is not None:
            exchange.fields["route"] = match.route
        return match

    return resolve_request


def _failed(request: HttpRequest | None = None, **_said: Any) -> None:
    """
    Remember what Django is about to make an answer of.
    """
    error, exchange = sys.exception(), _outer(request)
    if exchange is not None and isinstance(error, Exception):
        exchange.failure = error


def _outer(request: HttpRequest | None) -> Exchange | None:
    """
    Return the exchange of whoever watches the app from outside.
    """
    scope = getattr(request, "scope", None)
    said = getattr(request, "META", {}).get(wsgi.KEY) if scope is None else scope.get(asgi.KEY)
    return said if isinstance(said, Exchange) else None


def _exchange(request: HttpRequest) -> Exchange:
    method, path = request.method or "", request.path
    wish = Wish(headers=list(request.headers.items()))
    exchange = Exchange(default(), f"{method} {path}", wish, {"method": method, "path": path})
    setattr(request, _KEY, exchange)
    return exchange


def _answered(request: HttpRequest, response: HttpResponseBase, exchange: Exchange) -> HttpResponseBase:
    """
    End *exchange* with *response*, whose stream, if it is one, may follow.
    """
    exchange.status = response.status_code
    _told(request, response)
    response.headers.setdefault(HEADER, exchange.trace.trace_id)
    if not getattr(response, "streaming", False) or getattr(response, "file_to_stream", None) is not None:
        exchange.end()  # of a file the server may send the rest by itself
        return response
    kind = _AsyncParts if response.is_async else Parts
    response.streaming_content = kind(exchange, response.streaming_content)
    return response


def _told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """
    Note which view has answered *request*, and whether it failed.
    """
    exchange: Exchange = getattr(request, _KEY)
    if response.status_code < 500:
        exchange.failure = None  # a handler of the program's own has dealt with it
    match = request.resolver_match
    if match is not None:
        exchange.fields["route"] = match.route
    return response


class _AsyncParts:
    """
    The parts of an answer that is streamed, each made in its hop; the exchange ends with the last.
    """

    def __init__(self, exchange: Exchange, parts: AsyncIterable[bytes]) -> None:
        self._exchange = exchange
        self._steps = aiter(parts)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        exchange = self._exchange
        try:
            with Inside(exchange.trace):
                return await anext(self._steps)
        except StopAsyncIteration:
            exchange.end()
            raise
        except BaseException as error:
            exchange.end(error)
            raise

    def close(self) -> None:
        """
        End where not all parts were taken: Django closes every answer.
        """
        if not self._exchange.ended:
            self._exchange.end()
