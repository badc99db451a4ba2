"""
The entry: one log line as a value, the same on every wire, in every store and in every export.

This file says what a valid entry is. How a crooked one is straightened stands in `straighten.py`, how bytes
become entries in `wire.py`.
"""

import re
from typing import Any, Final

import msgspec

LEVELS: Final = ("debug", "log", "info", "warn", "error", "fatal")
"""The six levels of the browser console and of every logger, lowest first."""

RANK: Final = {"debug": 0, "log": 1, "info": 1, "warn": 2, "error": 3, "fatal": 4}
"""Order of importance; `log` is the console's word for `info`."""

ERROR_RANK: Final = RANK["error"]

SYSTEMS: Final = ("browser", "worker", "convex", "backend", "manual")
"""The systems that tracelog knows by name; any other slug is as good."""

TRACE_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
"""No braces (Redis hash tags), no globs, no spaces, no control characters: ids become key names and paths."""

SYSTEM: Final = re.compile(r"[a-z0-9_-]{1,32}")
SPAN_ID: Final = re.compile(r"(?!0{16})[0-9a-f]{16}")
"""All zeros name no span (W3C Trace Context §2.2.2.3)."""

ID_CHARS: Final = 128
SOURCE_CHARS: Final = 96
"""Leaves room in an id for the running number behind it."""

NAME_CHARS: Final = 256
"""Of user, service, logger and the like: more than any such name needs, few enough to index."""

LARGEST_COUNT: Final = 2**53
"""Beyond it JavaScript cannot tell a running number from the next."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """
    How large one entry and one request may be.

    `message`, `stack`, `entry` and `body` are bytes (texts in UTF-8), `name` is characters. Cutting happens
    after redaction, so that a cut never hides half of a secret from the rules.
    """

    message: int = 64 * 1024
    stack: int = 128 * 1024
    entry: int = 256 * 1024
    depth: int = 32
    keys: int = 256
    items: int = 1_000
    name: int = 256
    entries: int = 1_000
    entries_compact: int = 10_000
    body: int = 4 * 1024 * 1024


DEFAULT_LIMITS: Final = Limits()


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """
    One log line.

    The first six fields are always set on a stored entry; their empty defaults only say "not yet known" on
    the way in. All other fields are absent when they have nothing to say.

    Attributes:
        id: Unique per entry and the idempotency key; `<source>-<seq>` when we mint it.
        trace_id: The request this line belongs to.
        timestamp: Unix milliseconds by the clock of the source.
        system: Where it ran: `browser`, `worker`, `convex`, `backend`, `manual` or an own slug.
        level: One of `LEVELS`.
        message: Text with its arguments applied.
        area: Part of the application, such as `checkout`.
        span_id: The hop this entry belongs to; *parent_id* is the hop that caused it.
        duration_ms: On an entry that closes a span, whose start *timestamp* then is.
        error: `{"type", "message", "cause"?}`, causes nested the same way.
        context: Anything else, as JSON.
        source: The process, tab or isolate that spoke; *seq* its running number, so that order within a
            source needs no clock and a hole shows a loss.
        kind: Absent for a plain entry, else `summary`, `suppressed` or `context`.
        count: How many entries a `summary` or `suppressed` row stands for, until *last_timestamp*, and *why*.
        sample_rate: Below 1 on an entry that stands for a sampled population.
        hops: Forwarders passed, a guard against loops.
        origin: Trust label set by the server: `public`, `webhook`, `server` or `local`.
        received_at: Unix milliseconds of the server's clock on arrival.
        fixed: Names of fields that were cut, cleaned or replaced on the way in.
    """

    id: str = ""
    trace_id: str = ""
    timestamp: float = 0.0
    system: str = ""
    level: str = ""
    message: str = msgspec.field(default_factory=str)  # unlike a plain default, written even when it is empty
    user_id: str | None = None
    service: str | None = None
    logger: str | None = None
    environment: str | None = None
    release: str | None = None
    area: str | None = None
    span_id: str | None = None
    parent_id: str | None = None
    duration_ms: float | None = None
    stack: str | None = None
    error: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    source: str | None = None
    seq: int | None = None
    kind: str | None = None
    count: int | None = None
    last_timestamp: float | None = None
    why: str | None = None
    sample_rate: float | None = None
    hops: int | None = None
    origin: str | None = None
    received_at: float | None = None
    fixed: list[str] | None = None

    @property
    def rank(self) -> int:
        return RANK.get(self.level, 1)

    @property
    def is_error(self) -> bool:
        return RANK.get(self.level, 1) >= ERROR_RANK

    @property
    def is_critical(self) -> bool:
        """
        Whether it calls its trace critical, which counts when a trusted key says so.
        """
        return self.context is not None and self.context.get("critical") is True

    @property
    def weight(self) -> int:
        """
        How many log calls this row stands for.
        """
        return self.count or 1


FIELDS: Final = frozenset(Entry.__struct_fields__)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """
    Return *entry* as the JSON object that stores and exports hold.
    """
    return _encoder.encode(entry)


def encode_lines(entries: list[Entry]) -> bytes:
    """
    Return *entries* as `encode_entry` writes them, each ended by a line feed, which JSON text never holds.
    """
    return _encoder.encode_lines(entries)


def decode_entry(data: bytes | str) -> Entry:
    """
    Return the entry of *data*, JSON that `encode_entry` wrote. Unknown fields of a later version are skipped.

    Raises:
        msgspec.DecodeError: When *data* is no such JSON. Foreign data may raise any of `wire.DECODE_ERRORS`.
    """
    return _decoder.decode(data)


def is_span_id(text: str) -> bool:
    """
    Whether *text* can name a span: 16 lowercase hexadecimal digits, not all zeros.
    """
    return SPAN_ID.fullmatch(text) is not None


def is_trace_id(text: str) -> bool:
    """
    Whether *text* can name a trace: allowed characters only and not all zeros, which W3C calls invalid.
    """
    return TRACE_ID.fullmatch(text) is not None and text.strip("0") != ""
