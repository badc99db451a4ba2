"""
What httpx and httpx2 share: transports through which every request of every client goes, one per redirect.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tracelog.client.foreign import chosen
from tracelog.integrations.calls import Call, Target, is_untold
from tracelog.integrations.patching import Make, Method, Undo, replace_all

if TYPE_CHECKING:
    from tracelog.client.client import Client


def watch(library: ModuleType, client: "Client | None") -> Undo:
    """
    Have every request through *library* told and, where the host may know it, carry the trace.

    Returns:
        A function that undoes it.
    """
    who = chosen(client)
    sync, waits = _sync(library, who), _async(library, who)
    return replace_all(
        (
            (library.HTTPTransport, "handle_request", sync),
            (library.WSGITransport, "handle_request", sync),
            (library.AsyncHTTPTransport, "handle_async_request", waits),
            (library.ASGITransport, "handle_async_request", waits),
        )
    )


def _sync(library: ModuleType, who: "Callable[[], Client]") -> Make:
    class Body(library.SyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, call: Call) -> None:
            self._stream, self._call = stream, call

        def __iter__(self) -> Iterator[bytes]:
            with self._call.body():
                yield from self._stream

        def close(self) -> None:
            self._stream.close()

    def make(before: Method) -> Method:
        def handle_request(self: Any, request: Any) -> Any:
            if not is_untold():
                return before(self, request)
            with _call(who(), request) as call:
                response = before(self, _traced(library, request, call))
                call.status = response.status_code
            response.stream = Body(response.stream, call)
            return response

        return handle_request

    return make


def _async(library: ModuleType, who: "Callable[[], Client]") -> Make:
    class Body(library.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, call: Call) -> None:
            self._stream, self._call = stream, call

        async def __aiter__(self) -> AsyncIterator[bytes]:
            with self._call.body():
                async for chunk in self._stream:
                    yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    def make(before: Method) -> Method:
        async def handle_async_request(self: Any, request: Any) -> Any:
            if not is_untold():
                return await before(self, request)
            with _call(who(), request) as call:
                response = await before(self, _traced(library, request, call))
                call.status = response.status_code
            response.stream = Body(response.stream, call)
            return response

        return handle_async_request

    return make


def _call(client: "Client", request: Any) -> Call:
    url = request.url
    return Call(client, request.method, Target(url.scheme, url.host, url.port, url.path))


def _traced(library: ModuleType, request: Any, call: Call) -> Any:
    """
    Return a copy of *request* with the trace: the original is what a redirect to another host is made from.
    """
    headers = request.headers.copy()
    call.write(headers)
    return library.Request(
        request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
    )
