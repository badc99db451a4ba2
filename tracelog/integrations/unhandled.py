"""
Exceptions that nobody caught: of the program itself, of its threads and of its asyncio tasks.

Each is an entry, and then goes where it went before: the hooks that were there are called, and standard
error says what it said.
"""

import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from tracelog.client.crash import note
from tracelog.client.foreign import Line, chosen, log_line
from tracelog.client.heard import hear
from tracelog.integrations.logging import Handler
from tracelog.integrations.patching import Undo, nothing

if TYPE_CHECKING:
    from tracelog.client.client import Client

_ON: Final[list[Undo]] = []
"""Holds something while they are logged: a second hook around the first would log each twice."""


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log what nobody caught. A second call changes nothing.

    Being interrupted or told to exit is no failure and not logged. A loop with an exception handler of its
    own (`set_exception_handler`) has caught what it is given.

    Returns:
        A function that undoes it.
    """
    if _ON:
        return nothing
    who = chosen(client)
    tap = _Tap(client)
    logging.getLogger("asyncio").addFilter(tap)
    _ON[:] = [_hook_program(who), _hook_threads(who)]

    def undo() -> None:
        logging.getLogger("asyncio").removeFilter(tap)
        while _ON:
            _ON.pop()()

    return undo


def _hook_program(who: "Callable[[], Client]") -> Undo:
    before = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if _ON:
            _log(who, "fatal", "the program ended by an exception", error, {})
        before(kind, error, traceback)

    sys.excepthook = excepthook

    def undo() -> None:
        if sys.excepthook is excepthook:  # else somebody's hook calls ours, which does no more than pass on
            sys.excepthook = before

    return undo


def _hook_threads(who: "Callable[[], Client]") -> Undo:
    before = threading.excepthook

    def excepthook(said: Any) -> None:
        if _ON:
            name = said.thread.name if said.thread is not None else "?"
            _log(who, "error", "a thread ended by an exception", said.exc_value, {"thread": name})
        before(said)

    threading.excepthook = excepthook

    def undo() -> None:
        if threading.excepthook is excepthook:
            threading.excepthook = before

    return undo


def _log(
    who: "Callable[[], Client]", level: str, message: str, error: BaseException | None, fields: dict[str, Any]
) -> None:
    if isinstance(error, Exception | BaseExceptionGroup):
        hear("unhandled", lambda *_: True)  # the interpreter says it, whatever we do
        line = Line(level=level, logger="unhandled", message=message, fields=fields, fault=note(error))
        log_line(who(), line)


class _Tap(logging.Filter):
    """
    Sees what asyncio tells its logger of exceptions that nobody asked for, and holds nothing back.

    A filter, because a handler would silence the standard library's last resort. What a handler of ours sees
    as well is one entry all the same: the record knows who has seen it.
    """

    def __init__(self, client: "Client | None") -> None:
        super().__init__()
        self._handler = Handler(logging.ERROR, client=client)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR and record.exc_info:
            self._handler.emit(record)
        return True
