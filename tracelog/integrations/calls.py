"""
A call to another system: who may be handed the trace, and the entry that tells how it went.

Trace headers go to this machine and to the hosts of `propagate_to`, to nobody else: an id tells others which
calls belong together, and baggage can hold more. Each hop of a redirect is a call of its own, so that headers
for one host never reach the next.
"""

from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from tracelog.client.carrier import TRACE_HEADERS
from tracelog.client.context import NOTHING, PLACE
from tracelog.client.hop import MUTED
from tracelog.config import is_loopback
from tracelog.integrations.exchange import Block

if TYPE_CHECKING:
    from tracelog.client.client import Client

UNDER_WAY: Final[ContextVar[bool]] = ContextVar("tracelog_call", default=False)
"""Whether a call is being told already: requests is built on urllib3, and one call is one entry."""

_PORTS: Final = {"http": 80, "https": 443}


class Target(NamedTuple):
    """
    What is called; without query, fragment and credentials, which hold secrets.
    """

    scheme: str
    host: str
    port: int | None
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port in {None, _PORTS.get(self.scheme)} else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path.partition('?')[0]}"


def may_know(target: Target, listed: Iterable[str]) -> bool:
    """
    Whether *target* may be handed trace headers.

    Args:
        target: What is called.
        listed: `host`, `host:port`, or `*.domain` for all hosts below it.
    """
    host = target.host.strip("[]").lower()
    if is_loopback(host):
        return True
    port = target.port or _PORTS.get(target.scheme)
    return any(_names(entry.lower(), host, port) for entry in listed)


def _names(entry: str, host: str, port: int | None) -> bool:
    if entry.startswith("*."):
        return host.endswith(entry[1:])
    return entry in {host, f"[{host}]", f"{host}:{port}", f"[{host}]:{port}"}


class Call(Block):
    """
    A call under way: as a block, the hop that the other side goes on from.

    Args:
        client: Who logs it and says who may be handed the trace.
        method: Such as `GET`.
        target: What is called.
    """

    refused = "warn"

    def __init__(self, client: "Client", method: str, target: Target) -> None:
        url = str(target)
        super().__init__(client, f"{method} {url}", NOTHING, {"method": method, "url": url})
        self._broken = False
        self._open = may_know(target, client.settings.propagate_to)

    def write(self, headers: MutableMapping[str, Any]) -> None:
        """
        Put the trace into *headers* where the other side may know it; else they stay as they are.
        """
        if not self._open:
            return
        added = self.trace.headers()
        for name in [name for name in headers if str(name).lower() in TRACE_HEADERS | added.keys()]:
            del headers[name]
        for name, value in added.items():
            headers[name] = value

    @contextmanager
    def body(self) -> Iterator[None]:
        """
        Tell of what breaks the answer while it is read within the block: the call has ended with its head.
        """
        try:
            yield
        except Exception as error:
            self.broke(error)
            raise

    def broke(self, error: Exception) -> None:
        """
        Tell, once, that *error* broke the answer while it was read.
        """
        if not self._broken:
            self._broken = True
            self.end(error)


class OuterCall(Call):
    """
    A call by a library that is built on another one, or that calls itself to try again.
    """

    def __enter__(self) -> Self:
        self._token = UNDER_WAY.set(True)
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        UNDER_WAY.reset(self._token)
        super().__exit__(kind, error, traceback)


def is_untold() -> bool:
    """
    Whether a call that is made now is to be told: no other tells it, and it is no delivery of ours.
    """
    return not UNDER_WAY.get() and PLACE.get() is not MUTED
