"""
Every app of an ASGI framework behind the middleware, without touching one: the class of its apps is told to.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tracelog.integrations.asgi import Middleware, Receive, Scope, Send
from tracelog.integrations.patching import MARK, Undo, is_replaced, nothing

if TYPE_CHECKING:
    from tracelog.client.client import Client


def around(kind: Any, client: "Client | None", prepare: Callable[[Any], None] | None = None) -> Undo:
    """
    Log the requests of every app of the class *kind*. A second call changes nothing.

    Args:
        kind: The class; calling one of its instances is the one door of its app.
        client: Who logs; the default one when None.
        prepare: Called with an app before each of its requests.

    Returns:
        A function that undoes it.
    """
    before = kind.__call__
    if is_replaced(before):
        return nothing
    active = [True]

    @functools.wraps(before)
    async def call(self: Any, scope: Scope, receive: Receive, send: Send) -> None:
        app = functools.partial(before, self)
        if active and prepare is not None:
            prepare(self)
        await (Middleware(app, client=client) if active else app)(scope, receive, send)

    setattr(call, MARK, active)
    kind.__call__ = call

    def undo() -> None:
        active.clear()  # where somebody else has wrapped it since
        if kind.__call__ is call:
            kind.__call__ = before

    return undo
