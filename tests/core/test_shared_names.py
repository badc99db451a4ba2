"""
Names shared between decoded entries.
"""

import msgspec
import pytest

from tests.correlation.build import closing, log
from tracelog.core.entry import Entry, decode_entry, encode_entry
from tracelog.core.shared_names import decode_entries

ROWS = [
    encode_entry(entry)
    for entry in (
        log("a", 0, source="tab-7 of the shop", service="the shop", span_id="f" * 16),
        closing("b", 1, 2, 3.5, parent=2, source="tab-7 of the shop", service="the shop", level="error"),
        Entry(id="c", message=""),
    )
]


def test_entries_are_those_that_are_decoded_one_by_one():
    """
    Sharing changes no value, also where a name is absent.
    """
    assert decode_entries(ROWS * 2) == [decode_entry(row) for row in ROWS * 2]


@pytest.mark.parametrize("name", ["trace_id", "system", "level", "service", "source", "span_id"])
def test_equal_names_are_one_text(name):
    """
    However often a name comes, it is in memory once.
    """
    values = [getattr(entry, name) for entry in decode_entries(ROWS * 3)]
    assert len({id(value) for value in values}) == len(set(values))


def test_a_row_that_is_no_entry_is_refused():
    """
    What `decode_entry` refuses is refused among others, too.
    """
    with pytest.raises(msgspec.DecodeError):
        decode_entries([*ROWS, b'{"id": 7}'])
