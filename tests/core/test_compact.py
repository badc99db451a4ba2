"""
The compact batch: the same entries as the JSON form gives, its header shared, its numbers true.
"""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.batches import HEADER, IDS, META, decode, decode_one, pack, row
from tests.core.corpus import CLEAN, ERRORS, NOW, OBJECTS, SPAN, TIMES, TRACE, TRACES, mint, read_one
from tracelog.core.compact import (
    HOLE,
    Header,
    Ids,
    Meta,
    Row,
    decode_batch,
    encode_batch,
    encode_ids,
    pack_id,
    read_rows,
    to_entry,
)
from tracelog.core.entry import LEVELS, Entry, Limits, is_span_id, is_trace_id
from tracelog.errors import InvalidBodyError


def test_a_batch():
    """
    Header and rows make whole entries, numbered in order; a hole keeps its number.
    """
    rows = [
        row(meta=Meta(3, "shop.cart", {"job": 7}), ids=Ids(bytes.fromhex(TRACE), bytes.fromhex(SPAN), b"\x01" * 8, "u1", "checkout"), fields={"n": 1}),
        HOLE,
        row(extra={"stack": "at f", "error": {"type": "E", "message": "x"}, "duration_ms": 5.5, "kind": "summary", "count": 3, "last_timestamp": NOW, "why": "folded", "sample_rate": 0.2, "hops": 1}),
    ]  # fmt: skip
    batch = decode(rows)
    base = Entry(
        trace_id=TRACE,
        timestamp=NOW,
        system="backend",
        level="info",
        message="m",
        service="checkout",
        source="p1",
    )
    first, second = msgspec.structs.replace(base), msgspec.structs.replace(base)
    first.id, first.seq, first.level, first.logger = "p1-40", 40, "warn", "shop.cart"
    first.span_id, first.parent_id, first.user_id, first.area = SPAN, "01" * 8, "u1", "checkout"
    first.context = {"job": 7, "n": 1}
    second.id, second.seq, second.stack, second.error = "p1-42", 42, "at f", {"type": "E", "message": "x"}
    second.duration_ms, second.kind, second.count, second.last_timestamp = 5.5, "summary", 3, NOW
    second.why, second.sample_rate, second.hops = "folded", 0.2, 1
    assert batch.entries == [first, second]
    assert (batch.places, batch.drops, batch.source, batch.single) == ([0, 2], [], "p1", False)


FLAT = st.dictionaries(
    CLEAN.filter(lambda name: name not in {"user_id", "area"}),
    OBJECTS | CLEAN | st.integers(-(2**63), 2**63 - 1),
    max_size=4,
)


@given(
    TIMES,
    st.sampled_from(range(len(LEVELS))),
    TRACES | st.binary(min_size=16, max_size=16).map(bytes.hex).filter(is_trace_id),
    st.none() | st.binary(min_size=8, max_size=8).map(bytes.hex).filter(is_span_id),
    CLEAN,
    FLAT,
    st.fixed_dictionaries({}, optional={"user_id": CLEAN, "area": CLEAN, "logger": CLEAN}),
    st.fixed_dictionaries({}, optional={"stack": CLEAN, "error": ERRORS, "duration_ms": st.floats(0, 1e9), "kind": st.just("context"), "count": st.integers(1, 9), "hops": st.integers(0, 9)}),
)  # fmt: skip
def test_the_compact_form_says_what_the_json_form_says(
    time, level, trace_id, span_id, message, fields, names, extra
):
    """
    One entry, sent either way, is the same entry.
    """
    ids = Ids(pack_id(trace_id, 16), pack_id(span_id, 8), None, names.get("user_id"), names.get("area"))
    entry = decode_one(row(time / 1000, Meta(level, names.get("logger")), ids, message, fields, extra))
    sent = {
        "id": "p1-40", "trace_id": trace_id, "timestamp": entry.timestamp, "system": "backend", "level": LEVELS[level], "message": message,
        "service": "checkout", "source": "p1", "seq": 40, "context": fields, "span_id": span_id, **names, **extra,
    }  # fmt: skip
    assert abs(entry.timestamp - time) < 0.001
    assert entry == read_one(json.dumps(sent, ensure_ascii=False).encode())


@given(TIMES, FLAT, st.none() | FLAT, CLEAN)
def test_sinks_in_the_process_see_what_the_server_sees(time, fields, bound, message):
    """
    Rows read back in the process that made them are the entries that a server decodes.
    """
    rows = [row(time / 1000, Meta(1, "x", bound), IDS, message, fields), HOLE, row()]
    assert read_rows(HEADER, rows) == decode(rows).entries


def test_a_row_as_a_value():
    """
    A single row can be looked at as an entry before it is sent.
    """
    value = Row(NOW / 1000, Meta(4, "x"), Ids("trace_1"), "boom", {"a": 1})
    assert to_entry(HEADER, 7, value) == Entry(
        id="p1-7", trace_id="trace_1", timestamp=NOW, system="backend", level="error", message="boom",
        service="checkout", logger="x", context={"a": 1}, source="p1", seq=7,
    )  # fmt: skip


@pytest.mark.parametrize("seconds", [0.0, 1000.0, 5e9, 1e10])
@pytest.mark.parametrize("fields", [None, {"n": float("nan")}], ids=["straight", "crooked"])
def test_inside_a_process_any_time_is_believed(seconds, fields):
    """
    A program that sets its own clock sees its own times; only a server compares them with its own.
    """
    (entry,) = read_rows(HEADER, [row(seconds, fields=fields)])
    assert entry.timestamp == seconds * 1000
    assert decode_one(row(seconds, fields=fields)).timestamp == NOW


@pytest.mark.parametrize("crooked", [{}, {"nan": float("nan")}], ids=["straight", "crooked"])
@pytest.mark.parametrize(
    ("ids", "bound", "fields", "user_id", "area", "left"),
    [
        (IDS, None, {"user_id": "u1", "n": 1}, "u1", None, {"n": 1}),
        (IDS, {"user_id": "u1"}, {"area": "cart"}, "u1", "cart", {}),
        (IDS, {"user_id": "old"}, {"user_id": "new"}, "new", None, {}),
        (Ids(bytes.fromhex(TRACE), user_id="mine"), None, {"user_id": "u1"}, "mine", None, {"user_id": "u1"}),
        (IDS, None, {"user_id": 7, "area": None}, None, None, {"user_id": 7, "area": None}),
        (IDS, None, {"user_id": {"id": 7}}, None, None, {"user_id": {"id": 7}}),
    ],
)
def test_user_and_area_as_plain_fields(ids, bound, fields, user_id, area, left, crooked):
    """
    `log.info(…, user_id="u1")` names the user of the entry, unless the trace names one or it is no text.
    """
    entry = decode_one(row(ids=ids, meta=Meta(2, None, bound), fields={**fields, **crooked}))
    assert (entry.user_id, entry.area) == (user_id, area)
    assert {key: value for key, value in (entry.context or {}).items() if key != "nan"} == left


def test_a_long_user_is_shortened_wherever_it_stood():
    """
    A user id too long is shortened and named, written as a field or with the ids.
    """
    long = "u" * 300
    fields, ids = (
        decode_one(row(fields={"user_id": long})),
        decode_one(row(ids=Ids(bytes.fromhex(TRACE), user_id=long))),
    )
    assert fields.user_id == ids.user_id
    assert len(ids.user_id) == 256
    assert (fields.fixed, ids.fixed) == (["user_id"], ["user_id"])


def test_rows_share_no_fields():
    """
    Taking the user out of one entry's fields leaves those of every other entry alone.
    """
    bound = {"user_id": "u1", "job": 7}
    first, second = decode(
        [row(meta=Meta(2, "a", bound)), row(meta=Meta(2, "a", bound), fields={"x": 1})]
    ).entries
    assert (first.context, second.context) == ({"job": 7}, {"job": 7, "x": 1})
    first.context["added"] = 1
    assert second.context == {"job": 7, "x": 1}
    assert bound == {"user_id": "u1", "job": 7}


def test_a_crooked_header_is_straightened_once_for_all_rows():
    """
    Names in the header obey the rules of names in an entry, and every entry says so.
    """
    header = Header(v=1, source="s" * 200, seq=1, system="My App", service="x\x00")
    first, second = decode([row(), row()], header).entries
    assert (first.system, first.service, len(first.source)) == ("my-app", "x\\x00", 96)
    assert sorted(first.fixed) == sorted(second.fixed) == ["service", "source", "system"]
    assert (first.id, second.id) == (f"{first.source}-1", f"{first.source}-2")
    assert decode([row()], header).source == first.source


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (Header(v=2, source="p1"), "bad_version"),
        (Header(source="p1"), "bad_version"),
        (Header(v=1), "bad_version"),
        (Header(v=1, source="p1", seq=-1), "bad_version"),
        (Header(v=1, source="p1", seq=2**53), "bad_version"),
    ],
)
def test_headers_that_are_refused(header, reason):
    """
    Another version, no source or no running number refuse the batch: its rows would mean something else.
    """
    with pytest.raises(InvalidBodyError) as caught:
        decode([row()], header)
    assert (caught.value.status, caught.value.reason) == (400, reason)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc0",
        b"\x90",
        b"\x92\x80",
        pack([{"v": "1"}, []]),
        pack([{"v": 1, "source": 5}, []]),
        pack([{"v": 1, "source": "p1"}, {}]),
        encode_batch(HEADER, [row()])[:-1],
        encode_batch(HEADER, [row()]) + b"\x00",
        b"\x92" + pack(HEADER) + b"\xdd\xff\xff\xff\xff",
        encode_batch(HEADER, [b"\x91" * 100_000 + b"\xc0"]),
        b'[{"message":"json"}]',
    ],
)
def test_what_is_no_batch(data):
    """
    A body whose rows cannot even be told apart is refused as a whole, by name.
    """
    with pytest.raises(InvalidBodyError) as caught:
        decode_batch(data, now_ms=NOW, mint=mint())
    assert (caught.value.status, caught.value.reason) == (400, "bad_batch")


@pytest.mark.parametrize(
    "item", [row(), HOLE, row(message=5), pack(5)], ids=["straight", "hole", "crooked", "bad"]
)
def test_how_many(item):
    """
    10,000 rows are taken, holes counted; one more is refused with 413.
    """
    batch = decode([item] * 10_000)
    assert len(batch.entries) + len(batch.drops) == (0 if item == HOLE else 10_000)
    with pytest.raises(InvalidBodyError) as caught:
        decode([item] * 10_001)
    assert (caught.value.status, caught.value.reason) == (413, "too_many")


@pytest.mark.parametrize(
    ("report", "sent"),
    [
        (None, None),
        ({}, {}),
        ({"emitted": 5, "dropped": {"queue_full": 2}}, {"emitted": 5, "dropped": {"queue_full": 2}}),
        (
            {"a": {1: float("nan")}, "b": b"x", "c": msgspec.msgpack.Ext(5, b"x")},
            {"a": {"1": "nan"}, "b": "x", "c": "x"},
        ),
    ],
)
def test_reports_travel_along(report, sent):
    """
    The sender's own ledger comes as JSON, whatever it holds.
    """
    batch = decode([], Header(v=1, source="p1", report=report))
    assert (None if batch.report is None else msgspec.json.decode(batch.report)) == sent


def test_a_refused_row_is_told_apart():
    """
    A row that cannot be read is known by its number, and by what the header says of all rows.
    """
    batch = decode([row(), pack(7), HOLE, pack([])])
    assert [drop.entry for drop in batch.drops] == [
        Entry(id="p1-41", system="backend", source="p1", seq=41),
        Entry(id="p1-43", system="backend", source="p1", seq=43),
    ]


def test_own_limits():
    """
    Limits are settings here as well.
    """
    limits = Limits(keys=2, entries_compact=1)
    assert decode_one(row(fields={"a": 1, "b": 2, "c": 3}), limits=limits).context == {
        "a": 1,
        "[cut]": "2 more keys",
    }
    with pytest.raises(InvalidBodyError):
        decode([row(), row()], limits=limits)


@pytest.mark.parametrize(
    ("text", "size", "packed"),
    [
        (TRACE, 16, bytes.fromhex(TRACE)),
        (SPAN, 8, bytes.fromhex(SPAN)),
        (SPAN, 16, SPAN),
        (TRACE.upper(), 16, TRACE.upper()),
        ("trace_123", 16, "trace_123"),
        ("g" * 32, 16, "g" * 32),
        (" " * 32, 16, " " * 32),
        ("12 34 56 78 90 a", 8, "12 34 56 78 90 a"),
        (None, 16, None),
    ],
)
def test_ids_are_packed(text, size, packed):
    """
    Lowercase hexadecimal of the right length becomes bytes, any other id stays text.
    """
    assert pack_id(text, size) == packed


@given(TRACES)
def test_packed_ids_come_back(trace_id):
    """
    Whatever trace id goes into a row comes out of it.
    """
    assert decode_one(row(ids=Ids(pack_id(trace_id, 16)))).trace_id == trace_id


def test_ids_encoded_ahead():
    """
    Ids encoded once stand in a row as if they were encoded with it.
    """
    assert pack([1.0, META, encode_ids(IDS), "m"]) == pack([1.0, META, IDS, "m"])
