"""
One merged timeline: the same for any order of arrival, true to every source, causes before effects.
"""

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.correlation.build import START, at, closing, hop, ids, log, traces
from tests.correlation.incident import incident
from tracelog.core.entry import Entry, decode_entry, encode_entry
from tracelog.correlation import correlate, timeline_of, timeline_of_json
from tracelog.correlation.lanes import believable


@given(traces(), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_report(entries, chance):
    """
    The report depends on the entries alone, not on the order in which they are handed in.
    """
    shuffled = list(entries)
    chance.shuffle(shuffled)
    assert correlate(shuffled) == correlate(entries)


@given(traces())
def test_the_timeline_alone_is_that_of_the_report(entries):
    """
    Who asks for the timeline only gets the rows that the report has.
    """
    assert timeline_of(entries) == correlate(entries).timeline


@given(traces())
def test_the_timeline_of_stored_json_is_that_of_its_entries(entries):
    """
    Read from the bytes of a store, whatever they hold, the rows are those of the whole entries.
    """
    rows = [encode_entry(entry) for entry in entries]
    assert timeline_of_json(rows) == timeline_of([decode_entry(row) for row in rows])


@pytest.mark.parametrize(
    "more",
    [b'"level":"notice"', b'"timestamp":1e300', b'"id":"a-1"', b'"timestamp":-1e300', b'"system":""'],
)
def test_an_odd_row_is_read_as_a_whole(more):
    """
    A level that is none, a time that is none and an id that stands twice make no other timeline.
    """
    plain = [log(f"a-{n}", n, f"step {n}", context={"status": 200}, stack="s") for n in range(3)]
    rows = [*map(encode_entry, plain), encode_entry(log("b", 5))[:-1] + b",%b}" % more]
    assert timeline_of_json(rows) == timeline_of([decode_entry(row) for row in rows])
    with pytest.raises(msgspec.DecodeError):
        timeline_of_json([b'{"id": 1}'])


def test_twenty_thousand_shuffled():
    """
    20,000 entries of several sources give one JSON in any order.
    """
    entries = [
        log(
            f"{n}",
            n // 3,
            f"step {n * 31 % 977:x}",
            ("browser", "worker", "backend")[n % 3],
            "error" if n % 101 == 0 else "info",
            source=f"s{n % 7}",
            seq=n,
            span_id=hop(1 + n % 53),
            parent_id=hop(1 + n % 11) if n % 5 == 0 else None,
            duration_ms=40.0 if n % 20 == 0 else None,
        )
        for n in range(20_000)
    ]
    expected = correlate(entries).to_json()
    random.Random(7).shuffle(entries)
    assert correlate(entries).to_json() == expected


@given(traces())
def test_entries_are_not_changed(entries):
    """
    Correlation reads entries and writes none.
    """
    before = [encode_entry(entry) for entry in entries]
    correlate(entries)
    assert [encode_entry(entry) for entry in entries] == before


@given(traces())
def test_every_log_call_is_counted_once(entries):
    """
    The counts of the rows and of the duplicates add up to the weights of the entries, and the ledger says so.
    """
    report = correlate(entries)
    ledger = report.ledger
    shown = sum(row.count for row in report.timeline)
    assert shown + ledger["duplicate"] == sum(entry.weight for entry in entries)
    assert ledger["entries"] == len(entries)
    # what an error brought out is counted by a suppressed row already
    assert ledger["logged"] == shown - sum(row.count for row in report.timeline if row.kind == "context")
    assert ledger["logged"] == ledger["shown"] + ledger["folded"] + sum(ledger["suppressed"].values())


@given(traces())
def test_time_never_runs_backwards(entries):
    """
    Rows stand in the order of their corrected times, the first at 0, none after the end.
    """
    report = correlate(entries)
    times = [row.at_ms for row in report.timeline]
    assert times == sorted(times)
    assert times[:1] in ([], [0.0])
    assert all(row.ends_ms <= report.duration_ms + 0.001 for row in report.timeline)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.sampled_from(["a", "b", "c"])), max_size=40))
def test_the_clock_never_reorders_a_source(said):
    """
    Entries of a source keep the order of their numbers, whatever their timestamps are.
    """
    entries = [
        log(f"{source}-{seq}", ms, f"m{seq:x}-{source}", source=source, seq=seq)
        for seq, (ms, source) in enumerate(said)
    ]
    report = correlate(entries)
    for source in "abc":
        numbers = [int(id_.split("-")[1]) for id_ in ids(report) if id_.startswith(source)]
        assert numbers == sorted(numbers)


CLOCKS = [
    pytest.param([0, 1, 2, 3], [0, 1, 2, 3], id="a good clock"),
    pytest.param([0, 1, 9000, 2, 3], [0, 1, 2, 2, 3], id="one jump forward"),
    pytest.param([0, 1, -9000, 2, 3], [0, 1, 1, 2, 3], id="one jump back"),
    pytest.param([5, 6, 0, 1, 2, 3], [0, 0, 0, 1, 2, 3], id="set back after a while"),
    pytest.param([4, 4, 4], [4, 4, 4], id="frozen"),
    pytest.param([3, 2, 1], [1, 1, 1], id="backwards"),
    pytest.param([0, 2081, 2080], [0, 2080, 2080], id="rounded down by a hair"),
    pytest.param([0, 7, 9, 5, 8, 6, 20], [0, 5, 5, 5, 6, 6, 20], id="a few crossed"),
    pytest.param([], [], id="silent"),
]


@pytest.mark.parametrize(("moments", "expected"), CLOCKS)
def test_a_clock_is_disbelieved_as_little_as_possible(moments, expected):
    """
    A jump costs the entries that jumped, never those after it.
    """
    assert list(believable(moments)) == expected


@given(st.lists(st.integers(-50, 50), max_size=60))
def test_believable_moments_rise(moments):
    """
    Believed moments never fall, are moments that were told, and a rising clock is left alone.
    """
    believed = list(believable(moments))
    assert believed == sorted(believed)
    assert set(believed) <= set(moments)
    assert list(believable(sorted(moments))) == sorted(moments)


def test_a_hop_stands_above_what_happened_in_it():
    """
    The closing entry of a span is spoken last and stands where the span began.
    """
    entries = [
        log("first", 0, source="s", seq=0),
        log("inner", 12, "inside", source="s", seq=1, span_id=hop(1)),
        closing("span", 1, 10, 30, source="s", seq=2),
        log("last", 41, source="s", seq=3),
    ]
    assert ids(correlate(entries)) == ["first", "span", "inner", "last"]


def test_a_frozen_clock_keeps_cause_and_order():
    """
    Where a worker's clock stands still, hops still open before what is said in them, in the order of numbers.
    """
    entries = [
        log("a", 7, "before", source="w", seq=0, span_id=hop(1)),
        log("b", 7, "within", source="w", seq=1, span_id=hop(2)),
        closing("inner", 2, 7, 0, parent=1, source="w", seq=2),
        log("c", 7, "after", source="w", seq=3, span_id=hop(1)),
        closing("outer", 1, 7, 0, source="w", seq=4),
    ]
    assert ids(correlate(entries)) == ["outer", "a", "inner", "b", "c"]


def test_ties_between_sources_go_outwards_for_errors_and_inwards_for_hops():
    """
    At one moment hops open from the outside in, and errors are told from the inside out.
    """
    entries = [
        closing("outer", 1, 0, 9, system="browser", source="tab", seq=2),
        closing("inner", 2, 0, 9, parent=1, system="backend", source="db", seq=2),
        log("outer failed", 5, "x", "browser", "error", span_id=hop(1), source="tab", seq=1),
        log("inner failed", 5, "y", "backend", "error", span_id=hop(2), source="db", seq=1),
    ]
    assert ids(correlate(entries)) == ["outer", "inner", "inner failed", "outer failed"]


def test_without_numbers_time_decides():
    """
    Entries that name no source or number are ordered by time, then by arrival, then by id.
    """
    entries = [
        log("d", 2, "four"),
        log("c", 1, "three", received_at=START + 9),
        log("b", 1, "two", received_at=START + 5),
        log("a", 0, "one"),
    ]
    assert ids(correlate(entries)) == ["a", "b", "c", "d"]


GAPS = [
    pytest.param([0, 99], [None, None], id="short"),
    pytest.param([0, 100], [None, 100.0], id="just long enough"),
    pytest.param([0, 50, 350], [None, None, 300.0], id="only the long one"),
]


@pytest.mark.parametrize(("moments", "gaps"), GAPS)
def test_silence_is_measured(moments, gaps):
    """
    A silence of 100 ms or more is noted on the row behind it.
    """
    report = correlate([log(f"{ms}", ms, "abcde"[i]) for i, ms in enumerate(moments)])
    assert [row.gap_before_ms for row in report.timeline] == gaps


def test_repeats_do_not_hide_a_silence():
    """
    A flood says nothing new, so the silence of everybody else is noted although the flood went on.
    """
    flood = [log(f"f{n}", n * 10, "tick", "browser") for n in range(1, 60)]
    report = correlate([log("start", 0, "begin"), *flood, log("end", 700, "end")])
    assert [(row.id, row.gap_before_ms) for row in report.timeline] == [
        ("start", None),
        ("f1", None),
        ("end", 690.0),
    ]


def test_an_entry_sent_twice_counts_once():
    """
    Of entries with one id the one that arrived first is kept; the other is counted as a duplicate.
    """
    early = log("same", 5, "early", received_at=START + 10)
    late = log("same", 5, "late", received_at=START + 20)
    for entries in ([early, late], [late, early], [late, early, late]):
        report = correlate(entries)
        assert [row.message for row in report.timeline] == ["early"]
        assert report.ledger["duplicate"] == len(entries) - 1


def test_the_same_object_twice_is_a_duplicate():
    """
    One entry handed in twice is one entry.
    """
    entry = log("x", 0)
    assert correlate([entry, entry]).ledger["duplicate"] == 1


def test_entries_without_id_get_one():
    """
    An id is made of source and number, or else of a number of our own that nobody has.
    """
    entries = [
        Entry(timestamp=START, message="a", source="tab", seq=4),
        Entry(timestamp=START + 1, message="b"),
        Entry(timestamp=START + 2, message="c"),
        log("unnamed-1", 3, "d"),
    ]
    assert ids(correlate(entries)) == ["tab-4", "unnamed-2", "unnamed-3", "unnamed-1"]


def test_counting_rows_stand_where_the_counted_were():
    """
    A row that counts entries not kept is put at their time, though it was spoken at the end.
    """
    counted = log(
        "lost", 5, "x", kind="suppressed", count=9, last_timestamp=START + 8, why="budget", source="s", seq=9
    )
    plain = [log(f"p{n}", n * 4, "abc"[n], source="s", seq=n) for n in range(3)]
    report = correlate([counted, *plain])
    assert ids(report) == ["p0", "p1", "lost", "p2"]
    row = report.timeline[2]
    assert (row.kind, row.count, row.last_timestamp, row.why) == ("suppressed", 9, START + 8, "budget")


def test_half_characters_cost_nothing():
    """
    Text that no encoder takes is ordered, searched for secrets and kept as any other.
    """
    broken = [Entry(timestamp=START, message=f"\ud800 {n} [REDACTED:jwt:ab]") for n in range(2)]
    twice = [log("x", 1, "\ud800 a"), log("x", 1, "\ud800 b")]
    reports = [correlate(entries) for entries in ([*broken, *twice], [*reversed(twice), *reversed(broken)])]
    assert reports[0] == reports[1]
    assert [row.message[:3] for row in reports[0].timeline] == ["\ud800 0", "\ud800 1", "\ud800 a"]
    assert "[REDACTED:jwt:ab] seen 2 times in unknown" in [insight.summary for insight in reports[0].insights]


WRONG_SPANS = [-1.0, -1e12, 1e300, float("inf"), float("nan")]


@pytest.mark.parametrize("took", WRONG_SPANS)
def test_an_impossible_duration_is_no_span(took):
    """
    A negative, endless or absurd duration leaves a plain entry at its own time.
    """
    report = correlate([log("a", 0, "one"), log("b", 5, "two", span_id=hop(1), duration_ms=took)])
    assert [(row.at_ms, row.duration_ms) for row in report.timeline] == [(0.0, None), (5.0, None)]
    assert report.duration_ms == 5.0


def test_the_incident_reads_in_order():
    """
    Four systems with four clocks make one story.
    """
    report = correlate(incident())
    assert [(row.system, row.message.split(":")[0]) for row in report.timeline] == [
        ("browser", "click Buy"),
        ("browser", "POST /checkout"),
        ("worker", "route /checkout"),
        ("worker", "session ok, [REDACTED"),
        ("worker", "cache miss"),
        ("browser", "render loop"),
        ("convex", "orders"),
        ("convex", "orders"),
        ("backend", "POST /charge"),
        ("backend", "charging card"),
        ("backend", "UPDATE orders SET state = 'charged' WHERE id = $1"),
        ("browser", "mousemove 311,92"),
        ("backend", "psycopg.OperationalError"),
        ("convex", "charge request failed"),
        ("worker", "convex call failed with status 500"),
        ("browser", "POST /checkout 500"),
        ("browser", "Uncaught (in promise) Error"),
        ("browser", "toast shown"),
    ]
    assert at(report)["billing-4-2"] == 2081.0
    assert Counter(row.kind for row in report.timeline) == {None: 16, "summary": 1, "suppressed": 1}


def test_one_entry():
    """
    A single entry is a trace of no length.
    """
    report = correlate([log("only", 0)])
    assert (ids(report), report.duration_ms, report.started) == (["only"], 0.0, START)


def test_no_entry():
    """
    An empty trace is a report, too.
    """
    report = correlate([], trace_id="abc")
    assert (report.trace_id, report.timeline, report.started, report.duration_ms) == ("abc", [], None, 0.0)
    assert report.complete
