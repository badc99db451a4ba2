"""
Trace headers read and written: `traceparent`, `tracestate`, `baggage`, `x-trace-id`, `x-request-id`.

After W3C Trace Context (Level 2 draft, so that the random-id flag survives) and W3C Baggage. An invalid
`traceparent` restarts the trace and takes `tracestate` down with it; other ids are honoured only when no
`traceparent` came at all.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from tracelog.core.entry import is_span_id, is_trace_id

SAMPLED: Final = 0x01
RANDOM_ID: Final = 0x02
"""Level 2: the right-most seven bytes of the trace id are random, so samplers of other tools may use them."""

_TRACEPARENT: Final = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_W3C_TRACE: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
_STATE_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}")
_STATE_VALUE: Final = re.compile(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_BAGGAGE_KEY: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}")

_OWS: Final = " \t"

STATE_MEMBERS: Final = 32
STATE_CHARS: Final = 512
"""W3C: propagate at least this many characters; members over 128 characters go first when it gets longer."""
STATE_LONG_MEMBER: Final = 128
BAGGAGE_MEMBERS: Final = 64
BAGGAGE_BYTES: Final = 8192

ID_HEADERS: Final = ("x-trace-id", "x-request-id", "x-correlation-id")
"""Read in this order, and only when no `traceparent` came."""


class Listing(Protocol):
    """
    Headers that list their pairs and are no mapping, such as those of the standard library's `http`.
    """

    def items(self) -> Iterable[tuple[str, Any]]: ...


Headers = Mapping[str, Any] | Listing | Iterable[tuple[Any, Any]]
"""Headers of a call: a mapping, or pairs of names and values."""


class TraceParent(msgspec.Struct, frozen=True):
    """
    A parsed `traceparent`: ids as lowercase hex, *flags* as a number of 8 bits.
    """

    trace_id: str
    parent_id: str
    flags: int = SAMPLED


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a caller said about its trace.

    Attributes:
        trace_id: The trace to go on with.
        parent_id: The calling hop, 16 hex digits, when it was named.
        flags: Trace flags to pass on.
        tracestate: Other vendors' state, valid and within its limits, to pass on unread.
        baggage: Baggage header to pass on, within its limits.
    """

    trace_id: str
    parent_id: str | None = None
    flags: int = SAMPLED
    tracestate: str = ""
    baggage: str = ""


def parse_traceparent(text: str) -> TraceParent | None:
    """
    Return the parts of a `traceparent` value, or None when it is invalid (W3C Trace Context §3.2).

    A later version than 00 may be longer; its first four fields are read.
    """
    found = _TRACEPARENT.fullmatch(text.strip(_OWS))
    if found is None:
        return None
    version, trace_id, parent_id, flags, rest = found.groups()
    if version == "00" and rest is not None:
        return None
    return TraceParent(trace_id, parent_id, int(flags, 16))


def format_traceparent(trace_id: str, span_id: str, flags: int = SAMPLED) -> str | None:
    """
    Return the `traceparent` for *trace_id* and *span_id*, or None when these are no W3C ids.

    Only the flags that are defined are passed on, as §3.2.2.5 demands.
    """
    if _W3C_TRACE.fullmatch(trace_id) is None or not is_span_id(span_id):
        return None
    return f"00-{trace_id}-{span_id}-{flags & (SAMPLED | RANDOM_ID):02x}"


def parse_tracestate(values: Iterable[str]) -> str:
    """
    Return the valid list that *values*, the `tracestate` headers in order, make together; empty when invalid.

    One bad member or one too many makes the whole list invalid (W3C Trace Context §3.3.1). Of doubled keys
    the left one stays: it is the more recent.
    """
    members: dict[str, str] = {}
    for member in (part.strip(_OWS) for value in values for part in value.split(",")):
        if not member:
            continue
        key, equals, value = member.partition("=")
        if not equals or not _STATE_KEY.fullmatch(key) or not _STATE_VALUE.fullmatch(value):
            return ""
        members.setdefault(key, value)
        if len(members) > STATE_MEMBERS:
            return ""
    return _short_state([f"{key}={value}" for key, value in members.items()])


def parse_baggage(text: str) -> dict[str, str]:
    """
    Return the names and decoded values of a `baggage` header; members that break the grammar are left out.

    Properties behind a semicolon are not read, and no more is read than is passed on.
    """
    if not text:
        return {}
    from urllib.parse import unquote  # noqa: PLC0415 - milliseconds at start that few programs need to pay

    found: dict[str, str] = {}
    for member in _short_baggage(text).split(","):
        key, equals, value = member.split(";", 1)[0].partition("=")
        if equals and _BAGGAGE_KEY.fullmatch(key.strip(_OWS)):
            found[key.strip(_OWS)] = unquote(value.strip(_OWS))
    return found


def format_baggage(items: Mapping[str, str]) -> str:
    """
    Return *items* as a `baggage` header, values percent-encoded; members beyond the limits are left out.
    """
    if not items:
        return ""
    from urllib.parse import quote  # noqa: PLC0415 - as above

    members = (
        f"{key}={quote(value, safe=_BAGGAGE_SAFE, errors='replace')}"
        for key, value in items.items()
        if _BAGGAGE_KEY.fullmatch(key)
    )
    return _short_baggage(",".join(members))


def read_headers(headers: Headers) -> Incoming | None:
    """
    Return the trace that *headers* carry, or None when a new one must be started.

    Args:
        headers: A mapping of names, or pairs of names and values, as text or bytes; case does not matter. A
            mapping that can list its pairs (`multi_items`) is asked to, so that doubled headers show.
    """
    found: dict[str, list[str]] = {}
    for name, value in _pairs(headers):
        if name in _WANTED:
            found.setdefault(name, []).append(value)
    baggage = _short_baggage(",".join(found.get("baggage", ())))
    if "traceparent" in found:
        parent = parse_traceparent(found["traceparent"][0]) if len(found["traceparent"]) == 1 else None
        if parent is None:
            return None
        return Incoming(
            trace_id=parent.trace_id,
            parent_id=parent.parent_id,
            flags=parent.flags,
            tracestate=parse_tracestate(found.get("tracestate", ())),
            baggage=baggage,
        )
    for name in ID_HEADERS:
        trace_id = found.get(name, [""])[0].strip(_OWS)
        if is_trace_id(trace_id):
            return Incoming(trace_id=trace_id, baggage=baggage)
    return None


def write_headers(trace: Incoming, span_id: str) -> dict[str, str]:
    """
    Return the headers that hand *trace* to a system that *span_id* calls; an id that is none is not sent.
    """
    parent = format_traceparent(trace.trace_id, span_id, trace.flags)
    headers = {} if parent is None else {"traceparent": parent}
    if parent is not None and trace.tracestate:
        headers["tracestate"] = trace.tracestate
    if baggage := _short_baggage(trace.baggage):
        headers["baggage"] = baggage
    if is_trace_id(trace.trace_id):
        headers["x-trace-id"] = trace.trace_id
    return headers


_WANTED: Final = frozenset({"traceparent", "tracestate", "baggage", *ID_HEADERS})
_BAGGAGE_SAFE: Final = "!#$&'()*+-./:<=>?@[]^_`{|}~"
"""W3C Baggage: octets allowed in a value, less the percent sign itself."""


def _pairs(headers: Headers) -> Iterable[tuple[str, str]]:
    if hasattr(headers, "multi_items"):
        pairs = headers.multi_items()
    else:
        pairs = headers.items() if hasattr(headers, "items") else headers
    for name, value in pairs:
        for one in value if isinstance(value, list | tuple) else (value,):
            if one is not None:
                yield _text(name).lower(), _text(one)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _short_state(members: list[str]) -> str:
    while len(",".join(members)) > STATE_CHARS:
        long = next((m for m in reversed(members) if len(m) > STATE_LONG_MEMBER), None)
        members.remove(long if long is not None else members[-1])
    return ",".join(members)


def _short_baggage(text: str) -> str:
    """
    Return the members of *text* that can be a header, in order, as many as fit the limits.
    """
    kept: list[str] = []
    room = BAGGAGE_BYTES
    for part in text.split(","):
        member = part.strip(_OWS).replace("\t", " ")
        if "=" not in member or len(member) > room or not member.isascii() or not member.isprintable():
            continue
        if len(kept) == BAGGAGE_MEMBERS:
            break
        room -= len(member) + 1
        kept.append(member)
    return ",".join(kept)
