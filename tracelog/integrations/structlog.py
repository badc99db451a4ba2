"""
structlog: its events as entries, by a processor at the end of the chain or, as a tee, in the middle of it.

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, Processor()])
"""

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
from tracelog.integrations.events import learn_event, read_event
from tracelog.integrations.patching import Undo, nothing
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
            gate = client.gate
            fields: Any = event.copy()  # type: ignore[attr-defined] # what cannot be copied raises
            message = fields.pop("event")
            if len(gate.queue) < gate.high_water and type(message) is str and not is_tracked(fields):
                place: Any = PLACE.get() or root()  # one of a sink or hook has no ids, and raises
                row = encode((now(), meta, place.raw, message, fields or None))
                if len(row) > SLOT:
                    done = put_long(gate, row, message)
                else:
                    gate.queue.append(row)
                    next(gate.tick)
                    done = True
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
    Log what structlog renders, beside it: the processor goes before the last one that is configured now.

    Where structlog logs through the standard library, that one's handler gets its events already, so nothing
    is done. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    config = structlog.get_config()
    processors = config["processors"]
    through = isinstance(config["logger_factory"], structlog.stdlib.LoggerFactory)
    if through or any(isinstance(getattr(one, "__self__", None), _Processor) for one in processors):
        return nothing
    ours = Processor(tee=True, client=client)
    place = max(0, len(processors) - 1)
    processors.insert(place, ours)  # in place: loggers in use hold this list

    def undo() -> None:
        if ours in processors:
            processors.remove(ours)

    return undo
