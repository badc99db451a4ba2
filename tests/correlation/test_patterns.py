"""
Repeats: folded and counted where they are noise, kept where they are a story, lossless in count.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.correlation.build import START, closing, hop, log
from tracelog.correlation import correlate
from tracelog.correlation.patterns import outcomes, similar, template


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
        said(*[f"effect run {n}" for n in range(17)]), [("effect run 0", 17)], id="a loop that counts"
    ),
    pytest.param(said("n 1", "n 1", "n 2", "n 2"), [("n 1", 2), ("n 2", 2)], id="few alike, some the same"),
    pytest.param(
        said(*[f"GET /orders/{n:032x}a1" for n in range(5)]),
        [(f"GET /orders/{0:032x}a1", 5)],
        id="ids in hex",
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


def test_a_row_is_an_entry_not_a_pattern():
    """
    Whatever folds, the row of a run says what its first entry said, character for character.
    """
    entries = said(*[str(n) for n in range(30)])
    assert rows(entries) == [("0", 30)]
    assert "*" not in correlate(entries).to_json()["timeline"][0]["message"]


ENDINGS = [
    "GET /pay -> status {}",
    "GET /pay -> {}",
    "GET /pay {} 3ms",
    "GET /pay 12ms {}",
    "POST /pay done in 120 ms {}",
    "POST /pay responded with {} in 3ms",
    "upstream {} in 3 ms",
    '"GET /pay HTTP/1.1" {} 512',
    "pay: HTTP {}",
    "bank answered {}",
    "bank returned: {}",
    "attempt 1 failed with code {}",
    "status_code={}",
    '{{"status": {}, "took": 3}}',
    "httpStatus={}",
    "response status was {}",
    "\u2192 {}",
]


@pytest.mark.parametrize("text", ENDINGS)
def test_another_status_is_another_row(text):
    """
    One failure among many successes has a row of its own, wherever its status stands in the text.
    """
    texts = [text.format(500 if n == 4 else 200) for n in range(9)]
    assert rows(said(*texts)) == [(text.format(200), 4), (text.format(500), 1), (text.format(200), 4)]


@pytest.mark.parametrize(
    "text", ["exit code {}", "worker exited: rc={}", "errno {}", "error {}", "killed by signal {}"]
)
def test_another_exit_code_is_another_row(text):
    """
    Numbers that say how something ended are no counters, however many digits they have.
    """
    texts = [text.format(int(n == 2)) for n in range(8)]
    assert [count for _, count in rows(said(*texts))] == [2, 1, 5]


@pytest.mark.parametrize(
    ("key", "good", "bad"), [("status", 200, 500), ("exit_code", 0, 1), ("ok", True, False)]
)
def test_a_status_in_the_context_counts_too(key, good, bad):
    """
    Entries of one text fold only as far as they carry the same status.
    """
    entries = [log(f"e{n}", n, "paid", context={key: bad if n == 4 else good, "n": n}) for n in range(9)]
    assert [row.count for row in correlate(entries).timeline] == [4, 1, 4]
    bare = [log("e0", 0, "paid"), log("e1", 1, "paid", context={"status": 500})]
    assert [row.count for row in correlate(bare).timeline] == [1, 1]
    assert [
        row.count for row in correlate([log("e0", 0, "paid"), log("e1", 1, "paid", context={})]).timeline
    ] == [2]


def test_errors_with_different_numbers_are_different_errors():
    """
    The attempts of a retry are told one by one, and the cause is a text that was logged.
    """
    texts = [f"attempt {n} failed: code {code}" for n, code in enumerate([503, 503, 401, 503, 503, 503], 1)]
    report = correlate(said(*texts, level="error", span_id=hop(1)))
    assert [(row.message, row.count) for row in report.timeline] == [(text, 1) for text in texts]
    same = said(*["refused"] * 6, level="error", span_id=hop(1))
    same[3].error = {"type": "Refused", "message": "another"}
    assert [row.count for row in correlate(same).timeline] == [3, 1, 2]


COUNTERS = [
    "effect run {}",
    "order {} took {} ms",
    "read {} of 900 rows",
    "GET /orders/{} 200 {}ms",
    "decode {}",
]


@pytest.mark.parametrize("text", COUNTERS)
def test_counters_ids_and_durations_fold(text):
    """
    A loop that counts is one row, also where its counter looks like a status.
    """
    texts = [text.format(n, n) for n in range(195, 205)]
    assert rows(said(*texts)) == [(texts[0], 10)]


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
    assert similar(one, other) == ((template(one), outcomes(one)) == (template(other), outcomes(other)))


@given(st.lists(st.sampled_from(["a", "b", "run 1", "run 2", "run 3"]), max_size=40))
def test_folding_loses_nothing(messages):
    """
    Rows and what they stand for add up, and each row's text is that of its entries but for numbers.
    """
    report = correlate(said(*messages))
    spread = [row.message for row in report.timeline for _ in range(row.count)]
    assert [template(text) for text in spread] == [template(message) for message in messages]
