"""
A hop as a value: which trace, which step of it, and what travels on to the systems called from there.
"""

from typing import Any, Final

import msgspec

from tracelog.client.ids import new_span_id, new_trace_id
from tracelog.client.odd import name_of, shown
from tracelog.core.entry import NAME_CHARS
from tracelog.core.headers import RANDOM_ID, SAMPLED, Incoming, write_headers
from tracelog.core.ids import Ids, encode_ids, pack_id


class Trace:
    """
    Where log calls belong now.

    Attributes:
        trace_id: The request.
        span_id: This hop, 16 hex digits; *parent_id* the hop that caused it.
        name: What this hop was called.
        user_id: Who it is for; *area* the part of the application.
        incoming: What travels on to other systems (flags, tracestate, baggage).
        raw: The ids as every entry of this hop carries them, encoded once.
        left_to: Set when the hop was left while another stood on it: where who leaves that one returns to.
    """

    __slots__ = ("area", "incoming", "left_to", "name", "parent_id", "raw", "span_id", "user_id")

    def __init__(
        self, incoming: Incoming, span_id: str, *, name: Any = "", user_id: Any = None, area: Any = None
    ) -> None:
        self.incoming = incoming
        self.span_id = span_id
        self.parent_id = incoming.parent_id
        self.name = shown(name)
        self.user_id = name_of(user_id, NAME_CHARS)
        self.area = name_of(area, NAME_CHARS)
        trace = pack_id(incoming.trace_id, 16) or incoming.trace_id
        ids = Ids(trace, _packed(span_id), _packed(self.parent_id), self.user_id, self.area)
        self.raw: msgspec.Raw = encode_ids(ids)
        self.left_to: tuple[Trace | None] | None = None

    @property
    def trace_id(self) -> str:
        return self.incoming.trace_id

    def child(self, name: Any = "", *, user_id: Any = None, area: Any = None) -> "Trace":
        """
        Return a new hop caused by this one.
        """
        incoming = msgspec.structs.replace(self.incoming, parent_id=self.span_id)
        user_id = self.user_id if user_id is None else user_id
        return Trace(
            incoming, new_span_id(), name=name, user_id=user_id, area=self.area if area is None else area
        )

    def headers(self) -> dict[str, str]:
        """
        Return the headers that hand this trace to a system called from here.
        """
        return write_headers(self.incoming, self.span_id)

    def __repr__(self) -> str:
        return f"Trace({self.trace_id!r}, span_id={self.span_id!r}, name={self.name!r})"


def _packed(span_id: str | None) -> bytes | None:
    return bytes.fromhex(span_id) if span_id else None


def fresh() -> Incoming:
    """
    Return the beginning of a new trace.
    """
    return Incoming(trace_id=new_trace_id(), flags=SAMPLED | RANDOM_ID)


def _mute() -> Trace:
    trace = Trace(fresh(), new_span_id())
    del trace.raw
    return trace


MUTED: Final = _mute()
"""The place of whatever runs on a shipping thread: sinks, hooks, redaction. What these log would have to be
shipped in turn, for ever. It has no encoded ids: no entry can be built here, at no cost to others."""
