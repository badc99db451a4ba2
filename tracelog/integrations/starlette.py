"""
Starlette, and FastAPI on top of it: every app of the process behind the ASGI middleware, without touching it.
"""

import functools
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from tracelog.integrations.asgi import Middleware
from tracelog.integrations.patching import MARK, Undo, nothing

if TYPE_CHECKING:
    from tracelog.client.client import Client


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log the requests of every app, its own middleware and error pages included. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    before = Starlette.__call__
    if hasattr(before, MARK):
        return nothing
    active = [True]

    @functools.wraps(before)
    async def call(self: Starlette, scope: Scope, receive: Receive, send: Send) -> None:
        app = functools.partial(before, self)
        await (Middleware(app, client=client) if active else app)(scope, receive, send)

    setattr(call, MARK, True)
    Starlette.__call__ = call  # type: ignore[method-assign] # the one door of all apps

    def undo() -> None:
        active.clear()  # where somebody else has wrapped it since
        if Starlette.__call__ is call:
            Starlette.__call__ = before  # type: ignore[method-assign] # as it was

    return undo
