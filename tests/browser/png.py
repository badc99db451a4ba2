"""
PNG as browsers write it, made small: a page has few colours, so a palette of 256 holds it (ISO/IEC 15948).
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cache

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256
RGB, PALETTE = 2, 3

Pixel = bytes


def packed(data: bytes) -> bytes:
    """
    Return the picture *data*, RGB with 8 bits, with a palette of its commonest colours in place of all.
    """
    chunks = list(_chunks(data))
    width, height, depth, kind = struct.unpack(">IIBB", chunks[0][1][:10])
    assert (depth, kind) == (8, RGB)
    rows = list(
        _rows(zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT")), width, height)
    )
    seen = Counter(row[i : i + 3] for row in rows for i in range(0, len(row), 3))
    palette = [pixel for pixel, _ in seen.most_common(COLOURS)]
    place = {pixel: number for number, pixel in enumerate(palette)}

    @cache
    def nearest(pixel: Pixel) -> int:
        if pixel in place:
            return place[pixel]
        return min(
            range(len(palette)),
            key=lambda n: sum((a - b) ** 2 for a, b in zip(pixel, palette[n], strict=True)),
        )

    image = b"".join(b"\0" + bytes(nearest(row[i : i + 3]) for i in range(0, len(row), 3)) for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, PALETTE, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", b"".join(palette)),
        (b"IDAT", zlib.compress(image, 9)),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(_chunk(name, body) for name, body in parts)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        yield name, data[at + 8 : at + 8 + size]
        at += 12 + size


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _rows(data: bytes, width: int, height: int) -> Iterator[bytes]:
    """
    Yield the rows of pixels without the filters of section 9.
    """
    stride = width * 3
    above = bytearray(stride + 3)  # three bytes of nothing stand left of each row
    for y in range(height):
        begin = y * (stride + 1)
        kind, row = data[begin], bytearray(3) + data[begin + 1 : begin + 1 + stride]
        for i in range(3, stride + 3):
            row[i] = (row[i] + _guess(kind, row[i - 3], above[i], above[i - 3])) & 0xFF
        above = row
        yield bytes(row[3:])


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 3:
        return (0, left, up)[kind]
    if kind == 3:
        return (left + up) // 2
    middle = left + up - corner
    return min((left, up, corner), key=lambda value: abs(middle - value))
