"""
Where settings come from, and the only place that reads the environment and `[tool.tracelog]`.

Keyword arguments win over `TRACELOG_*`, these over `[tool.tracelog]` of the nearest pyproject.toml, these
over the defaults of `core/settings.py`. A wrong value is one sentence that names where it stands.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from tracelog.core.redact_settings import RedactSettings
from tracelog.core.section import read_section
from tracelog.core.setting_values import from_text, typed
from tracelog.core.settings import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    DEFAULT_URL,
    KNOWN,
    TTL_S,
    ClientSettings,
    Key,
    ReaderSettings,
    ServerSettings,
)
from tracelog.core.surroundings import is_agent, is_loopback
from tracelog.errors import ConfigError

if TYPE_CHECKING:  # the class itself is loaded by the first log call: milliseconds
    from pathlib import Path

__all__ = [
    "DEFAULT_HOST",
    "DEFAULT_PORT",
    "DEFAULT_URL",
    "TTL_S",
    "ClientSettings",
    "Key",
    "ReaderSettings",
    "ServerSettings",
    "client_settings",
    "inherited_traceparent",
    "is_loopback",
    "place_of",
    "reader_settings",
    "redact_settings",
    "runs_for_agent",
    "server_settings",
    "state_folder",
    "wants_color",
]

S = TypeVar("S", bound=msgspec.Struct)
Environ = Mapping[str, str]

_NAMED_ALIKE: Final = (
    "service system environment release level url key sinks limits spool enabled flush_on_sigterm "
    "host port store cors_origins convex_secret page_capture mcp process archive trusted_proxies log_format "
    "alerts alert_url alert_secret"
)
_ENVIRONMENT: Final = {
    **{name: f"TRACELOG_{name.upper()}" for name in _NAMED_ALIKE.split()},
    "traceparent": "TRACEPARENT",
    "console": "TRACELOG_CONSOLE",
}
"""Setting and its variable. Client and server read those of their own settings only."""

KEY_BYTES: Final = 32
"""A key for the tags of secrets that cannot be found by trying."""


class _Sources(NamedTuple):
    """
    What is asked after the keyword arguments; *broken* is told of a pyproject.toml that cannot be read.
    """

    environ: Environ
    folder: "Path | None"
    broken: Callable[[ConfigError], None] | None = None


def client_settings(
    given: Mapping[str, Any],
    *,
    environ: Environ = os.environ,
    folder: "Path | None" = None,
    wrong: Callable[[ConfigError], None] | None = None,
    broken: Callable[[ConfigError], None] | None = None,
) -> ClientSettings:
    """
    Return the client's settings.

    Args:
        given: Keyword arguments of `tracelog.configure`; None means not given.
        environ: Variables, by default those of the process.
        folder: Where the search for pyproject.toml begins, by default the working folder.
        wrong: Told of each wrong value, which is then left out, where raising would stop a program.
        broken: Told of a pyproject.toml that cannot be read, by default whoever is told of wrong values, or
            else nobody: somebody else's broken file must not stop a program from logging.

    Raises:
        ConfigError: When a setting is unknown or wrong, and nobody is told instead.
    """
    sources = _Sources(environ, folder or _working_folder(), broken or wrong or (lambda _: None))
    return _resolve(ClientSettings, given, sources, wrong)


def reader_settings(
    given: Mapping[str, Any], *, environ: Environ = os.environ, folder: "Path | None" = None
) -> ReaderSettings:
    """
    Return where a command finds its server, and by which key. What else clients are told does not matter.

    Raises:
        ConfigError: When one of the two is wrong, or pyproject.toml cannot be read.
    """
    return _resolve(ReaderSettings, given, _Sources(environ, folder or _working_folder()))


def server_settings(
    given: Mapping[str, Any], *, environ: Environ = os.environ, folder: "Path | None" = None
) -> ServerSettings:
    """
    Return the server's settings, resolved as `client_settings` does.

    Raises:
        ConfigError: When a setting or pyproject.toml is wrong, or strangers could reach it without keys.
    """
    settings = _resolve(ServerSettings, given, _Sources(environ, folder or _working_folder()))
    if not is_loopback(settings.host) and not settings.keys:
        raise ConfigError(
            f"host {settings.host!r} can be reached from other machines, so keys are needed: "
            "give at least one ingest key and one read key, or listen on 127.0.0.1"
        )
    return settings


def place_of(name: str, given: Mapping[str, Any], *, environ: Environ = os.environ) -> str:
    """
    Return where the setting *name* was said: as keyword, in a variable, or in `[tool.tracelog]`.
    """
    if given.get(name) is not None:
        return name
    variable = _ENVIRONMENT.get(name, "")
    return variable if environ.get(variable) else f"[tool.tracelog] {name}"


def inherited_traceparent(*, environ: Environ = os.environ) -> str:
    """
    Return the `traceparent` that the parent process handed down in `TRACEPARENT`, or an empty text.
    """
    return environ.get("TRACEPARENT", "")


def wants_color(*, environ: Environ = os.environ) -> bool:
    """
    Whether nobody has switched colours off: by `NO_COLOR` (no-color.org), or with a terminal without any.
    """
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def runs_for_agent(*, environ: Environ = os.environ) -> bool:
    """
    Whether a coding agent runs this process, and reads what it prints.
    """
    return is_agent(environ)


def redact_settings(said: bool | RedactSettings, *, environ: Environ = os.environ) -> RedactSettings:
    """
    Return the redaction settings that `redact=` *said* mean, with a key for the tags of equal secrets.

    The key is `TRACELOG_REDACT_KEY`; else one that this user's programs share here; else one of this process.
    """
    settings = said if isinstance(said, RedactSettings) else RedactSettings(enabled=said)
    if settings.tag_key:
        return settings
    key = environ.get("TRACELOG_REDACT_KEY", "").encode() or _machine_key(state_folder(environ))
    return msgspec.structs.replace(settings, tag_key=key)


def _resolve(
    kind: type[S],
    given: Mapping[str, Any],
    sources: _Sources,
    wrong: Callable[[ConfigError], None] | None = None,
) -> S:
    fields = kind.__struct_fields__
    if unknown := sorted(set(given) - set(fields)):
        raise ConfigError(f"unknown setting {unknown[0]!r}; known are {', '.join(sorted(fields))}")
    values: dict[str, Any] = {}
    for name, value, where in _said(fields, given, sources):
        try:
            values[name] = typed(kind, name, value, where)
        except ConfigError as error:
            if wrong is None:
                raise
            wrong(error)
    return kind(**values)


def _said(
    fields: tuple[str, ...], given: Mapping[str, Any], sources: _Sources
) -> Iterator[tuple[str, Any, str]]:
    """
    Yield setting, value and where it was said, the weakest source first.
    """
    for name, value in _pyproject(sources).items():
        if name in fields or name not in KNOWN:
            yield name, value, f"[tool.tracelog] {name}"
    for name in fields:
        variable = _ENVIRONMENT.get(name, "")
        if text := sources.environ.get(variable, ""):
            yield name, from_text(name, text), variable
    for name, value in given.items():
        if value is not None:
            yield name, value, name


def _working_folder() -> "Path | None":
    from pathlib import Path  # noqa: PLC0415 - see above

    try:
        return Path.cwd()
    except OSError:  # it was removed
        return None


def _pyproject(sources: _Sources) -> Mapping[str, Any]:
    """
    Return `[tool.tracelog]` of the nearest pyproject.toml from the folder upwards.
    """
    folder = sources.folder
    for place in () if folder is None else (folder, *folder.parents):
        file = place / "pyproject.toml"
        try:
            return read_section(file.read_bytes(), str(file))
        except OSError:
            continue
        except ConfigError as error:
            if sources.broken is None:
                raise
            sources.broken(error)
            return {}
    return {}


def state_folder(environ: Environ = os.environ) -> "Path | None":
    """
    Return where this user's programs keep what they share (XDG Base Directory), or None when nobody says.
    """
    base = environ.get("XDG_STATE_HOME") or (environ.get("HOME", "") and f"{environ['HOME']}/.local/state")
    from pathlib import Path  # noqa: PLC0415 - see above

    return Path(base) / "tracelog" if base and Path(base).is_absolute() else None


def _machine_key(folder: "Path | None") -> bytes:
    """
    Return the key that this user's programs share, made on first use; where none can be kept, a fresh one.
    """
    fresh = os.urandom(KEY_BYTES)
    if folder is None:
        return fresh
    file = folder / "redact.key"
    with suppress(OSError):  # a folder that cannot be written to, or another program was faster
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _place(file, fresh)
    return _read_key(file) or fresh


def _place(file: "Path", key: bytes) -> None:
    """
    Make *file* appear with *key* in it, whole: of two programs that start together both get the same one.
    """
    draft = file.with_name(f"{file.name}.{os.urandom(8).hex()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(key)
        os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _read_key(file: "Path") -> bytes:
    """
    Return the key in *file*, or nothing when others than this user could have written or read it.
    """
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as given:
            told = os.fstat(given.fileno())
            key = given.read(KEY_BYTES)
    except OSError:
        return b""
    mine = not hasattr(os, "geteuid") or (told.st_uid == os.geteuid() and not told.st_mode & 0o077)
    return key if mine and len(key) == KEY_BYTES else b""
