"""
Django: each request as a hop, sync and async.

    MIDDLEWARE = ["tracelog.integrations.django.Middleware", ...]  # first, so that it sees all others
"""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any, Self

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase  # type: ignore[import-untyped] # it ships no types

from tracelog.client.context import Wish
from tracelog.client.default import default
from tracelog.integrations.exchange import HEADER, Exchange, Inside
from tracelog.integrations.wsgi import Parts

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

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """
        Remember what a view raised: Django makes an answer of it before it comes back here.
        """
        exchange: Exchange | None = getattr(request, _KEY, None)
        if exchange is not None:
            exchange.failure = exception


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
    if exchange.status < 500:
        exchange.failure = None  # a handler of the program's own has dealt with it
    match = request.resolver_match
    if match is not None:
        exchange.fields["route"] = match.route
    response.headers.setdefault(HEADER, exchange.trace.trace_id)
    if not getattr(response, "streaming", False) or getattr(response, "file_to_stream", None) is not None:
        exchange.end()  # of a file the server may send the rest by itself
        return response
    kind = _AsyncParts if response.is_async else Parts
    response.streaming_content = kind(exchange, response.streaming_content)
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
