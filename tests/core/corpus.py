"""
What senders send: a fixed moment of arrival, and strategies for straight and for crooked entries.
"""

import itertools

import msgspec
import pytest
from hypothesis import strategies as st

from tracelog.core.entry import (
    LEVELS,
    SYSTEMS,
    Entry,
    Limits,
    decode_entry,
    encode_entry,
    is_span_id,
    is_trace_id,
)
from tracelog.core.straighten import ALIASES, EARLIEST_MS, KINDS, LATEST_AHEAD_MS, straighten
from tracelog.core.wire import Mint, decode_json
from tracelog.errors import InvalidBodyError

NOW = 1_763_812_800_000.0
DAY = 24 * 3600 * 1000.0
GOOD = b'{"message":"ok"}'
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def mint():
    """
    Return a mint of numbered ids: trace ids of 32 hex digits, entry ids `minted-n`.
    """
    traces, entries = itertools.count(1), itertools.count(1)
    return Mint(trace_id=lambda: f"{next(traces):032x}", entry_id=lambda: f"minted-{next(entries)}")


def read(body, **options):
    """
    Return the batch of *body*: bytes as they are, anything else as JSON.
    """
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return decode_json(data, now_ms=NOW, mint=mint(), **options)


def read_one(body, **options):
    """
    Return the one entry of *body*.
    """
    (entry,) = read(body, **options).entries
    return entry


def made(limits=None, /, **raw):
    """
    Return the entry of the fields *raw*, straightened.
    """
    return straighten(raw, now_ms=NOW, new_trace_id=lambda: TRACE, limits=limits or Limits())


def told(field, value):
    """
    Return what *field* became, and whether it was named as fixed.
    """
    entry = made(**{"message": "m", field: value})
    return getattr(entry, field), field in (entry.fixed or [])


def refusal(body, **options):
    """
    Return the error with which *body* as a whole is refused.
    """
    with pytest.raises(InvalidBodyError) as caught:
        read(body, **options)
    return caught.value


def check_answer(decode):
    """
    Assert that *decode* returns storable entries and named drops, or refuses by name; return the batch, if any.
    """
    refused = None
    try:
        batch = decode()
    except InvalidBodyError as error:
        refused = error
    if refused is not None:
        assert refused.status in {400, 413}
        assert refused.reason
        assert "\n" not in str(refused)
        return None
    for entry in batch.entries:
        assert type(entry) is Entry
        assert entry.id
        assert is_trace_id(entry.trace_id)
        assert decode_entry(encode_entry(entry)) == entry
    for drop in batch.drops:
        assert drop.outcome == "rejected"
        assert drop.reason
        assert "\n" not in drop.error
    return batch


def outcome(body, **options):
    """
    Return what became of *body*: messages kept with their places, reasons of drops with theirs.
    """
    batch = read(body, **options)
    kept = list(zip(batch.places, [entry.message for entry in batch.entries], strict=True))
    return kept, [(drop.index, drop.reason) for drop in batch.drops]


def nested(depth, inner=1):
    """
    Return *depth* objects in one another.
    """
    value = inner
    for _ in range(depth):
        value = {"a": value}
    return value


CLEAN = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
WORDS = CLEAN.filter(bool)
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, CLEAN)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(CLEAN, inner, max_size=4)),
    max_leaves=12,
)
OBJECTS = st.dictionaries(CLEAN, JSON, max_size=6)
TIMES = st.floats(EARLIEST_MS, NOW + LATEST_AHEAD_MS)
SPANS = st.from_regex(r"[0-9a-f]{16}", fullmatch=True).filter(is_span_id)
TRACES = st.from_regex(r"[A-Za-z0-9_.:-]{1,128}", fullmatch=True).filter(is_trace_id)
COUNTS = st.integers(0, 2**53)
ERRORS = st.recursive(
    st.fixed_dictionaries({"type": WORDS, "message": CLEAN}),
    lambda inner: st.fixed_dictionaries({"type": WORDS, "message": CLEAN, "cause": inner}),
    max_leaves=3,
)

STRAIGHT = st.fixed_dictionaries(
    {"message": CLEAN},
    optional={
        "id": CLEAN,
        "trace_id": TRACES,
        "timestamp": st.one_of(TIMES, st.integers(int(EARLIEST_MS), int(NOW))),
        "system": st.one_of(st.sampled_from(SYSTEMS), st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True)),
        "level": st.sampled_from(LEVELS),
        **dict.fromkeys(("user_id", "service", "logger", "environment", "release", "area", "why"), CLEAN),
        "span_id": SPANS,
        "parent_id": SPANS,
        "duration_ms": st.floats(0, 1e12),
        "stack": CLEAN,
        "error": ERRORS,
        "context": OBJECTS,
        "source": WORDS,
        "seq": COUNTS,
        "kind": st.sampled_from(sorted(KINDS)),
        "count": st.integers(1, 2**53),
        "last_timestamp": TIMES,
        "sample_rate": st.floats(0, 1, exclude_min=True),
        "hops": COUNTS,
    },
)
"""Every field of the contract that a body may set, each valid, none but the message needed."""

FIELD_NAMES = st.one_of(
    st.sampled_from([*msgspec.structs.asdict(read_one({"message": "m"}))]),
    st.sampled_from([name for names in ALIASES.values() for name in names]),
    st.text(max_size=8),
)
ODD = st.one_of(
    JSON,
    st.text(max_size=20),
    st.integers(),
    st.floats(),
    st.sampled_from(
        [
            "WARNING",
            "17",
            17,
            "2025-11-22T12:00:00Z",
            1763812800,
            1e400,
            -1,
            2**53 + 1,
            10**400,
            "",
            [],
            {},
            True,
        ]
    ),
)
CROOKED = st.dictionaries(FIELD_NAMES, ODD, max_size=8)
"""Anything under any name of ours or of others, decoded as Python decodes it."""
