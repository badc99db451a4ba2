"""
The standard library's `logging`: log calls of any program as entries, and the trace for its formatters.

    logging.getLogger().addHandler(Handler())  # or by dictConfig, fileConfig
    setup()  # or: whatever any logger lets through

How a record becomes an entry stands in `records.py`.
"""

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from tracelog.client.caller import FIELD, place_in
from tracelog.client.complaint import Complaint
from tracelog.client.default import default
from tracelog.client.foreign import chosen, log_line, lost
from tracelog.client.heard import hear
from tracelog.client.hop import MUTED
from tracelog.client.interrupts import is_from_outside
from tracelog.client.odd import shown
from tracelog.integrations.bridges import is_told_by_loguru
from tracelog.integrations.patching import Undo, replace
from tracelog.integrations.printed import shows
from tracelog.integrations.records import (
    Stamp,
    StampedRecord,
    line_of,
    place_of,
    stamp_of,
    stamp_records,
)
from tracelog.integrations.swift import learn_record, put_call, put_record

if TYPE_CHECKING:
    from tracelog.client.client import Client

OURS: Final = "tracelog."
"""Loggers of our own server: what it says about entries must not become entries, for ever."""


_STACKLEVEL: Final = 4
"""Where that argument stands in `logging.Logger._log` behind the first three."""


class Handler(logging.Handler):
    """
    Makes an entry of each record, once. It takes no lock and never raises.

    Args:
        level: Least number that is handled.
        client: Who ships the entries; the default one when None.
    """

    def __init__(self, level: int | str = logging.NOTSET, *, client: "Client | None" = None) -> None:
        super().__init__(level)
        self._client = chosen(client)
        stamp_records()

    def handle(self, record: logging.LogRecord) -> bool:
        """
        Emit *record* unless a filter is against it. No lock: there is no stream to guard.
        """
        if self.filters:
            kept: Any = self.filter(record)
            if not kept:
                return False
            if isinstance(kept, logging.LogRecord):  # a filter may replace it: 3.12
                record = kept
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        client = self._client()
        try:
            if type(record) is StampedRecord:
                stamp: Any = record._tracelog  # noqa: SLF001 - ours
                if not stamp.seen:
                    stamp.seen = (id(client),)
                    if put_record(client, record, stamp):
                        return
                elif not _is_new(stamp, id(client)):
                    return
            elif (stamp := stamp_of(record)) is not None and not _is_new(stamp, id(client)):
                return
        except BaseException as error:  # what is odd about it, the long way finds out
            if is_from_outside(error):
                raise
        self._emit_odd(client, record)

    def _emit_odd(self, client: "Client", record: logging.LogRecord) -> None:
        try:
            name = record.name
            if type(name) is str and name.startswith(OURS):
                client.gate.drops.count("reentrant")
                return
            if is_told_by_loguru(record, id(client)):
                return
            line = line_of(record)
            hear(shown(line.logger), shows)
            if client.locates():
                place = place_in(record.pathname, record.lineno, record.funcName)
                line.fields = {FIELD: place, **line.fields}
            log_line(client, line)
            if type(record) is StampedRecord:
                learn_record(client, record)
        except BaseException as error:  # a record of the program's own making, with attributes that raise
            if is_from_outside(error):
                raise
            lost(client)
            Complaint().about(error)


class Logger(logging.Logger):
    """
    A logger that logs to the default client alone, at a quarter of what a handler costs: no record is made.

    For `logging.setLoggerClass`, in programs whose loggers need no other handler: none is asked, nor a record
    factory, as long as a call is plain.
    """

    is_silent = True
    """No handler shows what is logged here."""

    def _log(self, level: int, msg: object, args: Any, *more: Any, **named: Any) -> None:
        extra = named.get("extra")
        if not more and not self.filters and len(named) == (extra is not None):
            try:
                if put_call(default(), (level, self.name), (msg, args), extra):
                    return
            except BaseException as error:  # what is odd about it, the long way finds out
                if is_from_outside(error):
                    raise
        if len(more) < _STACKLEVEL:
            named["stacklevel"] = named.get("stacklevel", 1) + 1  # this method stands in between
        super()._log(level, msg, args, *more, **named)

    def handle(self, record: logging.LogRecord) -> None:
        if not self.disabled and self.filter(record):
            _alone().handle(record)


@functools.cache
def _alone() -> Handler:
    return Handler()


class TraceFilter(logging.Filter):
    """
    Lets formatters that a program has already show the trace: `%(trace_id)s`, `%(span_id)s`. Filters nothing.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        stamp_records()

    def filter(self, record: logging.LogRecord) -> bool:
        place = place_of(record)
        muted = place is MUTED
        record.__dict__.setdefault("trace_id", "-" if muted else place.trace_id)
        record.__dict__.setdefault("span_id", "-" if muted else place.span_id)
        return bool(super().filter(record))


def setup(*, level: int | str = logging.NOTSET, client: "Client | None" = None) -> Undo:
    """
    Log what any logger lets through, also where it does not propagate, as those of uvicorn and gunicorn.

    No handler is added, so `basicConfig` and the output of a program without any configuration stay as they
    are. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    handler = Handler(level, client=client)

    def make(before: Callable[..., None]) -> Callable[..., None]:
        def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
            if record.levelno >= handler.level:
                handler.handle(record)
            before(self, record)

        return call_handlers

    return replace(logging.Logger, "callHandlers", make)  # sees every record once


def _is_new(stamp: Stamp, client: int) -> bool:
    """
    Whether *client* has not seen the record of *stamp*: several loggers up to the root may have a handler.
    """
    if client in stamp.seen:
        return False
    stamp.seen += (client,)
    return True
