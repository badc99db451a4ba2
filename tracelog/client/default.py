"""
The one default client of a process, and the functions of `tracelog` that drive it.
"""

import copyreg
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from tracelog.client.complaint import Complaint
from tracelog.client.context import Headers, Wish
from tracelog.client.logger import Logger
from tracelog.client.odd import shown
from tracelog.client.span import Span, trace_span
from tracelog.errors import ConfigError

if TYPE_CHECKING:
    from tracelog.client.client import Client


class _Default:
    """
    The client that the module-level functions drive, made on first use from the environment.
    """

    def __init__(self) -> None:
        self.renew()
        self.client: Client | None = None

    def __call__(self) -> "Client":
        if self.client is None:
            with self._lock:
                if self.client is None:
                    self.client = _made_quietly()
        return self.client

    def configure(self, settings: Mapping[str, Any]) -> "Client":
        with self._lock:
            if self.client is None:
                self.client = open_client()(**settings)
            else:
                self.client.reconfigure(**settings)
            return self.client

    def renew(self) -> None:
        self._lock = threading.RLock()


def open_client() -> "type[Client]":
    """
    Return the class of clients, loading what ships entries: `import tracelog` alone costs a program little.
    """
    from tracelog.client.client import Client  # noqa: PLC0415 - see above

    return Client


def _made_quietly() -> "Client":
    """
    Return a client made of the environment; what is wrong there is one line on standard error, and left out.
    """
    from tracelog.config import client_settings  # noqa: PLC0415 - as above

    wrong: list[ConfigError] = []
    settings = client_settings({}, wrong=wrong.append)
    try:
        client = open_client().of(settings)
    except ConfigError as error:
        wrong.append(error)
        client = open_client().of(msgspec.structs.replace(settings, sinks=("stdout:",), redact=True))
    if wrong:
        Complaint()(f"{'; '.join(map(shown, wrong))}; going on without")
    return client


default = _Default()


def configure(**settings: Any) -> "Client":
    """
    Set up the default client; loggers made before go on with the new settings.

    Args:
        settings: See `ClientSettings`; keyword arguments win over `TRACELOG_*`, these over `[tool.tracelog]`.

    Raises:
        ConfigError: When a setting is unknown or wrong; then everything stays as it was.
    """
    return default.configure(settings)


def get_logger(name: str = "", /, **bound: Any) -> Logger:
    """
    Return a logger of the default client.

    Args:
        name: Usually `__name__`.
        bound: Fields that every entry carries.
    """
    return default().get_logger(name, **bound)


def flush(timeout: float = 2.0) -> int:
    """
    Try for *timeout* seconds to deliver what was logged before; return how many entries still wait.
    """
    return 0 if default.client is None else default.client.flush(timeout)


def shutdown(timeout: float = 2.0) -> int:
    """
    Deliver, stop and close; return how many entries could not be delivered.
    """
    return 0 if default.client is None else default.client.shutdown(timeout)


def stats() -> dict[str, Any]:
    """
    Return the ledger of the default client: `emitted` equals the sum of every outcome.
    """
    return default().stats()


def trace(  # noqa: PLR0913 - options that users name
    name: str = "",
    /,
    *,
    trace_id: str | None = None,
    headers: Headers | None = None,
    user_id: str | None = None,
    area: str | None = None,
    baggage: Mapping[str, str] | None = None,
    **fields: Any,
) -> Span:
    """
    Return a block that is one request, of the default client; the arguments are those of `Client.trace`.
    """
    return trace_span(default, name, fields, Wish(trace_id, headers, user_id, area, baggage))


def span(name: str = "", /, **fields: Any) -> Span:
    """
    Return a block that is one step of the current trace; it closes with its duration.
    """
    return trace_span(default, name, fields)


def _restore(name: str, bound: dict[str, Any]) -> Logger:
    return get_logger(name, **bound)


def _reduce(logger: Logger) -> tuple[Any, ...]:
    return _restore, (logger._name, logger._bound)  # noqa: SLF001 - what the constructor was given


copyreg.pickle(
    Logger, _reduce
)  # a logger in a task for another process is that process's logger of this name
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=default.renew)
