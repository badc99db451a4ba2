"""
Crooked input made straight: what a sender calls a log line becomes a valid `Entry`, or is refused by name.

Bad input never costs a good entry its life: what had to be changed is named in `fixed`. A value that cannot
be used is kept under `context` as `original_<field>`, an unknown field under its own name. Only what cannot
be repaired (no message, no usable trace id) is refused. How each field is read stands in `fields.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tracelog.core.clean import clean_object, free_name
from tracelog.core.cut import cut_entry
from tracelog.core.entry import DEFAULT_LIMITS, Entry, Limits
from tracelog.core.fields import KINDS, READERS, Draft
from tracelog.core.levels import NUMBERED_LEVELS
from tracelog.core.times import EARLIEST_MS, LATEST_AHEAD_MS, to_milliseconds
from tracelog.errors import InvalidEntryError

__all__ = [
    "ALIASES",
    "EARLIEST_MS",
    "KINDS",
    "LATEST_AHEAD_MS",
    "SERVER_FIELDS",
    "cut_entry",
    "straighten",
    "to_milliseconds",
]

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "trace_id": ("traceId", "traceID", "trace-id"),
    "message": ("msg", "event", "body", "text"),
    "timestamp": ("time", "ts", "@timestamp", "datetime"),
    "level": (
        *(name for name in NUMBERED_LEVELS if name != "level"),
        "levelname",
        "severity_text",
        "severityText",
        "log_level",
    ),
    "user_id": ("userId",),
    "area": ("system_area", "systemArea"),
    "span_id": ("spanId",),
    "parent_id": ("parentId", "parent_span_id", "parentSpanId"),
    "duration_ms": ("durationMs",),
    "stack": ("stack_trace", "stacktrace"),
}
"""Other names of our fields, the likeliest first, used when the own name is absent."""

SERVER_FIELDS: Final = frozenset({"origin", "received_at", "fixed"})
"""Set by the server alone; a body that claims them is not believed."""

_OTHER_NAMES: Final = frozenset(name for names in ALIASES.values() for name in names)
_HAVE_A_PLACE: Final = SERVER_FIELDS | {"context"}


def straighten(
    raw: Mapping[str, Any],
    *,
    now_ms: float,
    new_trace_id: Callable[[], str],
    limits: Limits = DEFAULT_LIMITS,
) -> Entry:
    """
    Return the valid entry that *raw* means.

    Args:
        raw: One decoded JSON object; it is left as it is.
        now_ms: Arrival, Unix milliseconds; stands in for an absent or absurd timestamp.
        new_trace_id: Called when no trace id was sent.
        limits: Bounds of depth, keys and items. Long texts are cut later, by `cut_entry`, after redaction.

    Raises:
        InvalidEntryError: With reason `missing_message` or `bad_trace_id`.
    """
    draft = Draft(now_ms, limits)
    values: dict[str, Any] = {}
    others = _other_names(raw) if raw.keys() & _OTHER_NAMES else {}
    for key, value in raw.items():
        field = key if key in READERS else others.get(key)
        if field is not None:
            if value is not None:
                draft.key = key
                values[field] = READERS[field](draft, field, value)
        elif key not in _HAVE_A_PLACE:
            draft.rest[key] = value
    _complete(draft, values, new_trace_id)
    context = _context(draft, raw.get("context"))
    return Entry(**values, context=context, fixed=draft.fixed or None)


def _other_names(raw: Mapping[str, Any]) -> dict[str, str]:
    """
    Return for each key of *raw* that stands in for a field the name of that field; one key a field.
    """
    found: dict[str, str] = {}
    for field, names in ALIASES.items():
        if raw.get(field) is None:
            name = next((name for name in names if raw.get(name) is not None), None)
            if name is not None:
                found[name] = field
    return found


def _complete(draft: Draft, values: dict[str, Any], new_trace_id: Callable[[], str]) -> None:
    """
    Fill in what was not sent. The id is left to the caller, who may have to mint one.
    """
    if "message" not in values:
        error = values.get("error")
        if error is None:
            raise InvalidEntryError(
                'message is missing; an entry needs at least {"message": "…"}', reason="missing_message"
            )
        values["message"] = f"{error['type']}: {error['message']}"
        draft.mark("message")
    if "stack" not in values and isinstance(draft.error_rest.get("stack"), str):
        values["stack"] = draft.text("stack", draft.error_rest.pop("stack"))
    if draft.error_rest:
        draft.rest["error"] = draft.error_rest
    if "trace_id" not in values:
        values["trace_id"] = new_trace_id()
    values.setdefault("timestamp", draft.now_ms)
    values.setdefault("level", "info")


def _context(draft: Draft, own: Any) -> dict[str, Any] | None:
    """
    Return what has no field of its own: refused values, the sender's context, unknown fields.
    """
    if own is not None and not isinstance(own, dict):
        draft.mark("context")
        own = {"value": own}
    if draft.originals or draft.rest:
        limit = draft.limits.name
        own = own or {}
        merged = {free_name(key, own, limit): value for key, value in draft.originals.items()} | own
        for key, value in draft.rest.items():
            merged[free_name(key, merged, limit)] = value
        own = merged
    if own is None:
        return None
    changed: list[bool] = []
    cleaned: dict[str, Any] = clean_object(own, draft.limits, changed)
    if changed:
        draft.mark("context")
    return cleaned
