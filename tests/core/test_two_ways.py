"""
The fast way and the slow way are one rule: for any input they give the same entries.
"""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.corpus import CROOKED, DAY, NOW, STRAIGHT, TRACE, mint, nested, read, read_one
from tracelog.core.entry import DEFAULT_LIMITS, LEVELS, Entry, encode_entry
from tracelog.core.straight import Straight
from tracelog.core.straighten import KINDS
from tracelog.core.wire import Reader


def slow(body):
    """
    Return the batch of *body* with every entry straightened, whether it needs it or not.
    """

    class Slow(Reader):
        def _read_straight(self, item):
            return None

    return Slow(NOW, mint(), DEFAULT_LIMITS).slow(body)


@given(st.lists(STRAIGHT, min_size=1, max_size=4), st.sampled_from(["array", "lines", "one"]))
def test_both_ways_give_equal_entries(objects, form):
    """
    For straight input the fast way and the slow way give the same batch.
    """
    items = [
        json.dumps(item, ensure_ascii=False).encode() for item in (objects[:1] if form == "one" else objects)
    ]
    body = b"[" + b",".join(items) + b"]" if form == "array" else b"\n".join(items)
    assert read(body) == slow(body)
    assert read(body).drops == []


@given(st.lists(CROOKED, min_size=1, max_size=4))
def test_both_ways_give_equal_answers_to_crooked_input(objects):
    """
    Where the fast way gives up, the answer is the slow one's; where it does not, both agree.
    """
    body = json.dumps(objects).encode()
    assert read(body) == slow(body)


def test_straight_input_takes_the_fast_way():
    """
    A typical batch, context nested three deep and an error with a cause in it, is taken without straightening.
    """
    objects = [
        {
            "id": "a-1",
            "trace_id": TRACE,
            "timestamp": NOW,
            "system": "browser",
            "level": "info",
            "message": "m",
        },
        {"message": "only"},
        {
            "message": "m",
            "context": {"a": [{"b": {}}], "n": 2**62},
            "span_id": "00f067aa0ba902b7",
            "parent_id": "00f067aa0ba902b8",
        },
        {
            "message": "m",
            "error": {"type": "E", "message": "x", "cause": {"type": "F", "message": "y"}},
            "stack": "at f",
        },
    ]
    for body in (json.dumps(objects).encode(), b"\n".join(json.dumps(item).encode() for item in objects)):
        batch = Reader(NOW, mint()).fast(body)
        assert len(batch.entries) == 4
        assert all(type(entry) is Entry for entry in batch.entries)


@pytest.mark.parametrize(
    "fields",
    [
        {"trace_id": "0" * 32},
        {"trace_id": "a b"},
        {"system": "My App"},
        {"span_id": "0" * 16},
        {"parent_id": "short"},
        {"timestamp": NOW + 2 * DAY},
        {"timestamp": NOW / 1000},
        {"timestamp": 0},
        {"last_timestamp": NOW + 2 * DAY},
        {"level": "WARN"},
        {"error": {"type": "E", "message": "x", "code": 1}},
        {"error": {"type": "", "message": "x"}},
        {"error": {"type": "E" * 300, "message": "x"}},
        {"error": {"type": "E", "message": "x", "cause": "text"}},
        {"context": {"n": 2**63}},
        {"context": {"k" * 300: 1}},
        {"context": nested(5)},
        {"user_id": "u" * 300},
        {"source": ""},
        {"seq": 2**53 + 1},
        {"origin": "local"},
        {"fixed": ["message"]},
        {"unknown": None},
    ],
    ids=str,
)
def test_what_the_fast_way_leaves_to_the_slow_one(fields):
    """
    An entry that needs a look of its own is never taken as it stands, and is answered as the slow way answers.
    """
    body = json.dumps({"message": "m", **fields}).encode()
    assert Reader(NOW, mint()).fast(body) is None
    assert read(body) == slow(body)
    assert read(b"[" + body + b"]").drops == slow(body).drops


def test_the_types_of_the_fast_way_say_what_the_tables_say():
    """
    Levels and kinds stand in the type as they stand in the tables.
    """
    for level in LEVELS:
        assert msgspec.convert({"message": "", "level": level}, Straight).level == level
    for kind in KINDS:
        assert msgspec.convert({"message": "", "kind": kind}, Straight).kind == kind


@given(STRAIGHT)
def test_an_export_can_be_sent_again(values):
    """
    An entry that came in, was stored and is sent again is the same entry, but for what the server says.
    """
    entry = read_one(json.dumps(values, ensure_ascii=False).encode())
    again = read_one(encode_entry(entry))
    assert again == entry
