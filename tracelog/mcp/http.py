"""
The tools over streamable HTTP, as an ASGI app for whoever serves it; by the official SDK.

No session is kept: the revision of 2026 knows none, and to those before it the transport answers each request
by itself. So an agent goes on after a restart, any of several servers can answer it, and nothing grows with
the number of agents. Who may call is decided by whoever serves the app.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

from mcp.server.transport_security import TransportSecuritySettings

from tracelog.mcp.asking import Ask
from tracelog.mcp.server import create_server
from tracelog.mcp.watching import Watch

BODY: Final = 64 * 1024
"""Bytes of a call: a name and some filters."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class HttpTools:
    """
    The ASGI app.

    Args:
        ask: The server's reading endpoints.
        version: Of tracelog.
        sleep: Waits so many seconds in a tool's thread; raises when the server stops.
    """

    def __init__(self, ask: Ask, version: str, *, sleep: Callable[[float], None]) -> None:
        server = create_server(ask, version, watch=Watch(ask, sleep=sleep))
        checked_outside = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        server.streamable_http_app(
            stateless_http=True, max_request_body_size=BODY, transport_security=checked_outside
        )
        self._manager = server.session_manager
        self._starting = asyncio.Lock()
        self._runs: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._start()
        await self._manager.handle_request(scope, receive, send)

    async def stop(self) -> None:
        """
        End what still runs.
        """
        self._ended.set()
        if self._runs is not None:
            await self._runs

    async def _start(self) -> None:
        """
        Let the SDK's tasks live in a task of ours: a lifespan may never reach an app that is mounted.
        """
        async with self._starting:
            if self._runs is None:
                ready = asyncio.Event()
                self._runs = asyncio.create_task(self._run(ready))
                waiting = asyncio.create_task(ready.wait())
                await asyncio.wait({waiting, self._runs}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()

    async def _run(self, ready: asyncio.Event) -> None:
        with suppress(asyncio.CancelledError):
            async with self._manager.run():
                ready.set()
                await self._ended.wait()
