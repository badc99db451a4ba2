"""
The parts of a compact batch as types: what they mean, and when they need no straightening.

The public types say what a sender may write. The straight ones are what the decoder accepts without a further
look; they are built for the limits in force.
"""

from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec

from tracelog.core.entry import LEVELS, Limits
from tracelog.core.ids import Ids
from tracelog.core.straight import Count, Duration, Kind, Moment, Name, Rate, Seq, context_type

EXTRA_FIELDS: Final = (
    "stack",
    "error",
    "duration_ms",
    "kind",
    "count",
    "last_timestamp",
    "why",
    "sample_rate",
    "hops",
)
"""Fields of `Entry` that few rows have: they travel by name, behind the others."""


class Header(msgspec.Struct, kw_only=True, omit_defaults=True):
    """
    What all rows of a batch share.

    Attributes:
        v: Version of this format.
        source: The process that speaks; rows become `<source>-<seq>`.
        seq: Running number of the first row.
        sent_at: Unix milliseconds of the sender's clock when the batch was built.
        report: The sender's cumulative ledger, as `tracelog.stats()` shows it.
    """

    v: int = 0
    source: str = ""
    seq: int = 0
    sent_at: float = 0.0
    system: str = ""
    service: str | None = None
    environment: str | None = None
    release: str | None = None
    report: dict[str, Any] | None = None


class Meta(msgspec.Struct, array_like=True, frozen=True):
    """
    What a logger says in every call: index into `LEVELS`, its name, its bound fields.
    """

    level: int
    logger: str | None = None
    bound: dict[str, Any] | None = None


class Row(msgspec.Struct, array_like=True, frozen=True):
    """
    One entry; *extra* holds the rarer fields of `Entry` by name (stack, error, duration_ms, kind …).
    """

    seconds: float
    meta: Meta
    ids: Ids
    message: str
    fields: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None


class _Ids(msgspec.Struct, array_like=True, gc=False):
    trace: Any
    span: Any = None
    parent: Any = None
    user_id: Name | None = None
    area: Name | None = None


class _Extra(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    stack: str | None = None
    error: dict[str, Any] | None = None
    duration_ms: Duration | None = None
    kind: Kind | None = None
    count: Count | None = None
    last_timestamp: Moment | None = None
    why: Name | None = None
    sample_rate: Rate | None = None
    hops: Seq | None = None


@lru_cache(maxsize=8)
def row_type(limits: Limits) -> Any:
    """
    Return the type of a row that needs no straightening within *limits*.
    """
    fields = (context_type(limits) | None, None)
    level = Annotated[int, msgspec.Meta(ge=0, lt=len(LEVELS))]
    seconds = Annotated[float, msgspec.Meta(ge=0.0, le=1e11)]
    meta: Any = msgspec.defstruct(
        "_Meta",
        (("level", level), ("logger", Name | None, None), ("bound", *fields)),
        array_like=True,
        gc=False,
    )
    columns = (
        ("seconds", seconds),
        ("meta", meta),
        ("ids", _Ids),
        ("message", str),
        ("fields", *fields),
        ("extra", _Extra | None, None),
    )
    return msgspec.defstruct("_Row", columns, array_like=True, gc=False)


@lru_cache(maxsize=8)
def row_decoder(limits: Limits) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(row_type(limits))
