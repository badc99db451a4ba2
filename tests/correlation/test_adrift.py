"""
Causes that clocks hide: warnings whose clock nothing measures, hops nobody placed, what began too late to matter.
"""

import pytest

from tests.correlation.build import START, closing, hop, log
from tracelog.correlation import correlate

BROKEN = {"type": "MapError", "message": "order is empty"}
SWALLOWED = {"type": "RowError", "message": "row 7 is cut"}
LATE = {"type": "ReadTimeout", "message": "no answer"}


def came(entry, ms):
    """
    Return *entry* as a server got it, so many ms after the start.
    """
    entry.received_at = START + ms
    return entry


def said(id_, ms, message, number, level="error", **more):
    return log(id_, ms, message, level=level, span_id=hop(number), **more)


def swallowing(*, parent, arrived, about="ord_77c1"):
    """
    Return a request that fails over something empty; why it is empty stands in a warning that its clock, 400 ms ahead,
    puts behind everything. Its server's entries arrive 100 ms after they were spoken.
    """
    api, rows = {"source": "api", "service": "api"}, {"source": "rows", "service": "rows"}
    return [
        came(closing("page", 1, 0, 120, system="browser", source="tab", seq=0), 220),
        came(closing("answered", 2, -5_000, 100, parent=1, seq=1, context={"status": 500}, **api), 210),
        came(said("empty", -4_910, "cannot render ord_77c1", 2, error=BROKEN, seq=0, **api), 190),
        came(closing("looked", 3, 430, 20, parent=parent, seq=1, context={"status": 200}, **rows), arrived),
        came(said("skipped", 440, f"skipping {about}", 3, "warn", error=SWALLOWED, seq=0, **rows), arrived),
    ]


@pytest.mark.parametrize("parent", [2, 9], ids=["called", "caller unknown"])
@pytest.mark.parametrize(
    ("story", "root"),
    [
        ({"arrived": 160}, "skipped"),
        ({"arrived": 160, "about": "ord_90d2"}, "empty"),  # another order
        ({"arrived": 560}, "empty"),  # consumed later: it came later, too
    ],
    ids=["same id", "another id", "arrived later"],
)
def test_a_swallowed_failure_is_found_though_its_clock_is_adrift(parent, story, root):
    """
    Where nothing measures a clock, an id in both and the arrival tie a warning to the error that it puts before itself.
    """
    report = correlate(swallowing(parent=parent, **story))
    assert report.clocks["rows"].how == "none"
    assert [chain.root for chain in report.chains] == [root]


def waiting(*failure):
    """
    Return a caller that waits 500 ms for a call of 2 s, in which *failure* happens.
    """
    return [
        closing("page", 1, 0, 520, source="tab", seq=2),
        closing("slow", 2, 10, 2_000, parent=1, source="api", seq=9, context={"status": 200}),
        said("late", 510, "gave up waiting", 1, error=LATE, source="tab", seq=1),
        *failure,
    ]


@pytest.mark.parametrize(("begins", "root"), [(900, "slow"), (300, "no")])
def test_what_began_after_the_caller_gave_up_is_not_why(begins, root):
    """
    A failure in a call that nobody waits for any longer explains the waiting only if it was under way before.
    """
    failure = [
        closing("side", 3, begins, 700, parent=2, source="api", seq=5, level="error"),
        said("no", begins + 690, "no flags", 3, error=BROKEN, source="api", seq=4),
    ]
    assert correlate(waiting(*failure)).chains[0].root == root


@pytest.mark.parametrize(("went_on", "root"), [(True, "end"), (False, "no")])
def test_what_a_known_caller_survived_is_nobodys_cause_elsewhere(went_on, root):
    """
    A failure below an unknown hop is not tied to who failed behind it when its own caller is known and went on.
    """
    entries = [
        closing("page", 1, 0, 120, source="tab", seq=3),
        said("end", 100, "request timed out", 1, source="tab", seq=2),
        closing("optional", 4, 70, 10, parent=3, source="b", seq=1, context={"status": 500}),
        said("no", 78, "no flags", 4, error=BROKEN, source="b", seq=0),
    ]
    if went_on:
        entries.append(closing("part", 3, 30, 400, parent=9, source="a", seq=7, context={"status": 200}))
    assert correlate(entries).chains[0].root == root


def test_a_hop_that_nobody_placed_does_not_set_the_clock_of_its_callers():
    """
    Which clock others are compared with is told by hops whose callers are known, not by one of which words are all.
    """
    report = correlate(
        [
            closing("page", 1, 0, 200, system="browser", source="tab", seq=0),
            closing("api", 2, 5_010, 180, parent=1, source="api", seq=2, context={"status": 500}),
            closing("called", 3, 20_030, 120, parent=2, source="a-db", seq=2, context={"status": 500}),
            said("full", 20_050, "disk is full", 7, error=BROKEN, source="a-db", seq=1),
            closing("stray", 5, 20_000, 5, parent=8, source="a-db", seq=0),
        ]
    )
    assert report.clocks["tab"].offset_ms == 0.0
    assert report.clocks["api"].offset_ms == pytest.approx(-5_000, abs=11)
    assert report.clocks["a-db"].offset_ms == pytest.approx(-20_000, abs=31)
