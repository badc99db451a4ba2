"""
Settings as values: what can be set, the defaults, and what a value must be like.

Where a value comes from (keyword, environment, file) is the business of `config.py`, which nobody needs to go
around: it hands these types on.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from tracelog.core.entry import RANK, SYSTEM, Entry, Limits
from tracelog.core.guard_settings import GuardSettings
from tracelog.core.levels import LEVEL_NAMES
from tracelog.core.pin_settings import PinSettings
from tracelog.core.quota_settings import QuotaSettings, TraceQuota
from tracelog.core.redact_settings import RedactSettings
from tracelog.core.shown_settings import ShownSettings
from tracelog.core.store_bounds import PROCESS_S, PROCESS_SAMPLE
from tracelog.core.wishes import captures_of, levels_of
from tracelog.errors import ConfigError

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8787
DEFAULT_URL: Final = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
TTL_S: Final = 3600
"""One hour: what the source design keeps for debugging, and what bounds the store."""

YEAR_S: Final = 365 * 86_400
"""No wait is longer: clocks and locks of some systems cannot count further than that."""

_ADDRESS: Final = re.compile(r"https?://[^\s/@?#]+[^\s@?#]*", re.IGNORECASE)
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@?#*,]+/?", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9]{1,9}")

_LISTS: Final = frozenset(
    ["sinks", "cors_origins", "propagate_to", "capture", "allowed_hosts", "archive", "trusted_proxies"]
)
_ON_OFF: Final = frozenset({"limits", "enabled", "page_capture", "flush_on_sigterm", "mcp", "process"})
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

Amount = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=YEAR_S)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Wait = Annotated[float, msgspec.Meta(ge=0, le=YEAR_S)]
"""Seconds that may be none."""


class ClientSettings(ShownSettings, frozen=True, kw_only=True):
    """
    How a program logs.

    Attributes:
        service: Name of this program, such as `checkout`.
        system: Where it runs; `backend` for Python services.
        environment: Such as `production`; *release* a version or commit.
        level: Lowest level that is logged; *levels* those of single loggers and what is below their names.
        url: Ingestion server; with it entries go there by HTTP, with its ingest *key*.
        sinks: Where entries go, as sinks or URLs; default: *url*, else standard output.
        redact: Secrets out (the default), off, or own `RedactSettings`.
        limits: False switches all client-side limits off.
        propagate_to: Hosts that may be handed trace headers.
        capture: What calls say beyond what they are given: see `core/wishes.py`.
        spool: Folder for what could not be sent yet; *spool_bytes* and *spool_age* bound what waits there.
        enabled: False makes every call do nothing.
        before_send: Called with each entry on the background thread; returns it, another, or None to drop it.
        queue_entries: Entries that wait at most; *queue_bytes* their memory.
        flush_interval: Seconds between two looks of the background thread.
        retry_for: Seconds after which a batch that nobody takes is given up and counted.
        exit_timeout: Seconds that leaving the interpreter waits for delivery.
        flush_on_sigterm: Whether SIGTERM delivers what waits before it does what it would have done.
        traceparent: Trace inherited from the parent process.
    """

    service: str | None = None
    system: str = "backend"
    environment: str | None = None
    release: str | None = None
    level: str = "debug"
    levels: dict[str, str] = msgspec.field(default_factory=dict)
    url: str | None = None
    key: str | None = None
    sinks: tuple[Any, ...] | None = None
    redact: bool | RedactSettings = True
    limits: bool = True
    propagate_to: tuple[str, ...] = ()
    capture: tuple[str, ...] = ()
    spool: str | None = None
    spool_bytes: Amount = 256 * 1024 * 1024
    spool_age: Seconds = 86_400.0
    enabled: bool = True
    before_send: Callable[[Entry], Entry | None] | None = None
    queue_entries: Amount = 131_072
    queue_bytes: Amount = 32 * 1024 * 1024
    flush_interval: Seconds = 0.1
    retry_for: Wait = 300.0
    exit_timeout: Wait = 2.0
    flush_on_sigterm: bool = False
    traceparent: str | None = None


class ReaderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a command needs to know that only asks a server: two settings of a client.
    """

    url: str = DEFAULT_URL
    key: str | None = None


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """
    A credential of the server.

    Attributes:
        token: The secret text.
        role: `ingest` writes only, `read` reads, `admin` also cleans up.
        origins: Web origins an ingest key may be used from; empty means no browser may use it.
        system: The system that entries of this key are from, whatever they claim.
        public: Whether the key is known to the world (it stands in a page).
    """

    token: str
    role: str = "ingest"
    origins: tuple[str, ...] = ()
    system: str | None = None
    public: bool = False


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    How the server runs.

    Attributes:
        host: Address to listen on; anything but loopback needs *keys*.
        store: URL of the store; default an embedded file.
        keys: Credentials; empty on loopback means that local programs need none.
        cors_origins: Web origins that may send besides loopback ones.
        allowed_hosts: Host names besides loopback that requests may name.
        trusted_proxies: Addresses and networks of reverse proxies whose `X-Forwarded-…` headers count.
        ttl_s: Seconds a trace is kept after its last entry.
        receive_timeout: Seconds a request may take to arrive.
        stop_timeout: Seconds that stopping waits for requests in flight.
        limit: Sizes of entries and requests.
        redact: As for the client.
        limits: False switches all limits off, for tests and trusted loads.
        guard: Numbers of folding, sampling and the adaptive limits; *quota* the hours and the month of all
            systems, *trace_quota* those of one trace.
        pins: How much may be kept past its time.
        page_capture: False tells pages with the browser client to capture nothing.
        mcp: True answers coding agents at `POST /mcp`.
        process: Whether a processor runs inside, *process_interval* seconds between its batches; it keeps
            debug and info entries of the share *process_sample* of traces.
        archive: URLs of archives for what is processed.
        log_format: Of what the server says of itself: `text` or `json`.
    """

    host: str = DEFAULT_HOST
    port: Port = DEFAULT_PORT
    store: str = "sqlite:///tracelog.db"
    keys: tuple[Key, ...] = ()
    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    ttl_s: Amount = TTL_S
    receive_timeout: Seconds = 10.0
    stop_timeout: Wait = 10.0
    limit: Limits = Limits()
    redact: bool | RedactSettings = True
    limits: bool = True
    guard: GuardSettings = GuardSettings()
    quota: QuotaSettings = QuotaSettings()
    trace_quota: TraceQuota = TraceQuota()
    pins: PinSettings = PinSettings()
    convex_secret: str | None = None
    page_capture: bool = True
    mcp: bool = False
    process: bool = True
    process_interval: Seconds = PROCESS_S
    process_sample: Share = PROCESS_SAMPLE
    archive: tuple[str, ...] = ()
    log_format: Literal["text", "json"] = "text"


KNOWN: Final = frozenset(ClientSettings.__struct_fields__ + ServerSettings.__struct_fields__)
"""All settings: what one side does not know may be the other's."""


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


def _sinks(value: Any, where: str) -> tuple[Any, ...]:
    sinks = (value,) if isinstance(value, str) or callable(value) else value
    if not isinstance(sinks, list | tuple) or not all(isinstance(s, str) or callable(s) for s in sinks):
        raise ConfigError(f"{where} must be a list of sinks or their URLs, such as stdout:")
    return tuple(sinks)


def _origins(value: Any, where: str) -> tuple[str, ...]:
    origins = value if isinstance(value, list | tuple) else (None,)
    if not all(isinstance(text, str) and _ORIGIN.fullmatch(text) for text in origins):
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
    "sinks": _sinks,
    "spool": _folder,
    "before_send": _hook,
    "cors_origins": _origins,
    "levels": levels_of,
    "capture": captures_of,
}
"""Settings that a type cannot describe."""
