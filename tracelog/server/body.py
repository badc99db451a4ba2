"""
A request body read within its size and time: the part of ingestion that slow and oversized senders meet
first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tracelog.core.encoding import too_large
from tracelog.errors import InvalidBodyError

Receive = Callable[[], Awaitable[Any]]


class DisconnectedError(Exception):
    """
    The sender went away before its body was complete; there is nobody to answer.
    """


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], *, limit: int, within: float) -> bytes:
    """
    Return the whole body as it was sent.

    Args:
        receive: The ASGI channel.
        headers: Of the request, names in lower case.
        limit: Bytes that a body may have; it is refused before it is read when its length says so.
        within: Seconds that the body may take.

    Raises:
        InvalidBodyError: When it is too large (413) or too slow (408).
        DisconnectedError: When the sender went away.
    """
    if says_too_much(headers.get(b"content-length", b"0"), limit):
        raise too_large(limit)
    try:
        async with asyncio.timeout(within):
            return await _read(receive, limit)
    except TimeoutError:
        raise InvalidBodyError(
            f"the body did not arrive within {within:g} s; send it at once", reason="too_slow", status=408
        ) from None


def says_too_much(length: bytes, limit: int) -> bool:
    """
    Whether *length*, a Content-Length, is no number up to *limit*. Zeros may stand before it.
    """
    digits = length.lstrip(b"0") or b"0"
    return not digits.isdigit() or len(digits) > len(str(limit)) or int(digits) > limit


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        parts.append(piece)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)
