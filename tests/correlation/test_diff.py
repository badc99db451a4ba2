"""
What changed between two runs.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.correlation.build import closing, entries, hop, log
from tracelog.correlation import correlate, diff
from tracelog.correlation.diff import CHANGES, LEAST_MS, shifted


def run(*texts, release="1.0", took=100.0, trace="a" * 32, **more):
    """
    Return one run: a hop that took *took* ms, and *texts* said in it.
    """
    made = [closing("top", 1, 0, took, message="POST /pay", release=release)]
    made += [
        log(f"{n}", n + 1, text, span_id=hop(1), release=release, **more) for n, text in enumerate(texts)
    ]
    for entry in made:
        entry.trace_id = trace
        entry.id = f"{trace[:2]}-{entry.id}"
    return made


def kinds(found):
    return [(change.kind, change.message) for change in found.changes]


def test_the_same_run_again_changed_nothing():
    """
    Other ids, times, traces and counters are no change.
    """
    first = run(
        "charged 12 for order 7f3a9c21", "sent mail 3", context={"order": "7f3a9c21d0", "at": 1_795_350_664}
    )
    again = run(
        "charged 15 for order 99bb17aa",
        "sent mail 4",
        trace="b" * 32,
        context={"order": "99bb17aad0", "at": 1_795_350_999},
    )
    found = diff(first, again)
    assert (found.changes, found.same) == ([], 3)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (["a"], ["a", "b"], [("new", "b")]),
        (["a", "b"], ["a"], [("gone", "b")]),
        (["charged 1"], ["charge refused"], [("new", "charge refused"), ("gone", "charged 1")]),
        (["try 1"], ["try 1", "try 2", "try 3", "try 4"], [("more", "try 1")]),
        (["try 1", "try 2", "try 3", "try 4"], ["try 9"], [("fewer", "try 9")]),
        (["try 1"], ["try 1", "try 2"], []),
    ],
)
def test_new_and_gone_messages_are_told(before, after, told):
    """
    What is said on one side only is new or gone; what is said much more often is told with its numbers.
    """
    assert kinds(diff(run(*before), run(*after, trace="b" * 32))) == told


def test_a_message_that_became_an_error_is_a_new_error():
    """
    Another class of level is another pattern, and new errors stand first.
    """
    found = diff(run("a", "paid"), [*run("a", "other"), log("x", 9, "paid", level="error")])
    assert kinds(found)[0] == ("new", "paid")
    assert found.changes[0].level == "error"


@pytest.mark.parametrize(
    ("before", "after", "is_shift"),
    [
        ([100.0], [900.0], True),
        ([100.0], [140.0], False),
        ([1.0], [1.0 + LEAST_MS], False),
        ([100.0, 101.0, 99.0], [140.0, 141.0, 139.0], True),
        ([100.0, 101.0, 99.0], [120.0, 121.0, 119.0], False),
        ([100.0, 300.0, 200.0, 50.0], [290.0, 110.0, 320.0, 260.0], False),
        ([], [900.0], False),
    ],
)
def test_a_shift_of_durations_is_told_from_noise(before, after, is_shift):
    """
    Shifts are told when they are beyond what few samples, a busy machine and the spread explain, either way.
    """
    assert shifted(before, after) is is_shift
    assert shifted(after, before) is is_shift


def test_a_slower_hop_is_told_with_both_medians():
    """
    The change names the hop and how long it took before and after.
    """
    [change] = diff(run(took=100.0), run(took=900.0)).changes
    assert (change.kind, change.before, change.after, change.message) == ("slower", 100.0, 900.0, "POST /pay")


def test_a_changed_field_is_told_once():
    """
    A field that changed in many patterns in the same way is one change that counts them.
    """
    found = diff(run("a", "b", release="1.0"), run("a", "b", release="1.1"))
    [change] = found.changes
    assert (change.kind, change.field, change.was, change.now, change.patterns) == (
        "field",
        "release",
        "1.0",
        "1.1",
        3,
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"status": 200}, {"status": 500}, [("status", "200", "500")]),
        ({"http": {"status": 200}}, {"http": {"status": 204}}, [("http.status", "200", "204")]),
        ({}, {"cached": True}, [("cached", "", "True")]),
        ({"id": "7f3a9c21d04e"}, {"id": "99bb17aad04e"}, []),
        ({"took": 0.123}, {"took": 0.456}, []),
        ({"sent": 1_795_350_664_000}, {"sent": 1_795_350_665_000}, []),
        ({"note": "x" * 500}, {"note": "y" * 500}, []),
    ],
)
def test_fields_that_tell_something_are_compared(before, after, told):
    """
    Changed values are told; ids, times, measurements and long texts differ in every run and are not.
    """
    found = diff(run("a", context=before), run("a", context=after)).changes
    assert [(change.field, change.was, change.now) for change in found] == told


def test_a_field_with_many_values_is_not_compared():
    """
    What differs from entry to entry tells nothing about the run.
    """
    one = [log(f"a{n}", n, "picked", context={"shelf": f"s{n}"}) for n in range(9)]
    two = [log(f"b{n}", n, "picked", context={"shelf": f"t{n}"}) for n in range(9)]
    assert diff(one, two).changes == []


def test_a_hop_that_was_not_closed_moves_no_pattern():
    """
    What is said in a hop is the same pattern when the hop has another name or died.
    """
    assert kinds(diff(run("a", "b"), run("a", "b")[1:])) == [("gone", "POST /pay")]


def test_renamed_hops_are_compared_together():
    """
    What was said in several hops of the one side is one pattern when all of them have another name now.
    """

    def hops(name, n, status):
        made = [closing(f"{name}{i}", i, i, 5, message=f"{name} {chr(97 + i)}") for i in range(1, n)]
        made += [
            log(f"x{name}{i}", i, "said", span_id=hop(i), context={"status": status, "n": chr(97 + i)})
            for i in range(1, n)
        ]
        return made

    found = diff(hops("old", 3, 200), hops("new", 7, 500))
    said = [change for change in found.changes if change.message == "said"]
    assert [(change.kind, change.field, change.count) for change in said] == [
        ("field", "status", 6),
        ("more", "", 6),
    ]


def test_reports_are_compared_as_their_rows():
    """
    Two reports give the same changes as their entries, but for fields.
    """
    before, after = run("a", took=100.0), run("b", took=900.0)
    assert kinds(diff(correlate(before), correlate(after))) == kinds(diff(before, after))


def test_long_lists_are_bounded():
    """
    Where nothing is as before, the rest is counted.
    """
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)} happened" for n in range(300)]
    found = diff([], [log(word, n, word) for n, word in enumerate(words)])
    assert (len(found.changes), found.more) == (CHANGES, 100)


@given(st.integers(0, 12).flatmap(lambda n: st.tuples(*(entries(i) for i in range(n)))), st.randoms())
def test_order_changes_nothing_and_oneself_is_the_same(made, random):
    """
    Any order of the entries gives the same difference; a run differs from itself in nothing.
    """
    shuffled = random.sample(made, len(made))
    half = len(made) // 2
    assert diff(made, shuffled).changes == []
    assert diff(made[:half], made) == diff(list(reversed(made[:half])), shuffled)
