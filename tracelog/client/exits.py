"""
Ends and forks of processes: what waits is delivered at exit, and a forked child starts with nothing in hand.
"""

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from tracelog.client.flushes import Flush
from tracelog.config import ClientSettings

STEP_S: Final = 0.005
"""Between two looks at whether the queues are empty."""


class _Plan(Protocol):
    @property
    def settings(self) -> ClientSettings: ...


class Leaver(Protocol):
    """
    What a shipper must be able to do at the end. A running one is kept alive by its thread.
    """

    @property
    def plan(self) -> _Plan: ...

    def pending(self) -> int: ...

    def nudge(self) -> Flush: ...

    def flush(self, timeout: float) -> int: ...

    def shutdown(self, timeout: float) -> int: ...

    def before_fork(self) -> bool: ...

    def go_on(self) -> None: ...

    def after_fork(self) -> None: ...


_watched: Final[dict[int, "weakref.ref[Leaver]"]] = {}


def watch(shipper: Leaver) -> None:
    """
    See to it that *shipper* delivers before the process ends, and starts afresh in a forked child.
    """
    key = id(shipper)
    _watched[key] = weakref.ref(shipper, lambda _: _watched.pop(key, None))


def unwatch(shipper: Leaver) -> None:
    """
    Forget *shipper*: another one attends its gate.
    """
    _watched.pop(id(shipper), None)


def everybody(_settings: ClientSettings) -> bool:
    """
    Whatever the settings.
    """
    return True


def deliver_all(*, last: bool, asked: Callable[[ClientSettings], bool] = everybody) -> None:
    """
    Deliver what all clients hold, each within its exit timeout, all at the same time.

    Args:
        last: Whether nothing follows, so that they can be shut down.
        asked: Whether a client of these settings is meant.
    """
    shippers = [shipper for shipper in _alive() if asked(shipper.plan.settings)]
    for shipper in shippers:
        if shipper.pending():
            shipper.nudge()
    begun = time.monotonic()
    for shipper in shippers:
        left = max(0.0, shipper.plan.settings.exit_timeout - (time.monotonic() - begun))
        if last:
            shipper.shutdown(left)
        else:
            shipper.flush(left)


def _deliver_to_the_end(*, last: bool) -> None:
    """
    Deliver all, also where the handler of a signal exits meanwhile: a pool ends those by a signal that are
    about to leave by themselves.
    """
    try:
        deliver_all(last=last)
    except SystemExit:
        deliver_all(last=last)
        raise


def take_all(timeout: float) -> None:
    """
    Have all clients take what they hold out of their queues, and wait *timeout* seconds for that at most.

    No sink is waited for, and no clock is asked: a test may have stopped it.
    """
    asked = [shipper.nudge() for shipper in _alive() if shipper.pending()]
    for _ in range(round(timeout / STEP_S)):
        waiting = [flush for flush in asked if flush.target is None]
        if not waiting:
            return
        waiting[0].wait(STEP_S)


def _alive() -> list[Leaver]:
    return [shipper for ref in list(_watched.values()) if (shipper := ref()) is not None]


_paused: Final[dict[int, list[Leaver]]] = {}
"""What the forking threads have paused, by thread."""


def _before_fork() -> None:
    _paused[threading.get_ident()] = [shipper for shipper in _alive() if shipper.before_fork()]


def _in_parent() -> None:
    for shipper in _paused.pop(threading.get_ident(), ()):
        shipper.go_on()


def _at_exit() -> None:
    with suppress(SystemExit):
        _deliver_to_the_end(last=True)


def _in_child() -> None:
    _paused.clear()
    for shipper in _alive():
        shipper.after_fork()
    _tell_multiprocessing()


class _Token:
    """
    Something that `multiprocessing` can hold on to.
    """


_token: Final = _Token()


def _tell_multiprocessing() -> None:
    """
    Ask `multiprocessing`, if it is in use, to call us before its children leave by `os._exit`, without a word
    to `atexit`. Until a child is set up, that can only be asked for in its list of what to do after a fork.
    """
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_token, _finalize)
        if sys.modules["multiprocessing.process"].parent_process() is not None:
            _finalize(_token)


def _finalize(_: object) -> None:
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, _deliver_to_the_end, kwargs={"last": False}, exitpriority=0)


atexit.register(_at_exit)
_tell_multiprocessing()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
