"""
Stored JSON read for its timeline alone: what no row tells (stack, user, most of the context) is not made.

Making values that nobody asks for costs as much as what follows. Whatever a row of the timeline depends on
is here, so that the result is that of whole entries; where it could be another (an id twice, an odd level or
time), whole entries are read.
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
    unread: msgspec.Raw = msgspec.field(name="context", default=msgspec.Raw())
    source: str | None = None
    seq: int | None = None
    kind: str | None = None
    count: int | None = None
    last_timestamp: float | None = None
    why: str | None = None
    origin: str | None = None
    received_at: float | None = None

    @property
    def context(self) -> dict[str, Any] | None:
        """
        The context, read each time: only neighbours that say the same are asked for it.
        """
        return cast("dict[str, Any] | None", msgspec.json.decode(self.unread)) if self.unread else None

    @property
    def weight(self) -> int:
        return self.count or 1


_decode: Final = msgspec.json.Decoder(Spoken).decode


def spoken(rows: Sequence[bytes]) -> Intake:
    """
    Return the entries of *rows*, JSON that `encode_entry` wrote, each once; good for a timeline and no more.

    Raises:
        msgspec.DecodeError: When a row is no such JSON.
    """
    try:
        entries = cast("list[Entry]", [_decode(row) for row in rows])
    except msgspec.ValidationError:
        return distinct([decode_entry(row) for row in rows])
    if not are_sound(entries):
        return distinct([decode_entry(row) for row in rows])
    return Intake(entries, len(entries), 0)
