"""
A function of any kind as a block of work.

A generator hands control back at each `yield`, and what runs then is no part of the block: the hop is current
only while the generator itself runs. A plain `with` inside a generator cannot do that (PEP 568 was deferred).
"""

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from tracelog.client.context import PLACE
from tracelog.client.hop import Trace

P = ParamSpec("P")
R = TypeVar("R")

GENERATOR: Final = 0x20
COROUTINE: Final = 0x80
ASYNC_GENERATOR: Final = 0x200
"""Flags of a code object, from `inspect`, which would cost every program 10 ms to load."""


class Visit(NamedTuple):
    """
    A hop under way: since when, by the wall and by the steady clock.
    """

    trace: Trace
    started: float
    clock: float


class Block(AbstractContextManager[Trace], Protocol):
    """
    What a function is run as: to be entered, or to be begun and ended without being current in between.
    """

    def begin(self) -> Visit: ...

    def end(self, visit: Visit, error: BaseException | None) -> None: ...


def wrap(function: Callable[P, R], block: Block) -> Callable[P, R]:
    """
    Return *function*, of the same kind, with each call run as *block*.
    """
    flags = _flags(function)
    for flag, wrapper in _WRAPPERS:
        if flags & flag:
            return cast("Callable[P, R]", wrapper(function, block))

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with block:
            return function(*args, **kwargs)

    return run


def _flags(function: Any) -> int:
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    return getattr(code, "co_flags", 0)


def _wrap_coroutine(function: Callable[..., Awaitable[Any]], block: Block) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        with block:
            return await function(*args, **kwargs)

    return run


class _Turn:
    """
    Makes the place that a generator left at its last `yield` current, for one step of it.
    """

    def __init__(self, place: Trace) -> None:
        self._inside: Trace | None = place
        self._outside: Trace | None = None

    def __enter__(self) -> None:
        self._outside = PLACE.get()
        PLACE.set(self._inside)

    def __exit__(self, *_: object) -> None:
        self._inside = PLACE.get()
        PLACE.set(self._outside)


def _wrap_generator(
    function: Callable[..., Generator[Any, Any, Any]], block: Block
) -> Callable[..., Generator[Any, Any, Any]]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        visit, error = block.begin(), None
        turn, inner = _Turn(visit.trace), function(*args, **kwargs)
        resume: Callable[[Any], Any] = inner.send
        sent = None
        try:
            while True:
                with turn:
                    item = resume(sent)
                try:
                    sent = yield item
                    resume = inner.send
                except GeneratorExit:
                    with turn:
                        inner.close()
                    raise
                except BaseException as thrown:  # thrown in by whoever iterates: it is the generator's
                    resume, sent = inner.throw, thrown
        except StopIteration as end:
            return end.value
        except BaseException as failure:
            error = failure
            raise
        finally:
            block.end(visit, error)

    return run


def _wrap_async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], block: Block
) -> Callable[..., AsyncGenerator[Any, Any]]:
    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        visit, error = block.begin(), None
        turn, inner = _Turn(visit.trace), function(*args, **kwargs)
        resume: Callable[[Any], Awaitable[Any]] = inner.asend
        sent = None
        try:
            while True:
                with turn:
                    item = await resume(sent)
                try:
                    sent = yield item
                    resume = inner.asend
                except GeneratorExit:
                    with turn:
                        await inner.aclose()
                    raise
                except BaseException as thrown:  # thrown in by whoever iterates: it is the generator's
                    resume, sent = inner.athrow, thrown
        except StopAsyncIteration:
            return
        except BaseException as failure:
            error = failure
            raise
        finally:
            block.end(visit, error)

    return run


_WRAPPERS: Final[tuple[tuple[int, Callable[..., Callable[..., Any]]], ...]] = (
    (COROUTINE, _wrap_coroutine),
    (ASYNC_GENERATOR, _wrap_async_generator),
    (GENERATOR, _wrap_generator),
)
