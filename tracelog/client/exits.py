"""
Ends and forks of processes: what waits is delivered at exit, and a forked child starts with nothing in hand.
"""

import atexit
import os
import sys
import time
import weakref
from typing import Any, Final, Protocol

from tracelog.config import ClientSettings


class _Plan(Protocol):
    @property
    def settings(self) -> ClientSettings: ...


class Leaver(Protocol):
    """
    What a shipper must be able to do at the end. A running one is kept alive by its thread.
    """

    @property
    def plan(self) -> _Plan: ...

    def nudge(self) -> object: ...

    def flush(self, timeout: float) -> int: ...

    def shutdown(self, timeout: float) -> int: ...

    def after_fork(self) -> None: ...


_watched: Final[dict[int, "weakref.ref[Leaver]"]] = {}


def watch(shipper: Leaver) -> None:
    """
    See to it that *shipper* delivers before the process ends, and starts afresh in a forked child.
    """
    key = id(shipper)
    _watched[key] = weakref.ref(shipper, lambda _: _watched.pop(key, None))


def deliver_all(*, last: bool) -> None:
    """
    Deliver what all clients hold, each within its exit timeout, all at the same time.

    Args:
        last: Whether nothing follows, so that they can be shut down.
    """
    shippers = [shipper for ref in list(_watched.values()) if (shipper := ref()) is not None]
    for shipper in shippers:
        shipper.nudge()
    begun = time.monotonic()
    for shipper in shippers:
        left = max(0.0, shipper.plan.settings.exit_timeout - (time.monotonic() - begun))
        if last:
            shipper.shutdown(left)
        else:
            shipper.flush(left)


def _at_exit() -> None:
    deliver_all(last=True)


def _in_child() -> None:
    for ref in list(_watched.values()):
        if (shipper := ref()) is not None:
            shipper.after_fork()
    util = sys.modules.get("multiprocessing.util")
    if util is not None:  # its children leave by `os._exit`, without a word to `atexit`
        util.register_after_fork(_watched_by_fork, _finalize)


class _Token:
    """
    Something that `multiprocessing` can hold on to.
    """


_watched_by_fork: Final = _Token()


def _finalize(_: object) -> None:
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, deliver_all, kwargs={"last": False}, exitpriority=0)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
_process: Any = sys.modules.get("multiprocessing.process")
if _process is not None and _process.parent_process() is not None:
    _finalize(None)  # imported for the first time in a child that `multiprocessing` started
