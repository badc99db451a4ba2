"""
What was said on one side of a comparison: each pattern with its number, durations and fields.

A pattern is who said it (system and service), in which hop, how bad it was, and the form of the message; so
two runs are laid over one another whatever their ids, times and counters were.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from tracelog.core.entry import ERROR_RANK, RANK, Entry
from tracelog.core.template import fingerprint, template

VALUES: Final = 3
"""Values of a field that still say something; a field with more differs from entry to entry."""

VALUE: Final = 80
"""Characters of a value: longer ones are texts, which differ anyway."""

FIELDS: Final = 32
"""Fields of a pattern that are compared."""

SAMPLES: Final = 1_000
"""Durations of a pattern that are kept: the median of so many is exact enough."""

LARGE: Final = 1_000_000
"""Whole numbers from here on are ids or times, which differ in every run."""

_ID: Final = re.compile(r"(?=[^g-z]*\d)[0-9a-f-]{8,}|\d{6,}.*", re.IGNORECASE)

_PLAIN: Final = ("environment", "release", "area", "logger")


class Key(msgspec.Struct, frozen=True, order=True):
    """
    What two sides are aligned by. *kind* is `error`, `warn` or `info`.
    """

    system: str
    service: str
    hop: str
    kind: str
    print: str


class Sighting(msgspec.Struct):
    """
    One pattern on one side. *values* has the texts of a field, None where they are too many.
    """

    first: Entry
    count: int = 0
    rows: int = 0
    traces: set[str] = msgspec.field(default_factory=set)
    durations: list[float] = msgspec.field(default_factory=list)
    values: dict[str, set[str] | None] = msgspec.field(default_factory=dict)
    holders: dict[str, int] = msgspec.field(default_factory=dict)


def sightings(entries: Iterable[Entry]) -> dict[Key, Sighting]:
    """
    Return the patterns of *entries*; their order does not matter.
    """
    ordered = sorted(entries, key=lambda entry: (entry.timestamp, entry.trace_id, entry.id))
    hops = {
        (entry.trace_id, entry.span_id): template(entry.message)
        for entry in ordered
        if entry.span_id and entry.duration_ms is not None
    }
    found: dict[Key, Sighting] = {}
    for entry in ordered:
        key = _key(entry, hops.get((entry.trace_id, entry.span_id or ""), ""))
        seen = found.get(key)
        if seen is None:
            seen = found[key] = Sighting(entry)
        _add(seen, entry)
    return found


def kind_of(level: str) -> str:
    """
    Return the class of *level*: levels of one class are one pattern.
    """
    rank = RANK.get(level, RANK["info"])
    return "error" if rank >= ERROR_RANK else "warn" if rank >= RANK["warn"] else "info"


def joined(sides: Iterable[Sighting]) -> Sighting:
    """
    Return what several patterns of one side are together.
    """
    first, *others = sorted(sides, key=lambda one: (one.first.timestamp, one.first.id))
    for other in others:
        first.count += other.count
        first.rows += other.rows
        first.traces |= other.traces
        first.durations = (first.durations + other.durations)[:SAMPLES]
        for name, values in other.values.items():
            for text in values or ():
                _note(first, name, text)
            if values is None:
                first.values[name] = None
        for name, n in other.holders.items():
            first.holders[name] = first.holders.get(name, 0) + n
    return first


def _key(entry: Entry, hop: str) -> Key:
    return Key(entry.system, entry.service or "", hop, kind_of(entry.level), fingerprint(entry.message))


def _add(seen: Sighting, entry: Entry) -> None:
    seen.count += entry.weight
    seen.rows += 1
    seen.traces.add(entry.trace_id)
    if entry.duration_ms is not None and len(seen.durations) < SAMPLES:
        seen.durations.append(entry.duration_ms)
    for name, text in _fields(entry):
        if name in seen.values or len(seen.values) < FIELDS:
            _note(seen, name, text)
            seen.holders[name] = seen.holders.get(name, 0) + 1


def _note(seen: Sighting, name: str, text: str) -> None:
    values = seen.values.setdefault(name, set())
    if values is not None:
        values.add(text)
        if len(values) > VALUES:
            seen.values[name] = None


def _fields(entry: Entry) -> Iterator[tuple[str, str]]:
    """
    Yield the fields of *entry* that may differ between runs for a reason, with their values as text.
    """
    plain = [(name, getattr(entry, name)) for name in _PLAIN]
    error = [("error", entry.error.get("type"))] if isinstance(entry.error, dict) else []
    for name, value in [*plain, *error, *_leaves(entry.context or {})]:
        if isinstance(value, bool | int | float | str) and (text := _telling(value)) is not None:
            yield name, text


def _leaves(context: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in context.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", leaf) for inner, leaf in value.items())
        else:
            yield name, value


def _telling(value: bool | float | str) -> str | None:
    """
    Return *value* as text, None for what differs in every run: ids, times, long texts, parts of a number.
    """
    if isinstance(value, str):
        return None if not value or len(value) > VALUE or _ID.fullmatch(value) else value
    if isinstance(value, float) and not value.is_integer():
        return None
    return None if abs(value) >= LARGE else str(value).removesuffix(".0")
