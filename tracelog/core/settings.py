"""
Settings as values: what can be set, and the defaults. What a value must be like is `setting_values.py`.

Where a value comes from (keyword, environment, file) is the business of `config.py`, which nobody needs to go
around: it hands these types on.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec

from tracelog.core.entry import Entry, Limits
from tracelog.core.guard_settings import GuardSettings
from tracelog.core.pin_settings import PinSettings
from tracelog.core.quota_settings import QuotaSettings, TraceQuota
from tracelog.core.redact_settings import RedactSettings
from tracelog.core.shown_settings import ShownSettings
from tracelog.core.store_bounds import PROCESS_S, PROCESS_SAMPLE

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8787
DEFAULT_URL: Final = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
TTL_S: Final = 3600
"""One hour: what the source design keeps for debugging, and what bounds the store."""

YEAR_S: Final = 365 * 86_400
"""No wait is longer: clocks and locks of some systems cannot count further than that."""

AlertKind = Literal["budget", "store", "day", "admin"]
"""The level of the month's budget, trouble of the store, the report of a day, what operators emptied."""

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
        alerts: Of what `alert_url` is told; *alert_secret* signs what is sent there.
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
    alerts: tuple[AlertKind, ...] = ("budget", "store", "day", "admin")
    alert_url: str | None = None
    alert_secret: str | None = None


KNOWN: Final = frozenset(ClientSettings.__struct_fields__ + ServerSettings.__struct_fields__)
"""All settings: what one side does not know may be the other's."""
