"""
One request and its answer as a hop, on either side: what servers and callers of every library share.

A failed answer (5xx) is an error on both sides; that a caller was refused (4xx) is worth a warning where the
call was made, and ordinary where it was served.
"""

import time
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Final, Protocol, Self

from tracelog.client.closing import Closing
from tracelog.client.context import PLACE, Wish, start
from tracelog.client.crash import note
from tracelog.client.foreign import Line, log_line
from tracelog.client.gate import Gate
from tracelog.client.hop import MUTED, Trace
from tracelog.integrations.bridges import leave

HEADER: Final = "x-trace-id"
"""What an answer names its trace in, so that whoever sees it can look the request up."""


class Host(Protocol):
    """
    What an exchange needs of its client.
    """

    @property
    def gate(self) -> Gate: ...

    def is_enabled_for(self, level: str, logger: str = "") -> bool: ...

    def close_span(self, closing: Closing) -> None: ...


class Inside:
    """
    Makes *trace* current for a block, whoever leaves it; with None the block is outside any.
    """

    __slots__ = ("_token", "_trace")

    def __init__(self, trace: Trace | None) -> None:
        self._trace = trace
        self._token: Token[Trace | None] | None = None

    def __enter__(self) -> None:
        self._token = PLACE.set(self._trace)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        token, self._token = self._token, None
        if token is None:
            return
        try:
            PLACE.reset(token)
        except ValueError:  # left in another context than it was entered in
            if PLACE.get() is self._trace:
                PLACE.set(None)


class Exchange:
    """
    One request under way. It ends once, with one entry.

    Args:
        client: Who logs the entry.
        name: Its message, such as `GET /orders/7`.
        wish: The headers of a request that came in.
        fields: Carried by the entry; more may be added to `fields` until it ends.

    Attributes:
        trace: The hop.
        status: Of the answer; None while there is none.
        failure: An exception that a framework has made an answer of.
        ended: Whether the entry was logged.
    """

    refused = "info"
    """Level of an exchange whose answer is 4xx."""

    def __init__(self, client: Host, name: str, wish: Wish, fields: Mapping[str, Any]) -> None:
        self.trace = start(name, wish)
        self.fields = dict(fields)
        self.status: int | None = None
        self.failure: Exception | None = None
        self.ended = False
        self._client = client
        self._started = time.time()
        self._clock = time.perf_counter()
        self._duration_ms: float | None = None

    @property
    def muted(self) -> bool:
        """
        Whether this belongs to a delivery of ours, of which nothing is logged.
        """
        return self.trace is MUTED

    def answered(self) -> None:
        """
        Note that the answer is complete: what happens until the end takes none of its time.
        """
        if self._duration_ms is None:
            self._duration_ms = (time.perf_counter() - self._clock) * 1000.0

    def end(self, error: BaseException | None = None) -> None:
        """
        Log the entry; *error* is what the work ended with. Never raises.

        Only an `Exception` is a failure: being cancelled or interrupted is named, no more. One that comes
        after the end, as from a background task, is an entry of its own.
        """
        failure = error if isinstance(error, Exception) else self.failure
        if self.muted:
            return
        if failure is not None:
            leave(failure, self.trace)
        if self.ended:
            self._add(failure)
            return
        self.ended = True
        self.answered()
        if error is not None and failure is None and not isinstance(error, GeneratorExit | SystemExit):
            self.fields["ended_by"] = type(error).__name__
        if self.status is not None:
            self.fields["status"] = self.status
        duration = self._duration_ms or 0.0
        level = self._level(failure)
        self._client.close_span(Closing(self.trace, level, self._started, duration, self.fields, failure))

    def _level(self, failure: Exception | None) -> str:
        status = self.status or 0
        if failure is not None or status >= 500:
            return "error"
        return self.refused if status >= 400 else "info"

    def _add(self, failure: Exception | None) -> None:
        if failure is not None:
            message = f"{self.trace.name} failed after its answer"
            line = Line(level="error", message=message, place=self.trace, fault=note(failure))
            log_line(self._client, line)


class Block(Exchange):
    """
    An exchange that is current for a block, and ends with it.
    """

    def __init__(self, client: Host, name: str, wish: Wish, fields: Mapping[str, Any]) -> None:
        super().__init__(client, name, wish, fields)
        self._inside = Inside(self.trace)

    def __enter__(self) -> Self:
        self._inside.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._inside.__exit__(kind, error, traceback)
        self.end(error)
