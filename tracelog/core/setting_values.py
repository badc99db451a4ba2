"""
What the value of a setting must be like, and what a variable says of it in text.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tracelog.core.entry import RANK, SYSTEM
from tracelog.core.levels import LEVEL_NAMES
from tracelog.core.settings import DEFAULT_URL, KNOWN
from tracelog.core.wishes import captures_of, levels_of
from tracelog.errors import ConfigError

_ADDRESS: Final = re.compile(r"https?://[^\s/@?#]+[^\s@?#]*", re.IGNORECASE)
_HOOK: Final = re.compile(r"https?://[^\s/@?#]+[^\s@#]*", re.IGNORECASE)
ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@?#*,]+/?", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9]{1,9}")

_LISTS: Final = frozenset(
    [
        "sinks",
        "cors_origins",
        "propagate_to",
        "capture",
        "allowed_hosts",
        "archive",
        "trusted_proxies",
        "alerts",
    ]
)
_ON_OFF: Final = frozenset(["limits", "enabled", "page_capture", "flush_on_sigterm", "mcp", "process"])
_SWITCHES: Final = {
    **dict.fromkeys(("off", "false", "0", "no"), False),
    **dict.fromkeys(("on", "true", "1", "yes"), True),
}
_TAKEN: Final = {
    **dict.fromkeys(_ON_OFF, "on or off; true, false, yes, no, 1 and 0 say the same"),
    "port": "a number from 0 to 65535; 0 takes a free port",
    "log_format": "text or json",
}
"""What a variable can say where its type would not tell a person."""

_STANDARD_LEVELS: Final = {10: "debug", 20: "info", 30: "warn", 40: "error", 50: "fatal"}
"""Numbers of the standard library's `logging`."""


def from_text(name: str, text: str) -> Any:
    """
    Return what *text*, the value of a variable, says of the setting *name*: a list, a switch, a number; what
    it cannot say is left for `typed` to refuse.
    """
    if name in _LISTS:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if name in _ON_OFF:
        return _SWITCHES.get(text.strip().lower(), text)
    return int(text) if name == "port" and _DIGITS.fullmatch(text.strip()) else text


def typed(kind: type[msgspec.Struct], name: str, value: Any, where: str) -> Any:
    """
    Return *value* as the type of the setting *name* of *kind*.

    Raises:
        ConfigError: Naming *where* the wrong value stands and what is taken there, and never what it is: it
            may be a secret.
    """
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    if name not in types:
        raise ConfigError(f"{where} is no setting; known are {', '.join(sorted(KNOWN))}")
    if name in _CHECKS:
        return _CHECKS[name](value, where)
    try:
        return msgspec.convert(value, types[name])
    except msgspec.ValidationError as error:
        if name in _TAKEN:
            raise ConfigError(f"{where} must be {_TAKEN[name]}") from None
        detail = str(error).split(" - at ")[0].replace("Expected", "expected").replace("`array`", "a list")
        raise ConfigError(f"{where}: {detail}") from None


def _level(value: Any, where: str) -> str:
    level = _STANDARD_LEVELS.get(value) if type(value) is int else LEVEL_NAMES.get(str(value).strip().lower())
    if level is None:
        raise ConfigError(f"{where} must be one of {', '.join(RANK)}")
    return level


def _system(value: Any, where: str) -> str:
    if not isinstance(value, str) or not SYSTEM.fullmatch(value):
        raise ConfigError(f"{where} must be 1 to 32 of a-z 0-9 _ -, such as backend")
    return value


def _url(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value.strip()):
        raise ConfigError(
            f"{where} must be an address such as {DEFAULT_URL}, without user, password or query"
        )
    return value.strip()


def _hook_url(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _HOOK.fullmatch(value.strip()):
        raise ConfigError(f"{where} must be an address such as https://hooks.example.com/T0/B0")
    return value.strip()


def _sinks(value: Any, where: str) -> tuple[Any, ...]:
    sinks = (value,) if isinstance(value, str) or callable(value) else value
    if not isinstance(sinks, list | tuple) or not all(isinstance(s, str) or callable(s) for s in sinks):
        raise ConfigError(f"{where} must be a list of sinks or their URLs, such as stdout:")
    return tuple(sinks)


def _origins(value: Any, where: str) -> tuple[str, ...]:
    origins = value if isinstance(value, list | tuple) else (None,)
    if not all(isinstance(text, str) and ORIGIN.fullmatch(text) for text in origins):
        raise ConfigError(
            f"{where} must name each web origin by scheme and host, such as https://app.example.com; "
            "* and null would let any page in"
        )
    return tuple(origins)


def _folder(value: Any, where: str) -> str:
    folder = value.__fspath__() if hasattr(value, "__fspath__") else value
    if not isinstance(folder, str) or not folder.strip() or "\0" in folder:
        raise ConfigError(f"{where} must be the path of a folder")
    return folder


def _hook(value: Any, where: str) -> Any:
    if not callable(value):
        raise ConfigError(f"{where} must be a function that takes an entry and returns one, or None")
    return value


_CHECKS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "level": _level,
    "system": _system,
    "url": _url,
    "alert_url": _hook_url,
    "sinks": _sinks,
    "spool": _folder,
    "before_send": _hook,
    "cors_origins": _origins,
    "levels": levels_of,
    "capture": captures_of,
}
"""Settings that a type cannot describe."""
