"""
Connections for packed commands: each carries one command at a time and is dropped at the first doubt.

redis-py connects, authenticates and speaks TLS; sending and waiting is done here, under one time limit and
without its retries, because only the caller knows that writing again is safe. After a failed or cancelled
reply the connection is closed, so that no command ever reads another's answer (CVE-2023-28858 and 28859).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

LANES: Final = 4
"""Commands in flight: two to four gave a quarter more throughput than one, more gave nothing."""


class NotSentError(RedisConnectionError):
    """
    The server could not be connected to, so that nothing can have been done.
    """


class Lanes:
    """
    A few connections, each for one command at a time, last used first; who waits gets one in turn.

    Args:
        make: Returns a new, unconnected connection that has no time limits of its own.
        timeout_s: Longest wait for a free lane, and again for connecting, sending and the reply together.
        lanes: Commands in flight at most.
    """

    def __init__(
        self, make: Callable[[], AbstractConnection], *, timeout_s: float, lanes: int = LANES
    ) -> None:
        self._timeout_s = timeout_s
        self._all = [make() for _ in range(lanes)]
        self._free = list(self._all)
        self._waiting: deque[asyncio.Future[AbstractConnection]] = deque()

    async def call(self, pieces: list[bytes]) -> Any:
        """
        Send *pieces*, one packed command, and return its reply.

        Raises:
            RedisError: What the server or the connection answered.
            TimeoutError: When no lane got free or no reply came in time.
        """
        [reply] = await self.ask(pieces, 1)
        if isinstance(reply, ResponseError):
            raise reply
        return reply

    async def ask(self, pieces: list[bytes], commands: int) -> list[Any]:
        """
        Send *pieces*, so many packed *commands*, and return their replies; a refusal stands in its place.

        Raises:
            NotSentError: When there was no connection to send them on.
            RedisError: When the connection failed.
            TimeoutError: When no lane got free or not every reply came in time.
        """
        lane = self._free.pop() if self._free else await self._wait()
        try:
            async with asyncio.timeout(self._timeout_s):
                if lane.is_connected and await lane.can_read():
                    await lane.disconnect(
                        nowait=True
                    )  # the server closed it, or it holds a reply nobody asked for
                await _send(lane, pieces)
                return [await _reply(lane) for _ in range(commands)]
        except BaseException:
            await lane.disconnect(nowait=True)
            raise
        finally:
            self._release(lane)

    async def close(self) -> None:
        """
        Let the commands under way end, each within its time limit, and close every connection.
        """
        with suppress(TimeoutError):  # a lane that waits for a dead server is closed all the same
            for _ in self._all:
                await self._wait()
        for lane in self._all:
            await lane.disconnect()
        self._free = list(self._all)

    async def _wait(self) -> AbstractConnection:
        if self._free:
            return self._free.pop()
        turn: asyncio.Future[AbstractConnection] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._release(turn.result())  # it came in the moment of giving up
            raise

    def _release(self, lane: AbstractConnection) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(lane)
                return
        self._free.append(lane)


async def _send(lane: AbstractConnection, pieces: list[bytes]) -> None:
    is_new = not lane.is_connected
    try:
        await lane.send_packed_command(pieces, check_health=False)
    except RedisConnectionError as error:
        if is_new and not isinstance(error, AuthenticationError):
            raise NotSentError(str(error)) from error
        raise


async def _reply(lane: AbstractConnection) -> Any:
    """
    Return the next reply; after a refusal, too, the lane is in step.
    """
    try:
        return await lane.read_response()
    except ResponseError as refusal:
        return refusal
