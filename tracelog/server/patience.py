"""
How long an answer is waited for, in time in which this process could have heard it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

PIECES: Final = 5
"""In which that time is counted: however long this process is busy elsewhere, it costs one of them."""


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """
    Raise `TimeoutError` once the block has waited for *seconds* in which this process could hear an answer.

    A process that decodes large bodies hears late what came in time. Were that taken for a store in trouble,
    every server under a flood would admit its own part beside what the store grants.
    """
    loop = asyncio.get_running_loop()
    left = PIECES
    timer: asyncio.TimerHandle
    async with asyncio.timeout(None) as limit:

        def look() -> None:
            nonlocal left, timer
            left -= 1
            if left > 0:
                timer = loop.call_later(seconds / PIECES, look)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_later(seconds / PIECES, look)
        try:
            yield
        finally:
            timer.cancel()
