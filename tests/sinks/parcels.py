"""
Parcels as the client makes them: real rows of the compact batch, in place of a whole client.
"""

from typing import Any

import msgspec

from tracelog.core.compact import VERSION, Header, Ids, Meta, Row, pack_id
from tracelog.core.entry import LEVELS
from tracelog.core.rows import EXTRA_FIELDS
from tracelog.sinks.base import Parcel

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SECONDS = 1_795_350_664.123
"""22 November 2026, 12:31:04.123 UTC."""


def row(message: str = "charging card", /, trace: str = TRACE, level: str = "info", **fields: Any) -> bytes:
    """
    Return one encoded row; names of `Entry` among *fields* go where they belong, others and those of `context`
    become its context.
    """
    extra = {name: fields.pop(name) for name in tuple(fields) if name in EXTRA_FIELDS}
    meta = Meta(LEVELS.index(level), fields.pop("logger", "checkout"))
    ids = Ids(pack_id(trace, 16), None, None, fields.pop("user_id", None), fields.pop("area", None))
    seconds = fields.pop("seconds", SECONDS)
    fields |= fields.pop("context", {})
    return msgspec.msgpack.encode(Row(seconds, meta, ids, message, fields or None, extra or None))


def parcel(*rows: bytes | str, seq: int = 0, **header: Any) -> Parcel:
    """
    Return a parcel of *rows*; a text stands for a row with that message.
    """
    given = {"source": "a1-00ff", "system": "backend", "service": "shop", **header}
    encoded = [row(each) if isinstance(each, str) else each for each in rows]
    return Parcel(Header(v=VERSION, seq=seq, sent_at=SECONDS * 1000, **given), encoded)
