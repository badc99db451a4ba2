"""
`multiprocessing`: a process goes on in the trace of who started it, and so does what is handed to a `Pool`.

A forked process has the trace by itself; to one that is spawned, or forked by a server, it travels with the
`Process` that is pickled for it. Processes of a pool belong to no trace, each piece of their work to its own.
"""

import sys
from typing import TYPE_CHECKING, Any, Final

from tracelog.client import sigterm
from tracelog.client.carried import Luggage, carry
from tracelog.client.context import PLACE
from tracelog.client.hop import MUTED
from tracelog.integrations.arrival import upon
from tracelog.integrations.exchange import Inside
from tracelog.integrations.futures import Placed
from tracelog.integrations.helpers import is_helper
from tracelog.integrations.patching import Make, Method, Undo, replace, replace_all
from tracelog.integrations.records import are_stamped, stamp_records

if TYPE_CHECKING:
    from tracelog.client.client import Client

_LUGGAGE: Final = "_tracelog_luggage"
"""Where a process that is about to start holds what is pickled with it."""

_DOORS: Final = ("apply_async", "map", "map_async", "starmap", "starmap_async", "imap", "imap_unordered")
"""Methods of a pool that take a function; `apply` goes through the first."""


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Take the trace into processes and into the work of pools. A second call changes nothing.

    Args:
        client: Taken because one expects to give it; a trace is nobody's.

    Returns:
        A function that undoes it.
    """
    del client
    undoes: list[Undo] = []
    waiting = (
        upon("multiprocessing.process", lambda: undoes.append(_watch_processes())),
        upon("multiprocessing.pool", lambda: undoes.append(_watch_pools())),
    )

    def undo() -> None:
        for forget in waiting:
            forget()
        while undoes:
            undoes.pop()()

    return undo


def _watch_processes() -> Undo:
    return replace(sys.modules["multiprocessing.process"].BaseProcess, "start", _start)


def _watch_pools() -> Undo:
    module = sys.modules["multiprocessing.pool"]
    doors = [(module.Pool, name, _handed_to(module.ThreadPool)) for name in _DOORS]
    return replace_all([(module.Pool, "__init__", _made_outside(module.ThreadPool)), *doors])


def _start(before: Method) -> Method:
    def start(self: Any) -> None:
        place = PLACE.get()
        if place is MUTED:
            before(self)
            return
        place = None if is_helper(self) else place
        hop = None if place is None else Luggage(place)
        vars(self)[_LUGGAGE] = (hop, _Stamping() if are_stamped() else None)
        try:
            with Inside(place):
                before(self)
        finally:
            del vars(self)[_LUGGAGE]

    return start


class _Stamping:
    """
    On its way to another process: log records are stamped there, as they are here, and as in a forked child.

    What a `QueueHandler` of the child sends back then knows its trace and its exception.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return stamp_records, ()


def _made_outside(threads: type) -> Make:
    def make(before: Method) -> Method:
        def __init__(  # noqa: N807 - what it replaces
            self: Any, processes: Any = None, initializer: Any = None, *args: Any, **named: Any
        ) -> None:
            if not isinstance(self, threads) and (initializer is None or callable(initializer)):
                initializer = _Beginning(initializer)
            with Inside(None):
                before(self, processes, initializer, *args, **named)

        return __init__

    return make


class _Beginning:
    """
    What a process of a pool does first. Pools end their processes by SIGTERM, as early as `with` is left:
    what these have logged is delivered then.
    """

    def __init__(self, initializer: Method | None) -> None:
        self._initializer = initializer

    def __call__(self, *args: Any) -> None:
        sigterm.attend(always=True)
        sigterm.insist()
        if self._initializer is not None:
            self._initializer(*args)


def _handed_to(threads: type) -> Make:
    def make(before: Method) -> Method:
        def hand(self: Any, func: Method, *args: Any, **named: Any) -> Any:
            place = PLACE.get()
            if place is not None:
                func = Placed(func, place) if isinstance(self, threads) else carry(func)
            return before(self, func, *args, **named)

        return hand

    return make
