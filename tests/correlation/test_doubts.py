"""
How uncertain a clock is said to be, held against clocks whose error is known.
"""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.correlation.build import closing
from tracelog import correlate
from tracelog.core.entry import Entry

ROUNDING_MS = 0.01


def told(random: Random, errors: list[float]) -> list[Entry]:
    """
    Return a call through as many sources as there are *errors*, each asked several times by the one before, where
    the clock of each is ahead by its error.
    """
    calls: list[tuple[float, int, int | None, float, float]] = []

    def call(depth: int, parent: int | None, start: float, end: float) -> None:
        calls.append((end, depth, parent, start, end - start))
        span = len(calls)
        times = random.randint(1, 3) if depth + 1 < len(errors) else 0
        share = (end - start) / max(1, times)
        for begin in (start + number * share for number in range(times)):
            way, back = (random.uniform(0.01, 0.2) * share for _ in range(2))
            call(depth + 1, span, begin + way, begin + share - back)

    call(0, None, 0.0, random.uniform(200.0, 4_000.0))
    entries = []
    for seq, span in enumerate(sorted(range(1, len(calls) + 1), key=lambda number: calls[number - 1])):
        _, depth, parent, start, took = calls[span - 1]
        at = start + errors[depth]
        entries.append(closing(f"e{span}", span, at, took, parent=parent, source=f"s{depth}", seq=seq))
    return entries


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.sampled_from([0.0, -900.0, 40.0, 3_000.0]), max_size=3))
def test_the_truth_is_never_further_than_is_said(random, errors):
    """
    Where a clock is measured and its uncertainty told, it is off by no more than that from the clock that the whole
    trace is told by, however many callers stand between the two.
    """
    errors = [0.0, *errors]
    clocks = correlate(told(random, errors)).clocks
    for depth, error in enumerate(errors):
        clock = clocks[f"s{depth}"]
        if clock.how == "measured" and clock.uncertainty_ms is not None:
            assert abs(clock.offset_ms + error) <= clock.uncertainty_ms + ROUNDING_MS


def test_doubts_add_up_along_the_way():
    """
    A clock is as uncertain as its own call and that of its caller leave open together.
    """
    entries = [
        closing("tab", 1, 0, 100, source="tab", seq=0),
        closing("edge", 2, 1_010, 80, parent=1, source="edge", seq=0),
        closing("db", 3, 3_015, 70, parent=2, source="db", seq=0),
    ]
    clocks = correlate(entries).clocks
    assert (clocks["edge"].offset_ms, clocks["edge"].uncertainty_ms) == (-1_000.0, 10.0)
    assert (clocks["db"].offset_ms, clocks["db"].uncertainty_ms) == (-3_000.0, 15.0)
    assert list(clocks) == ["db", "edge", "tab"]


def test_behind_a_clock_that_nothing_bounds_nothing_is_certain():
    """
    A clock that was measured against one that nothing measures is moved, and no number says how well.
    """
    entries = [
        closing("tab", 1, 0, 100, source="tab", seq=0),
        closing("queue", 2, 50, 400, parent=1, source="queue", seq=0),
        closing("db", 3, 2_060, 380, parent=2, source="db", seq=0),
    ]
    clocks = correlate(entries).clocks
    assert (clocks["queue"].how, clocks["queue"].uncertainty_ms) == ("none", None)
    assert (clocks["db"].how, clocks["db"].uncertainty_ms) == ("measured", None)
