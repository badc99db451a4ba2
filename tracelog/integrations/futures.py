"""
`concurrent.futures`: what is handed to a pool of threads or processes goes on in the trace of who handed it.

asyncio's `run_in_executor` hands its work to such a pool, too. The threads and processes of a pool belong to
no trace: they stay when the work that needed them first has ended.
"""

import sys
from typing import TYPE_CHECKING, Any

from tracelog.client.carried import carry
from tracelog.client.context import PLACE
from tracelog.client.hop import Trace
from tracelog.integrations.arrival import upon
from tracelog.integrations.exchange import Inside
from tracelog.integrations.patching import Make, Method, Undo, replace

if TYPE_CHECKING:
    from tracelog.client.client import Client


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Take the trace into the pools of threads and processes. A second call changes nothing.

    Args:
        client: Taken because one expects to give it; a trace is nobody's.

    Returns:
        A function that undoes it.
    """
    del client
    undoes: list[Undo] = []

    def switch_on(module: str, pool: str, make: Make) -> Undo:
        return upon(
            module, lambda: undoes.append(replace(getattr(sys.modules[module], pool), "submit", make))
        )

    waiting = (
        switch_on("concurrent.futures.thread", "ThreadPoolExecutor", _in_threads),
        switch_on("concurrent.futures.process", "ProcessPoolExecutor", _in_processes),
    )

    def undo() -> None:
        for forget in waiting:
            forget()
        while undoes:
            undoes.pop()()

    return undo


def _in_threads(before: Method) -> Method:
    def submit(self: Any, fn: Method, /, *args: Any, **named: Any) -> Any:
        place = PLACE.get()
        if place is None:
            return before(self, fn, *args, **named)
        with Inside(None):
            return before(self, Placed(fn, place), *args, **named)

    return submit


def _in_processes(before: Method) -> Method:
    def submit(self: Any, fn: Method, /, *args: Any, **named: Any) -> Any:
        carried = fn if PLACE.get() is None else carry(fn)
        with Inside(None):  # a process that is forked here stays, and its later work is none of this hop
            return before(self, carried, *args, **named)

    return submit


class Placed:
    """
    A function to be called in a hop, of which the thread that runs it keeps nothing.
    """

    __slots__ = ("_function", "_place")

    def __init__(self, function: Method, place: Trace) -> None:
        self._function = function
        self._place = place

    def __call__(self, *args: Any, **named: Any) -> Any:
        token = PLACE.set(self._place)
        try:
            return self._function(*args, **named)
        finally:
            PLACE.reset(token)
