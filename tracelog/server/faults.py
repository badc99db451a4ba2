"""
The server's own trouble: an exception that nobody expected becomes one line in the server's log.

The line says the kind of exception and the place in the code, never its message: that may hold what a sender
sent. The same fault is told once a minute, however often it happens.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 60.0
PLACES: Final = 200
"""Kinds of fault remembered. There are few; the bound only keeps a strange one from growing the memory."""

_log: Final = logging.getLogger("tracelog.server")


class Faults:
    """
    What went wrong inside the server.

    Args:
        clock: Returns seconds of any clock that only goes forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = 0
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}

    def say(self, sentence: str) -> None:
        """
        Say what an operator should know, which is no fault.
        """
        _log.warning(sentence)

    def tell(self, error: BaseException) -> None:
        """
        Note *error*, and say so unless the same was said within the last minute.
        """
        self.total += 1
        fault = f"{type(error).__name__} at {_place(error)}"
        now = self._clock()
        last, more = self._told.get(fault, (now - EVERY_S, 0))
        if now - last < EVERY_S:
            self._told[fault] = (last, more + 1)
            return
        if len(self._told) >= PLACES:
            self._told.clear()
        self._told[fault] = (now, 0)
        _log.error("a fault in the server: %s%s", fault, f", and {more} times before" if more else "")


def _place(error: BaseException) -> str:
    """
    Return file and line where *error* was raised.
    """
    step = error.__traceback__
    if step is None:
        return "an unknown place"
    while step.tb_next is not None:
        step = step.tb_next
    code = step.tb_frame.f_code
    return "/".join(code.co_filename.split("/")[-2:]) + f":{step.tb_lineno}"
