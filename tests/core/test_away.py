"""
What a server does without asking the store: refusals it remembers, a breaker, and its own part of the limits.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.schedules import CLASSES, DAY, HOUR, MINUTE, NOON_MS, SMALL, SYSTEMS
from tracelog.core.breaker import LONGEST_S, PROBE_S, Breaker, wait_after
from tracelog.core.deny import DenyCache
from tracelog.core.quota import ask
from tracelog.core.quota_local import LocalShare
from tracelog.core.quota_ring import State
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Asked, Demand

PLAN = SMALL.plan()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20_000), st.sampled_from(SYSTEMS), st.sampled_from(CLASSES[:4]), st.integers(1, 20)
        ),
        max_size=25,
    )
)
def test_what_is_remembered_as_refused_is_refused(calls):
    """
    While a refusal is remembered the store would grant nothing of it, and a minute later it is forgotten.

    In the 500 seconds played here no lender falls asleep: that may free something in the middle of a minute.
    """
    state, cache, now_ms = State(), DenyCache(), NOON_MS
    for wait, system, cls, n in calls:
        now_ms += wait
        refused = cache.refused(system, cls, now_ms / 1000)
        demands = (Demand(system, cls, n),)
        reply = ask(state, PLAN, Asked(demands=demands), now_ms)
        if refused:
            assert reply.granted(system, cls) == 0
            assert 0 < cache.wait(system, cls, now_ms / 1000) <= 60
        cache.learn(demands, reply, now_ms / 1000)
        assert cache.refused(system, cls, now_ms / 1000) == (refused or reply.granted(system, cls) < n)
        assert not cache.refused(system, cls, now_ms / 1000 + 60)


@pytest.mark.parametrize(
    ("refused", "also"),
    [
        ("normal", {"normal", "privileged"}),
        ("privileged", {"normal", "privileged"}),
        ("essential", {"normal", "privileged", "essential"}),
        ("critical", {"critical"}),
        ("lease", set()),
    ],
)
def test_refusals_are_by_class(refused, also):
    """
    A refused class refuses those that use a part of the same room, of the same system only, until asked to forget.
    """
    state, cache = State(), DenyCache()
    ask(
        state,
        PLAN,
        Asked(demands=tuple(Demand("worker", cls, 99) for cls in ("normal", "essential", "critical"))),
        NOON_MS,
    )
    demands = (Demand("worker", refused, 1),)
    cache.learn(demands, ask(state, PLAN, Asked(demands=demands), NOON_MS + 15_000), 100.0)
    assert {cls for cls in CLASSES if cache.refused("worker", cls, 144.9)} == also
    assert not any(cache.refused("worker", cls, 145.0) for cls in CLASSES)
    assert not any(cache.refused("browser", cls, 100.0) for cls in CLASSES)
    assert cache.wait("worker", "lease", 100.0) == 0
    cache.forget()
    assert not any(cache.refused("worker", cls, 100.0) for cls in CLASSES)


def test_a_breaker_waits_twice_as_long_each_time():
    """
    After each failed probe it waits twice as long, from half a second to half a minute; one success closes it.
    """
    breaker, now, waits = Breaker(), 1_000.0, []
    assert breaker.allows(now)
    for _ in range(9):
        breaker.failed(now)
        waits.append(breaker.wait(now))
        assert not breaker.allows(now + breaker.wait(now) - 0.01)
        now += breaker.wait(now)
        assert breaker.allows(now)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert breaker.succeeded()
    assert breaker.wait(now) == 0
    assert not breaker.succeeded()
    assert breaker.allows(now)


def test_one_probe_at_a_time():
    """
    While a probe is out nobody else goes; a lost one is replaced; faults of calls from before count once.
    """
    breaker = Breaker()
    breaker.failed(0.0)
    breaker.failed(0.1)
    assert (breaker.failures, breaker.wait(0.1)) == (1, 0.4)
    assert breaker.allows(0.5)
    assert not breaker.allows(0.6)
    assert not breaker.allows(0.5 + PROBE_S - 0.01)
    assert breaker.allows(0.5 + PROBE_S)


@given(st.integers(1, 10**6))
def test_no_wait_is_longer(failures):
    """
    However often something failed, the wait is never above its bound, and never shrinks.
    """
    assert wait_after(failures) <= wait_after(failures + 1) <= LONGEST_S


def flood(share, now_ms, cls="normal", n=10**6):
    return sum(grant.n for grant in share.ask((Demand("worker", cls, n),), now_ms).grants)


@given(st.integers(1, 7), st.integers(0, 120), st.integers(0, 3))
def test_all_servers_stay_within_one_more_limit(servers, minutes, errors):
    """
    Without the store, all servers together store no more than the limits in any hour.
    """
    shares = [LocalShare(QuotaSettings(), servers) for _ in range(servers)]
    for share in shares:
        flood(share, NOON_MS, n=minutes)
    normal = sum(flood(share, NOON_MS) for share in shares) + servers * min(minutes, 1_000 // servers)
    assert 1_000 - servers < normal <= 1_000
    assert sum(flood(share, NOON_MS, "essential") for share in shares) <= 200
    assert sum(flood(share, NOON_MS, "critical") for share in shares) <= 5_000
    assert sum(flood(share, NOON_MS + HOUR - MINUTE) for share in shares) == 0


def test_a_day_away_costs_a_day():
    """
    A day without the store uses a day's part of what the month has left; 15 days and 4 servers share 60,000 rows.
    """
    share = LocalShare(QuotaSettings(limit=10**6, monthly_writes=160_000), 4)
    reply = ask(
        State(),
        QuotaSettings(limit=10**6, monthly_writes=160_000).plan(),
        Asked(demands=(Demand("worker", "essential", 92_000),)),
        NOON_MS,
    )
    share.saw(reply)
    assert flood(share, NOON_MS) == (152_000 - 92_000) // 15 // 4
    assert flood(share, NOON_MS + 11 * HOUR) == 0
    assert flood(share, NOON_MS + DAY) == (152_000 - 92_000 - 1_000) // 14 // 4


def test_a_month_away_ends():
    """
    With a new month the whole budget is shared out again, by its days.
    """
    share = LocalShare(QuotaSettings(limit=10**6, monthly_writes=124_000, essential_only_percent=100), 4)
    away = flood(share, NOON_MS)
    assert flood(share, NOON_MS + 15 * DAY) == (124_000 - away) // 31 // 4  # those rows are yet to be charged
    assert share.settle().repair == ()  # nothing was lost that anybody knows of


def test_a_spent_month_stays_spent():
    """
    A budget that was spent is not open again because the store is away, and the level says so.
    """
    settings = QuotaSettings(limit=10**6)
    share = LocalShare(settings, 4)
    share.saw(ask(State(), settings.plan(), Asked(demands=(Demand("worker", "normal", 10**6),)), NOON_MS))
    reply = share.ask((Demand("worker", "normal", 5), Demand("worker", "essential", 5)), NOON_MS)
    assert (reply.granted("worker", "normal"), reply.granted("worker", "essential")) == (0, 5)
    assert (reply.level, reply.was, reply.month_used, reply.month) == (2, 2, 118_755, 202611)


def test_what_was_stored_away_is_charged_afterwards():
    """
    The store is told what was admitted, once; when it did not hear it, it is told again with what came since.
    """
    share, state = LocalShare(SMALL, 2), State()
    share.saw(ask(state, PLAN, Asked(demands=(Demand("browser", "normal", 3),)), NOON_MS))
    share.ask((Demand("worker", "normal", 4), Demand("browser", "critical", 2)), NOON_MS)
    asked = share.settle()
    assert asked.forced == (Demand("browser", "critical", 2), Demand("worker", "normal", 4))
    assert not share.owes
    assert share.settle().forced == ()
    share.unsettle(asked)
    assert share.owes
    share.ask((Demand("worker", "normal", 1),), NOON_MS)
    emptied = State()
    reply = ask(emptied, PLAN, share.settle(), NOON_MS)
    assert (reply.month_used, emptied.totals) == (7, {"worker": 5, "@critical": 2})
    share.saw(reply)
    assert share.settle().repair == ()


def test_a_store_that_lost_its_data_is_told():
    """
    When the store began anew between two replies, the month as it was known is owed to it, once.
    """
    share, state = LocalShare(SMALL, 2), State()
    demands = (Demand("browser", "normal", 3),)
    for at in range(3):
        share.saw(ask(state, PLAN, Asked(demands=demands), NOON_MS + at))
        assert not share.owes
    emptied = State()
    share.saw(ask(emptied, PLAN, Asked(demands=demands), NOON_MS + 10))
    assert share.owes
    reply = ask(emptied, PLAN, share.settle(), NOON_MS + 11)
    share.saw(reply)
    assert (reply.month_used, share.owes) == (9, False)


@pytest.mark.parametrize(
    ("servers", "part"), [(("a",), 40), (("a", "b"), 20), (tuple("abcdefgh"), 5), ((), 10), (("a", "a"), 40)]
)
def test_parts_follow_the_number_of_servers(servers, part):
    """
    A server's part is one by the servers that the store has heard of, or by four when it has heard of none.
    """
    share, state = LocalShare(SMALL), State()
    assert flood(LocalShare(SMALL), NOON_MS) == 10
    for server in servers:
        ask(state, PLAN, Asked(server=server), NOON_MS)
    share.saw(ask(state, PLAN, Asked(server="".join(servers[:1])), NOON_MS))
    assert flood(share, NOON_MS) == part


def test_who_has_not_heard_for_long_takes_no_more_than_a_quarter():
    """
    After long silence others may have come, so few known servers count as four.
    """
    share = LocalShare(SMALL, 1)
    share.lose_sight()
    assert flood(share, NOON_MS) == 10
    many = LocalShare(SMALL, 8)
    many.lose_sight()
    assert flood(many, NOON_MS) == 5
