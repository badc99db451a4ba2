"""
Entries as an OTLP/JSON request for logs (opentelemetry-proto 1.x, JSON mapping), for any collector.

What OTLP has a place for stands there. Every other field is an attribute `tracelog.<field>`, the context
plain attributes; so our own receiver understands it all, and others lose nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from tracelog.core.entry import Entry, is_span_id

SEVERITIES: Final = {"debug": 5, "log": 9, "info": 9, "warn": 13, "error": 17, "fatal": 21}
"""Numbers of the lowest step of each OTLP severity range (Logs Data Model, SeverityNumber)."""

_RESOURCE: Final = (
    ("service", "service.name"),
    ("release", "service.version"),
    ("environment", "deployment.environment.name"),
    ("system", "tracelog.system"),
)
_RESOURCE_NAMES: Final = [name for _, name in _RESOURCE]
_NAMED: Final = (("id", "log.record.uid"), ("user_id", "user.id"), ("stack", "exception.stacktrace"))
_OWN: Final = (
    "area",
    "parent_id",
    "duration_ms",
    "source",
    "seq",
    "kind",
    "count",
    "last_timestamp",
    "why",
    "sample_rate",
    "hops",
    "fixed",
)
_RESERVED: Final = frozenset([*(f"tracelog.{field}" for field in _OWN), *(name for _, name in _NAMED)])
"""Names of attributes that tell fields: what a context says under them would be read as one."""

_W3C_CHARS: Final = 32


def logs_request(entries: Iterable[Entry]) -> bytes:
    """
    Return *entries* as one request, those of a resource and of a logger side by side in their order.
    """
    return msgspec.json.encode(logs_tree(entries))


def logs_tree(entries: Iterable[Entry]) -> dict[str, Any]:
    """
    Return the same as plain objects, which `otlp_protobuf` writes in the other form.
    """
    resources: dict[tuple[str | None, ...], dict[str, list[dict[str, Any]]]] = {}
    for entry in entries:
        about = tuple(getattr(entry, field) for field, _ in _RESOURCE)
        resources.setdefault(about, {}).setdefault(entry.logger or "", []).append(_record(entry))
    told = [
        {
            "resource": {
                "attributes": _attributes(_present(zip(_RESOURCE_NAMES, about, strict=True)).items())
            },
            "scopeLogs": [
                {"scope": {"name": name} if name else {}, "logRecords": records}
                for name, records in scopes.items()
            ],
        }
        for about, scopes in resources.items()
    ]
    return {"resourceLogs": told}


def _record(entry: Entry) -> dict[str, Any]:
    record: dict[str, Any] = {
        "timeUnixNano": _nanoseconds(entry.timestamp),
        "severityNumber": SEVERITIES.get(entry.level, 9),
        "severityText": entry.level,
        "body": {"stringValue": entry.message},
        "attributes": _attributes(_told(entry).items()),
    }
    if entry.received_at is not None:
        record["observedTimeUnixNano"] = _nanoseconds(entry.received_at)
    if _is_w3c(entry.trace_id):
        record["traceId"] = entry.trace_id
    if entry.span_id is not None and is_span_id(entry.span_id):
        record["spanId"] = entry.span_id
    return record


def _told(entry: Entry) -> dict[str, Any]:
    """
    Return the attributes of *entry*: its context, and over it what has a name of its own.
    """
    told = {name: value for name, value in (entry.context or {}).items() if name not in _RESERVED}
    told |= _present((f"tracelog.{field}", getattr(entry, field)) for field in _OWN)
    told |= _present((name, getattr(entry, field)) for field, name in _NAMED)
    if entry.error is not None:
        named = (("exception.type", "type"), ("exception.message", "message"))
        told |= _present((name, entry.error.get(field)) for name, field in named)
        told["tracelog.error"] = entry.error
    if entry.message.lstrip()[:1] in ("{", ""):
        told["tracelog.message"] = (
            entry.message
        )  # ours would read an object out of such a text, or none at all
    if not _is_w3c(entry.trace_id):
        told["tracelog.trace_id"] = entry.trace_id
    return told


def _attributes(pairs: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in pairs]


def _present(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if value is not None}


def _value(value: Any) -> dict[str, Any]:
    """
    Return *value*, plain JSON, as an `AnyValue`; null as one that says nothing.
    """
    write = _WRITERS.get(type(value))
    return {} if write is None else write(value)


_WRITERS: Final[Mapping[type, Callable[[Any], dict[str, Any]]]] = {
    bool: lambda value: {"boolValue": value},
    str: lambda value: {"stringValue": value},
    int: lambda value: {"intValue": str(value)},
    float: lambda value: {"doubleValue": value},
    list: lambda value: {"arrayValue": {"values": [_value(item) for item in value]}},
    dict: lambda value: {
        "kvlistValue": {"values": [{"key": key, "value": _value(item)} for key, item in value.items()]}
    },
}
"""By type of a JSON value; 64-bit numbers are text, as the JSON mapping demands."""


def _nanoseconds(milliseconds: float) -> str:
    """
    Return Unix *milliseconds* as the digits of nanoseconds, exact where a multiplied double would not be.
    """
    whole = int(milliseconds)
    return str(whole * 1_000_000 + round((milliseconds - whole) * 1e6))


def _is_w3c(trace_id: str) -> bool:
    return (
        len(trace_id) == _W3C_CHARS and not trace_id.strip("0123456789abcdef") and trace_id.strip("0") != ""
    )
