"""
One line, one entry: what goes from one logging library to another, and exceptions that leave their hop before
a server logs them.
"""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from tracelog.client.hop import Trace

DEEP: Final = 32
"""Frames looked through; between a sink of loguru and the handler that calls it there are six."""

_HOP: Final = "_tracelog_hop"
"""Where an exception says what it left."""

LOGURU: Final[list[Callable[[int, int], bool]]] = []
"""Says, once loguru is wired, whether a sink of ours tells a client, by its id, of messages of a level."""


def leave(error: BaseException, hop: Trace) -> None:
    """
    Note that *error* has left *hop*: a server logs it when nothing is current any more.
    """
    with suppress(Exception):  # of a class that keeps nothing, or raises
        vars(error)[_HOP] = hop


def left(error: BaseException | None) -> Trace | None:
    """
    Return the hop that *error* has left, the outermost one.
    """
    with suppress(Exception):  # as above
        hop = vars(error).get(_HOP)
        return hop if isinstance(hop, Trace) else None
    return None


def record_behind(text: str) -> logging.LogRecord | None:
    """
    Return the record of the standard library that a handler is handing on right now as *text*.
    """
    frame = _under_way("logging", "handle")
    record = None if frame is None else frame.f_locals.get("record")
    with suppress(Exception):  # a record may be of any class, and format as it likes
        if isinstance(record, logging.LogRecord) and record.getMessage() == text:
            return record
    return None


def is_told_by_loguru(record: logging.LogRecord, client: int) -> bool:
    """
    Whether loguru has made *record* of a message that its sink tells *client* as well.
    """
    if "extra" not in record.__dict__ or not any(tells(client, record.levelno) for tells in LOGURU):
        return False
    return _under_way("loguru._simple_sinks", "write") is not None


def _under_way(module: str, function: str) -> FrameType | None:
    frame: Any = sys._getframe(1)  # noqa: SLF001 - the one way to know who calls
    for _ in range(DEEP):
        if frame is None:
            return None
        if frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            return frame  # type: ignore[no-any-return] # it is one
        frame = frame.f_back
    return None
