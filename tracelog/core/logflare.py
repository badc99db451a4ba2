"""
Entries as events of Logflare (its ingest API, `POST /api/logs`): a fixed set of fields, each of one type
for ever.

Logflare stores events in columns. It rewrites keys that are no column names, drops what is empty, refuses
lists of lists and mixed lists, and a key keeps the type of its first value: one entry with `order=12` and
another with `order={"id": 12}` would lose the second. So everything a program makes up, its context and its
errors, travels as JSON in one text each, and only fields that an operator names become columns of their
own, as texts. Pure.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tracelog.core.entry import Entry

COLUMN_CHARS: Final = 128
"""Of a BigQuery column name, as Logflare cuts it."""

EMPTY: Final = "(no message)"
"""Logflare drops empty texts, and an event without a message is refused."""

_TEXTS: Final = (
    "trace_id",
    "system",
    "level",
    "user_id",
    "service",
    "logger",
    "environment",
    "release",
    "area",
    "span_id",
    "parent_id",
    "stack",
    "source",
    "kind",
    "why",
    "origin",
)
_NUMBERS: Final = ("duration_ms", "last_timestamp", "sample_rate", "received_at")
"""Written with a fraction always, for the first value decides between whole and fractional columns."""

_WHOLE: Final = ("seq", "count", "hops")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_]")


def event(entry: Entry, columns: Sequence[str] = ()) -> dict[str, Any]:
    """
    Return *entry* as an event of a batch.

    Args:
        entry: Complete.
        columns: Keys of its context that become columns of their own, `context_<key>`, as texts.
    """
    said: dict[str, Any] = {"entry_id": entry.id}
    said |= {name: value for name in _TEXTS if (value := getattr(entry, name))}
    said |= {name: float(value) for name in _NUMBERS if (value := getattr(entry, name)) is not None}
    said |= {name: value for name in _WHOLE if (value := getattr(entry, name)) is not None}
    said |= _error(entry.error)
    said |= {name: text for name, text in _named(entry.context, columns) if text}
    if entry.context:
        said["context"] = _json(entry.context)
    if entry.fixed:
        said["fixed"] = ",".join(entry.fixed)
    told = {"id": event_id(entry), "message": entry.message or EMPTY, "metadata": said}
    moment = _iso(entry.timestamp)
    return told if moment is None else {**told, "timestamp": moment}


def batch(entries: Iterable[Entry], columns: Sequence[str] = ()) -> bytes:
    """
    Return the body of a request for *entries*.
    """
    return msgspec.json.encode({"batch": [event(entry, columns) for entry in entries]})


def event_id(entry: Entry) -> str:
    """
    Return the id of an entry's event: a UUID (version 8, RFC 9562 §5.8) made of its trace and id, so that an
    entry that is sent again has the same one.
    """
    digest = hashlib.sha256(f"{entry.trace_id}\n{entry.id}".encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def column(key: str) -> str:
    """
    Return the column that a key of the context stands in.
    """
    return f"context_{_UNFIT.sub('_', key)}"[:COLUMN_CHARS]


def _named(context: dict[str, Any] | None, columns: Sequence[str]) -> Iterable[tuple[str, str]]:
    held = context or {}
    for key in columns:
        value = held.get(key)
        if value is not None:
            yield column(key), value if isinstance(value, str) else _json(value)


def _error(error: dict[str, Any] | None) -> dict[str, str]:
    if not error:
        return {}
    parts = {f"error_{name}": str(error[name]) for name in ("type", "message") if error.get(name)}
    return {**parts, "error": _json(error)}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _iso(timestamp: float) -> str | None:
    """
    Return Unix milliseconds in ISO 8601; numbers would be guessed by their size. None where no calendar has
    it.
    """
    try:
        moment = datetime.fromtimestamp(timestamp / 1000.0, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
