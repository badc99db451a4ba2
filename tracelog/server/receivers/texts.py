"""
What programs print on a console and what it says about entries: JSON lines, trace ids.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tracelog.core.clean import free_name
from tracelog.core.entry import NAME_CHARS, is_trace_id
from tracelog.core.headers import parse_traceparent
from tracelog.core.levels import level_of
from tracelog.core.straighten import ALIASES
from tracelog.core.wire import DECODE_ERRORS

TAKEN: Final = (
    "message",
    "level",
    "user_id",
    "logger",
    "area",
    "span_id",
    "parent_id",
    "stack",
    "error",
    "hops",
)
"""Fields that a printed JSON line may set. Who and where it is from, the platform knows better; its `id` is
as likely that of a customer; its times say less than the moment of printing."""

_NAMES: Final = {name: field for field in TAKEN for name in (field, *ALIASES.get(field, ()))}
_TRACE_NAMES: Final = ("trace_id", *ALIASES["trace_id"], "traceparent")

_MARK: Final = re.compile(
    r"trace(?:[_-]?id|(parent))[\"'\\]{0,3}+[ ]{0,3}+[:=][ ]{0,3}+[\"'\\]{0,3}+"
    r"([A-Za-z0-9_.:-]{1,128}+)(?![A-Za-z0-9_.:-])",
    re.IGNORECASE,
)

_any = msgspec.json.Decoder()


def find_trace(text: str) -> str | None:
    """
    Return the trace id that *text* names: behind `trace_id=`, `traceId:`, `traceparent=` and the like.
    """
    for found in _MARK.finditer(text):
        trace_id = _trace_of(found[2].rstrip(".:-"), is_parent=found[1] is not None)
        if trace_id is not None:
            return trace_id
    return None


def read_line(text: str) -> dict[str, Any]:
    """
    Return the fields that *text* means as a line of a log: a message, or the JSON object that it is.

    Returns:
        `message`, and as far as they are said the other fields of `TAKEN`, `trace_id` and `context`.
    """
    said = _object(text)
    if said is None:
        trace_id = find_trace(text)
        return {"message": text} if trace_id is None else {"message": text, "trace_id": trace_id}
    line: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in said.items():
        field = _NAMES.get(key)
        if field is None or (field == "level" and level_of(key, value) is None):
            rest[key] = value
        elif value is not None:
            line[field] = level_of(key, value) if field == "level" else value
    line.setdefault("message", text)
    for name in _TRACE_NAMES:
        trace_id = _trace_of(rest.get(name), is_parent=name == "traceparent")
        if trace_id is not None:
            line["trace_id"] = trace_id
            del rest[name]
            break
    return line | {"context": rest} if rest else line


def merged(own: Mapping[str, Any], more: Mapping[str, Any] | None) -> dict[str, Any]:
    """
    Return a context with everything of *own* under its name, and *more* under names that are still free.
    """
    whole = dict(own)
    for key, value in (more or {}).items():
        whole[free_name(key, whole, NAME_CHARS)] = value
    return whole


def number(value: Any) -> float | None:
    """
    Return *value* when it is a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 2.0**63 else None


def _object(text: str) -> dict[str, Any] | None:
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        said = _any.decode(text)
    except DECODE_ERRORS:  # it only looks like JSON
        return None
    return said if isinstance(said, dict) else None


def _trace_of(value: Any, *, is_parent: bool) -> str | None:
    if not isinstance(value, str):
        return None
    parent = parse_traceparent(value)
    if parent is not None:
        return parent.trace_id
    return value if is_trace_id(value) and not is_parent else None
