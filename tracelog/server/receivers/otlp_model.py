"""
OTLP as values: what the JSON and the protobuf reader give, and what entries are made of.

The names are those of `opentelemetry.proto.logs.v1` and `opentelemetry.proto.trace.v1`.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tracelog.errors import InvalidBodyError, InvalidEntryError

TRACE_BYTES: Final = 16
SPAN_BYTES: Final = 8

SHARED_CHARS: Final = 8_192
"""Of the attributes of a resource or scope, as text: each entry of thousands gets a copy. Real ones have
one or two thousand."""

SHARED_COUNT: Final = 128
"""Of the same: attributes. OpenTelemetry's SDKs keep as many of anything by default."""

DROPPED: Final = "droppedAttributesCount"
"""How OTLP itself says that attributes of a resource are missing."""

LONGEST_ID: Final = 64
"""Characters of an id worth looking at: twice as many as any form of one has."""

_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_LARGEST: Final = 2**64

Attributes = dict[str, Any]


class Group(msgspec.Struct, frozen=True):
    """
    What the items of one scope share.

    Attributes:
        resource: Attributes of what spoke.
        scope: Name of the library or logger; *scope_more* its version and attributes.
    """

    resource: Attributes
    scope: str = ""
    scope_more: Attributes = msgspec.field(default_factory=dict)


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """
    One record. Ids are lowercase hexadecimal or empty, times are nanoseconds or 0.
    """

    group: Group
    time_ns: int = 0
    observed_ns: int = 0
    severity: int = 0
    severity_text: str = ""
    body: Any = None
    attributes: Attributes = msgspec.field(default_factory=dict)
    trace_id: str = ""
    span_id: str = ""
    event_name: str = ""


class SpanEvent(msgspec.Struct, frozen=True, kw_only=True):
    """
    Something that happened within a span.
    """

    time_ns: int = 0
    name: str = ""
    attributes: Attributes = msgspec.field(default_factory=dict)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """
    One operation. *more* is what has a name and no field of ours: links, trace state, counts of what was
    dropped.
    """

    group: Group
    trace_id: str
    span_id: str
    parent_id: str = ""
    name: str = ""
    kind: int = 0
    start_ns: int = 0
    end_ns: int = 0
    attributes: Attributes = msgspec.field(default_factory=dict)
    events: list[SpanEvent] = msgspec.field(default_factory=list)
    status: int = 0
    status_message: str = ""
    more: Attributes = msgspec.field(default_factory=dict)


Item = LogRecord | Span | InvalidEntryError
"""An item as it was read, or why it could not be."""


def fitting(attributes: Attributes) -> Attributes:
    """
    Return those *attributes* of a resource or scope that its entries can carry: the smallest, in their order,
    and how many are missing.
    """
    sizes = {
        key: len(key) + len(item if isinstance(item, str) else repr(item)) for key, item in attributes.items()
    }
    left, kept = SHARED_CHARS, set[str]()
    for key in sorted(sizes, key=sizes.__getitem__)[:SHARED_COUNT]:
        left -= sizes[key]
        if left < 0:
            break
        kept.add(key)
    if len(kept) == len(attributes):
        return attributes
    missing = {DROPPED: len(attributes) - len(kept)}
    return {key: item for key, item in attributes.items() if key in kept} | missing


def too_many_groups(most: int) -> InvalidBodyError:
    """
    Return the error for a request of more than *most* resources and scopes, most of which are empty then.
    """
    return InvalidBodyError(
        f"the request names more than {most:,} resources and scopes; send smaller batches",
        reason="too_many",
        status=413,
    )


def hex_id(value: Any, size: int) -> str:
    """
    Return the id that *value* means as lowercase hexadecimal, empty when it means none.

    Args:
        value: Bytes, hexadecimal text as OTLP/JSON demands, or base64 text as general JSON tools write it.
        size: Bytes that such an id has; of another length or all zeros it is none (OTLP specification).
    """
    if isinstance(value, str) and len(value) <= LONGEST_ID:
        value = _bytes_of(value, size)
    if not isinstance(value, bytes) or len(value) != size or not any(value):
        return ""
    return value.hex()


def span_id_of(value: Any) -> str:
    return hex_id(value, SPAN_BYTES)


def trace_id_of(value: Any) -> str:
    return hex_id(value, TRACE_BYTES)


def integer(values: Mapping[str, Any], name: str) -> int:
    """
    Return the number that *values* hold under *name*: an integer, or its digits as text; 0 when absent.

    Raises:
        InvalidEntryError: When it is neither, naming it.
    """
    value = values.get(name)
    if value is None:
        return 0
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST:
        raise InvalidEntryError(
            f"{name} must be a whole number, or its digits in quotes", reason="bad_number"
        )
    return value


def milliseconds(nanoseconds: int) -> float:
    """
    Return *nanoseconds* as milliseconds, to the microsecond: spans are not measured finer.
    """
    return round(nanoseconds / 1e6, 3)


def instant(nanoseconds: int) -> float:
    """
    Return Unix *nanoseconds* as milliseconds, the nearest double: what was exported comes back as it was.
    """
    return nanoseconds / 1_000_000


def _bytes_of(text: str, size: int) -> bytes | None:
    if len(text) == 2 * size and _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
