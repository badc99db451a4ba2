"""
Heat: what servers have met together, window by window.
"""

from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.heat import FORMS, SYSTEMS, State, Warmth, share

WINDOW_MS = 10_000

steps = st.lists(st.tuples(st.integers(0, 25_000), st.integers(1, 50)), min_size=1, max_size=60)
"""Milliseconds that pass before, and how much is met."""


@given(steps)
def test_no_more_than_two_windows_and_no_less_than_the_present(history):
    """
    A total holds all of its window, and nothing that is older than the window before.
    """
    state, now_ms, met = State(), 0, []
    for wait_ms, n in history:
        now_ms += wait_ms
        met.append((now_ms // WINDOW_MS, n))
        total = share(state, {"form": Warmth(n)}, WINDOW_MS, now_ms)["form"].n
        here, before = (sum(m for at, m in met if at == now_ms // WINDOW_MS - back) for back in (0, 1))
        assert here <= total <= here + before
        assert total == here + before * (WINDOW_MS - now_ms % WINDOW_MS) // WINDOW_MS


def test_servers_are_summed():
    """
    Two that met twenty each have met forty together, each system named once.
    """
    state = State()
    assert share(state, {"a": Warmth(20, ("browser",))}, WINDOW_MS, 0) == {"a": Warmth(20, ("browser",))}
    both = Warmth(20, ("worker", "browser"))
    assert share(state, {"a": both, "b": Warmth(1)}, WINDOW_MS, 1) == {
        "a": Warmth(40, ("browser", "worker")),
        "b": Warmth(1),
    }


def test_an_even_stream_is_seen_as_it_is():
    """
    Three a second are thirty a window at any moment after the first.
    """
    state = State()
    found = [share(state, {"a": Warmth(3)}, WINDOW_MS, at * 1_000 + 999)["a"].n for at in range(100)]
    assert all(30 <= total <= 33 for total in found[10:])


@given(st.lists(st.integers(-(10**6), 10**6), max_size=40))
def test_a_clock_may_jump(jumps):
    """
    Wherever the store's clock goes, a total holds what was met just now, and never more than was met at all.
    """
    state, now_ms = State(), 10**9
    for met, jump in enumerate(jumps, 1):
        now_ms += jump
        assert 1 <= share(state, {"a": Warmth(1)}, WINDOW_MS, now_ms)["a"].n <= met


def test_bounds():
    """
    Further forms are counted alone, further systems not named.
    """
    state = State()
    share(state, {str(n): Warmth(1) for n in range(FORMS)}, WINDOW_MS, 0)
    for _ in range(2):
        assert share(state, {"late": Warmth(2), "0": Warmth(2)}, WINDOW_MS, 0)["late"] == Warmth(2)
    assert share(state, {"0": Warmth(1)}, WINDOW_MS, 0)["0"].n == 6
    crowd = tuple(f"s{n}" for n in range(SYSTEMS + 5))
    assert share(state, {"1": Warmth(1, crowd)}, WINDOW_MS, 0)["1"].systems == crowd[:SYSTEMS]
