"""
What a timeline asks of an entry: the rest (stack, user, most of the context) is not made from its JSON.

Making values that nobody asks for costs as much as what follows, and so does the memory that they take.
"""

from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from tracelog.correlation.intake import LATEST_MS

_Level = Literal["debug", "log", "info", "warn", "error", "fatal"]
"""As a closed set the decoder hands out one text for all entries."""

_Moment = Annotated[float, Meta(gt=-LATEST_MS, lt=LATEST_MS)]
"""A time that is one: what `have_times` asks of entries, the decoder asks for less."""

_Name = TypeVar("_Name", bound=str)


class Spoken(msgspec.Struct, Generic[_Name], kw_only=True, gc=False):
    """
    What the timeline asks of an entry, in the order in which `encode_entry` writes it.

    The type of names is open, so that those of one trace can be a closed set as levels are.
    """

    id: str = ""
    timestamp: _Moment = 0.0
    system: _Name | Literal[""] = ""
    level: _Level = "info"
    message: str = ""
    service: _Name | None = None
    span_id: str | None = None
    parent_id: str | None = None
    duration_ms: float | None = None
    error: dict[str, Any] | None = None
    source: _Name | None = None
    seq: int | None = None
    kind: str | None = None
    count: int | None = None
    last_timestamp: _Moment | None = None
    why: str | None = None
    origin: str | None = None
    received_at: _Moment | None = None
    row: bytes = msgspec.field(name=" ", default=b"")
    """The JSON itself. No field of an entry is called so."""

    @property
    def context(self) -> dict[str, Any] | None:
        """
        The context, read each time: only neighbours that say the same, and closed hops, are asked for it.
        """
        return _decode_context(self.row).context if _CONTEXT in self.row else None

    @property
    def weight(self) -> int:
        return self.count or 1


class _Context(msgspec.Struct, gc=False):
    context: dict[str, Any] | None = None


_CONTEXT: Final = b'"context"'
_decode_context: Final = msgspec.json.Decoder(_Context).decode
