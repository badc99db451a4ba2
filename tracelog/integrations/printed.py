"""
Whether the standard library's `logging` shows a logger's lines where our console would: by a handler that
writes to the terminal, or by its last resort.
"""

import logging
from collections.abc import Iterator
from logging.handlers import QueueHandler
from typing import Any, Final

from tracelog.client.heard import is_console

NUMBERS: Final = {"debug": 10, "log": 20, "info": 20, "warn": 30, "error": 40, "fatal": 50}
"""Our levels as the standard library numbers them."""


def shows(name: str, level: str) -> bool:
    """
    Whether lines of *level* by the logger called *name* are shown without us.

    What a filter of a handler holds back counts as shown: there is no record any more to ask it about.
    """
    number = NUMBERS[level]
    known = logging.Logger.manager.loggerDict.get(name)
    if getattr(known, "is_silent", False):
        return False
    handlers = list(_handlers(known))
    if (
        not handlers
    ):  # as `Logger.callHandlers` does: ours, where it is one of them, is one of them there, too
        last = logging.lastResort
        return last is not None and number >= last.level and _writes(last)
    return any(number >= handler.level and _writes(handler) for handler in handlers)


def _handlers(known: object) -> Iterator[logging.Handler]:
    """
    Yield the handlers that see what the logger *known* logs; where there is none, those of the root.
    """
    logger: logging.Logger | None = known if isinstance(known, logging.Logger) else logging.getLogger()
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _writes(handler: logging.Handler) -> bool:
    """
    Whether *handler* writes to the console: itself, or by a queue's listener. Python 3.11 does not say which
    that is; then it does what a queue is usually for.
    """
    if isinstance(handler, QueueHandler):
        listener: Any = getattr(handler, "listener", None)
        return listener is None or any(_writes(each) for each in listener.handlers)
    stream: Any = getattr(handler, "stream", None) or getattr(getattr(handler, "console", None), "file", None)
    return stream is not None and is_console(stream)
