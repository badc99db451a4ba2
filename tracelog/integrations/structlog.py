"""
structlog: its events as entries, by a processor at the end of the chain or, as a tee, in the middle of it.

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, Processor()])
"""

import logging
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from gc import is_tracked
from time import time as now
from typing import TYPE_CHECKING, Any

import structlog
from structlog import DropEvent

from tracelog.client.caller import FIELD, calling
from tracelog.client.complaint import Complaint
from tracelog.client.context import PLACE, root
from tracelog.client.default import default
from tracelog.client.foreign import log_line, lost, put_long
from tracelog.client.gate import SLOT
from tracelog.client.heard import hear, is_console
from tracelog.client.odd import encode, shown
from tracelog.core.levels import LEVEL_NAMES
from tracelog.integrations.events import Rendered, learn_event, read_event
from tracelog.integrations.patching import Method, Undo, replace
from tracelog.integrations.printed import shows

if TYPE_CHECKING:
    from tracelog.client.client import Client

Take = Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]
"""A processor as structlog calls it: the logger, the name of the method, the event."""


def Processor(*, tee: bool = False, client: "Client | None" = None) -> Take:  # noqa: N802 - the promised name
    """
    Return a processor that makes an entry of each event. It never raises, and never changes an event.

    It is a method, for the interpreter calls that sooner than an object with `__call__`.

    Args:
        tee: Hand the event on, to a renderer further down the chain; else the chain ends here.
        client: Who ships the entries; the default one when None.
    """
    return _Processor(tee, client).take


class _Processor:
    """
    What a processor knows: whether it hands events on, and who ships the entries.
    """

    __slots__ = ("_client", "_tee")

    def __init__(self, tee: bool, client: "Client | None") -> None:
        self._tee = tee
        self._client = client

    def take(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """
        Log *event*; by the short way where it is a text with fields, of a form that was met before.

        Raises:
            DropEvent: When the chain ends here: it is structlog's word for "this is done".
        """
        client = self._client or default()
        done = False
        try:
            meta = client.known[(getattr(logger, "name", None), method, *event)]
            fields: Any = event.copy()  # type: ignore[attr-defined] # what cannot be copied raises
            message = fields.pop("event")
            gate = client.gate
            queue = gate.queue
            if len(queue) < gate.high_water and type(message) is str and not is_tracked(fields):
                place: Any = PLACE.get() or root()  # one of a sink or hook has no ids, and raises
                row = encode((now(), meta, place.raw, message, fields or None))
                if len(row) <= SLOT:
                    queue.append(row)
                    next(gate.tick)
                    done = True
                else:
                    done = put_long(gate, row, message)
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
        def _process_event(self: Any, method_name: str, event: Any, event_kw: Any) -> Any:
            chain = self._processors
            if not chain or any(isinstance(getattr(one, "__self__", None), _Processor) for one in chain):
                return before(self, method_name, event, event_kw)
            if isinstance(self._logger, logging.Logger):
                return _said_once(before, self, (method_name, event, event_kw))
            return before(_beside(self, tee), method_name, event, event_kw)

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
