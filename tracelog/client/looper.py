"""
The one thread of the client: when it looks at the queue, when it sleeps, how it is woken.

It looks every 100 ms while there is something to do and sleeps otherwise. Waking is the release of a raw
lock, and starting is one call into the interpreter: neither waits for another thread, and both are safe in
signal handlers and finalizers, where an event, a condition or `threading.Thread.start` could deadlock.
"""

import _thread
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

IDLE_LOOKS: Final = 10
"""Looks at nothing before the thread sleeps: a timer every 100 ms costs 0.1 % of a core."""

ASLEEP_S: Final = 5.0
"""How long it sleeps at most: a row that slipped in while it fell asleep, and that the look behind it missed,
is late by this much, never lost. A look after a sleep finds cold caches and costs 200 µs."""


class Found(NamedTuple):
    """
    What a look found: whether there was anything to do, and whether more is due at once.
    """

    busy: bool
    more: bool


class Looper:
    """
    Calls *look* on its own thread.

    Args:
        look: Does what is due at a moment of the monotonic clock, in seconds.
        failed: Told of whatever *look* raises; the thread goes on.
        interval: Seconds between two looks.
        doze: Called when there is nothing to do; returns whether the thread may sleep.
        ended: Called once, when no look will follow.
    """

    def __init__(
        self,
        look: Callable[[float], Found],
        *,
        failed: Callable[[BaseException], None],
        interval: float,
        doze: Callable[[], bool],
        ended: Callable[[], None],
    ) -> None:
        self._look = look
        self._failed = failed
        self._interval = interval
        self._doze = doze
        self._ended = ended
        self._bell = threading.Lock()
        self._bell.acquire()
        self._running = threading.Lock()
        self._ident: int | None = None
        self._stop = False

    @property
    def alive(self) -> bool:
        return self._running.locked()

    @property
    def is_current(self) -> bool:
        """
        Whether the calling thread is this one.
        """
        return self._ident == threading.get_ident()

    def wake(self) -> None:
        """
        Make the thread look now; starts it when it is not running.

        Does nothing where no thread can be started, as while the interpreter ends.
        """
        if not self._stop and self._running.acquire(blocking=False):
            self._start()
        self.ring()

    def ring(self) -> None:
        """
        Make the thread look now, if there is one; a flood asks for this at every call.
        """
        if self._bell.locked():
            try:
                self._bell.release()
            except RuntimeError:
                return  # another thread was faster: it is awake

    def stop(self, timeout: float) -> None:
        """
        End the thread after its present look, and wait for that for *timeout* seconds.
        """
        self._stop = True
        if not self.alive:
            self._ended()
            return
        self.wake()
        if not self.is_current and self._running.acquire(timeout=max(0.0, timeout)):
            self._running.release()

    def _start(self) -> None:
        try:
            _thread.start_new_thread(self._run, ())
        except Exception as error:  # no more threads, or the interpreter is about to end
            self._running.release()
            self._failed(error)

    def _run(self) -> None:
        self._ident = threading.get_ident()
        if threading.gettrace() is not None:
            sys.settrace(threading.gettrace())  # as `threading` does, so that debuggers see this thread, too
        if threading.getprofile() is not None:
            sys.setprofile(threading.getprofile())
        try:
            self._loop()
        finally:
            if self._stop:
                self._ended()
            self._ident = None
            self._running.release()

    def _loop(self) -> None:
        idle, wait = 0, self._interval
        while not self._stop:
            self._bell.acquire(timeout=wait)
            try:
                found = self._look(time.monotonic())
                idle = 0 if found.busy else idle + 1
                wait = 0.0 if found.more else self._interval
                if idle >= IDLE_LOOKS and self._doze() and idle > IDLE_LOOKS:
                    wait = ASLEEP_S  # not the first time: who slipped in while it fell asleep is seen soon
            except BaseException as error:  # whatever a sink or a hook raises, the thread goes on
                self._failed(error)
                idle, wait = 0, self._interval
