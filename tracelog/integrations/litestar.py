"""
Litestar: every app of the process behind the ASGI middleware, and its exceptions in their requests' entries.

Litestar makes an answer of every exception before anything around the app can see it, but tells its hooks.
"""

from typing import TYPE_CHECKING, Any

from litestar.app import Litestar

from tracelog.integrations.apps import around
from tracelog.integrations.asgi import ERROR
from tracelog.integrations.patching import Undo

if TYPE_CHECKING:
    from tracelog.client.client import Client


async def after_exception(error: Exception, scope: Any) -> None:
    """
    Note *error* for the entry of its request: for `Litestar(after_exception=[…])`, where `setup` is not used.

    One by which the app answers 4xx is an answer, no failure.
    """
    if getattr(error, "status_code", 500) >= 500:
        scope[ERROR] = error


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log the requests of every app, its own middleware and error pages included. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    return around(Litestar, client, _prepare)


def _prepare(app: Litestar) -> None:
    if after_exception not in app.after_exception:
        app.after_exception.append(after_exception)
