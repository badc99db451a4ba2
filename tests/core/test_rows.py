"""
Rows of a compact batch: whatever msgpack can say is repaired or rejected, one row at a time.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.batches import HEADER, IDS, META, decode, decode_one, pack, row
from tests.core.corpus import NOW, TRACE, check_answer, mint, nested
from tracelog.core.compact import Ids, Meta, decode_batch, encode_batch, read_rows
from tracelog.core.entry import decode_entry, encode_entry, is_trace_id
from tracelog.errors import InvalidEntryError


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(row(fields={"n": float("nan"), "i": float("-inf")}), {"context": {"n": "nan", "i": "-inf"}}, id="no finite numbers"),
        pytest.param(row(fields={"l": [float("nan")]}), {"context": {"l": ["nan"]}}, id="no finite number inside"),
        pytest.param(row(fields={"b": b"caf\xc3\xa9\xff"}), {"context": {"b": "café\ufffd"}}, id="bytes"),
        pytest.param(pack([NOW / 1000, META, IDS, "m", {"d": msgspec.msgpack.Ext(-1, (5).to_bytes(4, "big"))}]), {"context": {"d": "1970-01-01 00:00:05+00:00"}}, id="a moment"),
        pytest.param(pack([NOW / 1000, META, IDS, "m", {"e": msgspec.msgpack.Ext(9, b"x")}]), {"context": {"e": "x"}}, id="a foreign type"),
        pytest.param(row(fields={1: "a", None: "b", 1.5: "c", b"k": "d", "1": "e"}), {"context": {"1": "a", "null": "b", "1.5": "c", "k": "d", "1_": "e"}}, id="keys of other types"),
        pytest.param(row(fields={"a": {1: 2}}), {"context": {"a": {"1": 2}}}, id="keys of other types inside"),
        pytest.param(row(fields=[1, 2]), {"context": {"value": [1, 2]}}, id="fields that are a list"),
        pytest.param(row(fields="x", meta=Meta(2, None, {"job": 7})), {"context": {"job": 7, "value": "x"}}, id="fields that are text"),
        pytest.param(row(message="a\x00b"), {"message": "a\\x00b"}, id="NUL in the message"),
        pytest.param(row(fields={"k\x00": ["\x00"]}), {"context": {"k\\x00": ["\\x00"]}}, id="NUL in the fields"),
        pytest.param(row(meta=Meta(2, "a\x00")), {"logger": "a\\x00"}, id="NUL in the logger"),
        pytest.param(row(message=17), {"message": "17"}, id="a number for a message"),
        pytest.param(row(message=b"bytes"), {"message": "bytes"}, id="bytes for a message"),
        pytest.param(row(meta=[9]), {"level": "info"}, id="a level of a later version"),
        pytest.param(row(meta=[-1]), {"level": "info"}, id="a negative level"),
        pytest.param(row(meta=["warn"]), {"level": "info"}, id="a word for a level"),
        pytest.param(row(meta=3), {"level": "warn"}, id="a bare level"),
        pytest.param(row(seconds="2025-11-22T12:00:00Z"), {"timestamp": NOW}, id="a date"),
        pytest.param(row(seconds=NOW), {"timestamp": NOW}, id="milliseconds"),
        pytest.param(row(seconds=float("nan")), {"timestamp": NOW}, id="no time"),
        pytest.param(row(seconds=float("inf")), {"timestamp": NOW}, id="no time at all"),
        pytest.param(row(seconds=-5), {"timestamp": NOW}, id="a negative time"),
        pytest.param(row(seconds=NOW), {"timestamp": NOW}, id="milliseconds for seconds"),
        pytest.param(row(seconds=[]), {"timestamp": NOW}, id="a list for a time"),
        pytest.param(row(ids=Ids(bytes.fromhex(TRACE), b"12345678" * 2)), {"span_id": None}, id="a span of 16 bytes"),
        pytest.param(row(ids=Ids(bytes.fromhex(TRACE), bytes(8), bytes(8))), {"span_id": None, "parent_id": None}, id="spans of zeros"),
        pytest.param(row(ids=Ids(bytes.fromhex(TRACE), {"a": 1})), {"span_id": None}, id="a span that is no id"),
        pytest.param(row(fields={"n": 2**64 - 1}), {"context": {"n": 2**64 - 1}}, id="64 bits"),
        pytest.param(row(extra={"count": "many", "hops": -1, "kind": ["x"]}), {"count": None, "hops": None, "kind": None}, id="rarer fields of other types"),
        pytest.param(row(extra={"invented": 1}), {"context": {"invented": 1}}, id="a rarer field of a later version"),
        pytest.param(row(extra={5: 1}), {"context": {"5": 1}}, id="a rarer field without a name"),
        pytest.param(row(extra=[1]), {"context": {"extra": [1]}}, id="rarer fields that are a list"),
        pytest.param(row(extra={"error": "boom"}), {"error": {"type": "Error", "message": "boom"}}, id="an error that is text"),
        pytest.param(row(extra={"error": {"type": "E", "message": "x", "code": 7}}), {"error": {"type": "E", "message": "x"}, "context": {"error": {"code": 7}}}, id="an error with more to it"),
        pytest.param(row(extra={"last_timestamp": NOW * 10}), {"last_timestamp": None}, id="a later time that is none"),
        pytest.param(row(extra={"origin": "local", "id": "x", "trace_id": "t"}), {"origin": None, "id": "p1-40", "trace_id": TRACE}, id="what a row may not set"),
    ],
)  # fmt: skip
def test_crooked_rows_are_straightened(data, expected):
    """
    Whatever msgpack can say and JSON cannot, or a later version may say, is repaired, and the next row untouched.
    """
    batch = decode([data, row()])
    assert batch.drops == []
    first, second = batch.entries
    assert {name: getattr(first, name) for name in expected} == expected
    assert decode_entry(encode_entry(first)) == first
    assert (second.id, second.fixed) == ("p1-41", None)


def test_what_was_repaired_is_named():
    """
    Repairs of a row are named as those of any entry.
    """
    entry = decode_one(row(meta=[9, 5], message=b"x", fields={1: 2}, ids=Ids(bytes.fromhex(TRACE), "bad")))
    assert sorted(entry.fixed) == ["context", "level", "logger", "message", "span_id"]
    assert entry.context["original_level"] == "[9]"
    assert entry.context["original_span_id"] == "bad"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(pack(5), "bad_row", id="a number"),
        pytest.param(pack("x"), "bad_row", id="text"),
        pytest.param(pack({}), "bad_row", id="an object"),
        pytest.param(pack([1, 2, 3]), "bad_row", id="too short"),
        pytest.param(pack([]), "bad_row", id="empty"),
        pytest.param(row(message=None), "missing_message", id="no message"),
        pytest.param(row(ids=Ids(bytes(16))), "bad_trace_id", id="a trace of zeros"),
        pytest.param(row(ids=Ids(b"\xff" * 65)), "bad_trace_id", id="a trace too long"),
        pytest.param(row(ids=Ids("{x}")), "bad_trace_id", id="a trace that cannot be a key"),
        pytest.param(row(ids=Ids(["x"])), "bad_trace_id", id="a trace that is a list"),
        pytest.param(row(ids=Ids(5)), "bad_trace_id", id="a trace that is a number"),
        pytest.param(
            pack([NOW / 1000, META, IDS, "m"])[:-2] + b"\x81\x81\xa1\xff\x02\x03",
            "bad_row",
            id="an object for a key, and a text that is no UTF-8",
        ),
        pytest.param(
            pack([NOW / 1000, META, IDS, "m"])[:-2] + b"\x81\x81\x01\x02\x03",
            "bad_row",
            id="an object for a key",
        ),
    ],
)
def test_a_bad_row_falls_alone(data, reason):
    """
    A row that cannot be repaired is rejected with its place and reason; the others are taken.
    """
    batch = decode([row(), data, row()])
    assert [entry.id for entry in batch.entries] == ["p1-40", "p1-42"]
    (drop,) = batch.drops
    assert (drop.index, drop.outcome, drop.reason) == (1, "rejected", reason)
    with pytest.raises(InvalidEntryError):
        read_rows(HEADER, [data])


@pytest.mark.parametrize("depth", [4, 5, 32, 33, 500])
def test_depth(depth):
    """
    Fields are kept 32 deep and cut below, as in JSON.
    """
    entry = decode_one(row(fields=nested(depth)))
    assert entry.context == (nested(depth) if depth <= 32 else nested(32, "[cut: nested too deep]"))
    assert (entry.fixed is None) is (depth <= 32)


def survives(data):
    check_answer(lambda: decode_batch(data, now_ms=NOW, mint=mint()))


MSGPACK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.text(max_size=6),
        st.binary(max_size=16),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(
            st.one_of(st.text(max_size=5), st.integers(0, 9), st.binary(max_size=3)), inner, max_size=3
        ),
    ),
    max_leaves=15,
)


@given(st.binary(max_size=100))
def test_any_bytes(data):
    """
    Whatever the bytes, the answer is a batch of storable entries and named drops, or one named refusal.
    """
    survives(data)
    survives(b"\x92" + pack(HEADER) + data)
    survives(encode_batch(HEADER, [row(), data]))


@given(st.lists(st.one_of(MSGPACK, st.tuples(*[MSGPACK] * 6)), max_size=4), MSGPACK)
def test_any_rows(rows, header):
    """
    Rows of any shape are repaired or rejected one by one.
    """
    survives(encode_batch(HEADER, [pack(item) for item in rows]))
    survives(pack([header, rows]))


@given(
    st.lists(
        st.tuples(st.floats(1.7e9, 1.8e9), MSGPACK, MSGPACK, st.text(max_size=5), MSGPACK, MSGPACK),
        min_size=1,
        max_size=3,
    ),
    st.data(),
)
def test_rows_with_bytes_changed(rows, data):
    """
    A batch with bytes changed, cut or put in is answered as cleanly as any other.
    """
    body = bytearray(encode_batch(HEADER, [pack(item) for item in rows]))
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=3)):
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    survives(bytes(body))


def test_bound_and_own_fields_together_obey_the_limit():
    """
    Two objects within the limit of keys may be over it together.
    """
    bound, fields = {f"b{n}": n for n in range(200)}, {f"f{n}": n for n in range(200)}
    entry = decode_one(row(meta=Meta(2, None, bound), fields=fields))
    assert len(entry.context) == 256
    assert entry.fixed == ["context"]


def test_a_trace_id_that_is_absent_is_made():
    """
    A row without a trace gets a new one of its own.
    """
    first, second = decode([row(ids=Ids(None)), row(ids=[])]).entries
    assert is_trace_id(first.trace_id)
    assert first.trace_id != second.trace_id
    assert (first.fixed, second.fixed) == (None, None)
