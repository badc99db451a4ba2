"""
Names of Redis keys: built from valid ids alone, companions in the slot of their trace.
"""

import string
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from tracelog.core import keys
from tracelog.core.entry import is_trace_id

trace_ids = st.text(string.ascii_letters + string.digits + "_.:-", min_size=1, max_size=128).filter(
    is_trace_id
)
SHARED = (keys.RECENT, keys.ERRORS, keys.TALLY, keys.OUTCOMES, keys.REPORTS, keys.PROBE)


@given(trace_id=trace_ids)
def test_one_slot(trace_id: str):
    """
    A trace's list is `logs:<id>`, and all its companions share that key's cluster slot.
    """
    assert keys.logs(trace_id) == f"logs:{trace_id}"
    slots = {key_slot(keys.companion(kind, trace_id).encode()) for kind in keys.COMPANIONS}
    assert slots == {key_slot(keys.logs(trace_id).encode())}


@given(trace_id=trace_ids)
def test_patterns_find_ours(trace_id: str):
    """
    The patterns match every key of ours, each by exactly one of them.
    """
    ours = [keys.logs(trace_id), *(keys.companion(kind, trace_id) for kind in keys.COMPANIONS), *SHARED]
    assert [sum(fnmatchcase(name, pattern) for pattern in keys.PATTERNS) for name in ours] == [1] * len(ours)


@pytest.mark.parametrize("other", ["log:a", "xlogs:a", "ids:a", "tracelogs:a", "meta:{log:a}"])
def test_patterns_spare_others(other: str):
    """
    The patterns match no key of another program.
    """
    assert not any(fnmatchcase(other, pattern) for pattern in keys.PATTERNS)


@pytest.mark.parametrize(
    "text", ["", "a b", "a*", "{a}", "a/../b", "a\r\nPING", "é", "0" * 32, "a" * 129, "a\x00"]
)
def test_no_other_names(text: str):
    """
    What is no trace id never becomes part of a name.
    """
    with pytest.raises(ValueError, match="no trace id"):
        keys.logs(text)
    with pytest.raises(ValueError, match="no trace id"):
        keys.companion(keys.IDS, text)
