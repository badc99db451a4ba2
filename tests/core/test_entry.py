"""
The entry as a value: what it holds comes back from JSON, and its ids are what keys and paths can bear.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.corpus import STRAIGHT
from tracelog.core.entry import (
    LEVELS,
    RANK,
    SYSTEM,
    SYSTEMS,
    Entry,
    decode_entry,
    encode_entry,
    is_span_id,
    is_trace_id,
)

CONTRACT = {
    "id", "trace_id", "timestamp", "system", "level", "message", "user_id", "service", "logger", "environment",
    "release", "area", "span_id", "parent_id", "duration_ms", "stack", "error", "context", "source", "seq", "kind",
    "count", "last_timestamp", "why", "sample_rate", "hops", "origin", "received_at", "fixed",
}  # fmt: skip


def test_the_fields_are_the_promised_ones():
    """
    An entry has the fields of the contract and no other.
    """
    assert set(Entry.__struct_fields__) == CONTRACT


@given(STRAIGHT)
def test_an_encoded_entry_decodes_to_itself(values):
    """
    What is stored comes back equal, of the same type.
    """
    entry = Entry(**values, origin="local", received_at=1.5, fixed=["context"])
    again = decode_entry(encode_entry(entry))
    assert again == entry
    assert type(again) is Entry


def test_absent_fields_take_no_room():
    """
    A stored entry names only what it says.
    """
    assert encode_entry(Entry(id="a", message="m")) == b'{"id":"a","message":"m"}'


def test_an_empty_message_is_written():
    """
    A line without text is a line: whoever reads it back finds its message, empty.
    """
    assert encode_entry(Entry(id="a", message="")) == b'{"id":"a","message":""}'


def test_fields_of_a_later_version_are_skipped():
    """
    A store written by a newer version can still be read.
    """
    assert decode_entry(b'{"message":"m","invented_later":{"a":[1]}}') == Entry(message="m")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"seq":"x"}', b"null"])
def test_what_is_no_entry_is_refused(data):
    """
    Broken storage raises the decoder's own exception, nothing else.
    """
    with pytest.raises(msgspec.DecodeError):
        decode_entry(data)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("trace_123", True),
        ("4bf92f3577b34da6a3ce929d0e0e4736", True),
        ("A.b:c-d_9", True),
        ("a" * 128, True),
        ("0001", True),
        ("a" * 129, False),
        ("", False),
        ("0", False),
        ("0" * 32, False),
        ("a b", False),
        ("a\n", False),
        ("\x00", False),
        ("*", False),
        ("a?", False),
        ("[a]", False),
        ("{x}", False),
        ("}{", False),
        ("../..", False),
        ("/", False),
        ("%2f", False),
        ("logs:other", True),
        ("\u0430bc", False),
        ("\u0661\u0662", False),
        ("\uff41", False),
    ],
)
def test_trace_ids(text, valid):
    """
    A trace id becomes part of keys, patterns and paths: nothing that means something there may stand in it.
    """
    assert is_trace_id(text) is valid


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("00f067aa0ba902b7", True),
        ("0" * 16, False),
        ("00F067AA0BA902B7", False),
        ("0f067aa0ba902b7", False),
        ("00f067aa0ba902b7\n", False),
        ("\u0661" * 16, False),
    ],
)
def test_span_ids(text, valid):
    """
    A span id is 16 lowercase hexadecimal digits, not all zeros.
    """
    assert is_span_id(text) is valid


@pytest.mark.parametrize(
    ("level", "rank", "is_error"),
    [
        ("debug", 0, False),
        ("log", 1, False),
        ("info", 1, False),
        ("warn", 2, False),
        ("error", 3, True),
        ("fatal", 4, True),
    ],
)
def test_rank(level, rank, is_error):
    """
    `log` ranks as `info`; errors begin at `error`.
    """
    assert (Entry(level=level).rank, Entry(level=level).is_error) == (rank, is_error)


def test_levels_and_systems_are_valid_names():
    """
    Every level has a rank, in the order of the list; every known system is a slug.
    """
    assert [*RANK] == [*LEVELS]
    assert [RANK[level] for level in LEVELS] == sorted(RANK.values())
    assert all(SYSTEM.fullmatch(system) for system in SYSTEMS)


@given(st.integers(1, 10**6))
def test_weight(count):
    """
    A folded row stands for its count, any other for one log call.
    """
    assert Entry(count=count).weight == count
    assert Entry().weight == 1
