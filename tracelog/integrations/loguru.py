"""
loguru: its messages as entries.

    logger.add(sink(), level=0)
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from loguru import logger

from tracelog.client.caller import FIELD, place_in
from tracelog.client.complaint import Complaint
from tracelog.client.crash import note
from tracelog.client.foreign import Line, chosen, level_of_number, log_line, lost
from tracelog.client.heard import hear, is_console
from tracelog.client.interrupts import is_from_outside
from tracelog.client.odd import shown
from tracelog.integrations.bridges import LOGURU, record_behind
from tracelog.integrations.logging import Handler
from tracelog.integrations.patching import MARK, Method, Undo, nothing, replace
from tracelog.integrations.printed import NUMBERS

if TYPE_CHECKING:
    from loguru import Message, Record

    from tracelog.client.client import Client


def sink(*, client: "Client | None" = None) -> "Callable[[Message], None]":
    """
    Return a sink for `logger.add` that makes an entry of each message. It never raises.

    Leave `enqueue` off: the client has a queue of its own, and another thread knows no trace.

    Args:
        client: Who ships the entries; the default one when None.
    """
    who = chosen(client)
    handler = Handler(client=client)

    def write(message: "Message") -> None:
        try:
            client, record = who(), message.record
            handed_on = record_behind(record["message"])
            if handed_on is not None:  # by the recipe of loguru's documentation: the record says more
                handler.emit(handed_on)
                return
            line = _line(record)
            hear(shown(line.logger), _shows)
            if client.locates():
                place = place_in(record["file"].path, record["line"], record["function"])
                line.fields = {FIELD: place, **line.fields}
            log_line(client, line)
        except BaseException as error:  # a record that a patcher of the program's own has changed
            if is_from_outside(error):
                raise
            lost(who())
            Complaint().about(error)

    setattr(write, MARK, who)
    return write


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Add the sink to loguru's one logger, for all levels, beside the sinks that it has.

    It stays when the program removes all sinks, as programs do to add their own. A second call changes
    nothing.

    Returns:
        A function that removes it.
    """
    kind: Any = type(logger)
    if hasattr(kind.remove, MARK):
        return nothing
    number = logger.add(sink(client=client), level=0, format="", catch=False)

    def make(before: Method) -> Method:
        def remove(self: Any, handler_id: int | None = None) -> None:
            if handler_id is not None:
                before(self, handler_id)
                return
            for each in list(self._core.handlers):
                if each != number:
                    with suppress(ValueError):  # somebody else has removed it meanwhile
                        before(self, each)

        return remove

    undo_remove = replace(kind, "remove", make)

    def undo() -> None:
        undo_remove()
        with suppress(ValueError):  # the program has removed it by its number
            logger.remove(number)

    return undo


def _shows(_name: str, level: str) -> bool:
    """
    Whether a sink of loguru's own shows lines of *level* already: the one it begins with, or another.
    """
    core: Any = logger._core  # type: ignore[attr-defined] # noqa: SLF001 - there is no other way to ask
    sinks = [(one._levelno, getattr(one._sink, "_stream", None)) for one in core.handlers.values()]  # noqa: SLF001
    number = NUMBERS[level]
    return any(number >= least and stream is not None and is_console(stream) for least, stream in sinks)


def _tells(client: int, number: int) -> bool:
    """
    Whether a sink of ours tells the client with that id of messages of the level *number*.
    """
    core: Any = logger._core  # type: ignore[attr-defined] # noqa: SLF001 - as above
    sinks = [
        (one._levelno, getattr(getattr(one._sink, "_function", None), MARK, None))  # noqa: SLF001
        for one in core.handlers.values()
    ]
    return any(who is not None and number >= least and id(who()) == client for least, who in sinks)


LOGURU[:] = [_tells]


def _line(record: "Record") -> Line:
    error: Any = record["exception"] and record["exception"].value
    return Line(
        level=level_of_number(record["level"].no),
        logger=record["name"] or "",
        message=record["message"],
        fields=dict(record["extra"]),
        seconds=record["time"].timestamp(),
        fault=note(error) if isinstance(error, BaseException) else None,
    )
