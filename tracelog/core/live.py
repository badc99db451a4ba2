"""
Rows of the live view: what is said alike within five minutes is one row, whose count grows in place.

A row is what a person watches: it leaves out what would make it long. Everything is found under its trace.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from tracelog.core.entry import Entry, encode_entry
from tracelog.core.template import template

SPAN_MS: Final = 300_000
"""Repeats within this time join one row; later ones begin another, which stands where it can be seen."""

MESSAGE_CHARS: Final = 2_000
ROW_BYTES: Final = 8_192
"""A row that is longer goes without its context: ten thousand rows are kept in memory."""

_ID_BYTES: Final = 12


class LiveRow(msgspec.Struct):
    """
    A row of the live view.

    Attributes:
        id: The same for what is one row.
        count: Log calls it stands for, from *first_ms* to *last_ms*.
        body: The JSON of one of them.
        version: Of its last change; *born* that of its first. Given by the store.
    """

    id: str
    count: int
    first_ms: float
    last_ms: float
    body: bytes
    version: int = 0
    born: int = 0

    @property
    def is_new(self) -> bool:
        """
        Whether it was not there before its last change.
        """
        return self.version == self.born


def live_rows(entries: Iterable[Entry]) -> list[LiveRow]:
    """
    Return the rows that processed *entries* add to, in the order of their first moment.
    """
    rows: dict[str, LiveRow] = {}
    for entry in entries:
        name = _name(entry)
        last = entry.timestamp if entry.last_timestamp is None else entry.last_timestamp
        row = rows.get(name)
        if row is None:
            rows[name] = LiveRow(name, entry.weight, entry.timestamp, last, _body(entry))
            continue
        row.count += entry.weight
        row.first_ms = min(row.first_ms, entry.timestamp)
        row.last_ms = max(row.last_ms, last)
    return sorted(rows.values(), key=lambda row: row.first_ms)


def _name(entry: Entry) -> str:
    arrived = entry.timestamp if entry.received_at is None else entry.received_at
    span = int(arrived // SPAN_MS)
    kind = "suppressed" if entry.kind == "suppressed" else ""
    said = (span, kind, entry.system, entry.service, entry.level, entry.sample_rate, template(entry.message))
    return blake2b(msgspec.json.encode(said), digest_size=_ID_BYTES).hexdigest()


def _body(entry: Entry) -> bytes:
    shown = msgspec.structs.replace(entry, stack=None, message=entry.message[:MESSAGE_CHARS])
    body = encode_entry(shown)
    if len(body) <= ROW_BYTES:
        return body
    return encode_entry(msgspec.structs.replace(shown, context=None, error=None))
