"""
The spool file: compact batches one behind the other, each with its length and a checksum. Pure.

    file      head | record | record …
    head      the format's name and 8 random bytes, the salt
    record    mark (4 bytes), length (4, little endian), CRC-32 of salt, length and body (4), body

A body is a compact batch as it travels, header and all, so that each record can be delivered by itself. After
a damaged stretch reading goes on at the next record whose checksum holds. The salt keeps what a program logs
from ever being taken for a record: nobody outside knows it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from tracelog.core.compact import HOLE, encode_batch
from tracelog.core.rows import Header
from tracelog.core.wire import DECODE_ERRORS

NAME: Final = b"tlspool1"
SALT_BYTES: Final = 8
HEAD_BYTES: Final = len(NAME) + SALT_BYTES

MARK: Final = b"\xc1TLR"
"""`0xc1` is the one byte that msgpack never uses."""

FRAME_BYTES: Final = len(MARK) + 8

RECORD_BYTES: Final = 64 * 1024 * 1024
"""More than any record holds: a length beyond is damage."""

WASTED: Final = 16
"""Times the file's size that checksums may be tried in vain: ids can be made to look like beginnings."""


class Batch(NamedTuple):
    """
    A record's content.
    """

    header: Header
    rows: list[bytes]

    @property
    def kept(self) -> int:
        return len(self.rows) - self.rows.count(HOLE)

    def after(self, done: int) -> "Batch":
        """
        Return the same with holes in place of all rows whose running number is below *done*.
        """
        gone = min(max(0, done - self.header.seq), len(self.rows))
        return Batch(self.header, [HOLE] * gone + self.rows[gone:])


class Found(NamedTuple):
    """
    A stretch of a spool file: a whole record, or what is damaged (*body* is None), by place and size.
    """

    at: int
    size: int
    body: bytes | None


class _Split(msgspec.Struct, array_like=True):
    header: Header
    rows: list[msgspec.Raw]


_split = msgspec.msgpack.Decoder(_Split)


def head(salt: bytes) -> bytes:
    """
    Return the beginning of a file with this *salt*, `SALT_BYTES` random bytes.
    """
    return NAME + salt


def frame(header: Header, rows: list[bytes], salt: bytes) -> bytes:
    """
    Return the record of *rows*.
    """
    body = encode_batch(header, rows)
    length = len(body).to_bytes(4, "little")
    return b"".join((MARK, length, _checksum(salt, length, body), body))


def read_body(body: bytes) -> Batch | None:
    """
    Return the batch in *body*; None when it is none, as of another version.
    """
    try:
        split = _split.decode(body)
    except DECODE_ERRORS:
        return None
    return Batch(split.header, [bytes(row) for row in split.rows])


def scan(data: bytes) -> Iterator[Found]:
    """
    Yield what the file *data* holds, in order and without gaps. Whatever the bytes, it raises nothing and
    yields no damaged record as whole.
    """
    if not data.startswith(NAME) or len(data) < HEAD_BYTES:
        if data:
            yield Found(0, len(data), None)
        return
    salt = data[len(NAME) : HEAD_BYTES]
    at = lost = HEAD_BYTES
    patience = WASTED * len(data)
    while at < len(data):
        body = record_at(data, at, salt)
        if body is None:
            patience -= _claimed(data, at)
            at = data.find(MARK, at + 1) if patience > 0 else -1
            at = len(data) if at < 0 else at
            continue
        if at > lost:
            yield Found(lost, at - lost, None)
        yield Found(at, FRAME_BYTES + len(body), body)
        at = lost = at + FRAME_BYTES + len(body)
    if at > lost:
        yield Found(lost, at - lost, None)


def record_at(data: bytes, at: int, salt: bytes) -> bytes | None:
    """
    Return the body of the record that begins at *at*, or None when none does or it is damaged.
    """
    if data[at : at + len(MARK)] != MARK:
        return None
    length = data[at + 4 : at + 8]
    size = int.from_bytes(length, "little")
    begin = at + FRAME_BYTES
    if size > RECORD_BYTES or begin + size > len(data):
        return None
    body = data[begin : begin + size]
    return body if data[at + 8 : begin] == _checksum(salt, length, body) else None


def _claimed(data: bytes, at: int) -> int:
    """
    Return how many bytes a checksum was tried over at *at*.
    """
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    return size if data[at : at + len(MARK)] == MARK and at + FRAME_BYTES + size <= len(data) else 0


def _checksum(salt: bytes, length: bytes, body: bytes) -> bytes:
    return crc32(body, crc32(salt + length)).to_bytes(4, "little")
