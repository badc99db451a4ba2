"""
Entries as events of Logflare: its rules about keys, types and empty values hold whatever a program logs.
"""

import json
import re
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.archives.logflare_server import Source
from tracelog.core.entry import Entry
from tracelog.core.logflare import batch, column, event, event_id

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.builds(
    Entry,
    id=st.text(min_size=1, max_size=8),
    trace_id=st.just("t"),
    timestamp=st.floats(0, 4e12),
    message=st.text(max_size=8),
    duration_ms=st.none() | st.integers(0, 9) | st.floats(0, 9),
    seq=st.none() | st.integers(0, 2**53),
    context=st.none() | st.dictionaries(st.text(max_size=8), JSON, max_size=3),
    error=st.none() | st.fixed_dictionaries({"type": st.text(max_size=4), "message": st.text(max_size=4)}),
    fixed=st.none() | st.lists(st.text(max_size=4), max_size=2),
)


@settings(max_examples=60)
@given(entries=st.lists(ENTRIES, min_size=1, max_size=6), columns=st.lists(st.text(max_size=8), max_size=2))
def test_logflare_takes_whatever_is_logged(entries: list[Entry], columns: list[str]) -> None:
    """
    No value makes an event that is refused, none changes the type of a column, no key has to be rewritten.
    """
    source = Source()
    for said in json.loads(batch(entries, columns))["batch"]:
        assert source.take(said) is None
    assert source.rewritten == []
    assert len(source.events) == len(entries)


def test_nothing_is_lost_on_the_way() -> None:
    """
    Every field of an entry stands in its event, in its place or as JSON.
    """
    entry = Entry(
        id="a-1",
        trace_id="t1",
        timestamp=1_795_350_664_123.5,
        level="error",
        message="no",
        duration_ms=3,
        context={"order": 12, "cart": {"n": [1, "a"]}},
        error={"type": "E", "message": "m", "cause": {"type": "C", "message": "c"}},
        fixed=["message", "context"],
        sample_rate=0.2,
    )
    said = event(entry, ["order", "cart", "missing"])
    assert (said["message"], said["timestamp"]) == ("no", "2026-11-22T12:31:04.123500Z")
    held = said["metadata"]
    assert (held["entry_id"], held["trace_id"], held["level"], held["sample_rate"]) == (
        "a-1",
        "t1",
        "error",
        0.2,
    )
    assert isinstance(held["duration_ms"], float)
    assert json.loads(held["context"]) == entry.context
    assert json.loads(held["error"]) == entry.error
    assert (held["error_type"], held["error_message"], held["fixed"]) == ("E", "m", "message,context")
    assert (held["context_order"], held["context_cart"]) == ("12", '{"n":[1,"a"]}')
    assert "context_missing" not in held


def test_ids_are_of_the_entry() -> None:
    """
    The same entry has the same UUID whenever it is sent, another entry or trace another one.
    """
    entries = [Entry(id=i, trace_id=t) for i in ("1", "2") for t in ("1", "2", "\n1")]
    ids = [event_id(entry) for entry in entries]
    assert len(set(ids)) == len(ids)
    assert ids == [event_id(entry) for entry in entries]
    assert {uuid.UUID(each).version for each in ids} == {8}
    assert {uuid.UUID(each).variant for each in ids} == {uuid.RFC_4122}


@pytest.mark.parametrize("key", ["order", "Größe", "a.b c", "", "x" * 300])
def test_columns_have_names_that_fit(key: str) -> None:
    """
    A named key becomes a column name of letters, digits and underscores, 128 characters at most.
    """
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", column(key))


def test_a_time_that_no_calendar_has_is_left_out() -> None:
    """
    Logflare then takes its own.
    """
    assert "timestamp" not in event(Entry(id="1", timestamp=1e20))
