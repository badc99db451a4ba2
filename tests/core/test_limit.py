"""
The adaptive limiter: a flood steps down, silence steps up, and no minute lets through more than its step.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.limit import MINUTE_S, Adaptive

STEPS = (50, 25, 12, 6)


def minute(limiter, start, offered, key="k"):
    """
    Offer so many in the minute from *start* and return how many passed.
    """
    return sum(limiter.allows(key, start + n * MINUTE_S / max(offered, 1)) for n in range(offered))


def test_a_flood_is_cut_step_by_step():
    """
    1,200 a minute become 50, 25, 12, 6, 6 …: 429 in the first hour.
    """
    limiter = Adaptive(STEPS, 10)
    passed = [minute(limiter, n * MINUTE_S, 1_200) for n in range(60)]
    assert passed[:6] == [50, 25, 12, 6, 6, 6]
    assert sum(passed) == 429


def test_three_quiet_minutes_restore_everything():
    """
    After a flood, a source that falls silent has its full minute back after three.
    """
    limiter = Adaptive(STEPS, 10)
    for n in range(6):
        minute(limiter, n * MINUTE_S, 1_200)
    assert [limiter.limit("k", (6 + n) * MINUTE_S) for n in range(4)] == [6, 12, 25, 50]
    assert minute(limiter, 9 * MINUTE_S, 100) == 50


@pytest.mark.parametrize(
    ("offered", "next_limit"), [(51, 25), (50, 50), (26, 50), (25, 50), (1, 50)], ids=str
)
def test_only_too_much_steps_down(offered, next_limit):
    """
    A minute at its limit stays; one beyond it steps down.
    """
    limiter = Adaptive(STEPS, 10)
    minute(limiter, 0.0, offered)
    assert limiter.limit("k", MINUTE_S) == next_limit


@pytest.mark.parametrize(("offered", "next_limit"), [(26, 12), (25, 25), (13, 25), (12, 50), (0, 50)])
def test_only_a_calm_minute_steps_up(offered, next_limit):
    """
    From 25 a minute of at most half steps up, one between stays, one beyond steps down.
    """
    limiter = Adaptive(STEPS, 10)
    minute(limiter, 0.0, 1_000)
    minute(limiter, MINUTE_S, offered)
    assert limiter.limit("k", 2 * MINUTE_S) == next_limit


def test_keys_do_not_share():
    """
    The flood of one source costs another nothing.
    """
    limiter = Adaptive(STEPS, 10)
    minute(limiter, 0.0, 1_000, key="loud")
    assert minute(limiter, 0.0, 50, key="calm") == 50
    assert limiter.limit("never heard", 0.0) == 50


def test_memory_is_bounded():
    """
    Any number of sources leaves at most twice the cap behind.
    """
    limiter = Adaptive(STEPS, 5)
    for n in range(1_000):
        limiter.allows(n, 0.0)
    assert len(limiter) <= 10


@given(st.lists(st.floats(0, 200), max_size=200))
def test_no_minute_passes_more_than_its_step(gaps):
    """
    In every minute of the limiter at most its step passes; busy minutes move by one step at most; a clock that
    stands still or runs gives the same.
    """
    limiter = Adaptive(STEPS, 10)
    now = 0.0
    passed = {0: int(limiter.allows("k", now))}
    limits = {0: STEPS[0]}
    for gap in gaps:
        now += gap / 20
        if limiter.allows("k", now):
            passed[int(now // MINUTE_S)] = passed.get(int(now // MINUTE_S), 0) + 1
        limits[int(now // MINUTE_S)] = limiter.limit("k", now)
    for at, count in passed.items():
        assert count <= limits[at]
    for at, limit in limits.items():
        before = STEPS.index(limits.get(at - 1, limit))
        assert abs(STEPS.index(limit) - before) <= 1


def test_a_clock_that_jumps_back_gives_nothing():
    """
    An earlier time never opens a new minute.
    """
    limiter = Adaptive((2, 1), 10)
    assert [limiter.allows("k", now) for now in (100.0, 10.0, 100.0, 30.0)] == [True, True, False, False]
