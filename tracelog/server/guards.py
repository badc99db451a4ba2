"""
What stands around every endpoint but ingestion's: who may ask, and an answer of our shape whatever happens.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from tracelog.errors import StoreUnavailableError, TracelogError
from tracelog.server.access import CHALLENGE, Access
from tracelog.server.answers import Answer, refuse
from tracelog.server.faults import Faults
from tracelog.server.heads import once
from tracelog.server.log import FAULT
from tracelog.server.office import Office

Endpoint = Callable[[Request], Awaitable[Response]]

READ_HEADERS: Final = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class Guards:
    """
    The rules around endpoints.

    Args:
        access: Who may do what.
        faults: Told of what must not happen.
        catch_up: Tells what still waits to be told about entries that were not kept.
        office: Knows the keys of the store, and keeps the record of changes.
    """

    def __init__(
        self,
        access: Access,
        faults: Faults,
        catch_up: Callable[[], Awaitable[None]],
        office: Office | None = None,
    ) -> None:
        self._office = office
        self._access = access
        self._faults = faults
        self._catch_up = catch_up

    def reading(self, endpoint: Endpoint, *, tells: bool = True, right: str = "read") -> Endpoint:
        """
        Return *endpoint* behind the rules for reading: who has the *right*, and, if it *tells*, that what
        still waits to be told is told first.
        """

        async def guarded(request: Request) -> Response:
            headers = dict(request.scope["headers"])
            once(request.scope["headers"], headers)
            changes = request.method not in {"GET", "HEAD"}
            await self._office_known()
            who = self._access.check_read(
                headers, request.scope["query_string"], right=right, changes=changes
            )
            request.state.who = who
            if tells and right == "read":
                await self._catch_up()
            return await endpoint(request)

        return self.answering(guarded)

    def changing(self, endpoint: Endpoint, what: str) -> Endpoint:
        """
        Return *endpoint*, which changes something unless it is read, behind the rules for that: the right
        `admin`, and a record of *what* was done, unless `change` said it better or nothing was changed.
        """

        async def recorded(request: Request) -> Response:
            response = await endpoint(request)
            said = getattr(request.state, "change", None)
            if said is None and request.method not in {"GET", "HEAD"} and what:
                said = (what, {"path": request.url.path, "method": request.method})
            if (
                said is not None
                and self._office is not None
                and response.status_code < HTTPStatus.BAD_REQUEST
            ):
                await self._office.record(said[0], request.state.who, said[1])
            return response

        return self.reading(recorded, right="admin")

    async def _office_known(self) -> None:
        """
        See to it that the keys of the store are known before one is asked for.
        """
        if self._office is not None and not self._office.is_known:
            with suppress(StoreUnavailableError):  # then nothing of the store can be read either
                await self._office.refresh()

    def answering(self, endpoint: Endpoint) -> Endpoint:
        """
        Return *endpoint* with an answer of our shape whatever happens in it.
        """

        async def answered(request: Request) -> Response:
            try:
                response = await endpoint(request)
            except Exception as error:
                return self.explain(error)
            for name, value in READ_HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return answered

    def explain(self, error: Exception) -> Response:
        """
        Return the answer to a request that *error* ended.
        """
        if not isinstance(error, TracelogError):
            self._faults.tell(error)
            return _json(FAULT)
        headers, gone = {}, getattr(error, "gone", None)
        if isinstance(error, StoreUnavailableError):
            headers["retry-after"] = str(max(1, round(error.retry_after)))
        elif error.status == 401:
            headers["www-authenticate"] = CHALLENGE[1].decode()
        return _json(refuse(error.status, str(error), error.reason, gone=gone), headers)


def change(request: Request, what: str, **detail: Any) -> None:
    """
    Say of *request* what it has changed, for the record.
    """
    request.state.change = (what, detail)


async def not_found(_request: Request, _error: Exception) -> Response:
    """
    Answer a path that nothing is at.
    """
    return _json(refuse(404, "there is nothing at this address", "not_found"))


async def wrong_method(request: Request, error: Exception) -> Response:
    """
    Answer a method that is not taken here.
    """
    headers = getattr(error, "headers", None) or {}
    said = f"{request.method[:20]} is not taken here; use {headers.get('Allow', 'another method')}"
    return _json(refuse(405, said, "method"), headers)


def _json(answer: Answer, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        answer.body,
        status_code=answer.status,
        media_type="application/json",
        headers={**READ_HEADERS, **(headers or {})},
    )
