"""
Texts that are no UTF-8 in a compact batch: each costs the characters that cannot be read, and nothing else.
"""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.batches import decode, pack, row
from tests.core.corpus import NOW, TRACE, mint
from tracelog.core.compact import Header, decode_batch, encode_batch
from tracelog.core.utf8 import clean_msgpack

TEXTS = st.binary(max_size=40) | st.text(max_size=40).map(str.encode)


def packed_text(text: bytes) -> bytes:
    """
    Return *text* as a msgpack text, whether it is UTF-8 or not.
    """
    kind, width = (0xD9, 1) if len(text) < 256 else (0xDA, 2)
    return bytes([kind]) + len(text).to_bytes(width, "big") + text


@given(TEXTS, TEXTS, TEXTS)
def test_a_text_that_is_no_utf8_costs_no_row(message, key, value):
    """
    Broken texts are read as far as they can be, wherever they stand, and `fixed` names the fields they are in.
    """
    parts = [
        b"\x96",
        pack(NOW / 1000),
        b"\x93\x02\xc0\x81" + packed_text(key) + packed_text(value),
        pack([bytes.fromhex(TRACE)]),
        packed_text(message),
        b"\x81" + pack("list") + b"\x93" + pack(b"bin") + packed_text(value) + pack(2**40),
        b"\xc0",
    ]
    good, entry, last = decode([row(), b"".join(parts), row()]).entries
    lossy = [text.decode(errors="replace").replace("\x00", "\\x00") for text in (message, key, value)]
    assert entry.message == lossy[0]
    assert entry.context["list"] == ["bin", lossy[2], 2**40]
    assert key == b"list" or entry.context[lossy[1]] == lossy[2]
    assert ("message" in (entry.fixed or ())) >= ("\ufffd" in lossy[0] and lossy[0].encode() != message)
    assert "context" in entry.fixed
    assert (good.fixed, last.fixed) == (None, None)


@pytest.mark.parametrize(
    "value",
    [
        *(2**n - 1 for n in (0, 7, 8, 16, 32, 63)),
        *(-(2**n) for n in (5, 7, 15, 31, 63)),
        0.5,
        None,
        True,
        [[], {}, [None] * 20],
        [None] * 70_000,
        {str(n): n for n in range(20)},
        b"\xff" * 300,
        b"\xff" * 70_000,
        "ä" * 20,
        "ä" * 200,
        "ä" * 40_000,
        *(msgspec.msgpack.Ext(5, b"\xa1" * n) for n in (1, 2, 3, 4, 8, 16, 300, 70_000)),
    ],
    ids=lambda value: str(value)[:12],
)
def test_behind_any_value_a_broken_text_is_found(value):
    """
    Whatever stands in a row, the broken text behind it is mended, and everything else stays as it was.
    """
    around = b"\x92" + pack(value)
    mended = msgspec.msgpack.decode(clean_msgpack(around + packed_text(b"a\xffb")))
    assert mended == [msgspec.msgpack.decode(pack(value)), "a\ufffdb"]


@given(st.binary(max_size=200))
def test_any_bytes_can_be_cleaned(data):
    """
    What is no msgpack is left to the decoder to refuse; what is and has only good texts stays as it is.
    """
    clean_msgpack(data)
    assert clean_msgpack(pack([data])) == pack([data])


@pytest.mark.parametrize("item", [b"\xa0", b"\xa2\xc3\xa4", b"\xc0", b"\xc4\x00"])
def test_a_row_made_to_be_slow_is_not(item):
    """
    Four MiB of anything before a broken text take no longer than a second of CPU.
    """
    data = item * (4 * 1024 * 1024 // len(item)) + b"\xa1\xff"
    began = time.thread_time()
    clean_msgpack(data)
    assert time.thread_time() - began < 1.0


def test_a_broken_text_in_the_header_costs_no_batch():
    """
    Names in the header are mended, too, and every entry says so.
    """
    body = encode_batch(Header(v=1, source="p1", service="shop"), [row(), row()]).replace(b"shop", b"sh\xffp")
    first, second = decode_batch(body, now_ms=NOW, mint=mint()).entries
    assert first.service == second.service == "sh\ufffdp"
    assert first.fixed == second.fixed == ["service"]
