"""
What a Python client sends: rows and batches of the compact form, to be decoded.
"""

import msgspec

from tests.core.corpus import NOW, TRACE, mint
from tracelog.core.compact import VERSION, Header, Ids, Meta, decode_batch, encode_batch

HEADER = Header(v=VERSION, source="p1", seq=40, sent_at=NOW, system="backend", service="checkout")
IDS = Ids(bytes.fromhex(TRACE))
META = Meta(2)
pack = msgspec.msgpack.encode


def row(seconds=NOW / 1000, meta=META, ids=IDS, message="m", fields=None, extra=None):
    return pack([seconds, meta, ids, message, fields, extra])


def decode(rows, header=HEADER, **options):
    return decode_batch(encode_batch(header, rows), now_ms=NOW, mint=mint(), **options)


def decode_one(data, **options):
    (entry,) = decode([data], **options).entries
    return entry
