"""
Content encodings, both ways: bodies compressed by the client, inflated by the server within a bound.

zstd level 1 costs half of gzip and is used where it is installed; gzip is always there. Both run outside the
GIL.
"""

import gzip
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Final

from tracelog.errors import InvalidBodyError

try:
    import zstandard
except ImportError:
    zstandard: Any = None  # type: ignore[no-redef]

SMALL: Final = 512
"""Bodies below this many bytes travel as they are: compressing them costs more than it saves."""

WINDOW: Final = 8 * 1024 * 1024
"""Memory that a zstd frame may ask for: what level 19 uses, and far below what the format allows."""


MEMBERS: Final = 1_000
"""Members that a gzip body may have, as many as entries: each costs a new state of the inflater."""

PIECE: Final = 64 * 1024
"""Bytes given to the inflater at a time: it copies what lies behind the end of a member."""


PACKINGS: Final = {"gzip": ".gz"} | ({} if zstandard is None else {"zstd": ".zst"})
"""How files are packed here, and how their names then end."""

PACK_LEVEL: Final = 3
"""Of files that are kept: a quarter smaller than the fastest, and still hundreds of megabytes a minute."""


class Compressor:
    """
    Compresses one body after another; belongs to one thread.

    Args:
        zstd: Whether to use it; by default when it is installed.
    """

    def __init__(self, *, zstd: bool = zstandard is not None) -> None:
        self._zstd = zstandard.ZstdCompressor(level=1) if zstd else None

    def __call__(self, body: bytes) -> tuple[str | None, bytes]:
        """
        Return the content encoding and the encoded *body*; None and the body itself when it is small.
        """
        if len(body) < SMALL:
            return None, body
        if self._zstd is not None:
            return "zstd", self._zstd.compress(body)
        return "gzip", gzip.compress(body, 1, mtime=0)


def pack(source: BinaryIO, out: BinaryIO, encoding: str) -> None:
    """
    Write what *source* holds to *out*, packed as *encoding*: `gzip`, or `zstd` where it is installed.

    Raises:
        ValueError: When it is none of these.
    """
    if encoding not in PACKINGS:
        raise ValueError(f"{encoding!r} is no packing that is installed here; use {' or '.join(PACKINGS)}")
    if encoding == "zstd":
        zstandard.ZstdCompressor(level=PACK_LEVEL).copy_stream(source, out)
        return
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=PACK_LEVEL, mtime=0) as packed:
        while piece := source.read(PIECE):
            packed.write(piece)


def inflate(body: bytes, encoding: bytes, *, limit: int) -> bytes:
    """
    Return *body* without its content encoding, counting while inflating so that a bomb ends at *limit* bytes.

    Args:
        body: As it was sent.
        encoding: The `Content-Encoding` header: gzip, deflate, zstd, identity or nothing.
        limit: Bytes the result may have.

    Raises:
        InvalidBodyError: When the encoding is unknown (415), the data damaged (400) or the result too large
        (413).
    """
    name = encoding.strip().lower()
    if name in {b"", b"identity"}:
        return body
    inflater = _INFLATERS.get(name)
    if inflater is None:
        raise InvalidBodyError(
            f"content encoding {name.decode('latin-1')[:50]!r} is not understood; "
            "send gzip, deflate, zstd or none",
            reason="content_encoding",
            status=415,
        )
    try:
        return inflater(body, limit)
    except _DAMAGE as error:
        raise InvalidBodyError(
            f"the body is not valid {name.decode()}: {error}", reason="bad_encoding"
        ) from None


def _inflate_zlib(bits: int) -> Callable[[bytes, int], bytes]:
    def inflate_zlib(body: bytes, limit: int) -> bytes:
        inflater = zlib.decompressobj(bits)
        result = inflater.decompress(body, limit + 1)
        if len(result) > limit:
            raise too_large(limit)
        if not inflater.eof or inflater.unused_data:
            raise zlib.error("the data is cut short" if not inflater.eof else "there is data behind its end")
        return result

    return inflate_zlib


def _inflate_gzip(body: bytes, limit: int) -> bytes:
    """
    A gzip body is one member or several, one behind the other (RFC 1952 §2.2): files put together, or a
    sender that begins anew at each flush.
    """
    parts: list[bytes] = []
    rest, left = memoryview(body), limit
    for _ in range(MEMBERS):
        rest, left = _inflate_member(rest, left, parts)
        if left < 0:
            raise too_large(limit)
        if not rest:
            return b"".join(parts)
    raise zlib.error(f"it has more than {MEMBERS:,} members")


def _inflate_member(rest: memoryview, left: int, parts: list[bytes]) -> tuple[memoryview, int]:
    """
    Inflate the member at the beginning of *rest* into *parts*; return what is behind it, and how many of the
    *left* bytes are left: -1 when there were more.
    """
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    while not inflater.eof:
        if not rest:
            raise zlib.error("the data is cut short")
        piece = rest[:PIECE]
        part = inflater.decompress(piece, left + 1)
        if len(part) > left:
            return rest, -1
        parts.append(part)
        left -= len(part)
        rest = rest[len(piece) - len(inflater.unconsumed_tail) - len(inflater.unused_data) :]
    return rest, left


def _inflate_deflate(body: bytes, limit: int) -> bytes:
    """
    HTTP's deflate is zlib's format (RFC 9110 §8.4.1.2); some senders leave its frame out.
    """
    framed = body[:1] and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _inflate_zlib(zlib.MAX_WBITS if framed else -zlib.MAX_WBITS)(body, limit)


def _inflate_zstd(body: bytes, limit: int) -> bytes:
    if zstandard is None:
        raise InvalidBodyError(
            "zstd is not installed on this server; send gzip", reason="content_encoding", status=415
        )
    size = zstandard.frame_content_size(body)
    if size > limit:
        raise too_large(limit)
    inflater = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    if size >= 0:
        result: bytes = inflater.decompress(body, allow_extra_data=False)
        return result
    return _inflate_unsized(inflater, body, limit)


def _inflate_unsized(inflater: Any, body: bytes, limit: int) -> bytes:
    """
    Inflate a frame that does not say its size: one look at how much it holds, for 64 KiB of zstd can hold two
    gigabytes, and one that notices where it ends.
    """
    with inflater.stream_reader(body) as reader:
        if len(reader.read(limit + 1)) > limit:
            raise too_large(limit)
    whole = inflater.decompressobj()
    result: bytes = whole.decompress(body)
    if not whole.eof or whole.unused_data:
        raise zstandard.ZstdError(
            "the data is cut short" if not whole.eof else "there is data behind its end"
        )
    return result


_INFLATERS: Final[dict[bytes, Callable[[bytes, int], bytes]]] = {
    b"gzip": _inflate_gzip,
    b"x-gzip": _inflate_gzip,
    b"deflate": _inflate_deflate,
    b"zstd": _inflate_zstd,
}
_DAMAGE: Final = (zlib.error,) if zstandard is None else (zlib.error, zstandard.ZstdError)


def too_large(limit: int) -> InvalidBodyError:
    """
    Return the error for a body of more than *limit* bytes.
    """
    return InvalidBodyError(
        f"the body has more than {limit:,} bytes after decompression; send smaller batches",
        reason="body_too_large",
        status=413,
    )
