"""
gunicorn: the access line of a request belongs to the request, whose app has been left when it is written.
"""

from typing import TYPE_CHECKING, Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped] # it ships no types

from tracelog.integrations.exchange import Exchange, Inside
from tracelog.integrations.patching import Method, Undo, replace
from tracelog.integrations.wsgi import KEY

if TYPE_CHECKING:
    from tracelog.client.client import Client


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Write access lines in the hop of a request that the WSGI middleware has seen. A second call changes
    nothing.

    Args:
        client: Taken because one expects to give it; the lines go where those of `logging` go.

    Returns:
        A function that undoes it.
    """
    del client
    return replace(Logger, "access", _make)


def _make(before: Method) -> Method:
    def access(self: Any, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        exchange = environ.get(KEY)
        if not isinstance(exchange, Exchange):
            before(self, resp, req, environ, request_time)
            return
        with Inside(exchange.trace):
            before(self, resp, req, environ, request_time)

    return access
