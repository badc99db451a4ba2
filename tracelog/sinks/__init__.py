"""
Where entries go: sinks by name, and by URL.

A sink is a callable that takes a `Parcel` and returns a `Receipt`; its obligations stand in `sinks.base`. A
class is loaded when it is first asked for, so that a program pays for no library of a sink it does not use.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tracelog.errors import ConfigError
from tracelog.sinks.base import Parcel, ParcelTooLargeError, Receipt, Sink

if TYPE_CHECKING:
    from tracelog.sinks.console import ConsoleSink
    from tracelog.sinks.file import FileSink
    from tracelog.sinks.http import HttpSink
    from tracelog.sinks.logflare import LogflareSink
    from tracelog.sinks.memory import MemorySink
    from tracelog.sinks.otlp import OtlpSink
    from tracelog.sinks.redis import RedisSink
    from tracelog.sinks.stdout import StdoutSink
    from tracelog.sinks.tee import TeeSink

__all__ = [
    "ConsoleSink",
    "FileSink",
    "HttpSink",
    "LogflareSink",
    "MemorySink",
    "OtlpSink",
    "Parcel",
    "ParcelTooLargeError",
    "Receipt",
    "RedisSink",
    "Sink",
    "StdoutSink",
    "TeeSink",
    "open_sink",
]

_HOMES: Final = {
    "ConsoleSink": "tracelog.sinks.console",
    "FileSink": "tracelog.sinks.file",
    "HttpSink": "tracelog.sinks.http",
    "LogflareSink": "tracelog.sinks.logflare",
    "MemorySink": "tracelog.sinks.memory",
    "OtlpSink": "tracelog.sinks.otlp",
    "RedisSink": "tracelog.sinks.redis",
    "StdoutSink": "tracelog.sinks.stdout",
    "TeeSink": "tracelog.sinks.tee",
}
"""Sinks and the modules that are loaded for them."""


class _Said(NamedTuple):
    """
    A sink's URL and what the client's settings add to it.
    """

    url: str
    key: str | None
    color: bool | None

    def stream(self, name: str) -> Sink:
        form = self.url.partition(":")[2].strip("/") or None
        sink: Sink = __getattr__("StdoutSink")(name, form, self.color)
        return sink


_SCHEMES: Final[Mapping[str, Callable[[_Said], Sink]]] = {
    "http": lambda said: __getattr__("HttpSink")(said.url, key=said.key),
    "https": lambda said: __getattr__("HttpSink")(said.url, key=said.key),
    "redis": lambda said: __getattr__("RedisSink")(said.url),
    "rediss": lambda said: __getattr__("RedisSink")(said.url),
    "stdout": lambda said: said.stream("stdout"),
    "stderr": lambda said: said.stream("stderr"),
    "file": lambda said: __getattr__("FileSink").from_url(said.url),
    "logflare": lambda said: __getattr__("LogflareSink").from_url(said.url),
    "logflare+http": lambda said: __getattr__("LogflareSink").from_url(said.url),
    "otlp+http": lambda said: __getattr__("OtlpSink").from_url(said.url),
    "otlp+https": lambda said: __getattr__("OtlpSink").from_url(said.url),
    "memory": lambda _: __getattr__("MemorySink")(),
}
"""Beginnings of a sink's URL and what each opens."""


def __getattr__(name: str) -> Any:
    """
    Return the sink class called *name*, loading it.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def open_sink(spec: str | Sink, *, key: str | None = None, color: bool | None = None) -> Sink:
    """
    Return the sink that *spec* means.

    Args:
        spec: A sink, which is returned as it is, or a URL: `http://host:8787`, `https://…`,
            `redis://host:6379/0`, `rediss://…`, `stdout:`, `stdout:pretty`, `stdout:json`, `stdout:logfmt`,
            the same with `stderr:`, `file:logs.ndjson`, `logflare://KEY@host?source=ID`,
            `otlp+https://host:4318`, or `memory:`.
        key: Ingest key for HTTP.
        color: Whether pretty lines are coloured; default: on a terminal.

    Raises:
        ConfigError: When *spec* is neither, or its URL cannot be used.
    """
    if callable(spec):
        return spec
    scheme, colon, _ = str(spec).partition(":")
    opener = _SCHEMES.get(scheme.lower()) if colon and isinstance(spec, str) else None
    if opener is None:  # without showing what follows the scheme, which may hold a password
        known = ", ".join(f"{name}:" for name in _SCHEMES)
        shown = f"{scheme[:32]!r}:" if colon else "a text without a scheme"
        raise ConfigError(f"sinks: {shown} opens no sink; give a callable or a URL that begins with {known}")
    return opener(_Said(spec, key, color))
