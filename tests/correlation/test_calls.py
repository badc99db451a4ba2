"""
Calls that say more together than alone, who most likely did it, and what many traces have in common.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.correlation.build import closing, hop, log, traces
from tests.correlation.incident import incident
from tracelog.correlation import correlate, statistics, suspects
from tracelog.correlation.statistics import percentile


def bad(id_, ms, number, **more):
    return log(id_, ms, more.pop("message", "failed"), level="error", span_id=hop(number), **more)


def queries(count, *, took=10.0, every=12.0, name="SELECT * FROM items WHERE id = {}"):
    calls = [
        closing(f"q{n}", n + 2, 10 + n * every, took, parent=1, message=name.format(n)) for n in range(count)
    ]
    return [closing("list", 1, 0, 20 + count * every, message="GET /orders"), *calls]


def insights(entries, kind):
    return [
        (one.summary, one.entries[:2], one.cost_ms) for one in correlate(entries).insights if one.kind == kind
    ]


TOLD = [
    pytest.param(
        queries(30),
        "n_plus_one",
        [
            (
                "30 \u00d7 SELECT * FROM items WHERE id = 0 one after another in backend GET /orders, 300 ms together",
                ["list", "q0"],
                290.0,
            )
        ],
        id="one query for each item",
    ),
    pytest.param(queries(9), "n_plus_one", [], id="nine steps are a recipe"),
    pytest.param(
        [
            closing("list", 1, 0, 400),
            *(
                closing(f"s{n}", n + 2, n * 30, 20, parent=1, message=f"step {chr(97 + n)}")
                for n in range(12)
            ),
        ],
        "n_plus_one",
        [],
        id="twelve different steps",
    ),
    pytest.param(queries(12, every=0.0), "n_plus_one", [], id="at once is not one after another"),
    pytest.param(
        queries(12, took=50.0, every=1.0, name="load part {}"),
        "fan_out",
        [
            (
                "12 \u00d7 load part 11 in backend GET /orders, 12 at once: the slowest took 50 ms",
                ["list", "q0"],
                None,
            )
        ],
        id="parts loaded at once",
    ),
    pytest.param(
        [
            closing("job", 1, 0, 700, message="job"),
            *(closing(f"t{n}", n + 2, n * 200, 50, parent=1, message="GET /stock") for n in range(3)),
            bad("no1", 40, 2),
            bad("no2", 240, 3),
        ],
        "retries",
        [("3 tries of GET /stock in backend job: 400 ms before the last", ["job", "t0"], 400.0)],
        id="two tries that failed and one that did not",
    ),
    pytest.param(
        [
            closing("job", 1, 0, 700),
            *(closing(f"t{n}", n + 2, n * 200, 50, parent=1, message="GET /stock") for n in range(3)),
            bad("no3", 440, 4),
        ],
        "retries",
        [],
        id="who tries again had failed before",
    ),
    pytest.param(
        [
            closing("page", 1, 0, 2_100, message="page"),
            closing("slow", 2, 50, 5_000, parent=1, message="GET /history"),
            bad("late", 2_050, 1, message="gave up"),
        ],
        "timeout",
        [
            (
                "backend stopped waiting after 2.00 s: backend GET /history took 5.00 s",
                ["slow", "late"],
                2_000.0,
            )
        ],
        id="a call that outlasted its caller",
    ),
    pytest.param(
        [
            closing("a", 1, 0, 100, system="browser"),
            closing("b", 2, 10, 50, parent=1, system="worker"),
            closing("c", 3, 20, 10, parent=2),
            closing("d", 4, 35, 10, parent=2),
        ],
        "flow",
        [("browser → worker · worker → backend \u00d72", [], None)],
        id="who called whom",
    ),
]


@pytest.mark.parametrize(("entries", "kind", "expected"), TOLD)
def test_calls_are_told_together(entries, kind, expected):
    """
    Alike calls of one hop are one sentence with their number and their cost, and other calls are none.
    """
    assert insights(entries, kind) == expected


def test_the_slow_call_is_the_first_cause():
    """
    Who stopped waiting is explained by the call that was still open, although that ended well.
    """
    entries = [
        closing("page", 1, 0, 2_100),
        closing("slow", 2, 50, 5_000, parent=1),
        bad("late", 2_050, 1, message="deadline exceeded"),
    ]
    (chain,) = correlate(entries).chains
    assert (chain.entries, [link.kind for link in chain.links]) == (["slow", "late"], ["outlasted"])


SURVIVED = [
    pytest.param({}, ["cause", "end"], id="a line that tells of a failure is linked"),
    pytest.param(
        {"error": {"type": "TypeError", "message": "x is undefined"}},
        ["end"],
        id="one that brings its own is not",
    ),
]


@pytest.mark.parametrize(("more", "expected"), SURVIVED)
def test_a_failure_that_was_survived_explains_no_exception(more, expected):
    """
    After a failed call the hop made another: an exception that comes then is a new fact.
    """
    entries = [
        closing("job", 1, 0, 500),
        closing("side", 2, 10, 20, parent=1, message="side"),
        bad("cause", 25, 2),
        closing("other", 3, 100, 20, parent=1, message="other"),
        bad("end", 150, 1, **more),
    ]
    (chain,) = [chain for chain in correlate(entries).chains if "end" in chain.entries]
    assert chain.entries == expected


def test_a_warning_with_an_exception_begins_a_chain_and_is_none_alone():
    """
    A refusal that its program calls a warning is the root of the failure it led to; without one there is no chain.
    """
    refused = log(
        "no", 30, "token expired", level="warn", span_id=hop(2), error={"type": "Expired", "message": "jwt"}
    )
    calm = [closing("job", 1, 0, 100), closing("auth", 2, 10, 25, parent=1), refused]
    assert correlate(calm).chains == []
    (chain,) = correlate([*calm, bad("end", 40, 1)]).chains
    assert chain.entries == ["no", "end"]


def test_a_failure_below_a_silent_hop_finds_its_caller():
    """
    Where a service between said nothing its caller is found by time: it was open all the while and failed behind it.
    """
    entries = [
        closing("job", 1, 0, 100, system="worker"),
        closing("deep", 3, 20, 30, parent=9),
        bad("why", 45, 3),
        bad("end", 60, 1, system="worker"),
    ]
    (chain,) = correlate(entries).chains
    assert chain.entries == ["why", "end"]
    assert [link.kind for link in chain.links] == ["unknown_hop"]


def test_suspects_stand_in_the_order_of_likelihood():
    """
    What surfaced, then a cost that is most of the time, then what was handled, then what has to do with nothing.
    """
    slow = [
        closing("page", 1, 0, 5_000, system="browser"),
        closing("slow", 2, 10, 4_000, parent=1),
        closing("side", 3, 4_100, 10, parent=1),
        bad("survived", 4_105, 3),
        log("stray", 1, "ResizeObserver loop", "browser", "error"),
    ]
    found = [one.entries[0] for one in suspects(correlate(slow))]
    of_interest = [id_ for id_ in dict.fromkeys(found) if id_ in {"slow", "survived", "stray"}]
    assert of_interest == ["slow", "survived", "stray"]
    assert suspects(correlate(incident()))[0].entries == ["billing-4-2"]


def test_many_traces_are_told_together():
    """
    Operations by their time with percentiles and the share that failed, and the edges between services.
    """
    made = []
    for n in range(1, 101):
        entries = [
            closing("a", 1, 0, 10.0 + n, system="browser", message=f"GET /order/{n}"),
            closing("b", 2, 5, float(n), parent=1, service="shop", message="load"),
        ]
        made.append(correlate([*entries, *([bad("x", 5.5, 2)] if n <= 10 else [])]))
    told = statistics(made)
    assert (told.traces, told.failed) == (100, 0)
    assert [(one.system, one.name, one.calls) for one in told.operations] == [
        ("browser", "GET /order/*", 100),
        ("backend", "load", 100),
    ]
    load = told.operations[1]
    assert (load.errors, load.error_share, load.p50_ms, load.p95_ms) == (10, 0.1, 50.0, 95.0)
    assert [(flow.caller, flow.called, flow.calls, flow.errors) for flow in told.flows] == [
        ("browser", "backend/shop", 100, 10)
    ]
    assert statistics(made[::-1]) == told
    assert statistics([]).operations == []


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_a_measured_value(values, share):
    """
    At least the share of the values is not above it, and it is one of them.
    """
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9


@given(traces())
def test_suspects_and_statistics_take_any_trace(entries):
    """
    Whatever comes in: every suspect names rows, every failure is suspected once, and hops are counted once.
    """
    report = correlate(entries)
    found = suspects(report)
    roots = [one.entries[0] for one in found if one.kind == "failure"]
    assert sorted(roots) == sorted(chain.root for chain in report.chains)
    named = sum(known.known and known.name is not None for known in report.hops)
    assert sum(one.calls for one in statistics([report]).operations) == named
