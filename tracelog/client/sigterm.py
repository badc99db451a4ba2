"""
SIGTERM, where a program asks for it: what waits is delivered, then the signal does what it would have done.

By default it ends a process at once, without a word to `atexit`, and what the last moment logged is lost
(though counted, see `account.py`). Servers such as uvicorn and gunicorn have handlers of their own, which end
in an ordinary exit: they need nothing of this, and whoever installs one later takes our place.
"""

import _thread
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from tracelog.client.exits import deliver_all, everybody
from tracelog.config import ClientSettings

PROD_S: Final = 0.05
"""After so long a main thread that has not begun to handle the signal is told once more."""


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
        self.begun = False
        self._busy = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.begun = True
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


def insist() -> None:
    """
    Have the signal handled, too, when it arrives just before the main thread begins to wait for something.

    Python calls a handler between two steps of the main thread. One that waits for work which will never
    come takes none, where the signal came a moment too early to interrupt it: who joins that process waits
    for ever. The interpreter writes each signal into a pipe at once; a thread that reads it tells the main
    thread again.
    """
    if not (_is_ours() and hasattr(signal, "pthread_kill")):
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if before != -1:  # a loop of the program's own is woken by signals
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
        return
    os.register_at_fork(after_in_child=_forget)
    _deliverer.begun = False
    _thread.start_new_thread(_prod, (reader, threading.get_ident()))


def _is_ours() -> bool:
    return signal.getsignal(signal.SIGTERM) is _deliverer


def _forget() -> None:
    """
    In a forked child: its signals are none of the parent's.
    """
    if threading.current_thread() is threading.main_thread():
        signal.set_wakeup_fd(-1)


def _prod(reader: int, main: int) -> None:
    while os.read(reader, 1) != bytes([signal.SIGTERM]):
        pass
    time.sleep(PROD_S)
    while not _deliverer.begun and _is_ours():
        signal.pthread_kill(main, signal.SIGTERM)
        time.sleep(PROD_S)
