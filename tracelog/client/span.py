"""
`trace()` and `span()`: a block of work as a hop, usable as `with`, `async with` and decorator.

Entering makes the hop current for this task or thread; leaving logs one entry with the hop's start and
duration, at error level when an exception came through.

A `with` inside a generator changes the place of whoever iterates (PEP 568, which would keep them apart, was
deferred), and may be left while a block of the consumer is current. It must not take the consumer out of
that: it is marked as left, and who leaves the block above steps over it.
"""

import sys
import time
from collections.abc import Callable, Mapping
from contextvars import Token
from types import FrameType, TracebackType
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from tracelog.client.closing import Closing
from tracelog.client.context import NOTHING, PLACE, Wish, start
from tracelog.client.hop import MUTED, Trace
from tracelog.client.odd import shown
from tracelog.client.wrap import ASYNC_GENERATOR, GENERATOR, Visit, wrap
from tracelog.core.entry import is_trace_id

P = ParamSpec("P")
R = TypeVar("R")


class Host(Protocol):
    """
    What a span needs of its client.
    """

    def close_span(self, closing: Closing) -> None: ...


class Entered(NamedTuple):
    """
    A block under way.

    Attributes:
        visit: Its hop, and since when.
        token: Where its place was taken.
        loose: Whether that was inside a generator, so that it may be left out of turn.
    """

    visit: Visit
    token: Token[Trace | None]
    loose: bool


class Span:
    """
    One block of work. Entering returns its `Trace`; the same block may be entered many times, also at once.

    Args:
        client: Who logs the closing entry; called, so that a decorator finds the client of the moment.
        name: What the block does.
        fields: Carried by the closing entry.
        wish: What the block asks for.
    """

    def __init__(
        self, client: Callable[[], Host], name: str, fields: Mapping[str, Any], wish: Wish = NOTHING
    ) -> None:
        self._client = client
        self._name = name
        self._fields = fields
        self._wish = wish
        self._entered: dict[int, Entered] = {}

    def begin(self) -> Visit:
        """
        Start a hop without entering it.
        """
        return Visit(start(self._name, self._wish), time.time(), time.perf_counter())

    def end(self, visit: Visit, error: BaseException | None) -> None:
        """
        Log the entry that closes *visit*, which *error* has left.

        Only an `Exception` is a failure: being cancelled, interrupted or closed half-way is named, no more.
        """
        duration_ms = (time.perf_counter() - visit.clock) * 1000.0
        fields = self._fields
        failed = error is not None and isinstance(error, Exception)
        if error is not None and not failed and not isinstance(error, GeneratorExit | SystemExit):
            fields = {**fields, "ended_by": type(error).__name__}
        level = "error" if failed else "info"
        closing = Closing(visit.trace, level, visit.started, duration_ms, fields, error if failed else None)
        self._client().close_span(closing)

    def __enter__(self) -> Trace:
        return self._enter(sys._getframe(1))  # noqa: SLF001 - the one way to know who enters

    def _enter(self, caller: FrameType) -> Trace:
        visit = self.begin()
        trace = visit.trace
        if trace is not MUTED:
            loose = bool(caller.f_code.co_flags & (GENERATOR | ASYNC_GENERATOR))
            self._entered[id(trace)] = Entered(visit, PLACE.set(trace), loose)
        return trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        entered = self._leave(PLACE.get())
        if entered is None:
            return
        _step_down(entered)
        self.end(entered.visit, error)

    def _leave(self, here: Trace | None) -> Entered | None:
        """
        Return the entry that ends now: the one that is current *here*, else the only one.
        """
        entered = self._entered.pop(id(here), None)
        if entered is None and len(self._entered) == 1 and here is not MUTED:
            _, entered = self._entered.popitem()
        return entered

    async def __aenter__(self) -> Trace:
        return self._enter(sys._getframe(1))  # noqa: SLF001 - as above

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """
        Return *function*, of whatever kind, with each call run as this block: a hop of its own.
        """
        name = self._name or getattr(function, "__name__", type(function).__name__)
        return wrap(function, Span(self._client, name, self._fields, self._wish))


def _step_down(entered: Entered) -> None:
    """
    Make current again what was so before *entered*, unless another block of the same task stands on it.
    """
    trace, token = entered.visit.trace, entered.token
    before = None if token.old_value is Token.MISSING else token.old_value
    if entered.loose and PLACE.get() is not trace:
        trace.left_to = (before,)
        return
    try:
        PLACE.reset(token)
    except ValueError:  # left in another task than it was entered in
        if PLACE.get() is trace:
            PLACE.set(before)
    if before is not None and before.left_to is not None and PLACE.get() is before:
        PLACE.set(_standing(before))


def _standing(place: Trace | None) -> Trace | None:
    while place is not None and place.left_to is not None:
        (place,) = place.left_to
    return place


def trace_span(
    client: Callable[[], Host], name: str, fields: Mapping[str, Any], wish: Wish = NOTHING
) -> Span:
    """
    Return the block that `tracelog.trace(...)` is.

    A *wish* for a trace id that cannot be one is kept in the closing entry.
    """
    if callable(name):  # `@tracelog.trace` without parentheses
        return cast("Span", Span(client, "", fields, wish)(name))
    if wish.trace_id is not None and not is_trace_id(wanted := shown(wish.trace_id)):
        fields = {**fields, "original_trace_id": wanted}
    return Span(client, name, fields, wish)
