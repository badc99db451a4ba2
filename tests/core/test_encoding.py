"""
Content encodings: what is compressed is the same after inflating, and nothing inflates beyond its bound.
"""

import gzip
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core import encoding
from tracelog.core.encoding import SMALL, WINDOW, Compressor, inflate
from tracelog.errors import InvalidBodyError

LIMIT = 4 * 1024 * 1024


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def unsized_zstd(body: bytes, level: int = 3) -> bytes:
    """
    Return a frame as streams make it: it does not say how large its content is.
    """
    packer = zstandard.ZstdCompressor(level=level).compressobj()
    return packer.compress(body) + packer.flush()


PACKERS = {
    "gzip": (b"gzip", gzip.compress),
    "x-gzip": (b" X-GZIP ", gzip.compress),
    "deflate": (b"deflate", zlib.compress),
    "raw deflate": (b"deflate", raw_deflate),
    "zstd": (b"zstd", zstandard.compress),
    "unsized zstd": (b"zstd", unsized_zstd),
}


@given(body=st.binary(max_size=2000) | st.binary(max_size=20).map(lambda text: text * 1000))
@pytest.mark.parametrize("name", PACKERS)
def test_inflating_gives_back_what_was_packed(name: str, body: bytes) -> None:
    """
    For every encoding, inflating undoes packing.
    """
    said, pack = PACKERS[name]
    assert inflate(pack(body), said, limit=LIMIT) == body


@given(body=st.binary(max_size=3000), zstd=st.booleans())
def test_the_compressor_says_what_it_did(body: bytes, zstd: bool) -> None:
    """
    What the compressor returns can be inflated by what it says; small bodies stay as they are.
    """
    said, packed = Compressor(zstd=zstd)(body)
    assert (said is None) == (len(body) < SMALL)
    assert inflate(packed, (said or "").encode(), limit=LIMIT) == body


@given(body=st.binary(max_size=500), said=st.sampled_from([b"", b"identity", b" Identity"]))
def test_no_encoding_changes_nothing(body: bytes, said: bytes) -> None:
    """
    A body without encoding is the body.
    """
    assert inflate(body, said, limit=LIMIT) is body


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize(("size", "fits"), [(LIMIT, True), (LIMIT + 1, False)])
def test_the_bound_is_exact(name: str, size: int, fits: bool) -> None:
    """
    As many bytes as the limit says are taken, and not one more.
    """
    said, pack = PACKERS[name]
    packed = pack(b"a" * size)
    if fits:
        assert len(inflate(packed, said, limit=LIMIT)) == size
    else:
        with pytest.raises(InvalidBodyError) as refused:
            inflate(packed, said, limit=LIMIT)
        assert (refused.value.status, refused.value.reason) == (413, "body_too_large")


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_costs_no_memory(name: str) -> None:
    """
    64 MB in a few KB are refused with four times the limit at most.
    """
    said, pack = PACKERS[name]
    packed = pack(bytes(64 * 1024 * 1024))
    tracemalloc.start()
    with pytest.raises(InvalidBodyError) as refused:
        inflate(packed, said, limit=LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.status == 413
    assert peak < 4 * LIMIT


@given(data=st.data())
@pytest.mark.parametrize("name", PACKERS)
def test_a_cut_body_is_damaged(name: str, data: st.DataObject) -> None:
    """
    Wherever a packed body is cut, the rest is refused with 400; so is one with more behind it.
    """
    said, pack = PACKERS[name]
    packed = pack(b"one entry after another " * 50)
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    more = packed + packed[:-1] if "gzip" in name else packed + packed
    for damaged in (cut, packed + b"\0", more):
        with pytest.raises(InvalidBodyError) as refused:
            inflate(damaged, said, limit=LIMIT)
        assert (refused.value.status, refused.value.reason) == (400, "bad_encoding")


@given(parts=st.lists(st.binary(max_size=200), min_size=1, max_size=5), size=st.sampled_from([1, 3, 1 << 16]))
def test_members_of_gzip_are_one_body(parts: list[bytes], size: int) -> None:
    """
    Several members one behind the other are their contents one behind the other, however they are read.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "PIECE", size)
        assert inflate(b"".join(map(gzip.compress, parts)), b"gzip", limit=LIMIT) == b"".join(parts)


@pytest.mark.parametrize(
    ("packed", "status"),
    [
        (gzip.compress(b"a" * LIMIT) + gzip.compress(b""), None),
        (gzip.compress(b"a" * LIMIT) + gzip.compress(b"b"), 413),
        (gzip.compress(b"a") * encoding.MEMBERS, None),
        (gzip.compress(b"a") * (encoding.MEMBERS + 1), 400),
        (gzip.compress(b"a") * 100_000, 400),
        (gzip.compress(b"a") + gzip.compress(b"b")[:12], 400),
        (gzip.compress(b"a") + b"more", 400),
    ],
    ids=["full", "over", "most members", "too many members", "far too many", "second cut short", "no member"],
)
def test_members_share_the_bound(packed: bytes, status: int | None) -> None:
    """
    All members together may hold what one may hold, and their number is bounded.
    """
    if status is None:
        assert inflate(packed, b"gzip", limit=LIMIT)
        return
    with pytest.raises(InvalidBodyError) as refused:
        inflate(packed, b"gzip", limit=LIMIT)
    assert refused.value.status == status


@given(body=st.binary(max_size=300))
@pytest.mark.parametrize("said", [b"gzip", b"deflate", b"zstd"])
def test_anything_is_inflated_or_refused(said: bytes, body: bytes) -> None:
    """
    No bytes raise anything but a refusal.
    """
    for data in (body, zstandard.compress(b"")[:4] + body, gzip.compress(b"")[:10] + body):
        try:
            size, status = len(inflate(data, said, limit=1000)), 400
        except InvalidBodyError as refused:
            size, status = 0, refused.status
        assert size <= 1000
        assert status in {400, 413}


@pytest.mark.parametrize("said", [b"br", b"gzip, gzip", b"x-foo", b"\xff", b"zstd;q=1"])
def test_unknown_encodings_are_named(said: bytes) -> None:
    """
    415 with the name that was sent.
    """
    with pytest.raises(InvalidBodyError) as refused:
        inflate(b"x", said, limit=LIMIT)
    assert (refused.value.status, refused.value.reason) == (415, "content_encoding")
    assert said.decode("latin-1") in str(refused.value) or said == b"\xff"


def test_a_window_larger_than_ours_is_refused() -> None:
    """
    A frame may not make the server set memory aside that its content cannot need.
    """
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(b"a" * 1000) + packer.flush()
    assert zstandard.get_frame_parameters(packed).window_size > WINDOW
    with pytest.raises(InvalidBodyError, match="zstd"):
        inflate(packed, b"zstd", limit=LIMIT)


def test_without_zstandard_the_sender_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A server without the library answers 415 and names what it takes.
    """
    monkeypatch.setattr(encoding, "zstandard", None)
    with pytest.raises(InvalidBodyError, match="gzip") as refused:
        inflate(b"x", b"zstd", limit=LIMIT)
    assert refused.value.status == 415
