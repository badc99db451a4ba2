"""
What an OTLP log record or span means as the fields of entries.

A span is one entry with its duration, and one more for each of its events; of those an exception is an
error. Attributes keep their names under `context`; those that a field of ours says are moved there. Those
called `tracelog.<field>` set that field: so our own entries come through an OTLP pipeline unchanged.
"""

from collections.abc import Mapping
from typing import Any, Final

from tracelog.core.clean import plain_text
from tracelog.core.entry import RANK, is_trace_id
from tracelog.core.fields import READERS
from tracelog.core.levels import level_of
from tracelog.errors import InvalidEntryError
from tracelog.server.receivers.convex import draft
from tracelog.server.receivers.gather import Raw, shared
from tracelog.server.receivers.items import decode
from tracelog.server.receivers.otlp_model import (
    Attributes,
    Group,
    LogRecord,
    Span,
    SpanEvent,
    instant,
    milliseconds,
)
from tracelog.server.receivers.texts import merged, read_line

OWN: Final = "tracelog."
TAKEN: Final = frozenset({*READERS, "fixed"})
"""Fields that an attribute of ours may set; what was fixed counts in an export only, no sender may say it."""

KINDS: Final = ("", "internal", "server", "client", "producer", "consumer")
ERROR_STATUS: Final = 2

RESOURCE: Final = {
    "service.name": "service",
    "service.version": "release",
    "deployment.environment.name": "environment",
    "deployment.environment": "environment",
}
"""Attributes of a resource that are fields of an entry (semantic conventions; the last is an older name)."""

ITEM: Final = {
    "user.id": "user_id",
    "enduser.id": "user_id",
    "exception.stacktrace": "stack",
    "log.record.uid": "id",
}
"""The same for attributes of records and spans."""

SHARED: Final = frozenset(OWN + field for field in ("system", "area", "user_id", "hops"))
"""Fields that a resource may set for all of its items."""

SYSTEMS: Final = (
    ("convex.deployment.name", None, "convex"),
    ("cloud.platform", "cloudflare.workers", "worker"),
    ("telemetry.sdk.language", "webjs", "browser"),
    ("browser.platform", None, "browser"),
    ("browser.brands", None, "browser"),
    ("telemetry.sdk.language", None, "backend"),
)
"""Attribute of a resource, its value (None: any), and the system that it gives away; first match wins."""

_EXCEPTION: Final = ("exception.type", "exception.message")


def log_entries(record: LogRecord) -> list[Raw]:
    """
    Return the fields of the one entry that *record* means.

    Raises:
        InvalidEntryError: When it says nothing at all.
    """
    event = _convex_event(record)
    if event is not None:
        return [event]
    raw, rest = _fields(record.group, record.attributes)
    said = {"level": _level(record), **({} if "message" in raw else _said(record))}
    if record.event_name:
        rest["event_name"] = record.event_name
    rest = merged(rest, said.pop("context", None))
    told = {
        "timestamp": instant(record.time_ns) if record.time_ns else None,
        "trace_id": record.trace_id or None,
        "span_id": record.span_id or None,
        **raw,
        "context": rest or None,
    }
    return [said | {name: value for name, value in told.items() if value is not None}]


def span_entries(span: Span) -> list[Raw]:
    """
    Return the fields of the entries that *span* means: itself, then its events.

    Raises:
        InvalidEntryError: When trace or span id is missing: nothing could refer to it.
    """
    if not span.trace_id or not span.span_id:
        raise InvalidEntryError(
            "a span needs a traceId of 16 bytes and a spanId of 8, not all zeros", reason="bad_span"
        )
    raw, rest = _fields(span.group, span.attributes)
    failed = span.status == ERROR_STATUS
    raw.setdefault("message", span.name)
    raw.setdefault("level", "error" if failed else "info")
    if failed and span.status_message:
        kind = plain_text(span.attributes.get("error.type") or "Error")
        raw.setdefault("error", {"type": kind, "message": span.status_message})
    if span.start_ns:
        raw.setdefault("timestamp", milliseconds(span.start_ns))
        if span.end_ns >= span.start_ns:
            raw["duration_ms"] = milliseconds(span.end_ns - span.start_ns)
    kind = KINDS[span.kind] if 0 <= span.kind < len(KINDS) else ""
    rest |= ({"kind": kind} if kind else {}) | span.more
    place = _place(span)
    raw.setdefault("id", f"{place['trace_id']}-{span.span_id}-{span.kind}")
    raw |= place | {"context": rest or None}
    given = {
        name: shared(raw[name]) for name in ("system", "service", "release", "environment", "logger", "hops")
    }
    began = shared(raw["id"])
    return [raw, *(_event_entry(event, began, n, given | place) for n, event in enumerate(span.events))]


def _event_entry(event: SpanEvent, span_id: str, number: int, given: Raw) -> Raw:
    raw, rest = _fields(Group({}), event.attributes)
    is_exception = event.name == "exception" or "error" in raw
    message = event.name or "event"
    if "error" in raw:
        message = _error_text(raw["error"])
    raw |= {name: value for name, value in given.items() if value is not None}
    raw.setdefault("level", "error" if is_exception else "info")
    raw.setdefault("message", message)
    if event.time_ns:
        raw.setdefault("timestamp", milliseconds(event.time_ns))
    if is_exception and event.name not in {"", "exception"}:
        rest["event_name"] = event.name
    return raw | {"id": f"{span_id}-{number:04}", "context": rest or None}


def _place(span: Span) -> Raw:
    """
    Return where *span* stands: its trace, under the name that tracelog knows it by where it says so.
    """
    own = span.attributes.get(f"{OWN}trace_id")
    trace_id = own if isinstance(own, str) and is_trace_id(own) else span.trace_id
    return {"trace_id": trace_id, "span_id": span.span_id, "parent_id": span.parent_id or None}


def _fields(group: Group, attributes: Attributes) -> tuple[Raw, Attributes]:
    """
    Return what *group* and *attributes* say as fields, and the rest of them as a context.
    """
    raw: Raw = dict.fromkeys(("system", "service", "release", "environment", "logger", "hops"))
    raw["logger"] = group.scope or None
    about: Attributes = {}
    for key, value in group.resource.items():
        if (field := RESOURCE.get(key)) is not None and raw[field] is None:
            raw[field] = value
        elif key not in SHARED or not _own(raw, key, value):
            about[key] = value
    raw["system"] = raw["system"] or _system(group.resource)
    rest: Attributes = {}
    for key, value in attributes.items():
        if (field := ITEM.get(key)) is not None and field not in raw:
            raw[field] = value
        elif key not in _EXCEPTION and not _own(raw, key, value):
            rest[key] = value
    if "error" not in raw and any(attributes.get(name) is not None for name in _EXCEPTION):
        kind, message = (attributes.get(name) for name in _EXCEPTION)
        raw["error"] = {"type": plain_text(kind or "Error"), "message": plain_text(message or "")}
    if about:
        rest = {**rest, "resource": about}
    if group.scope_more:
        rest = {**rest, "scope": group.scope_more}
    return raw, rest


def _own(raw: Raw, key: str, value: Any) -> bool:
    """
    Set the field that an attribute `tracelog.<field>` names; False when *key* names none that may be set.
    """
    field = key.removeprefix(OWN)
    if not key.startswith(OWN) or field not in TAKEN:
        return False
    if field == "trace_id" and not (isinstance(value, str) and is_trace_id(value)):
        return False
    raw[field] = value
    return True


def _said(record: LogRecord) -> Raw:
    """
    Return what the body of *record* says: a text, a JSON object printed as text, or an object.
    """
    body = record.body
    if body is None or body in ("", {}):
        return {"message": _said_without_body(record)}
    if isinstance(body, str | dict):
        return read_line(plain_text(body))
    return {"message": plain_text([body])}


def _said_without_body(record: LogRecord) -> str:
    named = [record.attributes.get(name) for name in _EXCEPTION]
    if any(value is not None for value in named):
        return ": ".join(plain_text(value) for value in named if value is not None)
    if record.event_name:
        return record.event_name
    if record.body is None and not record.attributes:
        raise InvalidEntryError("the log record has neither body nor attributes", reason="missing_message")
    return " ".join(f"{key}={plain_text(value)}" for key, value in record.attributes.items())


def _level(record: LogRecord) -> str:
    """
    Return the level of *record*: its number decides, its text chooses between names of the same rank.
    """
    told = level_of("severity_text", record.severity_text)
    level = level_of("severity_number", record.severity) if record.severity else told
    if level is None or (told is not None and RANK[told] == RANK[level]):
        level = told
    return level or "info"


def _system(resource: Mapping[str, Any]) -> str | None:
    for key, value, system in SYSTEMS:
        found = resource.get(key)
        if found is not None and value in {None, found if isinstance(found, str) else ""}:
            return system
    return None


def _convex_event(record: LogRecord) -> Raw | None:
    """
    Return the entry of a record in which Convex's own exporter wraps an event of its log stream.
    """
    if "convex.topic" not in record.attributes or not isinstance(record.body, str):
        return None
    try:
        event = decode(record.body.encode("utf-8", "surrogatepass"))
        return draft(event) if isinstance(event, dict) else None
    except InvalidEntryError:  # not what Convex writes; a record like any other
        return None


def _error_text(error: Mapping[str, Any]) -> str:
    return f"{error['type']}: {error['message']}" if error["message"] else str(error["type"])
