"""
A record of the standard library's `logging` as a line of ours, and what it must remember to become one.

A record is stamped where it is made: a `QueueHandler` lets another thread or process handle it, after it has
written the exception into the message and forgotten it.
"""

import functools
import logging
from itertools import islice
from typing import Any, Final

import msgspec

from tracelog.client.context import PLACE, root
from tracelog.client.crash import Fault, Stack, asked_stack, current_error, note
from tracelog.client.foreign import Line, level_of_number
from tracelog.client.hop import Trace
from tracelog.client.interrupts import is_from_outside
from tracelog.client.odd import say, shown
from tracelog.integrations.bridges import left
from tracelog.integrations.events import Rendered, read_event

_ATTRIBUTES: Final = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None)))
PLAIN: Final = len(_ATTRIBUTES)
_FORMAT: Final = logging.LogRecord.getMessage
_MAKE: Final = logging.LogRecord.__init__

_WRITTEN: Final = frozenset(
    (
        "message",  # by formatters
        "asctime",
        "trace_id",  # by `TraceFilter`
        "span_id",
        "color_message",  # uvicorn's copy of the message with colours
        "_name",  # structlog's
        "_logger",
    )
)
"""What others write into a record that is no `extra`, or may be none."""

SAID: Final = _ATTRIBUTES | _WRITTEN | {"extra"}  # the last is loguru's, where it hands its messages on
"""Where one of these stands behind a record's own attributes, it is looked at one by one."""

_KNOWN: Final = (_ATTRIBUTES | _WRITTEN | {"taskName", "_tracelog"}) - {"trace_id", "span_id"}

_TRACEBACKS: Final = ("\nTraceback (most recent call last):\n", "\n  + Exception Group Traceback ")
"""Where a formatted message ends and the exception begins."""


class Stamp(msgspec.Struct, gc=False):
    """
    What a record knows of its making, whichever thread or process handles it.

    Attributes:
        place: The hop it was logged in; None outside any.
        stack: Its stack as text.
        fault: Its exception, noted: handlers on the way write it into the message and forget it.
        seen: Clients that have it already, by id.
        text: Its message as it was when the record was copied; see `_copied`.
    """

    place: Trace | None
    stack: str | None
    fault: Fault | None = None
    seen: tuple[int, ...] = ()
    text: str | None = None


class StampedRecord(logging.LogRecord):
    """
    A record with its stamp beside its attributes: no formatter of the program's shows it.
    """

    __slots__ = ("_tracelog",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _MAKE(self, *args, **kwargs)
        self._tracelog = _stamp(self) if self.exc_info else Stamp(PLACE.get(), self.stack_info)

    def __copy__(self) -> Any:
        return _copied(self)


def _copied(record: Any) -> Any:
    """
    Return a copy of *record*, and note what is said: a `QueueHandler` puts whole lines of its formatter into
    copies.
    """
    make, args, state = record.__reduce_ex__(4)[:3]
    other = make(*args)
    if hasattr(other, "__setstate__"):
        other.__setstate__(state)
    else:
        names, slots = state if type(state) is tuple else (state, {})
        vars(other).update(names)
        for name, value in slots.items():
            setattr(other, name, value)
    stamp = stamp_of(record)
    if stamp is not None and stamp.text is None:
        line = Line(level="", message=record.msg, args=_args_of(record))
        if type(record).getMessage is not _FORMAT:
            _ask_message(line, record)
        stamp.text = say(line.message, line.args)
    return other


def _args_of(record: logging.LogRecord) -> tuple[Any, ...]:
    args: Any = record.args or ()
    return args if type(args) is tuple else (args,)


def stamp_of(record: logging.LogRecord) -> Stamp | None:
    """
    Return the stamp of *record*, which one that a program builds itself has not.
    """
    return getattr(record, "_tracelog", None)


def stamp_records() -> None:
    """
    Have every record stamped from now on, by whatever factory the program has; harmless when repeated.
    """
    factory = logging.getLogRecordFactory()
    if factory is logging.LogRecord:
        logging.setLogRecordFactory(StampedRecord)
    elif factory is not StampedRecord and not hasattr(factory, "__tracelog__"):
        if "__copy__" not in vars(logging.LogRecord):
            logging.LogRecord.__copy__ = _copied  # type: ignore[attr-defined] # whatever class the factory has

        @functools.wraps(factory)
        def stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = factory(*args, **kwargs)
            if getattr(record, "_tracelog", None) is None:
                record._tracelog = _stamp(record)  # noqa: SLF001 - ours
            return record

        stamped.__tracelog__ = True  # type: ignore[attr-defined] # how a second call knows
        logging.setLogRecordFactory(stamped)


def are_stamped() -> bool:
    """
    Whether records are stamped in this process.
    """
    factory = logging.getLogRecordFactory()
    return factory is StampedRecord or hasattr(factory, "__tracelog__")


def place_of(record: logging.LogRecord) -> Trace:
    """
    Return the hop that *record* was logged in; the process's own outside any.
    """
    stamp = stamp_of(record)
    return (PLACE.get() if stamp is None else stamp.place) or root()


def line_of(record: logging.LogRecord) -> Line:
    """
    Return *record* as a line of ours.
    """
    stamp = stamp_of(record)
    place = (PLACE.get() if stamp is None else stamp.place) or root()
    level = level_of_number(record.levelno)
    message = record.msg
    fields = extra_of(record, place)
    event = message.event if type(message) is Rendered else message
    if type(event) is dict and "event" in event:
        line = read_event({**event, **fields}, level, record.name)
        line.seconds, line.place = record.created, place
    else:
        line = Line(
            level=level,
            logger=record.name,
            message=message,
            args=_args_of(record),
            fields=fields,
            seconds=record.created,
            place=place,
        )
        if stamp is not None and stamp.text is not None and _is_prepared(record):
            line.message = stamp.text
        elif type(record).getMessage is not _FORMAT:
            _ask_message(line, record)
    if record.exc_info or record.exc_text or record.stack_info or (stamp and (stamp.fault or stamp.stack)):
        _add_trouble(line, record, stamp)
    return line


def extra_of(record: logging.LogRecord, place: Trace) -> dict[str, Any]:
    """
    Return what a program added to *record*, by `extra`, a filter or a factory of its own.
    """
    said = record.__dict__
    kind = type(record)
    if kind is StampedRecord or kind is logging.LogRecord:
        if len(said) == PLAIN:
            return {}
        fields = dict(islice(said.items(), PLAIN, None))  # its own attributes come first, always
    else:
        fields = said
    if fields is not said and SAID.isdisjoint(fields) and _are_texts(fields):
        return fields
    return _only_extra(said, place)


def _are_texts(names: dict[Any, Any]) -> bool:
    try:
        "".join(names)  # the fastest way to ask
    except TypeError:
        return False
    return True


def _only_extra(said: dict[str, Any], place: Trace) -> dict[str, Any]:
    """
    Return what is neither an attribute of every record nor what the entry says itself, with texts as keys.
    """
    own = {"trace_id": place.trace_id, "span_id": place.span_id}  # by `TraceFilter`
    return {
        key if type(key) is str else shown(key): value
        for key, value in said.items()
        if key not in _KNOWN and (key not in own or value != own[key])
    }


def _stamp(record: logging.LogRecord) -> Stamp:
    stamp = Stamp(PLACE.get(), record.stack_info)
    if record.exc_info:
        error = current_error(record.exc_info)
        stamp.fault = None if error is None else note(error)
        stamp.place = stamp.place or left(error)
    return stamp


def _is_prepared(record: logging.LogRecord) -> bool:
    """
    Whether a `QueueHandler` has made one line of *record*, as its `prepare` does.
    """
    return record.args is None and vars(record).get("message") is record.msg


def _ask_message(line: Line, record: logging.LogRecord) -> None:
    """
    Let a record of a class of the program's own format itself; when that fails, it is formatted as any other.
    """
    try:
        line.message, line.args = record.getMessage(), ()
    except BaseException as error:  # a wrong format must cost the line its arguments at most
        if is_from_outside(error):
            raise


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
