"""
Rows as the server hands them to a store, made short for tests; and a clock that only tests turn.
"""

from typing import Any

from tracelog.core.entry import Entry, encode_entry
from tracelog.stores import Row

NOON_MS = 1_800_000_000_000.0


class Clock:
    """
    Unix seconds that stand still until *now* is changed.
    """

    def __init__(self) -> None:
        self.now = NOON_MS / 1000

    def __call__(self) -> float:
        return self.now


def row(trace_id: str, seq: int, message: str = "said", **fields: Any) -> Row:
    """
    Return an entry and its JSON: number *seq* of source `s`, that many milliseconds after noon.
    """
    source = fields.pop("source", "s")
    entry = Entry(
        id=fields.pop("id", f"{source}-{seq}"),
        trace_id=trace_id,
        timestamp=fields.pop("timestamp", NOON_MS + seq),
        system=fields.pop("system", "backend"),
        level=fields.pop("level", "info"),
        message=message,
        source=source,
        seq=seq,
        **fields,
    )
    return entry, encode_entry(entry)
