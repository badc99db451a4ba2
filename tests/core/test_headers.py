"""
Trace headers: what callers send is read after W3C, and what we send, others can read.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.entry import is_trace_id
from tracelog.core.headers import (
    BAGGAGE_BYTES,
    BAGGAGE_MEMBERS,
    STATE_CHARS,
    STATE_MEMBERS,
    Incoming,
    TraceParent,
    format_baggage,
    format_traceparent,
    parse_baggage,
    parse_traceparent,
    parse_tracestate,
    read_headers,
    write_headers,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "headers.json").read_text())
HEX = st.sampled_from("0123456789abcdef")
TRACE_IDS = st.text(HEX, min_size=32, max_size=32).filter(lambda text: text.strip("0"))
SPAN_IDS = st.text(HEX, min_size=16, max_size=16).filter(lambda text: text.strip("0"))


def cases(name):
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["why"]) for case in VECTORS[name]])


@cases("traceparent")
def test_traceparent_is_read(case):
    """
    A valid traceparent gives its parts, any other nothing.
    """
    parsed = case["parsed"]
    assert parse_traceparent(case["text"]) == (TraceParent(**parsed) if parsed else None)


@cases("tracestate")
def test_tracestate_is_joined(case):
    """
    Valid tracestate headers become one list within the limits; one fault empties it.
    """
    assert parse_tracestate(case["values"]) == case["joined"]


@cases("baggage")
def test_baggage_is_read(case):
    """
    Members that follow the grammar are read and decoded, the others are left out.
    """
    assert parse_baggage(case["text"]) == case["items"]


@cases("baggage_written")
def test_baggage_is_written(case):
    """
    What a header cannot hold is percent-encoded, what cannot be a key is left out.
    """
    assert format_baggage(case["items"]) == case["text"]


@cases("read")
def test_headers_give_the_trace(case):
    """
    The trace of a request is read from its headers in the documented order, or started anew.
    """
    incoming = case["incoming"]
    assert read_headers([tuple(pair) for pair in case["headers"]]) == (
        Incoming(**incoming) if incoming else None
    )


@cases("write")
def test_headers_hand_the_trace_on(case):
    """
    Outgoing headers carry what is valid and nothing else.
    """
    assert write_headers(Incoming(**case["trace"]), case["span_id"]) == case["headers"]


@given(TRACE_IDS, SPAN_IDS, st.integers(0, 3))
def test_traceparent_round_trip(trace_id, span_id, flags):
    """
    What is formatted is parsed to the same ids and flags.
    """
    assert parse_traceparent(format_traceparent(trace_id, span_id, flags)) == TraceParent(
        trace_id, span_id, flags
    )


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [
        ("trace_123", "1234567890123456"),
        ("0" * 32, "1234567890123456"),
        ("A" * 32, "1234567890123456"),
        ("a" * 31, "1234567890123456"),
        ("a" * 32 + "\n", "1234567890123456"),
        ("a" * 32, "0" * 16),
        ("a" * 32, "12345"),
        ("a" * 32, "1234567890123456\n"),
    ],
)
def test_no_traceparent_for_other_ids(trace_id, span_id):
    """
    Ids that W3C does not allow are never written into a traceparent.
    """
    assert format_traceparent(trace_id, span_id) is None


@given(
    st.dictionaries(
        st.from_regex(r"[a-zA-Z0-9_.-]{1,20}", fullmatch=True),
        st.text(st.characters(codec="utf-8"), max_size=20),
        max_size=20,
    )
)
def test_baggage_round_trip(items):
    """
    What is written as baggage is read back the same, whatever the values are.
    """
    assert parse_baggage(format_baggage(items)) == items


def test_baggage_with_half_a_character():
    """
    A lone surrogate in a value is replaced, not raised.
    """
    assert format_baggage({"a": "\ud800x"}) == "a=?x"


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        pytest.param(["a=" + "x" * (BAGGAGE_BYTES - 2)], 1, id="exactly as many bytes as must pass"),
        pytest.param(["a=" + "x" * (BAGGAGE_BYTES - 1)], 0, id="one byte more"),
        pytest.param(["a=" + "x" * (BAGGAGE_BYTES - 6), "b=1"], 2, id="two members filling it"),
        pytest.param(["a=" + "x" * (BAGGAGE_BYTES - 5), "b=1"], 1, id="two members, one byte too many"),
        pytest.param(
            [f"k{n}=1" for n in range(BAGGAGE_MEMBERS)], BAGGAGE_MEMBERS, id="as many members as must pass"
        ),
        pytest.param([f"k{n}=1" for n in range(BAGGAGE_MEMBERS + 1)], BAGGAGE_MEMBERS, id="one member more"),
    ],
)
def test_baggage_limits(members, kept):
    """
    64 members and 8,192 bytes pass, as W3C Baggage demands; whole members beyond that are left out.
    """
    incoming = read_headers({"x-trace-id": "t1", "baggage": ",".join(members)})
    assert incoming.baggage == ",".join(members[:kept])


def test_a_large_member_does_not_push_out_the_small_ones():
    """
    A member that does not fit is left out alone; those behind it still pass.
    """
    assert parse_baggage("big=" + "x" * BAGGAGE_BYTES + ",small=1") == {"small": "1"}


HEADER_TEXT = st.text(st.characters(max_codepoint=0x17F), max_size=60)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["traceparent", "tracestate", "baggage", "x-trace-id", "X-Request-Id", "x-correlation-id"]
            ),
            st.one_of(
                HEADER_TEXT,
                HEADER_TEXT.map(lambda text: text.encode("latin-1", "replace")),
                st.just("00-12345678901234567890123456789012-1234567890123456-01"),
                st.none(),
                st.integers(),
            ),
        ),
        max_size=6,
    )
)
def test_any_headers_give_a_sound_trace(pairs):
    """
    Whatever the headers hold, reading them raises nothing, and what is handed on fits in a header.
    """
    incoming = read_headers(pairs)
    if incoming is None:
        return
    assert is_trace_id(incoming.trace_id)
    assert len(incoming.tracestate) <= STATE_CHARS
    assert incoming.tracestate.count(",") < STATE_MEMBERS
    sent = write_headers(incoming, "1234567890123456")
    assert all(value.isascii() and value.isprintable() for value in sent.values())
    again = read_headers(sent)
    assert (again.trace_id, again.tracestate, again.baggage) == (
        incoming.trace_id,
        incoming.tracestate,
        incoming.baggage,
    )


class MultiDict(dict):
    """
    Headers as frameworks hold them: a mapping that shows one value a name unless asked.
    """

    def multi_items(self):
        return [("traceparent", VECTORS["traceparent"][0]["text"])] * 2


@pytest.mark.parametrize(
    ("headers", "trace_id"),
    [
        pytest.param({b"X-Trace-Id": b"t1"}, "t1", id="bytes"),
        pytest.param({"x-trace-id": ["t1", "t2"]}, "t1", id="several values a name"),
        pytest.param({"x-trace-id": None, "x-request-id": "r1"}, "r1", id="no value"),
        pytest.param({"x-request-id": 17}, "17", id="a number"),
        pytest.param([("x-trace-id", "t1")], "t1", id="pairs"),
    ],
)
def test_headers_of_any_framework(headers, trace_id):
    """
    Mappings and pairs of text or bytes are all read.
    """
    assert read_headers(headers).trace_id == trace_id


def test_doubled_headers_of_a_multidict_show():
    """
    A mapping that can list its pairs is asked to: two traceparents restart the trace.
    """
    assert read_headers(MultiDict(traceparent=VECTORS["traceparent"][0]["text"])) is None
