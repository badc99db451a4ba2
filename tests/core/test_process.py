"""
What a processor makes of a batch: nothing is lost from the account, and the same batch gives the same rows.
"""

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracelog.core.entry import Entry, decode_entry
from tracelog.core.live import ROW_BYTES, SPAN_MS, live_rows
from tracelog.core.process import TOLD_TRACES, process
from tracelog.core.sample import keep

LEVELS = ("debug", "info", "warn", "error", "fatal")


def body(*entries: Entry) -> bytes:
    return msgspec.json.encode(entries)


def entry(number: int, **fields) -> Entry:
    given = {"trace_id": "t", "system": "backend", "level": "info", "message": "said", **fields}
    return Entry(id=f"e{number}", timestamp=1000.0 + number, **given)


entries = st.lists(
    st.builds(
        entry,
        st.integers(0, 10**6),
        trace_id=st.integers(0, 40).map(lambda n: f"trace-{n}"),
        level=st.sampled_from(LEVELS),
        message=st.sampled_from(("a", "b 1", "b 2")),
        count=st.none() | st.integers(1, 9),
        kind=st.sampled_from((None, "summary", "suppressed")),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(entries, st.sampled_from((0.0, 0.2, 1.0)))
def test_every_entry_is_a_row_folded_or_sampled_and_counts_add_up(given, rate):
    """
    Entries = rows + folded + sampled; the counts of the rows are those of what was kept; warnings and errors are
    all kept, and again the same comes of the same.
    """
    raw = body(*given)
    done = process([raw], rate)
    assert done.entries == len(given) == len(done.rows) + done.folded + done.sampled
    kept = [
        each
        for each in given
        if each.kind == "suppressed" or each.level not in ("debug", "info") or keep(each.trace_id, rate)
    ]
    told, wanted = Counter(), Counter()
    for each in kept:
        wanted[each.level, each.message] += each.weight
    for each in done.rows:
        told[each.level, each.message] += each.weight
    assert told == wanted
    assert process([raw], rate).rows == done.rows
    assert sum(row.count for row in live_rows(done.rows)) == wanted.total()


def test_a_folded_row_says_what_it_stands_for():
    """
    It is a summary from the first to the last moment, under the first id, and names some of the other traces.
    """
    same = [entry(n, trace_id=f"t{n}", level="error") for n in range(40)]
    [row] = process([body(*same[:30]), body(*same[30:])], 1.0).rows
    assert (row.id, row.kind, row.count, row.why) == ("e0", "summary", 40, "batch")
    assert (row.timestamp, row.last_timestamp) == (1000.0, 1039.0)
    assert row.context == {"also_traces": [f"t{n}" for n in range(1, TOLD_TRACES + 1)]}


DIFFERENT = {
    "level": {"level": "warn"},
    "message": {"message": "other"},
    "system": {"system": "worker"},
    "service": {"service": "till"},
    "error": {"error": {"type": "ValueError", "message": "m"}},
    "span": {"duration_ms": 1.0},
    "ledger row": {"kind": "suppressed", "why": "trace_quota"},
    "sample": {"sample_rate": 0.1},
}


@pytest.mark.parametrize("fields", DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_told_apart(fields):
    """
    Entries that differ in more than their trace, time and context are rows of their own.
    """
    assert len(process([body(entry(1), entry(2, **fields))], 1.0).rows) == 2


def test_every_kept_row_says_its_rate():
    """
    The rate is that of the smaller of two samples; what is not sampled says none.
    """
    high = next(f"t{n}" for n in range(99) if keep(f"t{n}", 0.1))
    given = [
        entry(1, trace_id=high),
        entry(2, trace_id=high, sample_rate=0.1, message="b"),
        entry(3, level="error", message="c"),
    ]
    assert [row.sample_rate for row in process([body(*given)], 0.2).rows] == [0.2, 0.1, None]
    assert [row.sample_rate for row in process([body(*given)], 1.0).rows] == [None, 0.1, None]


def test_what_cannot_be_read_is_counted_and_spoils_nothing_else():
    """
    A write that is no array of entries is one unreadable, a row that is none another; their neighbours, in other
    writes and in the same, are processed.
    """
    mixed = b'[{"count":"x"},' + body(entry(1))[1:]
    done = process([b'{"not":"ours"}', b"[", mixed, body(entry(2, message="else"))], 1.0)
    assert (done.unreadable, done.entries, [row.id for row in done.rows]) == (3, 2, ["e1", "e2"])


def test_live_rows_join_what_is_said_alike_within_five_minutes():
    """
    Numbers in a message do not part rows, five minutes and another level do.
    """
    given = [
        entry(1, message="took 5 ms", received_at=0.0),
        entry(2, message="took 7 ms", received_at=SPAN_MS - 1),
        entry(3, message="took 7 ms", received_at=SPAN_MS),
        entry(4, message="took 7 ms", received_at=0.0, level="error"),
    ]
    assert [(row.count, row.first_ms, row.last_ms) for row in live_rows(given)] == [
        (2, 1001.0, 1002.0),
        (1, 1003.0, 1003.0),
        (1, 1004.0, 1004.0),
    ]


def test_a_live_row_is_short():
    """
    Stacks never stand in the view, nor does a long context; what is left is the entry.
    """
    long = entry(1, message="m" * 9_000, stack="s" * 9_000, context={"why": "y" * ROW_BYTES})
    [row] = live_rows([long])
    shown = decode_entry(row.body)
    assert len(row.body) <= ROW_BYTES
    assert (shown.id, shown.stack, shown.context, len(shown.message)) == ("e1", None, None, 2_000)
