"""
Values made fit for every reader: clean, bounded, and the same when cleaned twice.
"""

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.corpus import JSON, nested
from tracelog.core.clean import clean_text, clean_value, free_name, plain_text, shorten
from tracelog.core.entry import Limits

LIMITS = Limits()
ANY = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=8), st.datetimes()
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(
            st.one_of(
                st.text(max_size=4),
                st.integers(),
                st.binary(max_size=3),
                st.none(),
                st.floats(),
                st.tuples(st.integers()),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(ANY)
def test_whatever_can_be_decoded_becomes_json(value):
    """
    Any value of JSON or msgpack becomes one that JSON holds, without NUL, and cleaning it again changes nothing.
    """
    cleaned = clean_value(value, LIMITS)
    encoded = msgspec.json.encode(cleaned)
    assert b"\\u0000" not in encoded
    marks = []
    assert msgspec.json.encode(clean_value(cleaned, LIMITS, marks)) == encoded
    assert marks == []


@given(JSON)
def test_clean_values_stay_as_they_are(value):
    """
    JSON within the limits is not touched and nothing is marked.
    """
    marks = []
    assert clean_value(value, LIMITS, marks) == value
    assert marks == []


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        (bytearray(b"x"), "x"),
        (dt.datetime(2025, 11, 22, tzinfo=dt.UTC), "2025-11-22 00:00:00+00:00"),
        ((1, 2), [1, 2]),
        ({1: "a", b"b": 2, None: 3, (1, "x"): 5}, {"1": "a", "b": 2, "null": 3, "1 x": 5}),
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (2**3000, hex(2**3000)),
        (float("inf"), "inf"),
        (msgspec.msgpack.Ext(5, b"x\x00"), "x\\x00"),
    ],
)
def test_what_json_has_no_form_for(value, cleaned):
    """
    Bytes, moments, odd keys and endless numbers become text, and the repair is marked.
    """
    marks = []
    assert clean_value(value, LIMITS, marks) == cleaned
    assert marks or isinstance(value, tuple)


@pytest.mark.parametrize("wrap", [lambda inner: {"a": inner}, lambda inner: [inner], lambda inner: (inner,)])
def test_depth_is_no_danger(wrap):
    """
    A value nested deeper than Python can recurse is cut, not raised.
    """
    value = 1
    for _ in range(50_000):
        value = wrap(value)
    assert "[cut: nested too deep]" in str(clean_value(value, LIMITS))
    assert "[cut: nested too deep]" in plain_text(value)


def test_depth_counts_from_where_it_stands():
    """
    A value that stands deeper has less room below it.
    """
    assert clean_value(nested(32), LIMITS) == nested(32)
    assert clean_value(nested(31), LIMITS, depth=2) == nested(31)
    assert clean_value(nested(32), LIMITS, depth=2) == nested(31, "[cut: nested too deep]")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("é\u2028", "é\u2028"),
        ("\x00", "\\x00"),
        ("é\x00", "é\\x00"),
        ("\ud800\udc00", "\ufffd\ufffd"),
        ("\x1b\r\n", "\x1b\r\n"),
    ],
)
def test_text(text, cleaned):
    """
    Only NUL and halves of characters are replaced.
    """
    assert clean_text(text) == cleaned


@given(st.text(), st.integers(20, 60))
def test_shortened_names(text, limit):
    """
    A name within its limit stays; any other is as long as the limit and shortening it again changes nothing.
    """
    short = shorten(text, limit)
    assert short == text if len(text) <= limit else len(short) == limit
    assert shorten(short, limit) == short


def test_free_names_give_up():
    """
    Looking for a free name ends, however many are taken.
    """
    taken = {"a" + "_" * n: n for n in range(100)}
    assert len(free_name("a", taken, 256)) < 50
    assert free_name("b", taken, 256) == "b"
    assert free_name("x" * 256, {"x" * 256: 1}, 256) != "x" * 256
