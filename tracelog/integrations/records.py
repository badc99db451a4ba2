"""
A record of the standard library's `logging` as a line of ours, and what it must remember to become one.

A record is stamped where it is made: a `QueueHandler` lets another thread or process handle it, after it has
written the exception into the message and forgotten it.
"""

import functools
import logging
import time
from gc import is_tracked
from itertools import islice
from typing import Any, Final

import msgspec

from tracelog.client.context import PLACE, root
from tracelog.client.crash import Fault, Stack, asked_stack, current_error, note
from tracelog.client.foreign import Learner, Line, learn, level_of_number, put_long
from tracelog.client.gate import SLOT
from tracelog.client.hop import Trace
from tracelog.client.odd import encode, say, shown
from tracelog.integrations.events import read_event

_ATTRIBUTES: Final = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None)))
_PLAIN: Final = len(_ATTRIBUTES)
_FORMAT: Final = logging.LogRecord.getMessage
_now: Final = time.time
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

_SAID: Final = _ATTRIBUTES | _WRITTEN
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
    """

    place: Trace | None
    stack: str | None
    fault: Fault | None = None
    seen: tuple[int, ...] = ()


class StampedRecord(logging.LogRecord):
    """
    A record with its stamp beside its attributes: no formatter of the program's shows it.
    """

    __slots__ = ("_tracelog",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _MAKE(self, *args, **kwargs)
        self._tracelog = _stamp(self) if self.exc_info else Stamp(PLACE.get(), self.stack_info)


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

        @functools.wraps(factory)
        def stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = factory(*args, **kwargs)
            if getattr(record, "_tracelog", None) is None:
                record._tracelog = _stamp(record)  # noqa: SLF001 - ours
            return record

        stamped.__tracelog__ = True  # type: ignore[attr-defined] # how a second call knows
        logging.setLogRecordFactory(stamped)


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
    message, args = record.msg, record.args or ()
    fields = extra_of(record, place)
    if type(message) is dict and "event" in message:
        line = read_event({**message, **fields}, level, record.name)
        line.seconds, line.place = record.created, place
    else:
        line = Line(
            level=level,
            logger=record.name,
            message=message,
            args=args if type(args) is tuple else (args,),
            fields=fields,
            seconds=record.created,
            place=place,
        )
        if type(record).getMessage is not _FORMAT:
            _ask_message(line, record)
    if record.exc_info or record.exc_text or record.stack_info or (stamp and (stamp.fault or stamp.stack)):
        _add_trouble(line, record, stamp)
    return line


def put_record(client: Learner, record: StampedRecord, stamp: Stamp) -> bool:
    """
    Queue *record* by the short way: a text without trouble, with extra fields. Return whether that went.

    Raises:
        Exception: When it is of no form that was met before, or something about it is odd; then `line_of`
            reads it.
    """
    said = record.__dict__
    if said["exc_info"] or said["exc_text"] or said["stack_info"] or stamp.fault or stamp.stack:
        return False
    fields: Any = None
    if len(said) > _PLAIN:
        fields = dict(islice(said.items(), _PLAIN, None))  # its own attributes come first
        meta = client.known[(said["levelno"], said["name"], *fields)]
    else:
        meta = client.known[said["levelno"], said["name"]]
    message, args, seconds = said["msg"], said["args"], said["created"]
    if args:
        message = say(message, args if type(args) is tuple else (args,))
    if type(message) is not str or type(seconds) is not float:
        return False
    gate = client.gate
    if is_tracked(fields) or len(gate.queue) >= gate.high_water:
        return False
    place: Any = stamp.place or root()  # one of a sink or hook has no ids, and raises
    row = encode((seconds, meta, place.raw, message, fields))
    if len(row) > SLOT:
        return put_long(gate, row, message)
    gate.queue.append(row)
    next(gate.tick)
    return True


def put_call(client: Learner, key: tuple[int, str], said: tuple[Any, Any], extra: Any) -> bool:
    """
    Queue a log call of which no record was made, as `put_record` does.

    Args:
        client: Who ships it.
        key: Number of the level, and name of the logger.
        said: Message and arguments.
        extra: Fields or None.
    """
    fields = dict(extra) if extra else None
    meta = client.known[(*key, *fields) if fields else key]
    message, args = said
    if args:
        message = say(message, args)
    gate = client.gate
    if is_tracked(fields) or type(message) is not str or len(gate.queue) >= gate.high_water:
        return False
    place: Any = PLACE.get() or root()  # as above
    row = encode((_now(), meta, place.raw, message, fields))
    if len(row) > SLOT:
        return put_long(gate, row, message)
    gate.queue.append(row)
    next(gate.tick)
    return True


def learn_record(client: Learner, record: logging.LogRecord) -> None:
    """
    Remember what *record* is like, where nothing about its logger, level and names of fields is odd.
    """
    name, level = record.name, record.levelno
    fields = list(islice(record.__dict__, _PLAIN, None))
    is_plain = type(name) is str and type(level) is int and all(type(field) is str for field in fields)
    if is_plain and _SAID.isdisjoint(fields):
        learn(client, (level, name, *fields), level_of_number(level), name)


def extra_of(record: logging.LogRecord, place: Trace) -> dict[str, Any]:
    """
    Return what a program added to *record*, by `extra`, a filter or a factory of its own.
    """
    said = record.__dict__
    kind = type(record)
    if kind is StampedRecord or kind is logging.LogRecord:
        if len(said) == _PLAIN:
            return {}
        fields = dict(islice(said.items(), _PLAIN, None))  # its own attributes come first, always
    else:
        fields = said
    if fields is not said and _SAID.isdisjoint(fields) and _are_texts(fields):
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
    return stamp


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
