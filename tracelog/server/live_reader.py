"""
One reader of the live view: what waits for it, what it was too slow for, and how the store is.
"""

import asyncio
from collections import deque
from typing import Final

import msgspec

from tracelog.core.query import Query

BUFFER_BYTES: Final = 256 * 1024
"""Events that wait for one reader; past it the oldest go, and the reader is told how many."""

HEARTBEAT_S: Final = 15.0
"""Proxies close what is silent, mostly after 30 s or 60 s."""

BEAT: Final = b": still here\n\n"


class Chunk(msgspec.Struct, frozen=True):
    """
    Events of one look that pass one filter, as they are sent.
    """

    version: int
    events: int
    data: bytes


class Reader:
    """
    One connection: what waits for it, and what it missed.

    Args:
        wanted: Its filter.
    """

    def __init__(self, wanted: Query) -> None:
        self.wanted = wanted
        self.missed = 0
        self.ended = False
        self._chunks: deque[Chunk] = deque()
        self._size = 0
        self._state = b""
        self._filled = asyncio.Event()

    def offer(self, chunk: Chunk) -> None:
        """
        Let *chunk* wait; of more than `BUFFER_BYTES` the oldest go, and are counted.
        """
        self._chunks.append(chunk)
        self._size += len(chunk.data)
        while self._size > BUFFER_BYTES and len(self._chunks) > 1:
            gone = self._chunks.popleft()
            self._size -= len(gone.data)
            self.missed += gone.events
        self._filled.set()

    def tell(self, state: bytes) -> None:
        """
        Let the event *state* wait: how things are, so one that was not read yet is not told any more.
        """
        self._state = state
        self._filled.set()

    def end(self) -> None:
        self.ended = True
        self._filled.set()

    async def next(self, after: int) -> bytes:
        """
        Return what waits and is later than version *after*, or a heartbeat when nothing comes for a while.
        """
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await self._filled.wait()
        except TimeoutError:
            return BEAT
        self._filled.clear()
        parts = [chunk.data for chunk in self._chunks if chunk.version > after]
        self._chunks.clear()
        self._size = 0
        if self._state:
            parts.append(self._state)
            self._state = b""
        if self.missed:
            parts.insert(0, b'event: gap\ndata: {"missed":%d}\n\n' % self.missed)
            self.missed = 0
        return b"".join(parts)
