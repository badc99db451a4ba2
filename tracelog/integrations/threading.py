"""
`threading`: a thread that a program starts goes on in the trace of who started it, `Timer` included.

Threads that libraries keep for whoever comes belong to no trace, see `helpers.py`.
"""

import threading
from typing import TYPE_CHECKING, Any

from tracelog.client.context import PLACE
from tracelog.client.hop import MUTED, Trace
from tracelog.integrations.exchange import Inside
from tracelog.integrations.helpers import is_helper
from tracelog.integrations.patching import Method, Undo, replace

if TYPE_CHECKING:
    from tracelog.client.client import Client


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Take the trace into the threads that are started from now on. A second call changes nothing.

    Args:
        client: Taken because one expects to give it; a trace is nobody's.

    Returns:
        A function that undoes it; threads that run go on as they are.
    """
    del client
    return replace(threading.Thread, "start", _make)


def _make(before: Method) -> Method:
    def start(self: threading.Thread) -> None:
        place = PLACE.get()
        if place is None or place is MUTED:
            before(self)
        elif is_helper(self):
            with Inside(None):
                before(self)
        else:
            _start(self, place, before)

    return start


def _start(thread: threading.Thread, place: Trace, before: Method) -> None:
    said: dict[str, Any] = vars(thread)
    own = said.get("run")
    said["run"] = _Run(thread, place, own)
    try:
        before(thread)
    except BaseException:  # it has been started already, or the system has no thread left
        _put_back(thread, own)
        raise


def _put_back(thread: threading.Thread, own: Any) -> None:
    vars(thread).pop("run", None)
    if own is not None:
        vars(thread)["run"] = own


class _Run:
    """
    Stands for the `run` of a thread, whatever its class makes of it, until it is called.

    The hop stays current until the thread ends: an exception that nobody caught belongs to it, too. Who wraps
    threads as well, as Sentry does, may take it for the function of a class, and call it with the thread.
    """

    __slots__ = ("_own", "_place", "_thread")

    def __init__(self, thread: threading.Thread, place: Trace, own: Any) -> None:
        self._thread = thread
        self._place = place
        self._own = own

    def __call__(self, *_thread: object) -> None:
        _put_back(self._thread, self._own)
        PLACE.set(self._place)
        self._thread.run()
