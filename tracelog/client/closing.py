"""
The entry that closes a hop: when it began, how long it took, and the exception that left it.

An exception is told in full once, by the innermost hop it left; the outer ones name it.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tracelog.client.crash import note
from tracelog.client.gate import Gate
from tracelog.client.hop import MUTED, Trace
from tracelog.client.odd import encode, encode_fields
from tracelog.client.pipeline import LATE_BYTES, LateRow, encode_meta
from tracelog.core.entry import RANK

_METAS: Final = {level: encode_meta(level) for level in RANK}


class Closing(NamedTuple):
    """
    How a hop ended.

    Attributes:
        trace: The hop.
        level: Of its closing entry.
        started: Unix seconds.
        duration_ms: How long it took.
        fields: Carried by the entry.
        error: The exception that left it.
    """

    trace: Trace
    level: str
    started: float
    duration_ms: float
    fields: Mapping[str, Any]
    error: BaseException | None


def log_closing(gate: Gate, closing: Closing) -> None:
    """
    Queue the entry of *closing*, when there is room. Never raises.
    """
    rank = RANK[closing.level]
    if len(gate.queue) >= gate.high_water and gate.full(rank):
        return
    if closing.trace is MUTED:
        gate.drops.count("reentrant")
        return
    fields = encode_fields(closing.fields)
    message = closing.trace.name or "span"
    parts = (closing.started, _METAS[closing.level], closing.trace.raw, message, fields)
    extra: dict[str, Any] = {"duration_ms": round(closing.duration_ms, 3)}
    if closing.error is None:
        row = encode((*parts, extra))
        gate.put(row, len(row))
        return
    fault = note(closing.error)
    first = _first_told(closing.error)
    if not first:
        extra["error"] = {"type": fault.type, "message": fault.message}
    gate.put(LateRow(parts, extra, fault if first else None), LATE_BYTES + len(fields))


def _first_told(error: BaseException) -> bool:
    """
    Whether no inner hop has told *error* in full already; remembers that this one does.
    """
    try:
        told = error.__dict__.get("__tracelog_told__", False)
        error.__dict__["__tracelog_told__"] = True
    except Exception:  # an exception without room for a mark is told by each hop
        return True
    return not told
