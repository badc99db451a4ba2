"""
Which trace and hop the running code belongs to: one context variable, right in every task and thread.

A `Trace` is a value. Entering a span makes a new one for the time of the block; asyncio tasks inherit it by
themselves, threads by `carry`. Nothing here takes a lock, so that signal handlers and finalizers may log.
"""

import os
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, TypeVar, overload

import msgspec

from tracelog.client.carrier import write_into
from tracelog.client.hop import MUTED, Trace, fresh
from tracelog.client.ids import new_span_id
from tracelog.client.interrupts import is_from_outside
from tracelog.client.odd import shown
from tracelog.core.entry import is_trace_id
from tracelog.core.headers import (
    Headers,
    Incoming,
    format_baggage,
    parse_baggage,
    read_headers,
)

__all__ = ["NOTHING", "Headers", "Trace", "Wish", "current", "extract", "inject", "root", "start"]

C = TypeVar("C", bound=MutableMapping[Any, Any] | list[Any])


PLACE: Final[ContextVar[Trace | None]] = ContextVar("tracelog", default=None)


class _Root:
    """
    The trace of everything a process logs outside any trace: inherited from its parent process, or its own.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Trace] = {}
        self._inherited: dict[str, Incoming | None] = {}

    def __call__(self) -> Trace:
        trace = self._kept.get("trace")
        if trace is not None:
            return trace
        made = Trace(self._incoming() or fresh(), new_span_id(), name="process")
        return self._kept.setdefault("trace", made)  # in one step: whoever comes second takes the first's

    def inherited(self) -> Trace | None:
        """
        Return the trace that the parent process handed down, or None.
        """
        return None if self._incoming() is None else self()

    def inherit(self, traceparent: str) -> None:
        """
        Go on with the trace of *traceparent*; one that is invalid is ignored, as W3C asks.
        """
        incoming = read_headers({"traceparent": traceparent})
        if incoming is not None and incoming != self._incoming():
            self._inherited["incoming"] = incoming
            self._kept.clear()

    def renew(self) -> None:
        """
        In a forked child: a hop of its own in the same trace.
        """
        if before := self._kept.pop("trace", None):
            self._kept["trace"] = before.child("process")

    def _incoming(self) -> Incoming | None:
        try:
            return self._inherited["incoming"]
        except KeyError:
            from tracelog.config import inherited_traceparent  # noqa: PLC0415 - it comes with the first client

            found = read_headers({"traceparent": inherited_traceparent()})
            return self._inherited.setdefault("incoming", found)


root: Final = _Root()


class Wish(NamedTuple):
    """
    What a new block asks for; None where it asks for nothing.

    Attributes:
        trace_id: Any id of the allowed characters.
        headers: Of an incoming call.
        user_id: Who it is for.
        area: Part of the application.
        baggage: Names and values handed on to called systems.
    """

    trace_id: Any = None
    headers: Headers | None = None
    user_id: Any = None
    area: Any = None
    baggage: Mapping[str, Any] | None = None


NOTHING: Final = Wish()


def start(name: Any = "", wish: Wish = NOTHING) -> Trace:
    """
    Return the hop that a new block of work is. Never raises, whatever it is given.

    It goes on with the wished trace id, the headers, the current trace or the one of the parent process, in
    this order; else, and when what was given names no trace, it is the first hop of a new one.
    """
    here = PLACE.get()
    if here is MUTED:
        return here
    if here is None and wish.trace_id is None and wish.headers is None:
        here = root.inherited()
    given = _wished(wish, here)
    user_id, area = wish.user_id, wish.area
    if given is None and here is not None:
        given = msgspec.structs.replace(here.incoming, parent_id=here.span_id)
        user_id = here.user_id if user_id is None else user_id
        area = here.area if area is None else area
    given = given or fresh()
    if wish.baggage is not None:
        given = _with_baggage(given, wish.baggage)
    return Trace(given, new_span_id(), name=name, user_id=user_id, area=area)


def _wished(wish: Wish, here: Trace | None) -> Incoming | None:
    """
    Return what *wish* goes on with, or None for what is current *here*.
    """
    if wish.trace_id is not None:
        wanted = shown(wish.trace_id)
        if here is not None and here.trace_id == wanted:
            return None
        return Incoming(trace_id=wanted) if is_trace_id(wanted) else fresh()
    if wish.headers is not None:
        return _read(wish.headers) or fresh()
    return None


def _read(headers: Any) -> Incoming | None:
    try:
        return read_headers(headers)
    except BaseException as error:  # not headers at all: the block is then the first of a new trace
        if is_from_outside(error):
            raise
        return None


def _with_baggage(incoming: Incoming, baggage: Mapping[str, Any]) -> Incoming:
    try:
        if not baggage:
            return incoming
        given = {shown(key): shown(item) for key, item in baggage.items()}
    except BaseException as error:  # no mapping: the block does without
        if is_from_outside(error):
            raise
        return incoming
    items = parse_baggage(incoming.baggage) | given
    return msgspec.structs.replace(incoming, baggage=format_baggage(items))


def current() -> Trace | None:
    """
    Return the trace that this code runs in, or None outside any.

    A process that was started with `TRACEPARENT` runs in that trace from the start.
    """
    here = PLACE.get()
    if here is None:
        return root.inherited()
    return None if here is MUTED else here


@overload
def inject(headers: None = None) -> dict[str, str]: ...


@overload
def inject(headers: C) -> C: ...


@overload
def inject(headers: Headers) -> dict[str, Any]: ...


def inject(headers: Any = None) -> Any:
    """
    Return *headers* with the current trace added: `traceparent`, `tracestate`, `baggage`, `x-trace-id`.

    Outside any trace the process's own is handed on, so that what is called can still be found. Never raises.

    Args:
        headers: A mapping or a list of pairs, which is changed and returned; of what cannot be changed, such
            as a tuple of pairs, a new dict is made.
    """
    here = PLACE.get() or root()
    # what a sink calls is no part of the program's traces
    return write_into(headers, {} if here is MUTED else here.headers())


def extract(headers: Headers) -> Trace | None:
    """
    Return the hop that *headers* of an incoming call start here, or None when they carry no valid trace.

    Enter it with `tracelog.trace("…", headers=headers)`; this function only reads.
    """
    incoming = _read(headers)
    return None if incoming is None else Trace(incoming, new_span_id())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=root.renew)
