"""
How the demo's two Python services run: a Starlette app on uvicorn, on a free port, until standard input ends.
"""

import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

import tracelog
from tracelog.cli.demo.calls import addresses, say


class Announced(uvicorn.Server):
    """
    uvicorn that prints the port it listens on.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            say(f"ready {self.servers[0].sockets[0].getsockname()[1]}")


@asynccontextmanager
async def delivered(_app: Starlette) -> AsyncIterator[None]:
    """
    The life of an app that has said everything when it ends.
    """
    yield
    tracelog.shutdown(5.0)


def run(app: Starlette, *, service: str) -> None:
    """
    Serve *app* until standard input ends; its first line says where to log and which program comes next.
    """
    server = Announced(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="on"))

    def listen() -> None:
        try:
            log_url, app.state.next_url = addresses()
            tracelog.configure(service=service, url=log_url, console="off")
            say("set")
            sys.stdin.read()
        finally:
            server.should_exit = True

    threading.Thread(target=listen, daemon=True).start()
    server.run()
