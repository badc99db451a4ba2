"""
Error chains: root ← symptom ← symptom, each link with evidence, independent failures apart.
"""

import pytest
from hypothesis import given

from tests.correlation.build import closing, hop, log, traces
from tests.correlation.incident import incident
from tracelog.correlation import correlate


def bad(id_, ms, message="failed", system="backend", number=None, **more):
    return log(id_, ms, message, system, "error", span_id=None if number is None else hop(number), **more)


def told(entries):
    """
    Return each chain as its entries, where it surfaced and whether it was handled.
    """
    return [(chain.entries, chain.surfaced, chain.handled) for chain in correlate(entries).chains]


def links(entries):
    return [
        (link.cause, link.effect, link.kind) for chain in correlate(entries).chains for link in chain.links
    ]


REQUEST = [
    closing("page", 1, 0, 900, system="browser", source="tab", seq=9),
    closing("edge", 2, 10, 800, parent=1, system="worker", source="edge", seq=9),
    closing("api", 3, 20, 700, parent=2, system="backend", source="api", seq=9),
]

INCIDENTS = [
    pytest.param(
        [
            *REQUEST,
            bad("db", 500, "timeout", "backend", 3),
            bad("502", 820, "status 502", "worker", 2),
            bad("ui", 890, "oops", "browser", 1),
        ],
        [(["db", "502", "ui"], "ui", False)],
        id="a failure travels outwards through three systems",
    ),
    pytest.param(
        [*REQUEST, bad("db", 500, "timeout", "backend", 3), bad("502", 820, "status 502", "worker", 2)],
        [(["db", "502"], None, True)],
        id="the page handled what the worker reported",
    ),
    pytest.param(
        [*REQUEST, bad("deep", 500, "timeout", "backend", 3), bad("ui", 890, "oops", "browser", 1)],
        [(["deep", "ui"], "ui", False)],
        id="a hop between said nothing of it",
    ),
    pytest.param(
        [
            *REQUEST,
            closing("other", 4, 30, 100, parent=1, system="convex"),
            bad("a", 100, "no index", "convex", 4),
            bad("b", 500, "denied", "backend", 3),
        ],
        [(["a"], None, True), (["b"], None, True)],
        id="two failures in hops that did not cause each other stay apart",
    ),
    pytest.param(
        [
            *REQUEST,
            closing("try 1", 4, 30, 100, parent=3),
            bad("first", 120, "refused", "backend", 4),
            closing("try 2", 5, 200, 100, parent=3),
            bad("second", 290, "refused", "backend", 5),
            bad("gave up", 300, "all attempts failed", "backend", 3),
        ],
        [(["second", "gave up"], None, True), (["first"], None, True)],
        id="retries: the last attempt explains the failure, the earlier was survived",
    ),
    pytest.param(
        [
            bad("db", 0, "disk full", "backend", service="billing"),
            bad("gw", 40, "billing returned 500", "worker"),
            bad("ui", 90, "HTTP 500", "browser"),
        ],
        [(["db", "gw", "ui"], "ui", False)],
        id="without hops the status and the name of the called link them",
    ),
    pytest.param(
        [bad("a", 0, "kaputt", "backend"), bad("b", 20, "sorry", "browser")],
        [(["a", "b"], "b", False)],
        id="without anything else what went wrong just before",
    ),
    pytest.param(
        [bad("ui", 0, "ResizeObserver loop", "browser"), bad("db", 20, "deadlock", "backend")],
        [(["ui"], "ui", False), (["db"], "db", False)],
        id="nothing travels inwards",
    ),
    pytest.param(
        [bad("a", 0, "one", "backend"), bad("b", 60_000, "other", "worker")],
        [(["a"], "a", False), (["b"], "b", False)],
        id="a minute apart is not one failure",
    ),
    pytest.param(
        [closing("job", 1, 0, 50, level="error"), bad("why", 40, "no memory", number=1)],
        [(["why", "job"], "job", False)],
        id="a span that closes as an error failed at its end",
    ),
    pytest.param([log("fine", 0)], [], id="no error, no chain"),
]


@pytest.mark.parametrize(("entries", "expected"), INCIDENTS)
def test_chains_of_literal_incidents(entries, expected):
    """
    Each incident is told as it happened: from the first cause to where it surfaced.
    """
    assert told(entries) == expected


def test_the_incident_has_one_chain_with_evidence():
    """
    The database's timeout is the root, the page's error is where it surfaced, and every step names its evidence.
    """
    (chain,) = correlate(incident()).chains
    assert (chain.root, chain.surfaced, chain.handled, chain.confidence) == (
        "billing-4-2",
        "tab-1-1098",
        False,
        0.9,
    )
    assert chain.entries == ["billing-4-2", "cvx-3-1", "edge-7-2", "tab-1-1096", "tab-1-1098"]
    assert [(link.cause, link.effect) for link in chain.links] == list(
        zip(chain.entries, chain.entries[1:], strict=False)
    )
    assert all({link.cause, link.effect} <= set(link.evidence) for link in chain.links)
    assert chain.links[0].evidence[2] == "billing-4-3"  # the closing of the hop that failed


EXCEPTION = {"type": "OSError", "message": "no route to host"}

KINDS = [
    pytest.param(
        [*REQUEST, bad("a", 500, "x", number=3), bad("b", 510, "y", number=3), bad("c", 820, number=2)],
        ["same_hop", "parent_hop"],
        0.7,
        id="the weakest of two",
    ),
    pytest.param(
        [*REQUEST, bad("a", 500, number=3), bad("b", 820, number=2)], ["parent_hop"], 0.9, id="parent hop"
    ),
    pytest.param(
        [*REQUEST, bad("a", 500, "x", number=3), bad("b", 510, "y", number=3)],
        ["same_hop"],
        0.7,
        id="same hop",
    ),
    pytest.param(
        [bad("a", 0, system="convex"), bad("b", 10, "convex said 503, status 503", "worker")],
        ["http_status"],
        0.8,
        id="names the called",
    ),
    pytest.param(
        [bad("a", 0, context={"status": 409}), bad("b", 10, "HTTP 409", "worker")],
        ["http_status"],
        0.8,
        id="same status",
    ),
    pytest.param([bad("a", 0), bad("b", 10, "sorry", "worker")], ["time_order"], 0.5, id="just before"),
    pytest.param(
        [
            bad("a", 0, error=EXCEPTION),
            bad("b", 9_000, "x", error={"type": "Gone", "message": "g", "cause": EXCEPTION}),
        ],
        ["exception"],
        1.0,
        id="names the exception as its cause",
    ),
    pytest.param(
        [
            bad("a", 0, error=EXCEPTION),
            bad(
                "b",
                9_000,
                "x",
                error={"type": "Gone", "message": "g", "cause": {"type": "OSError", "message": ""}},
            ),
        ],
        [],
        0.5,
        id="an exception without a text is nobody's",
    ),
]


@pytest.mark.parametrize(("entries", "kinds", "confidence"), KINDS)
def test_links_say_what_they_rest_on(entries, kinds, confidence):
    """
    A link names the kind of its evidence, and a chain is as sure as its weakest link.
    """
    report = correlate(entries)
    assert [link.kind for chain in report.chains for link in chain.links] == kinds
    assert report.chains[0].confidence == confidence


def test_cause_beats_the_clock_between_sources():
    """
    The error of a called hop that nobody closed explains its caller's although the clocks put it later, with less
    confidence.
    """
    entries = [
        closing("edge", 1, 0, 100, system="worker", source="edge", seq=9),
        log("api", 10, span_id=hop(2), parent_id=hop(1), source="api", seq=0),
        bad("caller", 60, "status 500", "worker", 1, source="edge", seq=1),
        bad("called", 85, "boom", "backend", 2, source="api", seq=1),
    ]
    (chain,) = correlate(entries).chains
    assert (chain.entries, chain.confidence) == (["called", "caller"], 0.5)


def test_a_source_knows_its_own_order():
    """
    Within one source a later error below is not the cause of an earlier one above.
    """
    entries = [
        closing("outer", 1, 0, 100, source="s", seq=9),
        closing("inner", 2, 50, 40, parent=1, source="s", seq=8),
        bad("above", 40, "gave up", number=1, source="s", seq=1),
        bad("below", 60, "too late", number=2, source="s", seq=2),
    ]
    assert links(entries) == []


def test_retries_that_fail_alike_are_not_each_others_cause():
    """
    The same exception in two attempts side by side links neither to the other.
    """
    entries = [
        closing("call", 1, 0, 100),
        closing("try 1", 2, 0, 10, parent=1),
        bad("a", 5, number=2, error=EXCEPTION),
        closing("try 2", 3, 50, 10, parent=1),
        bad("b", 55, number=3, error=EXCEPTION),
    ]
    assert links(entries) == []


def test_repeats_of_an_error_are_one_link():
    """
    An error told fifty times in one hop is one row, and one step of the chain.
    """
    loop = [bad(f"loop{n}", 500 + n, "cannot connect", "backend", 3, source="api", seq=n) for n in range(50)]
    report = correlate([*REQUEST, *loop, bad("ui", 890, "oops", "browser", 1)])
    assert report.chains[0].entries == ["loop0", "ui"]
    assert next(row.count for row in report.timeline if row.id == "loop0") == 50


def test_the_likeliest_first_cause_comes_first():
    """
    What surfaced stands before what was handled, what crossed systems before what did not.
    """
    entries = [
        bad("lonely", 0, "ResizeObserver loop", "browser", 1),
        *REQUEST,
        bad("db", 500, "timeout", "backend", 3),
        bad("ui", 890, "oops", "browser", 1),
        closing("side", 7, 30, 9, parent=1),
        bad("survived", 35, "cache", number=7),
    ]
    assert [chain.root for chain in correlate(entries).chains] == ["db", "lonely", "survived"]


def test_more_failures_than_anyone_reads_are_counted():
    """
    Only the likeliest chains are listed; the number of the others is told.
    """
    entries = [bad(f"e{n}", n * 10_000, f"{chr(97 + n % 26)} {n}") for n in range(60)]
    report = correlate(entries)
    assert len(report.chains) == 50
    assert [insight.summary for insight in report.insights if insight.kind == "more_failures"] == [
        "10 more failures not listed"
    ]


@given(traces())
def test_chains_hold_together(entries):
    """
    Whatever comes in: every error row is in one chain and nothing else twice, links join its entries in order.
    """
    report = correlate(entries)
    rows = {row.id for row in report.timeline}
    errors = {
        row.id for row in report.timeline if row.level in {"error", "fatal"} and row.kind != "suppressed"
    }
    seen = [id_ for chain in report.chains for id_ in chain.entries]
    assert len(seen) == len(set(seen))
    assert errors <= set(seen) <= rows
    for chain in report.chains:
        place = {id_: i for i, id_ in enumerate(chain.entries)}
        assert place[chain.root] == 0
        assert len(chain.links) == len(chain.entries) - 1
        assert all(place[link.cause] < place[link.effect] for link in chain.links)
        assert all(0 < link.confidence <= 1 for link in chain.links)
        assert (chain.surfaced is None) == chain.handled
        assert chain.handled or chain.surfaced in place


DISK = {"type": "IOException", "message": "no space left on device"}


def roots(entries):
    return [chain.root for chain in correlate(entries).chains]


def test_a_failure_without_a_known_caller_explains_no_fact_of_its_own():
    """
    Nothing but the time ties it to others: so not to an error that brings its own exception, nor to a hop that went on.
    """
    stray = [closing("page", 1, 0, 100, system="worker"), closing("side", 3, 20, 30, parent=9)]
    stray.append(bad("optional", 45, "no flags", number=3))
    assert roots([*stray, bad("end", 60, "failed", "worker", 1)]) == ["optional"]
    own = bad("end", 60, "cannot write", "worker", 1, error=DISK)
    assert sorted(roots([*stray, own])) == ["end", "optional"]
    called_on = closing("next", 4, 55, 3, parent=1)
    assert sorted(roots([*stray, called_on, bad("end", 60, "failed", "worker", 1)])) == ["end", "optional"]


def test_a_failure_whose_clock_is_adrift_is_found_by_its_name():
    """
    Where no call tells how far a clock is off, an error that names the service and its status is its effect all the same.
    """
    entries = [
        closing("page", 1, 0, 100, system="browser", source="tab", seq=0),
        closing("api", 2, 4_020, 60, parent=1, source="api", seq=1, context={"status": 500}),
        closing("turned away", 3, -900_000, 10, parent=9, service="gatekeeper", context={"status": 401}),
        bad("no", -899_992, "token expired", number=3, service="gatekeeper"),
        bad("end", 4_070, "gatekeeper answered with status 401", number=2, source="api", seq=0),
    ]
    report = correlate(entries)
    assert report.clocks["api"].offset_ms < 0
    assert report.chains[0].entries[:2] == ["no", "turned away"]
    assert "end" in report.chains[0].entries


@pytest.mark.parametrize(("spoke", "root"), [(True, "end"), (False, "no")])
def test_a_loose_clock_hides_not_that_a_hop_went_on(spoke, root):
    """
    How late a called hop failed is known as far as its clock is; who spoke meanwhile may have survived it.
    """
    entries = [
        closing("api", 1, 0, 100, source="api", seq=9, context={"status": 500}),
        closing("side", 2, -380, 6, parent=1, source="side", seq=1, level="error", context={"status": 500}),
        bad("no", -376, "no flags", number=2, source="side", seq=0),
        bad("end", 60, "cannot write", number=1, source="api", seq=5, error=DISK),
    ]
    if spoke:
        entries.append(log("on", 40, "going on without", span_id=hop(1), source="api", seq=3))
    report = correlate(entries)
    assert report.clocks["side"].uncertainty_ms > 20
    assert report.chains[0].root == root


def test_what_was_tried_again_is_what_was_given_up():
    """
    Attempts that failed alike weigh more than another failure in between, also where programs call them no errors.
    """
    refused = {"type": "Refused", "message": "connection refused by 10.0.0.9"}
    entries = [closing("job", 1, 0, 2_000)]
    for n in range(3):
        at = 100 + 300 * n
        answer = {"message": "POST stock", "context": {"status": 503}}
        entries.append(closing(f"call {n}", 10 + n, at, 20, parent=1, **answer))
        entries.append(closing(f"try {n}", 20 + n, at + 2, 16, parent=10 + n, **answer))
        entries.append(bad(f"refused {n}", at + 9, number=20 + n, error=refused))
    entries += [
        closing("side", 30, 1_000, 9, parent=1, message="GET flags", context={"status": 500}),
        closing("flag", 31, 1_002, 5, parent=30, message="GET flags", context={"status": 500}),
        bad("flags", 1_005, "no flags", number=31),
        log("on", 1_100, "flags are off", span_id=hop(1)),
        bad("gave up", 1_900, "order not placed", number=1),
    ]
    assert roots(entries)[0].startswith("refused")
