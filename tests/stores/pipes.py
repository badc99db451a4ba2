"""
A pipe before a server: speaks TLS to the client, or breaks off in the middle of a reply.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Self


class Pipe:
    """
    Forwards connections to *port* of 127.0.0.1.

    Args:
        port: Where to.
        context: Speaks TLS to clients when given.
        reply_bytes: Returns after how many bytes of replies a new connection is broken off; never without it.
    """

    def __init__(
        self,
        port: int,
        *,
        context: ssl.SSLContext | None = None,
        reply_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._target = port
        self._context = context
        self._reply_bytes = reply_bytes
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._join(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection("127.0.0.1", self._target)
        left = None if self._reply_bytes is None else self._reply_bytes()
        ways = [
            asyncio.ensure_future(_copy(reader, questions, None)),
            asyncio.ensure_future(_copy(answers, writer, left)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (questions, writer):
                end.transport.abort()
                with suppress(ConnectionError, ssl.SSLError):
                    await end.wait_closed()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, left: int | None) -> None:
    while data := await source.read(65536):
        target.write(data if left is None else data[:left])
        await target.drain()
        if left is not None:
            left -= len(data)
            if left <= 0:
                return
