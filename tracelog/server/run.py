"""
The app served alone: uvicorn with httptools and uvloop, a deadline for requests to arrive, a bounded stop.
"""

import asyncio
import gc
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from tracelog.config import ServerSettings
from tracelog.server.app import App
from tracelog.server.own_log import say_in_json
from tracelog.server.protocol import STOPPING, TOO_SLOW, Punctual, protocol_for

REAP_EVERY_S: Final = 1.0
"""How often slow connections are looked for; four times within a deadline when that is shorter."""

GC_THRESHOLD: Final = (50_000, 20, 50)
"""Entries are invisible to the collector; at its default it took 6 % of the time to find nothing."""


class Server(uvicorn.Server):
    """
    uvicorn with the reaper of slow connections, which tells when it listens.

    Args:
        app: The ASGI app.
        settings: Of the server.
        on_ready: Called once with the port that is listened on.
    """

    def __init__(
        self, app: App, settings: ServerSettings, on_ready: Callable[[int], None] | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=protocol_for(app.log),
                ws="none",
                log_config=None if settings.log_format == "json" else LOGGING_CONFIG,
                lifespan="on",
                log_level="error",  # below are lines about broken requests: anybody could flood the log
                access_log=False,
                server_header=False,
                proxy_headers=False,
                date_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=max(1, round(settings.stop_timeout)),
            )
        )
        if settings.log_format == "json":
            say_in_json()
        self._receive_timeout = settings.receive_timeout
        self._agents = app.agents
        self._end_streams = app.end_streams
        self._on_ready = on_ready
        self._reaper: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        self._reaper = asyncio.get_running_loop().create_task(self._reap())
        if self._on_ready is not None:
            self._on_ready(self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
        if self._agents is not None:
            self._agents.hurry()
        self._end_streams()
        for connection in list(self.server_state.connections):
            if isinstance(connection, Punctual) and connection.waiting_since is not None:
                connection.turn_away(STOPPING)
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if isinstance(connection, Punctual):
                connection.transport.abort()  # what is still open now would keep the loop from closing
        await asyncio.sleep(0)

    async def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        every = min(REAP_EVERY_S, self._receive_timeout / 4)
        while True:
            await asyncio.sleep(every)
            latest = loop.time() - self._receive_timeout
            for connection in list(self.server_state.connections):
                if isinstance(connection, Punctual) and (connection.waiting_since or latest) < latest:
                    connection.turn_away(TOO_SLOW)


def spare_the_collector() -> None:
    """
    Let the garbage collector of this process look at what is loaded no more, and seldom at what comes.

    For a process that does nothing but serve: a server in somebody else's, such as a test's, leaves it alone.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)


def serve(settings: ServerSettings, *, on_ready: Callable[[int], None] | None = None) -> bool:
    """
    Serve until a signal stops it, with the whole process for itself; return whether it ever listened.

    Args:
        settings: Of the server; port 0 takes a free one.
        on_ready: Called once with the port that is listened on.

    Raises:
        ConfigError: When a setting is wrong.
    """

    def ready(port: int) -> None:
        spare_the_collector()
        if on_ready is not None:
            on_ready(port)

    server = Server(App(settings), settings, ready)
    server.run()
    return server.started
