"""
Bodies made to hurt: however deep, wide, long or broken, the answer is bounded, quick and named.
"""

import contextlib
import json
import time

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.corpus import (
    CROOKED,
    GOOD,
    JSON,
    check_answer,
    nested,
    outcome,
    read,
    read_one,
    refusal,
)
from tracelog.core.entry import (
    DEFAULT_LIMITS,
    Limits,
    encode_entry,
)
from tracelog.errors import InvalidBodyError


def is_answered_within(milliseconds, body):
    """
    Whether this thread can answer *body* in so much CPU time; a busy machine gets three tries.
    """
    for _ in range(3):
        began = time.thread_time()
        with contextlib.suppress(InvalidBodyError):
            read(body)
        if time.thread_time() - began < milliseconds / 1000:
            return True
    return False


@pytest.mark.parametrize(
    "form",
    [
        b'{"message":"m","context":{"n":%s}}',
        b'{"message":"m","seq":%s}',
        b'{"message":"m","timestamp":-%s}',
        b'{"message":"m","n":0.%se99999}',
        b'{"message":"m","n":1e%s}',
    ],
)
@pytest.mark.parametrize("digits", [5_000, 1_000_000])
def test_endless_numbers_cost_little(form, digits):
    """
    Numbers of 5,000 and 1,000,000 digits are read as text within 10 ms of CPU, and cost no entry.
    """
    long = form % (b"1" * digits)
    assert outcome(b"[" + long + b"," + GOOD + b"]") == ([(0, "m"), (1, "ok")], [])
    assert is_answered_within(10, long)
    assert is_answered_within(10, b"[" + long + b"," + GOOD + b"]")


@pytest.mark.parametrize("depth", [32, 33])
def test_depth_that_can_be_kept(depth):
    """
    Context 32 deep is kept as it is, 33 deep is cut there and named.
    """
    entry = read_one({"message": "m", "context": nested(depth)})
    assert (entry.context == nested(32)) is (depth == 32)
    assert entry.fixed == (None if depth == 32 else ["context"])


@pytest.mark.parametrize("depth", [1_000, 100_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_that_is_refused(depth, opening, closing):
    """
    An entry nested beyond what the decoder reads is refused alone, quickly, in every form of body.
    """
    bad = b'{"message":"m","context":{"a":' + opening * depth + b"1" + closing * depth + b"}}"
    refused = [(0, "too_large")] if len(bad) > DEFAULT_LIMITS.body else [(0, "too_deep")]
    assert outcome(bad) == ([], refused)
    assert outcome(bad + b"\n" + GOOD) == ([(1, "ok")], refused)
    if len(bad) < DEFAULT_LIMITS.body:
        assert outcome(b"[" + bad + b"," + GOOD + b"]") == ([(1, "ok")], refused)
        assert is_answered_within(500, b"[" + bad + b"," + GOOD + b"]")


@pytest.mark.parametrize(
    "context",
    [
        pytest.param({str(n): n for n in range(10_000)}, id="10,000 keys"),
        pytest.param({"k" * 1_000_000: 1}, id="a key of 1 MB"),
        pytest.param({"a": [0] * 1_000_000}, id="1,000,000 items"),
        pytest.param({"a": {str(n): [n] for n in range(10_000)}}, id="10,000 keys inside"),
    ],
)
def test_breadth_is_cut(context):
    """
    Too many keys or items, or too long a name, are cut to the limits and named; the entry lives.
    """
    entry = read_one({"message": "m", "context": context})
    assert entry.fixed == ["context"]
    assert len(encode_entry(entry)) < 10_000


@pytest.mark.parametrize("size", [64 * 1024, 256 * 1024, 1_000_000, 4_000_000])
def test_long_messages_are_taken_whole(size):
    """
    Long texts are cut only after redaction, so reading keeps them whole.
    """
    entry = read_one({"message": "x" * size})
    assert (len(entry.message), entry.fixed) == (size, None)


def test_an_item_larger_than_a_body_may_be():
    """
    An item over the limit of a whole body is refused by name.
    """
    limits = Limits(body=1000)
    lines = b'{"message":"' + b"x" * 1000 + b'","level":"WARN"}\n' + GOOD
    assert outcome(lines, limits=limits) == ([(1, "ok")], [(0, "too_large")])


@pytest.mark.parametrize(
    "joined",
    [lambda items: b"[" + b",".join(items) + b"]", b"\n".join, b"\n\r\n".join],
    ids=["array", "lines", "blank lines"],
)
@pytest.mark.parametrize(
    "item",
    [GOOD, b'{"message":"ok","level":"WARN"}', b"x", b'{"message":"ok","n":NaN}'],
    ids=["straight", "crooked", "broken", "NaN"],
)
def test_how_many(joined, item):
    """
    1,000 entries a body are taken; with one more the body is refused with 413, whatever its entries are like.
    """
    batch = read(joined([GOOD] + [item] * 999))
    assert len(batch.entries) + len(batch.drops) == 1_000
    error = refusal(joined([GOOD] + [item] * 1_000))
    assert (error.status, error.reason) == (413, "too_many")


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"1," * 999_999 + b"1]",
        b"[" + b"x," * 999_999 + b"x]",
        b"{}" + b"\n{}" * 999_999,
        b"{}" + b"\n" * 4_000_000 + b"{}" + b"\n{}" * 1000,
    ],
)
def test_a_million_entries(body):
    """
    A million entries are refused with 413 without reading them all one by one.
    """
    assert refusal(body).status == 413
    assert is_answered_within(500, body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'["' + b'\\"' * 2_000_000, id="an endless string of quotes"),
        pytest.param(b'{"a":"' + b"\\" * 3_999_999, id="an endless string of backslashes"),
        pytest.param(b"[" + b'"",' * 1_300_000 + b'""]x', id="empty strings"),
        pytest.param(b"[{" + b'"":"",' * 600_000 + b"}]", id="empty names"),
        pytest.param(b"{\n" + b'"":{},' * 600_000 + b"}", id="empty objects over lines"),
        pytest.param(b"{\n" + b"[1][1]" * 600_000 + b"\n}", id="brackets over lines"),
        pytest.param(b'{"m":"' + b" " * 4_000_000 + b'\n"}', id="blanks"),
        pytest.param(b'[{"message":"' + b"\\ud800" * 600_000 + b'"}]', id="lone surrogates"),
        pytest.param(b"\xff" * 10 + b"[" + b"\xff" * 4_000_000, id="bytes that are no text"),
        pytest.param(b"[" + b"{},[]," * 650_000 + b"0]", id="empty items"),
    ],
)
def test_hostile_bodies_cost_linear_time(body):
    """
    No body of 4 MB keeps the reader busy: it looks at each byte a bounded number of times.
    """
    assert is_answered_within(1_000, body)


def survives(body):
    batch = check_answer(lambda: read(body))
    if batch is not None:
        answered = [*batch.places, *(drop.index for drop in batch.drops)]
        assert sorted(answered) == list(range(len(answered)))


PIECES = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b",",
        b":",
        b"\n",
        b"\r\n",
        b"\xff",
        b"\\ud800",
        b"\\u0000",
        b"NaN",
        b"1e999",
        GOOD,
        b'"message":',
        b'"context":',
        b"1",
        b"null",
        b"\xef\xbb\xbf",
        b" ",
    ]
)


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map(b"".join)))
@example(b'{"":')
@example(b"[{]")
def test_any_bytes(body):
    """
    Whatever the bytes, the answer is a batch of storable entries and named drops, or one named refusal.
    """
    survives(body)
    survives(b"{" + body)
    survives(b"[" + body + b"]")


@given(st.lists(CROOKED, min_size=1, max_size=4), st.booleans(), st.data())
def test_bytes_of_a_broken_sender(objects, lines, data):
    """
    JSON with bytes cut, changed or put in is answered as cleanly as any other.
    """
    items = [
        json.dumps(item, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "surrogatepass")
        for item in objects
    ]
    body = bytearray(b"\n".join(items) if lines else b"[" + b",".join(items) + b"]")
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=2))
    survives(bytes(body))


@given(JSON)
def test_any_json(value):
    """
    Any JSON value at the top is answered.
    """
    survives(msgspec.json.encode(value))
