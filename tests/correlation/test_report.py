"""
The report as a whole: its promised JSON, systems, insights, the ledger and what is missing.
"""

import json

import msgspec
import pytest

from tests.correlation.build import START, closing, hop, log, not_kept
from tests.correlation.incident import TRACE, incident
from tracelog.correlation import Missing, Report, correlate
from tracelog.render.brief import brief

SHAPE = {
    "trace_id": str,
    "complete": bool,
    "missing": [{"system": str, "reason": str, "count": int}],
    "started": float,
    "duration_ms": float,
    "systems": [
        {
            "system": str,
            "service": str,
            "entries": int,
            "errors": int,
            "first": float,
            "last": float,
            "clock": {"offset_ms": float, "uncertainty_ms": None, "how": str},
        }
    ],
    "timeline": [
        {
            "id": str,
            "at_ms": float,
            "raw_timestamp": float,
            "system": str,
            "level": str,
            "message": str,
            "span_id": str,
            "parent_id": None,
            "duration_ms": None,
            "count": int,
            "kind": None,
            "gap_before_ms": None,
        }
    ],
    "chains": [
        {
            "root": str,
            "surfaced": str,
            "handled": bool,
            "confidence": float,
            "entries": [str],
            "links": [{"from": str, "to": str, "kind": str, "evidence": [str], "confidence": float}],
        }
    ],
    "insights": [{"kind": str, "summary": str, "entries": [str], "cost_ms": float}],
    "critical_path": [{"span_id": str, "system": str, "self_ms": float}],
    "ledger": dict,
}
"""The promised report: its keys, their order, and the type of the first value of each."""


def fits(value, shape) -> bool:
    match shape:
        case dict():
            return list(value) == list(shape) and all(fits(value[key], shape[key]) for key in shape)
        case [first]:
            return isinstance(value, list) and fits(value[0], first)
        case None:
            return value is None
        case _:
            return type(value) is shape


def test_the_json_has_the_promised_shape():
    """
    Keys, their order and their types are the promised ones, and all of it is JSON.
    """
    made = correlate(incident()).to_json()
    assert fits(made, SHAPE)
    assert json.loads(json.dumps(made)) == made


def test_rows_of_runs_say_until_when():
    """
    Beyond the promised keys a row has only those that say something: the end of a run, the reason of a loss.
    """
    extra = [set(row) - set(SHAPE["timeline"][0]) for row in correlate(incident()).to_json()["timeline"]]
    assert [keys for keys in extra if keys] == [{"last_timestamp"}, {"last_timestamp", "why"}]


def test_the_json_can_be_read_back():
    """
    A face that fetched the JSON from a server has all that the report told, clocks by source and hops apart.
    """
    report = correlate(incident())
    again = msgspec.convert(report.to_json(), Report)
    assert again.to_json() == report.to_json()


def test_systems_are_told_from_the_user_inwards():
    """
    Each system with its service, entries, errors, and when it spoke first and last.
    """
    systems = correlate(incident()).systems
    assert [(s.system, s.service, s.entries, s.errors) for s in systems] == [
        ("browser", "shop", 1095, 2),
        ("worker", "edge", 4, 1),
        ("convex", "orders", 3, 1),
        ("backend", "billing", 4, 1),
    ]
    assert (systems[1].first - systems[0].first, systems[1].last - systems[0].first) == (31.0, 2129.0)


def test_unknown_systems_come_last_by_name():
    """
    Own slugs are systems like any other; a service is the one that most entries name.
    """
    entries = [
        log("a", 0, "a", "zeta"),
        log("b", 1, "b", "cron", service="x"),
        log("c", 2, "c", "cron", service="y"),
        log("d", 3, "d", "cron", service="y"),
        log("e", 4, "e", "worker"),
    ]
    assert [(s.system, s.service) for s in correlate(entries).systems] == [
        ("worker", None),
        ("cron", "y"),
        ("zeta", None),
    ]


def insights(entries, kind):
    return [
        (insight.summary, insight.cost_ms) for insight in correlate(entries).insights if insight.kind == kind
    ]


TOLD = [
    (
        "time",
        [("backend 2.00 s of 2.17 s, of which 1.99 s in UPDATE orders SET state = 'charged' WHE…", 2004.0)],
    ),
    (
        "share",
        [("browser 72 ms", 72.0), ("worker 51 ms", 51.0), ("convex 43 ms", 43.0), ("backend 2.00 s", 2004.0)],
    ),
    ("slow_hop", [("backend UPDATE orders SET state = 'charged' WHE… took 1.99 s", 1993.0)]),
    ("wait", [("1,993 ms of repeats only: backend in UPDATE orders SET state = 'charged' WHE…", 1993.0)]),
    ("cause", [("QueryCanceled: statement timeout after 2000 ms", None)]),
    ("flood", [('1,090 \u00d7 "render loop: effect run 0" (browser)', None)]),
    ("secrets", [("1 secret replaced", None)]),
    ("secret", [("[REDACTED:bearer:9c41ab] seen 2 times in worker and backend", None)]),
    ("orphan", []),
    ("clock", []),
]


@pytest.mark.parametrize(("kind", "expected"), TOLD, ids=[kind for kind, _ in TOLD])
def test_insights_of_the_incident(kind, expected):
    """
    Each kind of insight says in one sentence what the incident shows.
    """
    assert insights(incident(), kind) == expected


QUIET = [
    pytest.param(
        [
            closing("a", 1, 0, 1000, source="tab", seq=9),
            closing("b", 2, 500, 100, parent=1, source="edge", seq=9, system="worker"),
            closing("c", 3, 40, 10, parent=2, source="tab", seq=5),
        ],
        "clock",
        "worker moved by \u2212460 ms: no hop begins before its cause",
        id="a clock that was moved back",
    ),
    pytest.param(
        [closing("s", 1, 0, 60), log("a", 0, "x"), log("b", 500, "y")],
        "silence",
        "500 ms of silence, unexplained",
        id="a hop that ended before the silence did",
    ),
    pytest.param(
        [closing("s", 1, 400, 300), log("a", 0, "x"), closing("t", 2, 300, 5), log("b", 699, "y")],
        "silence",
        "300 ms of silence, unexplained",
        id="a hop that began after the silence did",
    ),
    pytest.param(
        [log("a", 0, "x"), log("b", 500, "y")],
        "silence",
        "500 ms of silence, unexplained",
        id="nobody at work",
    ),
    pytest.param(
        [log("a", 0, "x"), not_kept("lost", 10, 480), log("b", 500, "y")],
        "silence",
        "500 ms of entries not kept",
        id="what was said is not kept",
    ),
    pytest.param(
        [log("a", 0, "x"), not_kept("lost", 10, 200), log("b", 500, "y")],
        "silence",
        "500 ms of silence, unexplained",
        id="most of it was silent all the same",
    ),
    pytest.param(
        [log("a", 0, "x"), not_kept("lost", 10, 480), log("b", 500, "y")],
        "time",
        "500 ms in all",
        id="a time in which much was said",
    ),
    pytest.param(
        [closing("s", 1, 0, 500), log("a", 0, "x"), log("b", 499, "y")],
        "wait",
        "499 ms of silence: backend in hop 1",
        id="a hop at work",
    ),
    pytest.param(
        [closing("s", 1, 0, 500), closing("t", 2, 0, 1, parent=1), log("b", 499, "y")],
        "silence",
        "499 ms of silence somewhere in backend hop 1",
        id="somewhere in a hop that called others",
    ),
    pytest.param(
        [log("a", 0, "x"), log("b", 500, "y")],
        "time",
        "500 ms in all, of which 500 ms one silence",
        id="time without hops",
    ),
    pytest.param(
        [closing("s", 1, 0, 500), log("a", 0, "x"), log("b", 499, "y")],
        "time",
        "backend 500 ms of 500 ms, of which 499 ms one silence in hop 1",
        id="time of one silence",
    ),
    pytest.param(
        [closing("s", 1, 0, 50, system="cron", message="")],
        "time",
        "cron 50 ms of 50 ms",
        id="time of a hop without a name",
    ),
    pytest.param(
        [closing("s", 1, 0, 100, system="worker"), closing("t", 2, 0, 60, parent=1, system="cron")],
        "slow_hop",
        "worker hop 1 took 100 ms, 40 ms of it by itself",
        id="slow, but not all by itself",
    ),
    pytest.param(
        [closing("p", 1, 0, 50, system="worker"), closing("c", 2, -2000, 5, parent=1, system="convex")],
        "clock",
        "convex moved by +2,000 ms: no hop begins before its cause",
        id="a clock that was moved",
    ),
]


@pytest.mark.parametrize(("entries", "kind", "sentence"), QUIET)
def test_insights_of_small_traces(entries, kind, sentence):
    """
    Silences, slow hops and moved clocks are told in a sentence each.
    """
    assert sentence in [summary for summary, _ in insights(entries, kind)]


def test_insights_are_few():
    """
    Of each kind only the largest are told; what is told points at entries that are there.
    """
    entries = [log(f"e{n}", n * 200, f"{chr(97 + n % 26)} [REDACTED:jwt:{n:04x}]") for n in range(30)]
    report = correlate(entries)
    kinds = [insight.kind for insight in report.insights]
    assert (kinds.count("silence"), kinds.count("secret")) == (5, 5)
    assert "30 secrets replaced" in [insight.summary for insight in report.insights]
    known = {row.id for row in report.timeline}
    assert all(set(insight.entries) <= known for insight in report.insights)


def test_a_secret_is_found_wherever_it_was_replaced():
    """
    Marks in message, context, stack and error are the same secret when their tags are the same.
    """
    mark = "[REDACTED:key:ab12]"
    entries = [
        log("a", 0, mark, "browser"),
        log("b", 1, "x", "worker", context={"deep": [{"header": mark}]}),
        log("c", 2, "y", "convex", stack=f"at {mark}"),
        log("d", 3, "z", "backend", error={"type": "E", "message": mark}),
        log("e", 4, "w", "backend", user_id="[REDACTED:email]"),
        log("f", 5, "[REDACTED:not a mark]"),
    ]
    assert insights(entries, "secret") == [
        ("[REDACTED:key:ab12] seen 4 times in browser, worker, convex and backend", None),
        ("[REDACTED:email] seen in backend", None),
    ]


def test_the_ledger_of_the_incident_adds_up():
    """
    Everything logged is shown, folded or counted with its reason.
    """
    report = correlate(incident())
    assert report.ledger == {
        "entries": 1107,
        "duplicate": 0,
        "logged": 1143,
        "shown": 16,
        "folded": 1090,
        "suppressed": {"system_quota": 37},
        "lost": {},
    }
    assert (report.complete, report.missing) == (False, [Missing("browser", "system_quota", 37)])
    assert report.trace_id == TRACE


ACCOUNT = {
    "emitted": 150,
    "stored": 100,
    "duplicate": 3,
    "in_flight": 1,
    "unreported": 2,
    "suppressed": {"duplicate": 7, "noise": 4},
    "limited": {"trace_quota": 20},
    "rejected": {"too_old": 1},
    "dropped": {"queue_full": 15},
}


def test_ledgers_of_systems_are_witnesses():
    """
    What a ledger says was not kept is missing; what it folded is not.
    """
    report = correlate([log("a", 0)], reports={"worker": ACCOUNT})
    assert report.missing == [
        Missing("worker", "in_flight", 1),
        Missing("worker", "noise", 4),
        Missing("worker", "queue_full", 15),
        Missing("worker", "too_old", 1),
        Missing("worker", "trace_quota", 20),
        Missing("worker", "unreported", 2),
    ]
    assert report.ledger["suppressed"] == {"noise": 4, "too_old": 1, "trace_quota": 20}
    assert report.ledger["lost"] == {"in_flight": 1, "queue_full": 15, "unreported": 2}
    assert report.ledger["logged"] == 1 + 43
    assert not report.complete


def test_two_witnesses_of_one_loss_are_not_added():
    """
    A row and a ledger that tell of the same loss count once, the larger of the two.
    """
    row = log("r", 0, "x", "worker", kind="suppressed", count=30, why="trace_quota")
    for told, expected in ((20, 30), (40, 40)):
        account = {"limited": {"trace_quota": told}}
        assert correlate([row], reports={"worker": account}).missing == [
            Missing("worker", "trace_quota", expected)
        ]


def test_two_rows_of_one_reason_are_added():
    """
    Two rows count different entries.
    """
    rows = [log(f"r{n}", n, "x", kind="suppressed", count=5, why="noise") for n in range(2)]
    assert correlate(rows).missing == [Missing("backend", "noise", 10)]


def test_what_the_caller_knows_is_missing():
    """
    Expired entries are told by the caller; a loss of nothing is none.
    """
    report = correlate(
        [log("a", 0)], missing=[Missing("browser", "expired", 12), Missing("worker", "expired", 0)]
    )
    assert (report.missing, report.ledger["lost"]) == ([Missing("browser", "expired", 12)], {"expired": 12})
    assert not correlate([log("a", 0)], complete=False).complete
    assert correlate([log("a", 0)]).complete


def test_a_loss_without_a_reason_is_told_as_such():
    """
    A row that does not say why is counted all the same.
    """
    assert correlate([log("r", 0, "x", kind="suppressed", count=2)]).missing == [
        Missing("backend", "unknown", 2)
    ]


def test_nonsense_in_a_ledger_is_ignored():
    """
    A ledger from another program may hold anything.
    """
    report = correlate(
        [],
        reports={"worker": {"limited": "many", "dropped": {"x": "9"}, "unreported": None, "in_flight": 1.5}},
    )
    assert (report.missing, report.complete) == ([], True)


def test_the_trace_is_the_one_that_most_entries_name():
    """
    Without being told, the report takes the id of its entries.
    """
    other = log("z", 9)
    other.trace_id = "elsewhere"
    assert correlate([log("a", 0), log("b", 1, "b"), other]).trace_id == TRACE
    assert correlate([other], trace_id="given").trace_id == "given"


def test_started_is_the_first_sign_of_life():
    """
    The start is the beginning of the first row by corrected time.
    """
    report = correlate([closing("s", 1, 5, 20), log("a", 10, span_id=hop(1))])
    assert (report.started, report.duration_ms) == (START + 5, 20.0)


def test_a_row_names_its_service_where_its_system_has_several():
    """
    Two services of one system are told apart row by row; where the system says it all, no row repeats it.
    """
    entries = [
        log("a", 0, service="checkout"),
        log("b", 1, service="billing"),
        log("c", 2),
        log("d", 3, system="worker", service="edge"),
        log("e", 4, system="worker"),
    ]
    rows = correlate(entries).to_json()["timeline"]
    assert [row.get("service") for row in rows] == ["checkout", "billing", None, None, None]


@pytest.mark.parametrize(
    ("message", "error", "told"),
    [
        ("charge failed", {"type": "CardError", "message": "declined"}, "CardError: declined"),
        ("charge failed: declined", {"type": "bank.CardError", "message": "declined"}, "bank.CardError"),
        ("CardError: declined", {"type": "bank.CardError", "message": "declined"}, None),
        ("checkout failed", {"type": "Error", "message": "checkout failed"}, None),
        ("charge failed", {"type": "Error", "message": "declined"}, "Error: declined"),
        ("charge failed", {"type": "CardError", "message": ""}, "CardError"),
        ("charge failed", {"message": "declined"}, "declined"),
        ("charge failed", {}, None),
        ("charge failed", None, None),
        ("", {"type": "CardError", "message": "declined\nat once"}, "CardError: declined …"),
        ("x", {"type": "CardError", "message": "y" * 1000}, "CardError: " + "y" * 188 + "…"),
    ],
)
def test_a_row_tells_of_its_exception_what_the_message_does_not(message, error, told):
    """
    Type and text of an exception stand in the row unless the message says them already; the message stays as
    it was logged.
    """
    (row,) = correlate([log("a", 0, message, level="error", error=error)]).timeline
    assert (row.message, row.error) == (message, told)


def test_entries_of_several_traces_are_told_as_such():
    """
    What belongs to another trace is counted by trace and named; one trace, and entries that name none, are
    no mixture.
    """
    own = [log(f"a{n}", n, f"step {chr(97 + n)}") for n in range(3)]
    strangers = [msgspec.structs.replace(log(f"b{n}", n), trace_id=f"other-{n % 7}") for n in range(10)]
    report = correlate([*own, *strangers])
    (insight,) = [insight for insight in report.insights if insight.kind == "traces"]
    assert insight.summary == (
        f"entries of 8 traces are told as one: 3 of {own[0].trace_id}, 2 of other-0, 2 of other-1, "
        "2 of other-2, 1 of other-3 and 3 more traces"
    )
    assert insight.entries == [entry.id for entry in strangers]
    nameless = msgspec.structs.replace(log("n", 5), trace_id="")
    for alone in ([*own, nameless], []):
        assert [i for i in correlate(alone).insights if i.kind == "traces"] == []


def test_holes_in_running_numbers_are_told():
    """
    A source that spoke for this trace and of whose numbers some are missing is told of, unless a row stands for them;
    one that serves many traces is not.
    """

    def holes(numbers, *more):
        spoken = [log(f"e{n}", n, f"step {n} of a story", source="tab", seq=n) for n in numbers]
        report = correlate([*spoken, *more])
        return [insight for insight in report.insights if insight.kind == "holes"]

    [hole] = holes([*range(20), *range(23, 40)])
    assert hole.summary == (
        "3 numbers of a source in backend not here, the first between 19 and 23: lost, or of another trace"
    )
    assert hole.entries == ["e19", "e23"]
    assert not holes(range(40))
    assert not holes(range(0, 120, 3))
    told = log("lost", 20, "step 20", kind="suppressed", count=3, why="system_quota", source="tab", seq=40)
    assert not holes([*range(20), *range(23, 40)], told)


STORY = [log(f"e{n}", n, f"step {n} of a story", source="tab", seq=n) for n in (*range(20), *range(23, 40))]
"""Numbers 20, 21 and 22 of a source are not here."""


def lost(count, why="system_quota", **more):
    return log("lost", 20, "step 20", kind="suppressed", count=count, why=why, **more)


@pytest.mark.parametrize(
    ("more", "known", "expected"),
    [
        ([], {}, [("backend", "holes", 3)]),
        ([lost(3, source="tab", seq=40)], {}, [("backend", "system_quota", 3)]),
        ([lost(3)], {}, [("backend", "system_quota", 3)]),
        ([lost(2)], {}, [("backend", "holes", 1), ("backend", "system_quota", 2)]),
        ([lost(3, system="worker")], {}, [("backend", "holes", 3), ("worker", "system_quota", 3)]),
        ([], {"missing": [Missing("", "evicted", 3)]}, [("", "evicted", 3)]),
        (
            [],
            {
                "missing": [Missing("", "evicted", 1)],
                "reports": {"backend": {"suppressed": {"duplicate": 1}}},
            },
            [("", "evicted", 1), ("backend", "holes", 1)],
        ),
        ([log("run", 20, "step 20", kind="summary", count=4, source="tab", seq=20)], {}, []),
    ],
    ids=["alone", "row of it", "row", "some", "other", "evicted", "ledger", "run"],
)
def test_missing_numbers_make_a_trace_incomplete_and_are_told_once(more, known, expected):
    """
    Entries whose running numbers are not here are missing, unless other witnesses have told of as many.
    """
    report = correlate([*STORY, *more], **known)
    assert [(loss.system, loss.reason, loss.count) for loss in report.missing] == sorted(expected)
    assert report.complete == (not expected)
    ledger = report.ledger
    gone = sum(ledger["suppressed"].values()) + sum(ledger["lost"].values())
    assert ledger["logged"] == ledger["shown"] + ledger["folded"] + gone
    first = brief(report, 300, "0").partition("\n")[0]
    assert first.startswith("complete: no, " if expected else "complete: yes;")
    assert ("3 running numbers not here" in first) == (expected == [("backend", "holes", 3)])
