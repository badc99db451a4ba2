"""
structlog: its events as entries, by a processor at the end of the chain or, as a tee, in the middle of it.

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, Processor()])
"""

import logging
from collections.abc import Mapping, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from structlog import DropEvent

from tracelog.client.caller import FIELD, calling
from tracelog.client.complaint import Complaint
from tracelog.client.default import default
from tracelog.client.foreign import log_line, lost
from tracelog.client.heard import hear, is_console
from tracelog.client.odd import shown
from tracelog.core.levels import LEVEL_NAMES
from tracelog.integrations.events import Rendered, learn_event, put_event, read_event
from tracelog.integrations.patching import Method, Undo, replace
from tracelog.integrations.printed import shows

if TYPE_CHECKING:
    from tracelog.client.client import Client


class Processor:
    """
    Makes an entry of each event. It never raises, and never changes an event.

    Args:
        tee: Hand the event on, to a renderer further down the chain; else the chain ends here.
        client: Who ships the entries; the default one when None.
    """

    def __init__(self, *, tee: bool = False, client: "Client | None" = None) -> None:
        self._tee = tee
        self._client = client

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """
        Log *event*.

        Raises:
            DropEvent: When the chain ends here: it is structlog's word for "this is done".
        """
        client = self._client or default()
        try:
            done = put_event(client, getattr(logger, "name", None), method, event)
        except Exception:  # of no form that was met before, or something about it is odd
            done = False
        if not done:  # not within `except`: `exc_info=True` asks for the exception that the program handles
            self._log_odd(client, logger, method, event)
        if self._tee:
            return event
        raise DropEvent

    def _log_odd(self, client: "Client", logger: Any, method: str, event: Mapping[str, Any]) -> None:
        try:
            name = getattr(logger, "name", None)
            level = LEVEL_NAMES.get(method, "info")
            line = read_event(event, level, name or "")
            if self._tee:
                hear(shown(line.logger), partial(_shows, logger))
            if client.locates():
                line.fields = {FIELD: calling(), **line.fields}
            log_line(client, line)
            learn_event(client, (name, method), event)
        except Exception as error:  # an event of the program's own making, with values that raise
            lost(client)
            Complaint().about(error)


def _shows(logger: Any, name: str, level: str) -> bool:
    """
    Whether *logger*, which structlog wraps, shows lines of *level* where our console would.
    """
    stream = getattr(logger, "_file", None)  # those of structlog's own that print have one
    return is_console(stream) if stream is not None else shows(name, level)


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log what structlog renders, beside it: each event, as the last processor of its logger gets it.

    That holds for every configuration that the program makes before or after, and for loggers in use. Where
    structlog logs through the standard library, that one's handler gets the event together with the line that
    was made of it. A chain with a processor of ours stays as it is. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    tee = Processor(tee=True, client=client)

    def make(before: Method) -> Method:
        def _process_event(self: Any, method: str, event: Any, values: Any) -> Any:
            chain = self._processors
            if not chain or any(isinstance(one, Processor) for one in chain):
                return before(self, method, event, values)
            if isinstance(self._logger, logging.Logger):
                return _said_once(before, self, (method, event, values))
            return before(_beside(self, tee), method, event, values)

        return _process_event

    return replace(structlog.BoundLoggerBase, "_process_event", make)


def _beside(bound: Any, processor: Any) -> Any:
    """
    Return what *bound* is, with *processor* before its last one; the program's own list is not touched.
    """
    view = object.__new__(structlog.BoundLoggerBase)
    *first, last = bound._processors  # noqa: SLF001 - structlog documents these for bound loggers of one's own
    view.__dict__.update(bound.__dict__, _processors=[*first, processor, last])
    return view


def _said_once(before: Method, bound: Any, said: tuple[Any, Any, Any]) -> Any:
    """
    Process an event that goes to the standard library; a line that is made of it there keeps it.
    """
    events: list[Any] = []

    def keep(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        events.append(dict(event))
        return event

    args, named = before(_beside(bound, keep), *said)
    if events and len(args) == 1 and type(args[0]) is str and not named:
        args = (Rendered.of(args[0], events[0]),)
    return args, named
