"""
What an entry is called: names that its sender left out, and names that already mean something else.

Whoever repeats a sending must find the entry that is there already. So a name that is missing is made from
one that was sent, and the same words always become the same name.
"""

from collections.abc import Mapping
from typing import Any, Final

from tracelog.core.entry import Entry, Limits
from tracelog.core.fields import READERS, Draft
from tracelog.core.headers import parse_traceparent

REFERENCES: Final = frozenset({"latest", "latest-error"})
"""Words that ask for a trace without naming one. A trace of that name could never be read back."""

RENAMED: Final = "trace-"
"""Stands before a trace id that is such a word."""

_TRACE_BYTES: Final = 16
_TRACEPARENT_CHARS: Final = 55
"""Of the shortest traceparent; a shorter id is none, and needs no further look."""

_TELLING: Final = ("id", "system", "source", "seq")


def trace_of(entry_id: str) -> str:
    """
    Return the trace id of an entry that has an id of its own and names no trace: 32 hexadecimal digits.
    """
    from hashlib import blake2b  # noqa: PLC0415 - loads OpenSSL, milliseconds that every program would pay

    return blake2b(entry_id.encode("utf-8", "replace"), digest_size=_TRACE_BYTES).hexdigest()


def readable(trace_id: str) -> str:
    """
    Return the name under which the entries of *trace_id* can be read back: itself, unless it is a reference.

    `latest` becomes `trace-latest`; a whole `traceparent` names the trace that stands in it.
    """
    if trace_id in REFERENCES:
        return RENAMED + trace_id
    parent = parse_traceparent(trace_id) if len(trace_id) >= _TRACEPARENT_CHARS else None
    return trace_id if parent is None else parent.trace_id


def rename(entry: Entry) -> None:
    """
    Give *entry* the `readable` name of its trace, and say so in `fixed`.
    """
    name = readable(entry.trace_id)
    if name != entry.trace_id:
        entry.trace_id = name
        entry.fixed = [*(entry.fixed or ()), "trace_id"]


def own_id(entry: Entry) -> str:
    """
    Return the id that *entry* has by what its sender said, empty when it has none.
    """
    if entry.id or entry.source is None or entry.seq is None:
        return entry.id
    return f"{entry.source}-{entry.seq}"


def identify(raw: Any, *, now_ms: float, limits: Limits) -> Entry | None:
    """
    Return who speaks in *raw*, a decoded JSON value that is no valid entry: id, system, source and number.

    None when it is no object. With it the loss is counted where the sender's other entries are.
    """
    if not isinstance(raw, Mapping):
        return None
    draft = Draft(now_ms, limits)
    values = {name: READERS[name](draft, name, raw[name]) for name in _TELLING if raw.get(name) is not None}
    entry = Entry(**values)
    entry.id = own_id(entry)
    return entry
