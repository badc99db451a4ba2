"""
Stored JSON read for its timeline alone: what no row tells (stack, user, most of the context) is not made.

Making values that nobody asks for costs as much as what follows, and so does memory: each entry brings names
of its own that thousands share, so each is kept once, while the entry is still in the cache. Whatever a row
of the timeline depends on is here, so that the result is that of whole entries; where it could be another (an
id twice, an odd level or time), whole entries are read.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import msgspec

from tracelog.core.entry import Entry, decode_entry
from tracelog.correlation.intake import Intake, are_sound, distinct

_Level = Literal["debug", "log", "info", "warn", "error", "fatal"]
"""As a closed set the decoder hands out one text for all entries."""


class Spoken(msgspec.Struct, kw_only=True, gc=False):
    """
    What the timeline asks of an entry, in the order in which `encode_entry` writes it.
    """

    id: str = ""
    timestamp: float = 0.0
    system: str = ""
    level: _Level = "info"
    message: str = ""
    service: str | None = None
    span_id: str | None = None
    parent_id: str | None = None
    duration_ms: float | None = None
    error: dict[str, Any] | None = None
    source: str | None = None
    seq: int | None = None
    kind: str | None = None
    count: int | None = None
    last_timestamp: float | None = None
    why: str | None = None
    origin: str | None = None
    received_at: float | None = None
    row: bytes = msgspec.field(name=" ", default=b"")
    """The JSON itself. No field of an entry is called so."""

    @property
    def context(self) -> dict[str, Any] | None:
        """
        The context, read each time: only neighbours that say the same are asked for it.
        """
        return _decode_context(self.row).context if _CONTEXT in self.row else None

    @property
    def weight(self) -> int:
        return self.count or 1


class _Context(msgspec.Struct, gc=False):
    context: dict[str, Any] | None = None


_CONTEXT: Final = b'"context"'

_decode: Final = msgspec.json.Decoder(Spoken).decode
_decode_context: Final = msgspec.json.Decoder(_Context).decode


def spoken(rows: Sequence[bytes]) -> Intake:
    """
    Return the entries of *rows*, JSON that `encode_entry` wrote, each once; good for a timeline and no more.

    Raises:
        msgspec.DecodeError: When a row is no such JSON.
    """
    try:
        entries = cast("list[Entry]", _decoded(rows))
    except msgspec.ValidationError:
        return distinct([decode_entry(row) for row in rows])
    if not are_sound(entries):
        return distinct([decode_entry(row) for row in rows])
    return Intake(entries, len(entries), 0)


def _decoded(rows: Sequence[bytes]) -> list[Spoken]:
    """
    Return the entries of *rows*, in which equal names are one text.
    """
    names: dict[str | None, Any] = {}
    known = names.setdefault
    entries = []
    for row in rows:
        entry = _decode(row)
        entry.row = row
        entry.system = known(entry.system, entry.system)
        entry.service = known(entry.service, entry.service)
        entry.source = known(entry.source, entry.source)
        entry.span_id = known(entry.span_id, entry.span_id)
        entries.append(entry)
    return entries
