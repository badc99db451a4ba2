"""
A function that takes its trace along: to a thread, an executor, or another process.
"""

import functools
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Generic, ParamSpec, TypeVar

from tracelog.client.context import PLACE, Trace, root
from tracelog.client.hop import MUTED
from tracelog.core.headers import Incoming

P = ParamSpec("P")
R = TypeVar("R")


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """
    Return *function* bound to the trace that is current now, for a thread, an executor or a process to run.

    Threads also get the other context variables; what is pickled for another process takes the trace alone.

    Example:
        `threading.Thread(target=tracelog.carry(work)).start()`, `pool.submit(tracelog.carry(work), 1)`
    """
    return _Carried(function, copy_context())


class _Carried(Generic[P, R]):
    """
    *function*, to be called in *context*.
    """

    def __init__(self, function: Callable[P, R], context: Context) -> None:
        functools.update_wrapper(self, function)  # first: a function carried already has what follows, too
        self._function = function
        self._context = context

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._context.copy().run(self._function, *args, **kwargs)

    def __get__(self, owner: Any, _kind: type | None = None) -> Any:
        """
        Bind to *owner*, as a function does that stands in a class.
        """
        return self if owner is None else functools.partial(self, owner)

    def __reduce__(self) -> tuple[Any, ...]:
        """
        Travel to another process, where the hop goes on; outside any trace, it is that of this process.
        """
        here = self._context.get(PLACE) or root()
        return _arrived, (self._function, None if here is MUTED else _packed(here))


def _arrived(function: Callable[P, R], hop: "_Hop | None") -> "_Carried[P, R]":
    context = copy_context()
    if hop is not None:
        context.run(PLACE.set, _unpacked(hop))
    return _Carried(function, context)


class Luggage:
    """
    A hop on its way to another process: it is current there as soon as this is unpickled.
    """

    def __init__(self, place: Trace) -> None:
        self._place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack, (_packed(self._place),)


def _unpack(hop: "_Hop") -> Luggage:
    place = _unpacked(hop)
    PLACE.set(place)
    return Luggage(place)


_Hop = tuple[Incoming, str, str, str | None, str | None]


def _packed(place: Trace) -> _Hop:
    return place.incoming, place.span_id, place.name, place.user_id, place.area


def _unpacked(hop: _Hop) -> Trace:
    incoming, span_id, name, user_id, area = hop
    return Trace(incoming, span_id, name=name, user_id=user_id, area=area)
