"""
Starlette, and FastAPI on top of it: every app of the process behind the ASGI middleware, without touching it.
"""

from typing import TYPE_CHECKING

from starlette.applications import Starlette

from tracelog.integrations.apps import around
from tracelog.integrations.patching import Undo

if TYPE_CHECKING:
    from tracelog.client.client import Client


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log the requests of every app, its own middleware and error pages included. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    return around(Starlette, client)
