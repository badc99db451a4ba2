"""
SIGTERM, where a program asks for it: what waits is delivered, then the signal does what it would have done.

By default it ends a process at once, without a word to `atexit`, and what the last moment logged is lost
(though counted, see `account.py`). Servers such as uvicorn and gunicorn have handlers of their own, which end
in an ordinary exit: they need nothing of this, and whoever installs one later takes our place.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from tracelog.client.exits import deliver_all, everybody
from tracelog.config import ClientSettings


def _asked(settings: ClientSettings) -> bool:
    return settings.flush_on_sigterm


class _Deliverer:
    """
    The handler: delivers, and calls who was there *before*.

    Nothing is shut down: who was there before may let the program go on, and what other threads log until its
    end is to be counted. A second signal meanwhile does not wait for the first.
    """

    def __init__(self) -> None:
        self.before: Any = signal.SIG_DFL
        self.asked: Callable[[ClientSettings], bool] = _asked
        self._busy = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self._busy:
            self._busy = True
            try:
                deliver_all(last=False, asked=self.asked)
            finally:
                self._busy = False
        if callable(self.before):
            self.before(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)


_deliverer: Final = _Deliverer()


def attend(*, always: bool = False) -> str | None:
    """
    Deliver on SIGTERM from now on, before whatever happened then; return why that cannot be, if so.

    A program that ignores the signal goes on ignoring it.

    Args:
        always: Deliver what clients hold that did not ask for it, too.
    """
    if always:
        _deliverer.asked = everybody
    before = signal.getsignal(signal.SIGTERM)
    if before is _deliverer or before is signal.SIG_IGN:
        return None
    if before is None:
        return "flush_on_sigterm does nothing: something outside of Python handles the signal"
    if threading.current_thread() is not threading.main_thread():
        return "flush_on_sigterm does nothing: only the main thread may set a handler; configure there"
    _deliverer.before = before
    signal.signal(signal.SIGTERM, _deliverer)
    return None
