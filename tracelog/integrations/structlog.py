"""
structlog: its events as entries, by a processor at the end of the chain or, as a tee, in the middle of it.

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, Processor()])
"""

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
from tracelog.integrations.events import learn_event, put_event, read_event
from tracelog.integrations.patching import Undo, nothing
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
    Log what structlog renders, beside it: the processor goes before the last one that is configured now.

    Where structlog logs through the standard library, that one's handler gets its events already, so nothing
    is done. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    config = structlog.get_config()
    processors = config["processors"]
    through = isinstance(config["logger_factory"], structlog.stdlib.LoggerFactory)
    if through or any(isinstance(one, Processor) for one in processors):
        return nothing
    ours = Processor(tee=True, client=client)
    place = max(0, len(processors) - 1)
    processors.insert(place, ours)  # in place: loggers in use hold this list

    def undo() -> None:
        if ours in processors:
            processors.remove(ours)

    return undo
