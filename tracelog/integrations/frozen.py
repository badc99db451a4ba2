"""
Functions whose process is frozen as soon as they have answered, such as those of AWS Lambda: what they logged
is delivered before they answer.

While a process is frozen no thread runs, so what waits in its queue may wait for the next call, or for ever.
"""

import functools
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from tracelog.client.context import Wish
from tracelog.client.foreign import chosen
from tracelog.integrations.exchange import Block

if TYPE_CHECKING:
    from tracelog.client.client import Client

FLUSH_S: Final = 2.0
"""What a call waits for delivery at most; while the server works it takes milliseconds."""

SPARE_S: Final = 0.2
"""Left of the time that a function may take: who uses up all of it is killed instead of answered."""

Function = Callable[[Any, Any], Any]
"""Takes an event and a context."""


class delivered:  # noqa: N801 - used as a word: `with delivered():`
    """
    A block, `with` or `async with`, that ends when what was logged is delivered.

    Args:
        timeout: Seconds that it waits at most; what is not delivered then goes with the next block.
        client: Who delivers; the default one when None.
    """

    def __init__(self, timeout: float = FLUSH_S, *, client: "Client | None" = None) -> None:
        self._timeout = timeout
        self._who = chosen(client)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._who().flush(self._timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        from asyncio import to_thread  # noqa: PLC0415 - a cold start without it is faster, and here it is loaded

        await to_thread(self._who().flush, self._timeout)


def handler(
    function: Function | None = None, *, timeout: float = FLUSH_S, client: "Client | None" = None
) -> Any:
    """
    Decorate the handler of an AWS Lambda function: each call is a hop, and delivered before it answers.

    It goes on with the trace of the event's `headers` (API Gateway, function URLs), or begins one; what it
    raises is told and goes on unchanged.

    Args:
        function: The handler; with options the decorator is called first: `@handler(timeout=1)`.
        timeout: Seconds that the answer waits for delivery; never longer than the call may still take.
        client: Who logs; the default one when None.
    """
    if function is None:
        return functools.partial(handler, timeout=timeout, client=client)
    who = chosen(client)

    @functools.wraps(function)
    def handle(event: Any, context: Any = None) -> Any:
        here = who()
        name = str(getattr(context, "function_name", function.__name__))
        fields = {"request_id": getattr(context, "aws_request_id", None)}
        try:
            with Block(here, f"invoke {name}", Wish(headers=_headers(event)), fields):
                return function(event, context)
        finally:
            here.flush(min(timeout, _left_s(context)))

    return handle


def _headers(event: Any) -> Mapping[str, Any] | None:
    headers = event.get("headers") if isinstance(event, Mapping) else None
    return headers if isinstance(headers, Mapping) else None


def _left_s(context: Any) -> float:
    """
    Return how many seconds the call may still take.
    """
    try:
        return max(0.0, float(context.get_remaining_time_in_millis()) / 1000.0 - SPARE_S)
    except Exception:  # another kind of function, or a test without a context: nobody says
        return FLUSH_S
