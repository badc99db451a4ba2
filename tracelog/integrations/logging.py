"""
The standard library's `logging`: log calls of any program as entries, and the trace for its formatters.

    logging.getLogger().addHandler(Handler())  # or by dictConfig, fileConfig
    setup()  # or: whatever any logger lets through

A record is stamped with its trace where it is made, because a `QueueHandler` has another thread handle it.
"""

import functools
import logging
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from tracelog.client.complaint import Complaint
from tracelog.client.context import PLACE, root
from tracelog.client.crash import Fault, Stack, asked_stack, current_error, note
from tracelog.client.foreign import Line, chosen, level_of_number, log_line, lost
from tracelog.client.hop import MUTED, Trace
from tracelog.client.odd import shown
from tracelog.integrations.events import read_event

if TYPE_CHECKING:
    from tracelog.client.client import Client

OURS: Final = "tracelog."
"""Loggers of our own server: what it says about entries must not become entries, for ever."""

_PLAIN: Final = vars(logging.LogRecord("", 0, "", 0, "", (), None))
_KNOWN: Final = frozenset(_PLAIN) | {
    "message",  # written by formatters
    "asctime",
    "taskName",  # Python 3.12
    "color_message",  # uvicorn's copy of the message with colours
    "_tracelog",
    "_name",  # structlog's
    "_logger",
}
"""Attributes that are no `extra`."""

_TRACEBACKS: Final = ("\nTraceback (most recent call last):\n", "\n  + Exception Group Traceback ")
"""Where a formatted message ends and the exception begins."""


class Stamp:
    """
    What a record knows of its making, whichever thread or process handles it.

    Attributes:
        place: The hop it was logged in; None outside any.
        fault: Its exception, noted: handlers on the way write it into the message and forget it.
        stack: Its stack as text.
        seen: Clients that have it already, by id.
    """

    __slots__ = ("fault", "place", "seen", "stack")

    def __init__(self, record: logging.LogRecord) -> None:
        self.place: Trace | None = PLACE.get()
        self.stack: str | None = record.stack_info
        self.fault: Fault | None = None
        self.seen: tuple[int, ...] = ()
        if record.exc_info:
            error = current_error(record.exc_info)
            self.fault = None if error is None else note(error)


class StampedRecord(logging.LogRecord):
    """
    A record with its stamp beside its attributes: no formatter of the program's shows it.
    """

    __slots__ = ("_tracelog",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tracelog = Stamp(self)


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
        kept: Any = self.filter(record) if self.filters else True
        if kept:
            self.emit(
                kept if isinstance(kept, logging.LogRecord) else record
            )  # a filter may replace it: 3.12
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        client = self._client()
        try:
            if not _is_new(record, id(client)):
                return
            if f"{record.name}.".startswith(OURS):
                client.gate.drops.count("reentrant")
                return
            log_line(client, line_of(record))
        except Exception as error:  # a record of the program's own making, with attributes that raise
            lost(client)
            Complaint().about(error)


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


def setup(*, level: int | str = logging.NOTSET, client: "Client | None" = None) -> Callable[[], None]:
    """
    Log what any logger lets through, also where it does not propagate, as those of uvicorn and gunicorn.

    No handler is added, so `basicConfig` and the output of a program without any configuration stay as they
    are. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    before = logging.Logger.callHandlers
    if hasattr(before, "__tracelog__"):
        return _nothing
    handler = Handler(level, client=client)

    @functools.wraps(before)
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        if record.levelno >= handler.level:
            handler.handle(record)
        before(self, record)

    call_handlers.__tracelog__ = True  # type: ignore[attr-defined] # how a second call knows
    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign] # sees every record once

    def undo() -> None:
        if logging.Logger.callHandlers is call_handlers:
            logging.Logger.callHandlers = before  # type: ignore[method-assign]
        handler.setLevel(logging.CRITICAL * 1000)  # where somebody else has wrapped it since

    return undo


def stamp_records() -> None:
    """
    Have every record stamped from now on, by whatever factory the program has; harmless when repeated.
    """
    factory = logging.getLogRecordFactory()
    if factory is logging.LogRecord:
        logging.setLogRecordFactory(StampedRecord)
    elif factory is not StampedRecord and not hasattr(factory, "__tracelog__"):

        @functools.wraps(factory)
        def stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = factory(*args, **kwargs)
            if getattr(record, "_tracelog", None) is None:
                record._tracelog = Stamp(record)  # noqa: SLF001 - ours
            return record

        stamped.__tracelog__ = True  # type: ignore[attr-defined] # how a second call knows
        logging.setLogRecordFactory(stamped)


def place_of(record: logging.LogRecord) -> Trace:
    """
    Return the hop that *record* was logged in; the process's own outside any.
    """
    stamp: Stamp | None = getattr(record, "_tracelog", None)
    return (PLACE.get() if stamp is None else stamp.place) or root()


def line_of(record: logging.LogRecord) -> Line:
    """
    Return *record* as a line of ours.
    """
    stamp: Stamp | None = getattr(record, "_tracelog", None)
    level = level_of_number(record.levelno)
    if type(record.msg) is dict and "event" in record.msg:
        line = read_event(record.msg, level, record.name)
    else:
        args = record.args if type(record.args) is tuple else (record.args,) if record.args else ()
        line = Line(level=level, logger=record.name, message=record.msg, args=args)
        if type(record).getMessage is not logging.LogRecord.getMessage:
            _ask_message(line, record)
    line.seconds = record.created
    line.place = place_of(record)
    fields = extra_of(record, line.place)
    if fields:
        line.fields = {**line.fields, **fields}
    if record.exc_info or record.exc_text or record.stack_info or (stamp and (stamp.fault or stamp.stack)):
        _add_trouble(line, record, stamp)
    return line


def extra_of(record: logging.LogRecord, place: Trace) -> dict[str, Any]:
    """
    Return what a program added to *record*, by `extra`, a filter or a factory of its own.
    """
    said = record.__dict__
    plain = type(record) is StampedRecord or type(record) is logging.LogRecord
    if plain and len(said) == len(_PLAIN):
        return {}
    added = islice(said.items(), len(_PLAIN) if plain else 0, None)
    fields = {key if type(key) is str else shown(key): value for key, value in added if key not in _KNOWN}
    for name in ("trace_id", "span_id"):
        if name in fields and fields[name] == getattr(place, name):
            del fields[name]  # by `TraceFilter`: the entry says it itself
    return fields


def _is_new(record: logging.LogRecord, client: int) -> bool:
    """
    Whether *client* has not seen *record*: several loggers up to the root may have a handler.
    """
    stamp: Stamp | None = getattr(record, "_tracelog", None)
    if stamp is None:
        return True
    if client in stamp.seen:
        return False
    stamp.seen += (client,)
    return True


def _ask_message(line: Line, record: logging.LogRecord) -> None:
    """
    Let a record of a class of the program's own format itself; when that fails, it is formatted as any other.
    """
    try:
        line.message, line.args = record.getMessage(), ()
    except Exception:  # a wrong format must cost the line its arguments at most
        return


def _add_trouble(line: Line, record: logging.LogRecord, stamp: Stamp | None) -> None:
    """
    Add the exception and the stack of *record*, also where a `QueueHandler` put them into the message.
    """
    error = current_error(record.exc_info) if record.exc_info else None
    if error is not None:
        line.fault = note(error) if stamp is None or stamp.fault is None else stamp.fault
    elif stamp is not None and stamp.fault is not None:
        line.fault = stamp.fault
        line.message = _without(line.message, _TRACEBACKS)
    elif record.exc_text:
        line.stack = _stack(record.exc_text)
    text = record.stack_info or (stamp.stack if stamp else None)
    if text and line.fault is None and line.stack is None:
        line.stack = _stack(text)
        line.message = _without(line.message, (f"\n{text}",))


def _without(message: Any, ends: tuple[str, ...]) -> Any:
    if type(message) is not str:
        return message
    return message[: min((at for end in ends if (at := message.find(end)) >= 0), default=len(message))]


def _stack(text: Any) -> Stack | None:
    return asked_stack(shown(text))


def _nothing() -> None:
    """
    What undoing is where nothing was done.
    """
