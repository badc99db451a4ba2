"""
The logger a program holds: structlog-shaped, immutable, cheap to bind.

Its level methods are built on first use and kept on the instance, so that a call goes straight to the fused
function of `pipeline.build_call`, and a level that is off is a function that does nothing.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from tracelog.client.caller import located
from tracelog.client.gate import Gate
from tracelog.client.heard import speak
from tracelog.client.pipeline import LogCall, build_call, nothing
from tracelog.core.levels import LEVEL_NAMES

METHODS: Final = {
    "debug": "debug",
    "info": "info",
    "msg": "info",
    "warning": "warn",
    "warn": "warn",
    "error": "error",
    "critical": "fatal",
    "fatal": "fatal",
}
"""Method names of the standard library and structlog, and the level each logs at. Libraries that are handed a
structlog logger call `msg` too."""

_METHOD_OF: Final = {
    "debug": "debug",
    "log": "info",
    "info": "info",
    "warn": "warning",
    "error": "error",
    "fatal": "critical",
}
_NUMBERS: Final = ((50, "fatal"), (40, "error"), (30, "warn"), (20, "info"))
"""Least numbers of the standard library's levels."""


class LogMethod(Protocol):
    """
    Log *message* with fields. `%`-arguments are applied; `exc_info=` adds the exception.
    """

    def __call__(self, message: object = ..., /, *args: object, **fields: object) -> None: ...


class Host(Protocol):
    """
    What a logger needs of its client.
    """

    @property
    def gate(self) -> Gate: ...

    @property
    def generation(self) -> object:
        """
        Another object after each change of settings.
        """

    def is_enabled_for(self, level: str, logger: str = "") -> bool: ...

    def locates(self) -> bool:
        """
        Whether calls say where they stand in the code.
        """

    def remember(self, logger: "Logger") -> None:
        """
        Tell *logger* to forget its methods when settings change.
        """


class Logger:
    """
    Logs under the current trace.

    Args:
        client: Who ships the entries.
        name: Usually `__name__`.
        bound: Fields that every entry carries.
    """

    debug: LogMethod
    info: LogMethod
    msg: LogMethod
    warning: LogMethod
    warn: LogMethod
    error: LogMethod
    critical: LogMethod
    fatal: LogMethod

    def __init__(self, client: Host, name: str, bound: dict[str, Any]) -> None:
        self._client = client
        self._name = name
        self._bound = bound

    def bind(self, /, **fields: Any) -> "Logger":
        """
        Return a logger that adds *fields* to every entry.
        """
        return Logger(self._client, self._name, {**self._bound, **fields})

    def unbind(self, *names: str) -> "Logger":
        """
        Return a logger without the bound fields *names*.
        """
        return Logger(self._client, self._name, {k: v for k, v in self._bound.items() if k not in names})

    def new(self, /, **fields: Any) -> "Logger":
        """
        Return a logger whose only bound fields are *fields*.
        """
        return Logger(self._client, self._name, fields)

    def exception(self, message: object, /, *args: object, **fields: object) -> None:
        """
        Log at error with the exception that is being handled.
        """
        fields.setdefault("exc_info", True)
        self.error(message, *args, **fields)

    def log(self, level: str | int, message: object, /, *args: object, **fields: object) -> None:
        """
        Log at *level*, a name or a number of the standard library's `logging`; anything else counts as info.
        """
        method: Callable[..., None] = getattr(self, _METHOD_OF[_level_name(level)])
        method(message, *args, **fields)

    def is_enabled_for(self, level: str | int) -> bool:
        """
        Whether entries of *level* are logged now.
        """
        return self._client.is_enabled_for(_level_name(level), self._name)

    isEnabledFor = is_enabled_for  # noqa: N815 - as libraries ask a logger of the standard library

    def __getattr__(self, name: str) -> LogCall:
        level = METHODS.get(name)
        if level is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        client = self._client
        client.remember(self)
        speak(self._name)
        while True:
            generation = client.generation
            enabled = client.is_enabled_for(level, self._name)
            call = build_call(client.gate, level, self._name, self._bound) if enabled else nothing
            if enabled and client.locates():
                call = located(call)
            self.__dict__[name] = call
            if client.generation is generation:
                return call

    def forget(self) -> None:
        """
        Build the level methods anew on their next use: the settings have changed.
        """
        for name in METHODS:
            self.__dict__.pop(name, None)

    def __repr__(self) -> str:
        return f"<Logger {self._name!r}{' ' + repr(self._bound) if self._bound else ''}>"


def _level_name(level: Any) -> str:
    if type(level) is int:
        return next((name for lowest, name in _NUMBERS if level >= lowest), "debug")
    return LEVEL_NAMES.get(level.lower(), "info") if type(level) is str else "info"
