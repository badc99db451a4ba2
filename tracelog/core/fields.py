"""
How each field of a crooked entry is read: one reader a field, in a table.

A reader gets what was sent and returns what the entry holds. It says in the draft what it had to change, and
keeps there what it could not use. Only an unusable trace id is refused outright.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tracelog.core.causes import read_error
from tracelog.core.clean import clean_text, plain_text, shorten
from tracelog.core.entry import (
    ID_CHARS,
    LARGEST_COUNT,
    NAME_CHARS,
    SOURCE_CHARS,
    SYSTEM,
    Limits,
    is_span_id,
    is_trace_id,
)
from tracelog.core.levels import level_of
from tracelog.core.times import EARLIEST_MS, LATEST_AHEAD_MS, to_milliseconds
from tracelog.errors import InvalidEntryError

KINDS: Final = frozenset({"summary", "suppressed", "context"})

_NOT_SLUG: Final = re.compile(r"[^a-z0-9_-]+")
_NUMBER_CHARS: Final = 32
"""Longer than any number that fits a field; a longer text is not read as one."""


class Draft:
    """
    The entry under repair: what was changed, what could not be used, and what has no field of its own.
    """

    __slots__ = ("error_rest", "fixed", "key", "limits", "now_ms", "originals", "rest")

    def __init__(self, now_ms: float, limits: Limits) -> None:
        self.now_ms = now_ms
        self.limits = limits
        self.key = ""
        self.fixed: list[str] = []
        self.originals: dict[str, Any] = {}
        self.rest: dict[str, Any] = {}
        self.error_rest: dict[str, Any] = {}

    def mark(self, field: str) -> None:
        if field not in self.fixed:
            self.fixed.append(field)

    def refuse(self, field: str, value: Any) -> None:
        self.mark(field)
        self.originals[f"original_{field}"] = value

    def text(self, field: str, value: Any) -> str:
        """
        Return *value* as clean text, noting whether that is what was sent.
        """
        cleaned = clean_text(value if isinstance(value, str) else plain_text(value))
        if cleaned != value:
            self.mark(field)
        return cleaned

    def short(self, field: str, value: Any, limit: int) -> str:
        text = shorten(self.text(field, value), limit)
        if text != value:
            self.mark(field)
        return text


def _read_id(draft: Draft, field: str, value: Any) -> str:
    return draft.short(field, value, ID_CHARS)


def _read_trace_id(_draft: Draft, _field: str, value: Any) -> str:
    if isinstance(value, str) and is_trace_id(value):
        return value
    raise InvalidEntryError(
        "trace_id must be 1 to 128 letters, digits or _ . : - and not all zeros; leave it out for a new one",
        reason="bad_trace_id",
    )


def _read_moment(draft: Draft, field: str, value: Any) -> float | None:
    moment = to_milliseconds(value)
    if moment is None or not EARLIEST_MS <= moment <= draft.now_ms + LATEST_AHEAD_MS:
        draft.refuse(field, value)
        return None
    if moment != value:
        draft.mark(field)
    return moment


def _read_timestamp(draft: Draft, field: str, value: Any) -> float:
    moment = _read_moment(draft, field, value)
    return draft.now_ms if moment is None else moment


def _read_level(draft: Draft, field: str, value: Any) -> str:
    level = level_of(draft.key, value)
    if level is None:
        if value != "":
            draft.refuse(field, value)
        return "info"
    if level != value:
        draft.mark(field)
    return level


def _read_system(draft: Draft, field: str, value: Any) -> str:
    if isinstance(value, str):
        if value == "" or SYSTEM.fullmatch(value):
            return value
        slug = _NOT_SLUG.sub("-", value.lower()[:NAME_CHARS])[:32].strip("-")
        if slug:
            draft.mark(field)
            return slug
    draft.refuse(field, value)
    return ""


def _read_text(draft: Draft, field: str, value: Any) -> str:
    return draft.text(field, value)


def _read_stack(draft: Draft, field: str, value: Any) -> str:
    if isinstance(value, list):
        draft.mark(field)
        lines = [plain_text(line) for line in value[: draft.limits.items]]
        if len(lines) < len(value):
            lines.append(f"[cut: {len(value) - len(lines)} more lines]")
        value = "\n".join(lines)
    return draft.text(field, value)


def _read_name(draft: Draft, field: str, value: Any) -> str:
    return draft.short(field, value, NAME_CHARS)


def _read_source(draft: Draft, field: str, value: Any) -> str | None:
    return draft.short(field, value, SOURCE_CHARS) or None


def _read_span(draft: Draft, field: str, value: Any) -> str | None:
    if isinstance(value, str) and is_span_id(value.lower()):
        if value != value.lower():
            draft.mark(field)
        return value.lower()
    if value != "":
        draft.refuse(field, value)
    return None


def _as_number(value: Any) -> float | None:
    """
    Return the finite number that *value* is or says, whole ones as `int`.
    """
    if isinstance(value, str) and len(value) <= _NUMBER_CHARS:
        try:
            value = int(value) if value.isdecimal() else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        return None
    return value


def _read_number(draft: Draft, field: str, value: Any) -> float | None:
    number = _as_number(value)
    lowest, highest = _RANGES[field]
    if number is None or not lowest <= number <= highest:
        draft.refuse(field, value)
        return None
    if number != value:
        draft.mark(field)
    return float(number)


def _read_integer(draft: Draft, field: str, value: Any) -> int | None:
    number = _as_number(value)
    lowest, highest = _RANGES[field]
    if number is None or not lowest <= number <= highest or number != int(number):
        draft.refuse(field, value)
        return None
    if number != value:
        draft.mark(field)
    return int(number)


def _read_kind(draft: Draft, field: str, value: Any) -> str | None:
    if isinstance(value, str) and value in KINDS:
        return value
    draft.refuse(field, value)
    return None


def _read_error(draft: Draft, field: str, value: Any) -> dict[str, Any] | None:
    if isinstance(value, bool):
        draft.rest[field] = value  # a flag of the sender's own, such as `"error": false`
        return None
    read = read_error(value, draft.limits.depth)
    if read.fixed:
        draft.mark(field)
    draft.error_rest = read.rest
    return read.error


_LARGEST: Final = math.nextafter(math.inf, 0.0)

_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "duration_ms": (0.0, _LARGEST),
    "sample_rate": (math.nextafter(0.0, 1.0), 1.0),
    "seq": (0, LARGEST_COUNT),
    "count": (1, LARGEST_COUNT),
    "hops": (0, LARGEST_COUNT),
}
"""Least and greatest value of the numeric fields."""

READERS: Final[Mapping[str, Callable[[Draft, str, Any], Any]]] = {
    "id": _read_id,
    "trace_id": _read_trace_id,
    "timestamp": _read_timestamp,
    "system": _read_system,
    "level": _read_level,
    "message": _read_text,
    **dict.fromkeys(("user_id", "service", "logger", "environment", "release", "area", "why"), _read_name),
    "span_id": _read_span,
    "parent_id": _read_span,
    "duration_ms": _read_number,
    "stack": _read_stack,
    "error": _read_error,
    "source": _read_source,
    "seq": _read_integer,
    "kind": _read_kind,
    "count": _read_integer,
    "last_timestamp": _read_moment,
    "sample_rate": _read_number,
    "hops": _read_integer,
}
"""Every field that a body may set, except `context`, which takes what the others leave."""
