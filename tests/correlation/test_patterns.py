"""
Repeats: folded and counted where they are noise, kept where they are a story, lossless in count.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.correlation.build import START, closing, hop, log
from tracelog.correlation import correlate
from tracelog.correlation.patterns import similar, template


def said(*messages, **more):
    return [log(f"e{n}", n, message, source="s", seq=n, **more) for n, message in enumerate(messages)]


def rows(entries):
    return [(row.message, row.count) for row in correlate(entries).timeline]


FOLDS = [
    pytest.param(said("a", "a", "b"), [("a", 2), ("b", 1)], id="two of the same"),
    pytest.param(said("a", "b", "a"), [("a", 1), ("b", 1), ("a", 1)], id="only neighbours"),
    pytest.param(
        said("step 1", "step 2", "step 3", "step 4"),
        [(f"step {n}", 1) for n in range(1, 5)],
        id="a story in four steps",
    ),
    pytest.param(
        said(*[f"effect run {n}" for n in range(17)]), [("effect run *", 17)], id="a loop that counts"
    ),
    pytest.param(said("n 1", "n 1", "n 2", "n 2"), [("n 1", 2), ("n 2", 2)], id="few alike, some the same"),
    pytest.param(
        said(*[f"GET /orders/{n:032x}a1" for n in range(5)]), [("GET /orders/*", 5)], id="ids in hex"
    ),
    pytest.param(said(*["x"] * 3, level="error"), [("x", 3)], id="errors outside hops"),
    pytest.param(
        [log(f"e{n}", n, "x", level="error", span_id=hop(n + 1)) for n in range(3)],
        [("x", 1)] * 3,
        id="errors of three attempts",
    ),
    pytest.param(
        [log("a", 0, "x"), log("b", 1, "x", level="warn")], [("x", 1), ("x", 1)], id="another level"
    ),
    pytest.param([log("a", 0, "x"), log("b", 1, "x", "worker")], [("x", 1), ("x", 1)], id="another system"),
    pytest.param(
        [log("a", 0, "x", source="s", seq=0), log("b", 1, "x", source="t", seq=0)],
        [("x", 1), ("x", 1)],
        id="another source",
    ),
    pytest.param(
        [
            log("a", 0, "x", source="s", seq=0),
            log("m", 1, "y", "worker"),
            log("b", 2, "x", source="s", seq=1),
        ],
        [("x", 2), ("y", 1)],
        id="neighbours in their source, though another system speaks between",
    ),
    pytest.param(
        [log("a", 0, "x"), log("b", 1, "x", kind="summary", count=9, last_timestamp=START + 5)],
        [("x", 10)],
        id="and the client's own count",
    ),
    pytest.param(
        [log(n, 0, "x", kind="suppressed", count=4, why=n) for n in ("budget", "noise")],
        [("x", 4), ("x", 4)],
        id="what was not kept stays apart",
    ),
]


@pytest.mark.parametrize(("entries", "expected"), FOLDS)
def test_what_folds_and_what_does_not(entries, expected):
    """
    Neighbours of one source fold when they say the same, or when five or more differ only in numbers.
    """
    assert rows(entries) == expected


def test_a_folded_row_tells_from_when_to_when():
    """
    The row of a run has the first entry's id and time, the last one's timestamp, and says that it is a summary.
    """
    (row,) = correlate(said(*["tick"] * 9)).timeline
    assert (row.id, row.at_ms, row.raw_timestamp, row.last_timestamp) == ("e0", 0.0, START, START + 8)
    assert (row.kind, row.count, row.ends_ms) == ("summary", 9, 8.0)


def test_a_summary_keeps_its_own_count_and_times():
    """
    A run that the client folded is shown as it was counted there.
    """
    summary = log("s", 0, "tick", kind="summary", count=100, last_timestamp=START + 900)
    (row,) = correlate([summary]).timeline
    assert (row.kind, row.count, row.last_timestamp, row.ends_ms) == ("summary", 100, START + 900, 900.0)


def test_a_row_of_losses_does_not_cut_a_flood_in_two():
    """
    A count of entries not kept stands in the middle of a flood, which is still one run.
    """
    flood = said(*["tick"] * 10)
    lost = log("lost", 5, "x", kind="suppressed", count=3, last_timestamp=START + 6, source="s", seq=99)
    assert rows([*flood, lost]) == [("tick", 10), ("x", 3)]


def test_hops_fold_only_when_nothing_happened_in_them():
    """
    Five equal queries become one row as long as all of them; a hop with entries or calls inside stands alone.
    """
    queries = [
        closing(f"q{n}", n + 2, n * 10, 5, parent=1, message="SELECT 1", source="s", seq=n) for n in range(6)
    ]
    report = correlate([closing("all", 1, 0, 90, source="s", seq=99), *queries])
    assert [(row.message, row.count, row.duration_ms) for row in report.timeline] == [
        ("hop 1", 1, 90.0),
        ("SELECT 1", 6, 55.0),
    ]
    busy = [
        log(f"in{n}", n * 10 + 1, f"{'abcdef'[n]}", span_id=hop(n + 2), source="s2", seq=n) for n in range(6)
    ]
    assert sum(row.message == "SELECT 1" for row in correlate([*queries, *busy]).timeline) == 6


def test_two_equal_hops_are_two_rows():
    """
    A call made twice is told twice: how long each took is the point.
    """
    assert (
        rows([closing(f"q{n}", n + 2, n * 10, 5, message="SELECT 1") for n in range(2)])
        == [("SELECT 1", 1)] * 2
    )


TEMPLATES = [
    ("render loop: effect run 17", "render loop: effect run *"),
    ("order 7f3a9b took 12.5 ms", "order * took *.* ms"),
    ("cache2 of node7", "cache* of node*"),
    ("no numbers", "no numbers"),
    ("deadbeef cafe", "deadbeef cafe"),
    ("x" * 401 + "1", "x" * 401 + "1"),
    ("", ""),
]


@pytest.mark.parametrize(("message", "expected"), TEMPLATES)
def test_template(message, expected):
    """
    Numbers and ids become a star, words stay; a long text is left alone.
    """
    assert template(message) == expected


@given(st.text("a1f z0-", max_size=12), st.text("a1f z0-", max_size=12))
def test_similar_means_the_same_template(one, other):
    """
    The quick comparison word by word agrees with comparing whole templates.
    """
    assert similar(one, other) == (template(one) == template(other))


@given(st.lists(st.sampled_from(["a", "b", "run 1", "run 2", "run 3"]), max_size=40))
def test_folding_loses_nothing(messages):
    """
    Rows and what they stand for add up, and each row's text is that of its entries.
    """
    report = correlate(said(*messages))
    spread = [row.message for row in report.timeline for _ in range(row.count)]
    assert [template(text) for text in spread] == [template(message) for message in messages]
