"""
The ids of a row in the compact batch: encoded once for each hop, by who needs nothing else of the format.
"""

from typing import Any

import msgspec


class Ids(msgspec.Struct, array_like=True, frozen=True):
    """
    Where an entry belongs: W3C ids as raw bytes (16 and 8), any other trace id as text.
    """

    trace: Any
    span: Any = None
    parent: Any = None
    user_id: str | None = None
    area: str | None = None


_encode = msgspec.msgpack.Encoder().encode


def encode_ids(ids: Ids) -> msgspec.Raw:
    """
    Return *ids* ready to be placed in a row; encoded once per context, not per call.
    """
    return msgspec.Raw(_encode(ids))


def pack_id(text: str | None, size: int) -> bytes | str | None:
    """
    Return a hexadecimal id of *size* bytes as those bytes, any other text as it is.
    """
    if text is None or len(text) != 2 * size or text != text.lower():
        return text
    try:
        packed = bytes.fromhex(text)
    except ValueError:
        return text
    return packed if len(packed) == size else text  # blanks between digits are skipped when they are read
