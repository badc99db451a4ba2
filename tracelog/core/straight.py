"""
The entry that needs no straightening, as a type: what the decoder accepts here is valid as it stands.

The decoder checks in C what `straighten` would check field by field, six times faster. Whatever it refuses is
not wrong, only in need of the slow way; both give the same entry.
"""

import math
from functools import lru_cache
from types import GenericAlias
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from tracelog.core.entry import ID_CHARS, LARGEST_COUNT, NAME_CHARS, SOURCE_CHARS, Entry, Limits
from tracelog.core.times import EARLIEST_MS

LARGEST: Final = math.nextafter(math.inf, 0.0)

Name = Annotated[str, Meta(max_length=NAME_CHARS)]
Level = Literal["debug", "log", "info", "warn", "error", "fatal"]
Kind = Literal["summary", "suppressed", "context"]
Count = Annotated[int, Meta(ge=1, le=LARGEST_COUNT)]
Seq = Annotated[int, Meta(ge=0, le=LARGEST_COUNT)]
Moment = Annotated[float, Meta(ge=EARLIEST_MS)]
Duration = Annotated[float, Meta(ge=0.0, le=LARGEST)]
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
"""Neither NaN nor infinite: msgpack carries both, JSON would turn them into null."""

Rate = Annotated[float, Meta(gt=0.0, le=1.0)]

_LEVELS_TYPED: Final = 4
"""Depth of context that the type describes. Each level doubles the type; few contexts go deeper, and those go
the slow way."""


class Straight(Entry, kw_only=True, forbid_unknown_fields=True, gc=False):
    """
    An entry as a well-behaved sender writes it. What a body may not set is of type None.
    """

    message: str
    id: Annotated[str, Meta(max_length=ID_CHARS)] = ""
    trace_id: Annotated[str, Meta(min_length=1)] = ""
    timestamp: Moment = 0.0
    level: Level = "info"
    user_id: Name | None = None
    service: Name | None = None
    logger: Name | None = None
    environment: Name | None = None
    release: Name | None = None
    area: Name | None = None
    duration_ms: Duration | None = None
    source: Annotated[str, Meta(min_length=1, max_length=SOURCE_CHARS)] | None = None
    seq: Seq | None = None
    kind: Kind | None = None
    count: Count | None = None
    last_timestamp: Moment | None = None
    why: Name | None = None
    sample_rate: Rate | None = None
    hops: Seq | None = None
    origin: None = None
    received_at: None = None
    fixed: None = None


@lru_cache(maxsize=8)
def context_type(limits: Limits) -> Any:
    """
    Return the type of a context within *limits*: clean depth, breadth and names, finite numbers of 64 bits.
    """
    key = Annotated[str, Meta(max_length=limits.name)]
    flat: Any = str | Integer | Number | bool | None
    value = flat
    for _ in range(min(_LEVELS_TYPED, limits.depth) - 1):
        value = flat | _at_most(limits.items, list, value) | _at_most(limits.keys, dict, key, value)
    return _at_most(limits.keys, dict, key, value)


def _at_most(limit: int, kind: type, *of: Any) -> Any:
    return Annotated[GenericAlias(kind, of), Meta(max_length=limit)]


@lru_cache(maxsize=8)
def straight_type(limits: Limits) -> Any:
    """
    Return `Straight` with a context within *limits*.
    """
    context = (("context", context_type(limits) | None, None),)
    return msgspec.defstruct(
        "Straight", context, bases=(Straight,), kw_only=True, forbid_unknown_fields=True, gc=False
    )


@lru_cache(maxsize=8)
def straight_decoders(
    limits: Limits,
) -> tuple[msgspec.json.Decoder[Straight], msgspec.json.Decoder[list[Straight]]]:
    """
    Return the decoders of one straight entry and of an array of them.
    """
    one = straight_type(limits)
    return msgspec.json.Decoder(one), msgspec.json.Decoder(GenericAlias(list, (one,)))
