"""
The JSON body of a request that changes something.
"""

from typing import Final, TypeVar

import msgspec
from starlette.requests import Request

from tracelog.errors import InvalidBodyError
from tracelog.server.body import read_body

T = TypeVar("T", bound=msgspec.Struct)

LIMIT: Final = 64 * 1024
WITHIN_S: Final = 10.0


async def told(request: Request, kind: type[T]) -> T:
    """
    Return the body of *request* as *kind*; none at all stands for an empty object.

    Raises:
        InvalidBodyError: When it is no JSON of that form; the sentence says where (400).
    """
    headers = dict(request.scope["headers"])
    body = await read_body(request.receive, headers, limit=LIMIT, within=WITHIN_S)
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBodyError(f"the body is not what is taken here: {error}") from error
