"""
loguru: its messages as entries.

    logger.add(sink(), level=0)
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from loguru import logger

from tracelog.client.caller import FIELD, place_in
from tracelog.client.complaint import Complaint
from tracelog.client.crash import note
from tracelog.client.foreign import Line, chosen, level_of_number, log_line, lost
from tracelog.client.heard import hear, is_console
from tracelog.client.odd import shown
from tracelog.integrations.patching import Undo
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

    def write(message: "Message") -> None:
        try:
            client, record = who(), message.record
            line = _line(record)
            hear(shown(line.logger), _shows)
            if client.locates():
                place = place_in(record["file"].path, record["line"], record["function"])
                line.fields = {FIELD: place, **line.fields}
            log_line(client, line)
        except Exception as error:  # a record that a patcher of the program's own has changed
            lost(who())
            Complaint().about(error)

    return write


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Add the sink to loguru's one logger, for all levels, beside the sinks that it has.

    Returns:
        A function that removes it.
    """
    number = logger.add(sink(client=client), level=0, format="", catch=False)

    def undo() -> None:
        try:
            logger.remove(number)
        except ValueError:  # the program has removed all sinks since
            return

    return undo


def _shows(_name: str, level: str) -> bool:
    """
    Whether a sink of loguru's own shows lines of *level* already: the one it begins with, or another.
    """
    core: Any = logger._core  # type: ignore[attr-defined] # noqa: SLF001 - there is no other way to ask
    sinks = [(one._levelno, getattr(one._sink, "_stream", None)) for one in core.handlers.values()]  # noqa: SLF001
    number = NUMBERS[level]
    return any(number >= least and stream is not None and is_console(stream) for least, stream in sinks)


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
