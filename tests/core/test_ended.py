"""
Runs of running numbers: what ended is counted once, whatever comes again, and what is remembered is bounded.
"""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.ended import (
    MOST_RUNS,
    TOLD_RUNS,
    Run,
    argument_of,
    ordered,
    read,
    refuse,
    runs_of,
    store,
    text_of,
)

REASONS = ("limited/system_quota", "suppressed/loop", "rejected/a:b-1/c", "")

said = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6), st.sampled_from(REASONS)), max_size=6).map(
    lambda runs: ordered((first, first + more, why) for first, more, why in runs)
)
histories = st.lists(st.tuples(st.booleans(), said), max_size=12)


def numbers_of(runs: list[Run]) -> dict[int, str]:
    return {number: why for first, last, why in runs for number in range(first, last + 1)}


@given(histories)
def test_each_number_is_counted_once(history: list[tuple[bool, list[Run]]]) -> None:
    """
    A number counts as refused for the first reason it was refused for, and no more once it is stored.
    """
    runs: list[Run] = []
    model: dict[int, str] = {}
    counted: Counter[str] = Counter()
    for is_stored, change in history:
        if is_stored:
            stored = [(first, last, "") for first, last, _ in change]
            runs, back = store(runs, stored)
            counted -= back
            model |= numbers_of(stored)
        else:
            runs, fresh = refuse(runs, change)
            counted += fresh
            model = numbers_of(change) | model
        assert numbers_of(runs) == model
        assert counted == Counter(why for why in model.values() if why)
        assert read(text_of(runs)) == runs


@given(st.lists(st.integers(0, 2**53)))
def test_runs_hold_exactly_their_numbers(numbers: list[int]) -> None:
    """
    Runs are in order, apart from each other, and hold what they were made of.
    """
    runs = runs_of(numbers)
    assert sum(last - first + 1 for first, last, _ in runs) == len(set(numbers))
    assert all(any(first <= number <= last for first, last, _ in runs) for number in numbers)
    assert all(one[1] + 1 < two[0] for one, two in pairwise(runs))


def test_what_is_remembered_is_bounded() -> None:
    """
    Of many short runs the last keep their reasons, those before grow together; of scattered ones the last stay.
    """
    mixed: list[Run] = [(at, at, REASONS[at % 2]) for at in range(1_000)]
    runs, counted = refuse([], mixed)
    assert counted == {REASONS[0]: 500, REASONS[1]: 500}
    assert len(runs) <= MOST_RUNS
    assert refuse(runs, mixed)[1] == {}
    assert store(runs, [(990, 999, "")])[1] == {REASONS[0]: 5, REASONS[1]: 5}
    scattered, _ = refuse([], [(3 * at, 3 * at, REASONS[0]) for at in range(1_000)])
    assert (len(scattered), scattered[-1][0]) == (MOST_RUNS, 2_997)


@pytest.mark.parametrize(
    ("runs", "argument"),
    [
        ([], ""),
        ([(0, 4, "")], ":0-4"),
        ([(0, 4, ""), (6, 6, "")], ":0-4,6-6"),
        ([(2 * at, 2 * at, "") for at in range(TOLD_RUNS + 1)], ""),
    ],
)
def test_a_write_tells_few_runs(runs: list[Run], argument: str) -> None:
    """
    What a write tells of its numbers is short; nothing when they are scattered.
    """
    assert argument_of(runs) == argument
