"""
The REST interface of Upstash Redis: commands as JSON in, their replies out, over kept connections.

http.client in a few threads: no library, bounded in time and number, and it repeats nothing by itself, for
only the caller knows what may be done twice. The official clients have no time limit and repeat everything.
Source of the wire: the REST API page of Upstash's documentation.
"""

import asyncio
import base64
import select
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any, Final

import msgspec

from tracelog.errors import StoreUnavailableError
from tracelog.stores.redis_faults import refusal

CONNECTIONS: Final = 8
"""Requests under way; the others wait their turn, within the same time limit."""

MAX_REPLY: Final = 64 * 1024 * 1024
"""Bytes of a reply: many traces of the largest size; more is no answer of ours."""


class Rest:
    """
    One database behind its REST interface.

    Args:
        connect: Returns a new, unconnected connection with time limits.
        token: Sent as the bearer; it stands in no text that this class makes.
        timeout_s: Longest wait for a reply, the wait for a free connection included.
    """

    def __init__(self, connect: Callable[[], HTTPConnection], token: str, *, timeout_s: float) -> None:
        self._connect = connect
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Upstash-Encoding": "base64",
        }
        self._timeout_s = timeout_s
        self._free: deque[HTTPConnection] = deque()
        self._threads: ThreadPoolExecutor | None = None

    async def pipeline(self, commands: Sequence[Sequence[str]]) -> list[Any]:
        """
        Return the replies in order; what was refused is a `ResponseError` in its place.

        Raises:
            ResponseError: When the whole request was refused.
            OSError, StoreUnavailableError: When there is no reply.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(CONNECTIONS, "tracelog-upstash")
        body = msgspec.json.encode(commands)
        async with asyncio.timeout(self._timeout_s):
            status, answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._post, body)
        return _read(status, answer, len(commands))

    async def close(self) -> None:
        """
        Let the requests under way end, each within its time limit, and close every connection.
        """
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.get_running_loop().run_in_executor(None, threads.shutdown)
        while self._free:
            self._free.pop().close()

    def _post(self, body: bytes) -> tuple[int, bytes]:
        line = self._take()
        try:
            line.request("POST", "/pipeline", body, self._headers)
            response = line.getresponse()
            answer = response.read(MAX_REPLY + 1)
        except HTTPException as error:
            line.close()
            raise ConnectionError(f"no HTTP came back: {type(error).__name__}") from error
        except BaseException:
            line.close()
            raise
        if len(answer) > MAX_REPLY:
            line.close()
            raise StoreUnavailableError(f"the REST interface answered more than {MAX_REPLY} bytes")
        self._free.append(line)
        return response.status, answer

    def _take(self) -> HTTPConnection:
        """
        Return a kept connection that is still open and silent, else a new one.
        """
        while self._free:
            try:
                line = self._free.pop()
            except IndexError:
                break  # another thread took the last one
            if line.sock is not None and not select.select([line.sock], [], [], 0)[0]:
                return line
            line.close()
        return self._connect()


def _read(status: int, answer: bytes, commands: int) -> list[Any]:
    try:
        told = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        told = None
    if isinstance(told, dict) and isinstance(told.get("error"), str):
        raise refusal(told["error"])
    if status != 200 or not isinstance(told, list) or len(told) != commands:
        raise StoreUnavailableError(f"the REST interface answered {status} and no list of replies")
    return [refusal(item["error"]) if "error" in item else _plain(item.get("result")) for item in told]


def _plain(result: Any) -> Any:
    """
    Return *result* as RESP would have brought it: text comes in base64, except `OK`.
    """
    if isinstance(result, list):
        return [_plain(each) for each in result]
    if isinstance(result, str):
        return b"OK" if result == "OK" else base64.b64decode(result)
    return result
