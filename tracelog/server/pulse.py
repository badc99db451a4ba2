"""
`GET /api/v1/status/live`: the status as server-sent events, while somebody reads.

    event: status
    data: {"phase", "store", "quotas", …}    as `GET /api/v1/status` answers

One task asks for all readers, and what it finds is encoded once. A status is a state, so nothing waits for
who reads slowly: its next event is the present one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tracelog.errors import StoreUnavailableError
from tracelog.server.faults import Faults
from tracelog.server.live import RETRY_MS, STREAMED, TYPE
from tracelog.server.live_reader import BEAT, HEARTBEAT_S

EVERY_S: Final = 2.0
"""Between two events: as often as somebody looks at a number to see whether it moves."""

READERS: Final = 200
"""Each holds a connection, and nothing else."""


class Pulse:
    """
    The status of one server process, told again and again.

    Args:
        shown: Returns the status.
        faults: Told what goes wrong.
        every_s: Seconds between two events; more where each look at the store is billed.
    """

    def __init__(
        self,
        shown: Callable[[], Awaitable[dict[str, Any]]],
        faults: Faults,
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._shown = shown
        self._faults = faults
        self._every_s = max(EVERY_S, every_s)
        self._readers = 0
        self._latest = b""
        self._told = asyncio.Event()
        self._ended = 0
        self._stops = False
        self._asking: asyncio.Task[None] | None = None

    @property
    def readers(self) -> int:
        return self._readers

    def hurry(self) -> None:
        """
        End every stream; readers connect again, here or elsewhere, if they still may.
        """
        self._ended += 1
        self._wake()

    def stop(self) -> None:
        """
        End every stream, also those that a reader asks for from now on.
        """
        self._stops = True
        self.hurry()

    async def events(self, _request: Request) -> Response:
        """
        Answer with the status as it is, and then with what becomes of it.
        """
        if self._readers >= READERS:
            raise StoreUnavailableError(
                f"{READERS} readers follow the status of this server; try again later", retry_after=5
            )
        return StreamingResponse(self._stream(self._ended), media_type=TYPE, headers=STREAMED)

    async def _stream(self, ended: int) -> AsyncIterator[bytes]:
        sent = b""
        self._readers += 1
        try:
            if self._asking is None:
                self._asking = asyncio.get_running_loop().create_task(self._ask())
            yield b"retry: %d\n\n" % RETRY_MS
            while ended == self._ended and not self._stops:
                if self._latest is not sent:
                    sent = self._latest
                    yield sent
                elif not await self._news():
                    yield BEAT
        finally:
            self._leave()

    def _leave(self) -> None:
        self._readers -= 1
        if not self._readers and self._asking is not None:
            self._asking.cancel()
            self._asking = None
            self._latest = b""

    async def _news(self) -> bool:
        """
        Wait until there is something to tell; False when there was nothing for long.
        """
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await self._told.wait()
        except TimeoutError:
            return False
        return True

    async def _ask(self) -> None:
        """
        Look how things are for all readers, until the last has left.
        """
        while True:
            try:
                status = await self._shown()
                self._latest = b"event: status\ndata: %b\n\n" % msgspec.json.encode(status)
            except Exception as error:  # the next look may find what this one did not
                self._faults.tell(error)
            self._wake()
            await asyncio.sleep(self._every_s)

    def _wake(self) -> None:
        """
        Let all readers go on; who comes to wait later waits for the next time.
        """
        told, self._told = self._told, asyncio.Event()
        told.set()
