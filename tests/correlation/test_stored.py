"""
Timelines of many stored rows: names that the decoder learnt, and those that turn up later, change no row.
"""

import pytest

from tests.correlation.build import hop, log
from tracelog.core.entry import decode_entry, encode_entry
from tracelog.correlation import correlate, timeline_of, timeline_of_json
from tracelog.correlation.stored import LESSON, LESSONS, MOST, read_stored

BLOCKS = LESSONS + 3

NAMES = {
    "the same from the first to the last": lambda n: n % 3,
    "one of the last is new": lambda n: 7 if n == BLOCKS * LESSON - 500 else n % 3,
    "new ones in each block": lambda n: n // LESSON,
    "more than are learnt": lambda n: n % (2 * MOST),
}


def rows_of(name):
    return [
        encode_entry(
            log(
                f"e{n}",
                n * 31 % 5_000,
                f"step {n % 7} of {n}",
                f"system{name(n) % 5}",
                service=f"service{name(n)}" if n % 2 else None,
                source=f"source{name(n)}" if n % 5 else None,
                seq=n if n % 5 else None,
                span_id=hop(1 + n // 40),
                context={"status": 200 + n % 2},
            )
        )
        for n in range(BLOCKS * LESSON)
    ]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_known_beforehand_change_no_row(name):
    """
    Whenever a name is first heard, the timeline is that of the report, and though the last row is weeks later.
    """
    rows = [*rows_of(name), encode_entry(log("late", 2e9, "bye"))]
    entries = [decode_entry(row) for row in rows]
    assert timeline_of_json(rows) == timeline_of(entries) == correlate(entries).timeline


@pytest.mark.parametrize(
    "more", [b'"level":"notice"', b'"timestamp":1e300', b'"received_at":-1e300', b'"id":"e3"', b'"seq":null']
)
def test_an_odd_row_behind_many_is_read_as_a_whole(more):
    """
    What is no level or time, or an id that stands twice, is no other for names learnt before it.
    """
    rows = rows_of(NAMES["the same from the first to the last"])
    rows[-3] = rows[-3][:-1] + b",%b}" % more
    assert timeline_of_json(rows) == timeline_of([decode_entry(row) for row in rows])


def test_equal_names_are_one_text():
    """
    Of the rows behind the first block no name is a text of its own: memory and time are saved.
    """
    entries = read_stored(rows_of(NAMES["the same from the first to the last"])).entries[LESSON:]
    for names in ("system", "service", "source", "level", "span_id"):
        texts = [getattr(entry, names) for entry in entries]
        assert len(set(map(id, texts))) == len(set(texts))
