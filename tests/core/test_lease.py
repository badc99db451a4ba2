"""
Leases: how much a server asks for beforehand, what it may do with it, and when it gives it back.
"""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.lease import LEASE_S, Leases
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Demand, Grant, Refund, Reply

SHARES = {"worker": 3_600, "browser": 720, "backend": 719, "other": 0}
"""Five seconds' parts: 5 rows, 1, and none."""


def reply(*grants, retry_after_ms=60_000):
    return Reply(
        grants=grants,
        level=0,
        was=0,
        bucket=9,
        retry_after_ms=retry_after_ms,
        month=202611,
        month_used=0,
        remaining={},
        born=1,
        filled={},
        servers=1,
    )


def want(n, system="worker", cls="normal"):
    return Demand(system, cls, n)


def taken(leases, n, now, cls="normal"):
    return sum(grant.n for grant in leases.take(want(n, cls=cls), now))


@pytest.mark.parametrize(("rows", "wish"), [(0, []), (1, [1]), (3, [3]), (5, [5]), (1_000, [5])])
def test_a_wish_is_what_was_used_of_late(rows, wish):
    """
    It is asked for what the last seconds used, and for no more than five seconds' part of the hour's share.
    """
    leases = Leases(SHARES)
    leases.used("worker", rows, 100.0)
    assert [demand.n for demand in leases.wishes(["worker", "worker"], 100.0)] == wish
    assert all(demand.cls == "lease" for demand in leases.wishes(["worker"], 100.0))


@given(st.sampled_from(["backend", "other", "nobody"]), st.integers(0, 10**9))
def test_low_limits_have_no_leases(system, rows):
    """
    A share that yields less than a row in five seconds is never asked for beforehand, whatever was used.
    """
    leases = Leases(SHARES)
    leases.used(system, rows, 1.0)
    assert leases.wishes([system], 1.0) == []


def test_by_default_there_are_none():
    """
    At 1,000 rows an hour no system ever asks beforehand: each row of an hour counts.
    """
    leases = Leases(QuotaSettings().plan().shares)
    for system in QuotaSettings().plan().systems:
        leases.used(system, 10**6, 1.0)
    assert leases.wishes(QuotaSettings().plan().systems, 1.0) == []


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 50)), max_size=30))
def test_what_is_used_is_forgotten(uses):
    """
    Whatever came before, after half a minute of silence nothing is asked for; meanwhile never more than was used.
    """
    leases, now, total = Leases(SHARES), 1_000.0, 0
    for wait, n in uses:
        now += wait
        leases.used("worker", n, now)
        total += n
        assert sum(demand.n for demand in leases.wishes(["worker"], now)) <= min(5, total)
    assert leases.wishes(["worker"], now + 40.0) == []


@pytest.mark.parametrize(
    ("retry_after_ms", "life"), [(60_000, LEASE_S), (5_001, LEASE_S), (1_200, 1.2), (0, 0.0)]
)
def test_a_lease_ends(retry_after_ms, life):
    """
    It lasts five seconds from before it was asked for, and never beyond the minute it is charged to; then all that
    is left goes back, once.
    """
    leases = Leases(SHARES)
    leases.learn(reply(Grant("worker", "lease", 5, "worker", 9), retry_after_ms=retry_after_ms), 100.0)
    if life:
        assert taken(leases, 2, 100.0 + life - 0.001) == 2
    assert taken(leases, 5, 100.0 + life) == 0
    assert leases.over(100.0 + life) == [Refund("worker", 9, 3 if life else 5, "worker")]
    assert leases.over(inf) == []
    assert not leases.held


@given(
    st.lists(
        st.tuples(st.floats(0, 2), st.sampled_from(["lease", "take", "over"]), st.integers(1, 9)), max_size=40
    )
)
def test_every_row_of_a_lease_ends_once(steps):
    """
    What was granted was either taken, or goes back, or is still held: never twice, never none.
    """
    leases, now, granted, used, back = Leases(SHARES), 50.0, 0, 0, 0
    for wait, what, n in steps:
        now += wait
        if what == "lease":
            leases.learn(reply(Grant("worker", "lease", n, "worker", 9), want_nothing()), now)
            granted += n
        elif what == "take":
            used += taken(leases, n, now)
        else:
            back += sum(refund.n for refund in leases.over(now))
            assert len(leases.held.get("worker", ())) <= granted
    assert granted == used + back + sum(refund.n for refund in leases.over(inf))


def want_nothing():
    """
    Return a grant of another class, which is no lease.
    """
    return Grant("worker", "normal", 3, "browser", 9)


def test_what_is_taken_is_as_if_granted():
    """
    Rows of a lease keep the class they are taken for, and the pool and minute they were charged to.
    """
    leases = Leases(SHARES)
    leases.learn(
        reply(Grant("worker", "lease", 2, "worker", 8), Grant("worker", "lease", 2, "worker", 9)), 1.0
    )
    assert leases.take(want(3, cls="essential"), 1.0) == [
        Grant("worker", "essential", 2, "worker", 8),
        Grant("worker", "essential", 1, "worker", 9),
    ]
    assert leases.take(want(3, system="browser"), 1.0) == []
