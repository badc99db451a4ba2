"""
When a sink that failed is tried again.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.client.retry import ASKED_CAP_S, CAP_S, FIRST_S, Retry


def pause(retry, now):
    """
    Return the seconds from *now* until the next try is due.
    """
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if retry.is_due(now + middle, at_once=False) else (middle, high)
    return high


def test_the_first_try_is_due_at_once():
    """
    Nothing has failed: nothing is waited for.
    """
    assert Retry().is_due(0.0, at_once=False)


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_pauses_double_up_to_a_cap(chance):
    """
    The longest pause doubles with every failure up to the cap, and jitter takes any part of it.
    """
    retry = Retry()
    for n in range(20):
        retry.failed(100.0, None, chance)
        expected = min(CAP_S, FIRST_S * 2**n) * chance
        assert pause(retry, 100.0) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (7, 7.0),
        (0.5, 0.5),
        (10**9, ASKED_CAP_S),
        (math.inf, ASKED_CAP_S),
        (0, 0.0),
        (-5, 0.0),
        (math.nan, 0.0),
        (None, 0.0),
        ("soon", 0.0),
    ],
)
def test_a_pause_that_was_asked_for(asked, seconds):
    """
    `Retry-After` is kept, up to its cap, even where a flush cuts our own pause short; nonsense is ignored.
    """
    retry = Retry()
    retry.failed(100.0, asked, 1.0)
    assert retry.is_due(100.0 + seconds, at_once=True)
    assert seconds == 0.0 or not retry.is_due(100.0 + seconds - 0.001, at_once=True)
    assert pause(retry, 100.0) == pytest.approx(max(seconds, FIRST_S), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1), st.none() | st.floats(0, 400)), max_size=15))
def test_no_pause_is_longer_than_its_cap(failures):
    """
    Whatever fails how often, a pause ends, and after a success there is none.
    """
    retry = Retry()
    for chance, asked in failures:
        retry.failed(50.0, asked, chance)
        assert retry.is_due(50.0 + max(CAP_S, ASKED_CAP_S if asked else 0.0), at_once=False)
    retry.worked()
    assert retry.is_due(0.0, at_once=False)
    retry.failed(60.0, None, 1.0)
    assert pause(retry, 60.0) == pytest.approx(FIRST_S, abs=1e-6)
