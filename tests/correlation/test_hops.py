"""
Hops, clocks and time: a tree from any input, clocks bounded by cause, shares that add up.
"""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.correlation.build import START, at, closing, hop, ids, log, traces
from tests.correlation.incident import incident
from tracelog.correlation import Clock, correlate


def hops(entries):
    return {known.span_id: known for known in correlate(entries).hops}


def test_hops_form_a_tree():
    """
    A hop knows who caused it, how deep it is, how long it took and what of that it spent itself.
    """
    found = hops(
        [
            closing("a", 1, 0, 100, system="browser", service="shop"),
            closing("b", 2, 10, 60, parent=1, system="worker"),
            closing("c", 3, 20, 30, parent=2),
            closing("d", 4, 40, 30, parent=2),
            log("said", 45, span_id=hop(4)),
        ]
    )
    assert [(h.span_id[-1], h.depth, h.duration_ms, h.self_ms) for h in found.values()] == [
        ("1", 0, 100.0, 40.0),
        ("2", 1, 60.0, 10.0),
        ("3", 2, 30.0, 30.0),
        ("4", 2, 30.0, 30.0),
    ]
    assert (found[hop(1)].system, found[hop(1)].service, found[hop(1)].name) == ("browser", "shop", "hop 1")
    assert found[hop(4)].entries == 2


def test_an_orphan_hangs_under_a_named_unknown_parent():
    """
    A cause that said nothing here is a hop of its own, called unknown, as long as what it caused.
    """
    report = correlate([closing("a", 1, 10, 20, parent=9), closing("b", 2, 50, 5, parent=9, system="worker")])
    unknown = report.hops[0]
    assert (unknown.span_id, unknown.known, unknown.name) == (hop(9), False, "unknown parent")
    assert (unknown.at_ms, unknown.duration_ms) == (0.0, 45.0)
    assert [known.parent_id for known in report.hops[1:]] == [hop(9), hop(9)]
    orphan = next(insight for insight in report.insights if insight.kind == "orphan")
    assert orphan.summary.startswith(f"2 hops in backend and worker name an unknown parent {hop(9)}")
    assert orphan.entries == ["a", "b"]


CIRCLES = [
    pytest.param([(1, 1)], id="itself"),
    pytest.param([(1, 2), (2, 1)], id="two"),
    pytest.param([(1, 2), (2, 3), (3, 1), (4, 1)], id="three and a tail"),
]


@pytest.mark.parametrize("edges", CIRCLES)
def test_a_circle_of_causes_is_cut(edges):
    """
    Hops that cause each other are cut at the one that began first, which then has no cause.
    """
    found = hops([closing(f"e{child}", child, child, 5, parent=parent) for child, parent in edges])
    assert found[hop(1)].depth == 0
    assert found[hop(1)].parent_id is None
    assert len(found) == len(edges)


def test_ten_thousand_deep():
    """
    A chain of 10,000 hops, each calling the next, is measured without recursion.
    """
    entries = [
        closing(f"e{n}", n + 1, n, 20_000 - 2 * n, parent=n or None, source=f"s{n % 3}", seq=20_000 - n)
        for n in range(10_000)
    ]
    entries += [log(f"x{n}", n + 0.5, "bad", level="error", span_id=hop(n + 1)) for n in range(0, 10_000, 7)]
    begin = time.process_time()
    report = correlate(entries)
    assert report.hops[-1].depth == 9_999
    assert len(report.critical_path) == 10_000
    assert time.process_time() - begin < 5  # a guard against quadratic time, not a claim about speed


def test_an_unfinished_hop_lasts_as_long_as_what_it_caused():
    """
    A hop that nobody closed is as long as its entries and the hops below it.
    """
    found = hops([log("a", 0, span_id=hop(1)), closing("b", 2, 10, 90, parent=1)])
    assert (found[hop(1)].duration_ms, found[hop(1)].name) == (100.0, None)


def test_an_entry_that_names_only_its_cause_has_a_hop_of_its_own():
    """
    A line with a parent and no span stands below that parent.
    """
    found = hops([closing("a", 1, 0, 50, system="browser"), log("b", 5, parent_id=hop(1), system="worker")])
    assert [(known.depth, known.system) for known in found.values()] == [(0, "browser"), (1, "worker")]


def test_a_span_closed_twice_keeps_its_first_closing():
    """
    Two closing entries of one span make one hop; both rows are shown.
    """
    report = correlate(
        [
            closing("a", 1, 0, 50, source="s", seq=1),
            closing("b", 1, 10, 20, source="s", seq=2),
        ]
    )
    assert len(report.hops) == 1
    assert report.hops[0].duration_ms == 50.0
    assert [row.duration_ms for row in report.timeline] == [50.0, 20.0]


def skewed(child_ms, *, took=50.0, **more):
    return [
        closing("parent", 1, 0, 100, system="browser", source="tab", seq=0),
        closing("child", 2, child_ms, took, parent=1, system="worker", source="edge", seq=1, **more),
        log("within", child_ms + 10, system="worker", source="edge", seq=0, span_id=hop(2)),
    ]


CLOCKS = [
    pytest.param(20, 50.0, Clock(0.0, 30.0, "measured"), id="nothing contradicts"),
    pytest.param(0, 50.0, Clock(0.0, 50.0, "measured"), id="just after"),
    pytest.param(-30, 50.0, Clock(55.0, 25.0, "measured"), id="a little early"),
    pytest.param(-7_200_000, 90.0, Clock(7_200_005.0, 5.0, "measured"), id="another time zone"),
    pytest.param(7_200_000, 90.0, Clock(-7_199_995.0, 5.0, "measured"), id="ahead by as much"),
    pytest.param(20, 20.0, Clock(0.0, None, "none"), id="at work for too little of the call to measure"),
    pytest.param(-30, 20.0, Clock(30.0, 80.0, "cause"), id="then moved by the least that cause demands"),
    pytest.param(500, 20.0, Clock(0.0, None, "none"), id="a short job after the call may be consumed later"),
]


@pytest.mark.parametrize(("child_ms", "took", "clock"), CLOCKS)
def test_a_clock_is_measured_by_a_call_and_its_answer(child_ms, took, clock):
    """
    A called hop lies within the call: its source is moved there, all of it alike, and only when it is not there.
    """
    report = correlate(skewed(child_ms, took=took))
    assert report.clocks == {"edge": clock, "tab": Clock()}
    assert {known.system: known.clock for known in report.systems} == {"browser": Clock(), "worker": clock}
    assert ids(report) == ["parent", "child", "within"]
    assert at(report)["within"] - at(report)["child"] == 10.0
    assert [row.raw_timestamp for row in report.timeline][1] == START + child_ms


def call(number: int, ms: float, took: float, child_ms: float, child_took: float, **more):
    """
    Return hop *number* of `tab` and the hop of `edge` that it called.
    """
    caller = closing(f"a{number}", number, ms, took, source="tab", seq=100 + number, **more)
    called = closing(
        f"b{number}", number + 50, child_ms, child_took, parent=number, source="edge", seq=number, **more
    )
    return [caller, called]


PAIRS = [
    pytest.param([(1, 0, 100, -50, 20)], Clock(50.0, 80.0, "cause"), id="one loose call bounds"),
    pytest.param(
        [(1, 0, 100, -970, 60), (2, 500, 50, -490, 46)],
        Clock(992.0, 2.0, "measured"),
        id="the shortest way there and back decides",
    ),
    pytest.param(
        [(1, 0, 100, -60, 90), (2, 500, 100, 440, 92)],
        Clock(64.0, 4.0, "measured"),
        id="pairs that agree narrow each other",
    ),
    pytest.param(
        [(1, 0, 50, 500, 50), (2, 100, 50, 900, 50), (3, 200, 50, 4_000, 50)],
        Clock(0.0, None, "none"),
        id="messages consumed whenever agree on nothing",
    ),
]


@pytest.mark.parametrize(("calls", "clock"), PAIRS)
def test_of_several_calls_the_closest_measures(calls, clock):
    """
    Calls and answers bound a clock together, the closest first; where they contradict each other nothing is moved.
    """
    entries = [entry for each in calls for entry in call(*each)]
    assert correlate(entries).clocks["edge"] == clock


def test_an_answer_measures_a_clock_however_short_the_called_was_at_work():
    """
    A hop that ends with the status of its caller was waited for; with another one it may have been consumed later.
    """
    caller, called = call(1, 0, 100, 7_200_030, 20)
    for code, how in ((401, "measured"), (200, "none")):
        ends = [
            msgspec.structs.replace(one, context={"status": ended})
            for one, ended in ((caller, 401), (called, code))
        ]
        assert correlate(ends).clocks["edge"].how == how


NESTED = [
    pytest.param(395.0, None, Clock(-395.0, 80.0, "cause"), id="as their clocks agree"),
    pytest.param(395.0, 100.0, Clock(-395.0, 80.0, "cause"), id="and the arrival says so"),
    pytest.param(395.0, 500.0, Clock(0.0, None, "none"), id="arrived later: consumed later"),
    pytest.param(0.0, None, Clock(0.0, None, "none"), id="inside its caller where it is"),
]


@pytest.mark.parametrize(("by", "lag", "clock"), NESTED)
def test_a_clock_that_nothing_measures_agrees_with_its_caller(by, lag, clock):
    """
    What lies inside its caller by the clocks as they are stays there when the caller's clock is corrected by a call of
    its own, unless it arrived as late as what is consumed later.
    """
    ahead = 395.0
    entries = [
        closing("tab", 1, 0, 110, source="tab", seq=0),
        closing("edge", 2, 5 + ahead, 100, parent=1, source="edge", seq=0),
        closing("db", 3, 20 + by, 10, parent=2, source="db", seq=0),
    ]
    if lag is not None:
        entries = arriving(entries, {"tab": 100.0, "edge": 100.0 - ahead, "db": lag - ahead})
    assert correlate(entries).clocks["db"] == clock


def arriving(entries, lag):
    return [
        msgspec.structs.replace(entry, received_at=entry.timestamp + lag[entry.source]) for entry in entries
    ]


ARRIVALS = [
    pytest.param(0.0, "tab", Clock(0.0, None, "none"), id="consumed later, arrived later"),
    pytest.param(-60_000.0, "tab", Clock(-59_995.0, 5.0, "measured"), id="said later, arrived at once"),
    pytest.param(-60_000.0, None, Clock(-60_000.0, None, "arrival"), id="without any hop"),
    pytest.param(60_000.0, None, Clock(0.0, None, "none"), id="late is no proof: it may have waited offline"),
]


@pytest.mark.parametrize(("early", "caller", "clock"), ARRIVALS)
def test_arrivals_tell_a_clock_ahead_from_a_message_consumed_later(early, caller, clock):
    """
    What seems to be said after its call was said within it when it arrived with it; what arrived before it was spoken
    was spoken by a clock that runs ahead.
    """
    entries = call(1, 0, 100, 60_000, 90)
    if caller is None:
        entries = [log("x", 0, source="tab", seq=0), log("y", 60_000, source="edge", seq=0)]
    report = correlate(arriving(entries, {"tab": 100.0, "edge": 100.0 + early}))
    assert report.clocks["edge"] == clock


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=6),
    st.integers(-(10**7), 10**7),
)
def test_what_is_measured_is_true(calls, skew):
    """
    However far a clock is off, and whatever the ways there and back: the true offset is within the uncertainty.
    """
    entries = []
    for n, (begin, there, back) in enumerate(calls, 1):
        began = n * 5_000 + begin
        entries += call(n, began, there + 100 + back, began + there - skew, 100)
    clock = correlate(entries).clocks["edge"]
    assert clock.how == "measured"
    assert abs(clock.offset_ms - skew) <= clock.uncertainty_ms + 0.001


def test_a_frozen_clock_is_ordered_by_its_numbers():
    """
    A worker whose clock stands still between waits keeps its own order, among others that speak at the same moment.
    """
    entries = [
        closing("page", 1, 0, 100, system="browser", source="tab", seq=1),
        closing("edge", 2, 10, 80, parent=1, system="worker", source="w", seq=5),
        *(log(f"w{n}", 10, f"{n}", "worker", source="w", seq=n, span_id=hop(2)) for n in (3, 1, 0, 2)),
        log("tab", 10, "meanwhile", "browser", source="tab", seq=0, span_id=hop(1)),
        log("woken", 90, "answer", "worker", source="w", seq=4, span_id=hop(2)),
    ]
    report = correlate(entries)
    assert [id_ for id_ in ids(report) if id_.startswith("w")] == ["w0", "w1", "w2", "w3", "woken"]
    assert {row.raw_timestamp for row in report.timeline if row.id in {"w0", "w3"}} == {START + 10}


def test_the_closing_entry_knows_its_cause_best():
    """
    A parent that the closing names wins over one that an entry inside names; without one the inner counts.
    """
    inner = log("in", 5, span_id=hop(3), parent_id=hop(2), source="s", seq=0)
    tops = [closing("a", 1, 0, 50), closing("b", 2, 0, 50)]
    named = hops([*tops, inner, closing("x", 3, 1, 10, parent=1, source="s", seq=1)])
    assert named[hop(3)].parent_id == hop(1)
    unnamed = hops([*tops, inner, closing("x", 3, 1, 10, source="s", seq=1)])
    assert unnamed[hop(3)].parent_id == hop(2)


def test_a_clock_that_runs_ahead_through_a_callback_is_moved_back():
    """
    A source that is called by one and calls it back lies between the two, so it can be ahead, too.
    """
    report = correlate(
        [
            closing("a", 1, 0, 1000, source="tab", seq=9),
            closing("b", 2, 500, 100, parent=1, source="edge", seq=9),
            closing("c", 3, 40, 10, parent=2, source="tab", seq=5),
        ]
    )
    assert report.clocks["edge"] == Clock(-460.0, 860.0, "cause")
    assert ids(report) == ["a", "b", "c"]


def test_an_error_says_nothing_about_when_its_hop_began():
    """
    A hop first heard of by its error may be old, so the hop that it called is not moved behind that.
    """
    report = correlate(
        [
            log("gave up", 30, "x", "worker", "error", span_id=hop(1), source="edge", seq=0),
            log("broke", 10, "y", "backend", "error", span_id=hop(2), parent_id=hop(1), source="db", seq=0),
        ]
    )
    assert report.clocks["db"] == Clock()
    assert ids(report) == ["broke", "gave up"]


def test_a_stranger_in_a_hop_is_moved_into_it():
    """
    An entry of another source that belongs to a hop cannot stand before the hop began.
    """
    report = correlate(
        [
            closing("a", 1, 100, 50, source="tab", seq=0),
            log("b", 0, "b", span_id=hop(1), source="other", seq=0),
        ]
    )
    assert report.clocks["other"].offset_ms == 100.0
    assert ids(report) == ["a", "b"]


def test_clocks_that_contradict_each_other_are_left_within_reason():
    """
    Where no offset fits all causes, callers win over callees and nothing runs away.
    """
    report = correlate(
        [
            closing("a", 1, 0, 10, source="one", seq=1),
            closing("b", 2, -100, 10, parent=1, source="two", seq=0),
            closing("c", 3, 0, 10, source="two", seq=1),
            closing("d", 4, -100, 10, parent=3, source="one", seq=0),
        ]
    )
    assert report.clocks["two"].offset_ms == 100.0
    assert max(abs(clock.offset_ms) for clock in report.clocks.values()) == 100.0


@given(st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=6), st.integers(0, 3))
def test_no_hop_begins_before_its_cause(skews, width):
    """
    In a chain of calls through any number of sources with any clocks, causes come first.
    """
    entries = [
        closing(f"h{n}", n + 1, n * 10 + skew, 500, parent=n or None, source=f"s{n * (width + 1)}", seq=1)
        for n, skew in enumerate(skews)
    ]
    report = correlate(entries)
    assert ids(report) == [f"h{n}" for n in range(len(skews))]
    times = [row.at_ms for row in report.timeline]
    assert times == sorted(times)


@given(traces())
def test_every_hop_is_measured_sanely(entries):
    """
    Whatever comes in, durations are not negative, own time is within the hop, and depth follows from the cause.
    """
    found = {known.span_id: known for known in correlate(entries).hops}
    for known in found.values():
        assert 0 <= known.self_ms <= known.duration_ms + 0.001
        assert known.depth == (found[known.parent_id].depth + 1 if known.parent_id else 0)


def path(entries):
    return [(step.span_id[-1], step.self_ms) for step in correlate(entries).critical_path]


PATHS = [
    pytest.param([closing("a", 1, 0, 100)], [("1", 100.0)], id="one hop"),
    pytest.param(
        [closing("a", 1, 0, 100), closing("b", 2, 10, 80, parent=1)],
        [("1", 20.0), ("2", 80.0)],
        id="one call",
    ),
    pytest.param(
        [closing("a", 1, 0, 100), closing("b", 2, 10, 30, parent=1), closing("c", 3, 50, 40, parent=1)],
        [("1", 30.0), ("2", 30.0), ("3", 40.0)],
        id="two calls in turn",
    ),
    pytest.param(
        [closing("a", 1, 0, 100), closing("b", 2, 10, 80, parent=1), closing("c", 3, 20, 40, parent=1)],
        [("1", 20.0), ("2", 80.0)],
        id="side by side only the last counts",
    ),
    pytest.param(
        [closing("a", 1, 0, 100), closing("b", 2, 80, 300, parent=1)],
        [("1", 80.0), ("2", 20.0)],
        id="a call that outlives its caller counts as long as that lasts",
    ),
    pytest.param(
        [closing("a", 1, 0, 40), closing("b", 2, 60, 40)],
        [("1", 40.0), ("2", 40.0)],
        id="two requests in turn",
    ),
    pytest.param(
        [closing("a", 1, 0, 10), closing("b", 2, 50, 10, parent=1)],
        [("1", 10.0)],
        id="nobody waited for a call that began after its caller ended",
    ),
    pytest.param([log("a", 0, "no hops"), log("b", 9, "here")], [], id="no hops"),
]


@pytest.mark.parametrize(("entries", "expected"), PATHS)
def test_the_critical_path_is_what_the_end_waited_for(entries, expected):
    """
    The hops whose end the trace waited for, each with the time it spent itself.
    """
    assert path(entries) == expected


def test_shares_of_the_critical_path_add_up():
    """
    In the incident the shares add up to the page's own hop, which is the whole of it.
    """
    report = correlate(incident())
    assert sum(step.self_ms for step in report.critical_path) == pytest.approx(2170.0)
    assert [step.system for step in report.critical_path] == [
        "browser",
        "browser",
        "worker",
        "convex",
        "backend",
        "backend",
    ]
