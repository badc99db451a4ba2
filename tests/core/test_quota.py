"""
The arithmetic of the quotas, the invariants of the design by their numbers (I1 to I5, I12, I13).
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.schedules import (
    CLASSES,
    DAY,
    DEMANDS,
    HOUR,
    MINUTE,
    NOON_MS,
    ROWS,
    SECOND,
    SMALL,
    STEPS,
    SYSTEMS,
    Feed,
    long_schedule,
)
from tracelog.core.quota import ask, status_of
from tracelog.core.quota_ring import SPAN, State
from tracelog.core.quota_settings import OTHER, QuotaSettings, split
from tracelog.core.quota_values import Asked, Demand, Refund, Repair
from tracelog.errors import ConfigError

PLAN = SMALL.plan()
SHARES = PLAN.shares


def copy(state):
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)


def one(system, n, cls="normal"):
    return Asked(demands=(Demand(system, cls, n),))


def run(steps, settings=SMALL):
    """
    Yield for each step its time, what was asked, the reply, and the state that all servers share.
    """
    state, plan, feed = State(), settings.plan(), Feed()
    for step in steps:
        asked = feed.asked(step)
        reply = ask(state, plan, asked, feed.now_ms)
        feed.took(reply)
        yield feed.now_ms, asked, reply, state


def stored(steps, classes):
    """
    Return when how many rows of *classes* were stored in a whole schedule: granted, and not given back.
    """
    feed, state = Feed(), State()
    for step in steps:
        feed.took(ask(state, PLAN, feed.asked(step), feed.now_ms))
    return [(at, left) for at, grant, left in feed.grants if grant.cls in classes]


def worst_hour(rows):
    """
    Return the most rows that any 3,600 s hold; *rows* are times and numbers, in order of time.
    """
    worst = total = start = 0
    for at, n in rows:
        total += n
        while rows[start][0] <= at - HOUR:
            total -= rows[start][1]
            start += 1
        worst = max(worst, total)
    return worst


@given(STEPS)
def test_no_hour_holds_more_than_its_limits(steps):
    """
    I1: in any hour normal rows stay within the limit, errors within the reserve on top, critical ones within theirs.
    """
    assert worst_hour(stored(steps, ROWS)) <= 40
    assert worst_hour(stored(steps, {*ROWS, "essential"})) <= 48
    assert worst_hour(stored(steps, {"critical"})) <= 9


@given(
    st.sampled_from(SYSTEMS[:3]),
    st.lists(st.tuples(st.integers(0, 2 * MINUTE), st.integers(1, 30)), min_size=1, max_size=25),
)
def test_who_is_alone_has_everything(system, asks):
    """
    I2: when no other system was ever seen, any demand of an hour is granted up to the limit exactly.
    """
    state, now_ms, got = State(), NOON_MS, 0
    for wait, n in asks:
        now_ms = min(now_ms + wait, NOON_MS + HOUR - 1)
        got += ask(state, PLAN, one(system, n), now_ms).granted(system, "normal")
    assert got == min(40, sum(n for _, n in asks))


@given(STEPS, st.lists(st.tuples(st.integers(0, 9 * MINUTE), st.integers(1, 9)), min_size=25, max_size=25))
def test_who_is_active_has_its_share(steps, own):
    """
    I3: a system that never slept gets at every call what its share has left, whatever the others do.
    """
    state, now_ms = State(), NOON_MS
    ask(state, PLAN, one("worker", 1), now_ms)
    used = {now_ms // MINUTE: 1}
    for step, (wait, n) in zip(steps, own, strict=False):
        now_ms += wait
        others = tuple(
            demand for demand in step.demands if demand.system != "worker" and demand.cls != "lease"
        )
        mine = Demand("worker", "normal", n)
        reply = ask(state, PLAN, Asked(demands=(*others, mine)), now_ms)
        room = SHARES["worker"] - sum(rows for at, rows in used.items() if at > reply.bucket - SPAN)
        assert reply.granted("worker", "normal") >= min(n, room)
        taken = sum(grant.n for grant in reply.grants if grant.pool == "worker")
        assert taken == min(n, room)
        used[reply.bucket] = used.get(reply.bucket, 0) + taken


@given(STEPS)
def test_no_pool_is_overdrawn_and_nobody_active_lends(steps):
    """
    I4: a pool's charges of any hour stay within its share, and it lends only when its system slept long enough.
    """
    charged = {system: [] for system in SYSTEMS}
    seen = {}
    for now_ms, asked, reply, _ in run([msgspec.structs.replace(step, back=()) for step in steps]):
        seen |= {demand.system: now_ms for demand in asked.demands if demand.n > 0}
        for grant in reply.grants:
            if grant.pool in charged:
                charged[grant.pool].append((now_ms, grant.n))
                slept = now_ms - seen.get(grant.pool, 0)
                assert grant.pool == grant.system or slept >= 10 * MINUTE
                if grant.pool != grant.system and slept < DAY:
                    kept = SHARES[grant.pool] - SHARES[grant.pool] * 9 // 10
                    window = sum(n for at, n in charged[grant.pool] if at > now_ms - HOUR)
                    assert window <= SHARES[grant.pool] - kept
    for system, rows in charged.items():
        assert worst_hour(rows) <= SHARES[system]


MONTH = QuotaSettings(limit=10**6, critical=10**6, monthly_writes=200)
"""Only the month binds: 160, 190, 200 and 210 are its edges."""


@given(st.lists(st.tuples(st.sampled_from(CLASSES[:4]), st.integers(1, 40)), min_size=1, max_size=40))
def test_the_month_ends_at_its_ceilings(asks):
    """
    I5: when only the month binds, each class gets exactly what its ceiling has left, and the level says so.
    """
    ceilings = {"critical": 210, "essential": 200, "privileged": 190, "normal": 190}
    state, used = State(), 0
    for cls, n in asks:
        reply = ask(state, MONTH.plan(), one("worker", n, cls), NOON_MS)
        assert reply.granted("worker", cls) == max(0, min(n, ceilings[cls] - used))
        used += reply.granted("worker", cls)
        assert reply.month_used == used <= 210
        assert reply.level == (used >= 160) + (used >= 190) + (used >= 200)


def test_a_month_begins_anew():
    """
    I5: with a new month the budget is whole again, and the old one stands in the history; so does each day.
    """
    state, plan = State(), MONTH.plan()
    ask(state, plan, one("worker", 500), NOON_MS)
    reply = ask(state, plan, one("browser", 7), NOON_MS + 15 * DAY)
    assert (reply.month, reply.month_used, reply.level, reply.was) == (202612, 7, 0, 2)
    status = status_of(state, plan, NOON_MS + 15 * DAY)
    assert status.months == {202611: {"worker": 190}}
    today = (NOON_MS + 15 * DAY) // DAY
    assert status.days == {today - 15: {"worker": 190}, today: {"browser": 7}}


@given(STEPS)
def test_charges_and_refunds_balance(steps):
    """
    I12: the month counts what was granted and did not come back in time; no count is ever 0 or less.
    """
    kept = 0
    for _, asked, reply, state in run([step for step in steps if step.wait < 25 * HOUR]):
        before = kept
        kept = reply.month_used
        granted = sum(grant.n for grant in reply.grants)
        refunded = sum(back.n for back in asked.refunds)
        assert before + granted - refunded <= kept <= before + granted
        window = {}
        for counts in (state.totals, state.spent, state.today, *state.buckets.values()):
            assert all(n > 0 for n in counts.values())
        for counts in state.buckets.values():
            for name, n in counts.items():
                window[name] = window.get(name, 0) + n
        assert window == state.totals
        assert sum(state.spent.values()) == state.used


@given(st.sampled_from(CLASSES), st.integers(1, 12), st.integers(0, 12))
def test_what_comes_back_can_be_had_again(cls, n, more):
    """
    I12: a refund undoes its grant exactly once, whichever pool it came from.
    """
    state = State()
    ask(state, PLAN, one("other", 1, "normal"), NOON_MS)
    before = copy(state)
    grants = ask(state, PLAN, one("other", n, cls), NOON_MS + 1).grants
    ask(state, PLAN, Asked(refunds=tuple(grant.refund(grant.n + more) for grant in grants)), NOON_MS + 2)
    before.seen = state.seen
    assert state.totals == before.totals or more > 0
    if more == 0:
        assert state == before


def test_a_refund_that_is_late_changes_nothing():
    """
    I12: minutes that left the window, minutes to come and pools that do not exist take nothing back.
    """
    state = State()
    [grant] = ask(state, PLAN, one("worker", 5), NOON_MS).grants
    ask(state, PLAN, Asked(), NOON_MS + SPAN * MINUTE)
    before = copy(state)
    for back in (
        grant.refund(5),
        Refund("worker", 10**9, 5, "worker"),
        Refund("nobody", state.head, 5, "worker"),
    ):
        ask(state, PLAN, Asked(refunds=(back,)), NOON_MS + SPAN * MINUTE)
    assert state == before


def test_a_refund_of_a_loan_that_never_was_changes_nothing():
    """
    I12: what a pool's own system was granted does not come back as a loan of another one.
    """
    state = State()
    [grant] = ask(state, PLAN, one("worker", 5), NOON_MS).grants
    before = copy(state)
    ask(state, PLAN, Asked(refunds=(Refund("worker", grant.bucket, 3, "browser"),)), NOON_MS)
    assert state == before


def test_a_refund_after_the_month_ended_stays_in_the_old_month():
    """
    I12: a row granted before midnight is no write of the new month, so it cannot come back from it.
    """
    state, midnight = State(), NOON_MS + 14 * DAY + 12 * HOUR
    [grant] = ask(state, PLAN, one("worker", 5), midnight - SECOND).grants
    ask(state, PLAN, one("worker", 3), midnight)
    reply = ask(state, PLAN, Asked(refunds=(grant.refund(5),)), midnight)
    assert (reply.month_used, state.totals, state.today) == (3, {"worker": 3}, {"worker": 3})
    assert state.months == {202611: {"worker": 5}}


@given(
    st.lists(
        st.tuples(st.integers(0, 5 * MINUTE), st.integers(-20 * MINUTE, 0), st.integers(0, 50)), max_size=40
    )
)
def test_a_clock_that_goes_back_frees_nothing(asks):
    """
    I13: however often the store's clock is set back, no real hour holds more than the limit.
    """
    state, real_ms, behind, rows = State(), NOON_MS, 0, []
    for wait, back, n in asks:
        real_ms += wait
        behind = max(behind + back, -DAY // 2)
        reply = ask(state, PLAN, one("browser", n), real_ms + behind)
        rows.append((real_ms, reply.granted("browser", "normal")))
    assert worst_hour(rows) <= 40


@given(STEPS, DEMANDS, st.integers(0, 23 * HOUR))
def test_an_earlier_time_never_grants_more(steps, demands, back):
    """
    I13: from the same state, the same call at an earlier time is granted no more.
    """
    *_, (now_ms, _, _, state) = run(steps)
    early = ask(copy(state), PLAN, Asked(demands=demands), now_ms - back)
    late = ask(copy(state), PLAN, Asked(demands=demands), now_ms)
    assert sum(grant.n for grant in early.grants) <= sum(grant.n for grant in late.grants)


@given(st.integers(25, 5_000))
def test_a_clock_that_was_wrong_does_not_shut_the_gate(hours):
    """
    After a jump far ahead and back, every charge still counts for an hour, the month goes on with both, and then
    the gate is open.
    """
    state = State()
    ask(state, PLAN, one("browser", 30), NOON_MS)
    ask(state, PLAN, one("browser", 35), NOON_MS + hours * HOUR)
    reply = ask(state, PLAN, one("browser", 10), NOON_MS + MINUTE)
    assert (reply.granted("browser", "normal"), reply.month, reply.month_used) == (5, 202611, 70)
    assert ask(state, PLAN, one("browser", 40), NOON_MS + 62 * MINUTE).granted("browser", "normal") == 40


@given(st.integers(1, 3))
def test_everything_in_a_long_life_stays_bounded(seed):
    """
    However long and odd the life of a gate, it keeps one window, two months of days and two years of months.
    """
    for _, _, reply, state in run(long_schedule(seed, 400)):
        assert len(state.buckets) <= SPAN
        assert len(state.days) <= 62
        assert len(state.months) <= 24
        assert set(state.seen) <= set(SYSTEMS)
        assert 0 < reply.retry_after_ms <= MINUTE


def test_errors_first_then_own_then_loans():
    """
    Of one batch, errors are served before first rows, these before others, and own shares before loans.
    """
    wants = [
        ("browser", "normal", 90),
        ("browser", "privileged", 5),
        ("worker", "normal", 3),
        ("browser", "essential", 20),
    ]
    reply = ask(State(), PLAN, Asked(demands=tuple(Demand(*want) for want in wants)), NOON_MS)
    assert [(grant.system, grant.cls, grant.n, grant.pool) for grant in reply.grants] == [
        ("browser", "essential", 16, "browser"),
        ("browser", "essential", 4, "backend"),
        ("worker", "normal", 3, "worker"),
        ("browser", "privileged", 5, "backend"),
        ("browser", "normal", 3, "backend"),
    ]
    assert reply.remaining == {"browser": 0, "worker": 9}


def test_first_rows_come_before_others():
    """
    When a pool has too little for a batch and nobody lends, first rows get theirs, whatever their place.
    """
    state = State()
    ask(state, PLAN, Asked(demands=tuple(Demand(system, "normal", 1) for system in SYSTEMS)), NOON_MS)
    both = (Demand("worker", "normal", 9), Demand("worker", "privileged", 9))
    reply = ask(state, PLAN, Asked(demands=both), NOON_MS)
    assert (reply.granted("worker", "privileged"), reply.granted("worker", "normal")) == (9, 2)


def test_remaining_is_what_could_be_had():
    """
    What remains is a share's rest and all loans, never below 0, and no more than the month has.
    """
    state = State()
    forced = Asked(forced=(Demand("worker", "normal", 30),), demands=(Demand("worker", "normal", 0),))
    assert ask(state, PLAN, forced, NOON_MS).remaining == {"worker": 28}
    month = ask(State(), MONTH.plan(), one("worker", 150), NOON_MS)
    assert month.remaining == {"worker": 40}
    over = Asked(forced=(Demand("worker", "normal", 300),), demands=(Demand("worker", "normal", 0),))
    assert ask(State(), MONTH.plan(), over, NOON_MS).remaining == {"worker": 0}


def test_history_is_bounded():
    """
    After three years of days, two months of them and two years of months are known.
    """
    state = State()
    for day in range(3 * 366):
        ask(state, PLAN, one("worker", 1), NOON_MS + day * DAY)
    today = NOON_MS // DAY + 3 * 366 - 1
    assert sorted(state.days) == list(range(today - 62, today))
    assert (min(state.months), len(state.months)) == (202711, 24)


def test_the_reserve_is_for_errors_only():
    """
    When the pools are empty, errors get the reserve; first rows and others get nothing.
    """
    state = State()
    ask(state, PLAN, one("worker", 40), NOON_MS)
    got = {cls: ask(state, PLAN, one("worker", 99, cls), NOON_MS).granted("worker", cls) for cls in CLASSES}
    assert got == {"critical": 9, "essential": 8, "privileged": 0, "normal": 0, "lease": 0}


@given(STEPS)
def test_nobody_drains_the_reserve(steps):
    """
    One system is given no more than its part of the reserve while another one is known, and all that have no share
    never more than theirs; what is left of it is charged to them all.
    """
    for _, _, reply, state in run(steps):
        taken = {system: state.totals.get("!" + system, 0) for system in SYSTEMS}
        for grant in reply.grants:
            if grant.pool == "@essential" and set(state.seen) - {grant.system, OTHER}:
                assert taken[grant.system] <= PLAN.one == 5
        assert taken[OTHER] <= PLAN.others == 1
        assert sum(taken.values()) == state.totals.get("@essential", 0)


@given(STEPS, st.sampled_from(SYSTEMS[:3]))
def test_strangers_leave_room(steps, known):
    """
    Whatever systems without a share have asked for, one that has a share then finds a quarter of its own and of all
    others', and for errors what is left of the reserve.
    """
    state, feed = State(), Feed()
    for step in steps:
        demands = tuple(Demand(OTHER, demand.cls, demand.n) for demand in step.demands[:1])
        feed.took(ask(state, PLAN, feed.asked(msgspec.structs.replace(step, demands=demands)), feed.now_ms))
    room = sum(share - share * 75 // 100 for share in SHARES.values())
    assert ask(copy(state), PLAN, one(known, 99), feed.now_ms).granted(known, "normal") >= room
    assert ask(state, PLAN, one(known, 99, "essential"), feed.now_ms).granted(known, "essential") >= room + 7


@pytest.mark.parametrize(
    ("slept", "lent"),
    [(10 * MINUTE - 1, 0), (10 * MINUTE, 10), (HOUR, 10), (DAY - 1, 10), (DAY, 12)],
)
def test_who_sleeps_lends(slept, lent):
    """
    A pool of 12 lends nothing while its system was active within 10 minutes, 10 rows within a day, then all.
    """
    state = State()
    for system in ("browser", "worker", "backend"):
        ask(state, PLAN, Asked(demands=(Demand(system, "normal", 1),)), NOON_MS)
    ask(state, PLAN, Asked(refunds=(Refund("worker", NOON_MS // MINUTE, 1, "worker"),)), NOON_MS)
    wakes = Asked(demands=(Demand("backend", "normal", 1), Demand("browser", "normal", 99)))
    reply = ask(state, PLAN, wakes, NOON_MS + slept)
    assert sum(grant.n for grant in reply.grants if grant.pool == "worker") == lent


def test_a_refused_attempt_is_activity():
    """
    A system that gets nothing still stops lending, so it has its share back as loans leave the window.
    """
    state = State()
    ask(state, PLAN, one("browser", 40), NOON_MS)
    assert ask(state, PLAN, one("worker", 5), NOON_MS + MINUTE).grants == ()
    for minute in range(2, SPAN):
        ask(state, PLAN, one("worker", 0 if minute % 8 else 1), NOON_MS + minute * MINUTE)
    both = Asked(demands=(Demand("browser", "normal", 99), Demand("worker", "normal", 12)))
    assert ask(state, PLAN, both, NOON_MS + SPAN * MINUTE).granted("worker", "normal") == 12


def test_a_lender_may_insist():
    """
    With `overdraft` a system that wakes up has its whole share at once, though the hour then holds more.
    """
    settings = msgspec.structs.replace(SMALL, reclaim="overdraft")
    state = State()
    ask(state, settings.plan(), one("browser", 40), NOON_MS)
    assert ask(state, settings.plan(), one("worker", 50), NOON_MS).granted("worker", "normal") == 12
    assert ask(state, settings.plan(), one("worker", 50), NOON_MS).granted("worker", "normal") == 0


def test_supplies_come_last():
    """
    A lease gets an eighth of what its own pool has left, and nothing while anybody is refused.
    """
    lease = Demand("worker", "lease", 9)
    calm = ask(State(), PLAN, Asked(demands=(lease, Demand("worker", "normal", 4))), NOON_MS)
    assert calm.granted("worker", "lease") == 1
    busy = ask(State(), PLAN, Asked(demands=(lease, Demand("browser", "critical", 10))), NOON_MS)
    assert busy.granted("worker", "lease") == 0


def test_forced_charges_pass_every_limit():
    """
    What was stored while the store was away is charged in full: the pools are then empty, and the month counts it.
    """
    state = State()
    forced = (
        Demand("worker", "normal", 30),
        Demand("browser", "critical", 20),
        Demand("backend", "normal", 0),
    )
    reply = ask(state, PLAN, Asked(forced=forced), NOON_MS)
    assert (reply.grants, reply.month_used) == ((), 50)
    assert state.totals == {"worker": 30, "@critical": 20}
    assert [grant.pool for grant in ask(state, PLAN, one("worker", 99), NOON_MS).grants] == ["backend"]
    assert ask(state, PLAN, one("browser", 1, "critical"), NOON_MS).grants == ()


@pytest.mark.parametrize(
    ("repair", "used"),
    [(Repair(202611, 100), 100), (Repair(202611, 3), 5), (Repair(202610, 100), 5), (Repair(202612, 100), 5)],
)
def test_a_lost_month_is_repaired(repair, used):
    """
    The month becomes the larger of what the store has and what a server saw of this month; nothing else does.
    """
    state = State()
    ask(state, PLAN, one("worker", 5), NOON_MS)
    reply = ask(state, PLAN, Asked(repair=(repair, repair)), NOON_MS)
    assert reply.month_used == used == sum(state.spent.values())


def test_pace_spreads_the_month():
    """
    With `pace` an hour has so many times its part of what the month has left, in all shares alike.
    """
    settings = QuotaSettings(pace=4)
    state = State()
    assert ask(state, settings.plan(), one("worker", 10**6), NOON_MS).granted("worker", "normal") == 1_000
    state, spent = State(), Repair(202611, 116_300)  # 8,700 are left for 348 hours: 25 an hour
    reply = ask(state, settings.plan(), Asked(repair=(spent,), demands=one("worker", 10**6).demands), NOON_MS)
    assert {grant.pool: grant.n for grant in reply.grants} == {"worker": 30, "browser": 40, "backend": 30}


@given(st.integers(0, 10_000), st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 100), min_size=1))
def test_shares_sum_to_the_limit(limit, weights):
    """
    Shares are whole, sum to the limit, and are within one row of their exact part.
    """
    parts = split(limit, weights)
    total = sum(weights.values())
    assert sum(parts.values()) == (limit if total else 0)
    assert all(abs(parts[name] * total - limit * weight) < max(total, 1) for name, weight in weights.items())


def test_systems_are_found():
    """
    A system has its own pool, that of its alias, or none; an alias without a pool leads to none.
    """
    settings = QuotaSettings()
    assert settings.plan().shares == {"browser": 400, "worker": 300, "backend": 300, OTHER: 0}
    names = {name: settings.system_of(name) for name in ("browser", "python", "convex", "client", "mobile")}
    assert list(names.values()) == ["browser", "backend", "backend", "browser", OTHER]
    own = QuotaSettings(weights={"browser": 40, "convex": 30, "worker": 30})
    assert [own.system_of(name) for name in ("convex", "python", "other")] == ["convex", OTHER, OTHER]


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"weights": {}}, "weights"),
        ({"weights": {"a": 0}}, "weights"),
        ({"weights": {f"s{n}": 1 for n in range(65)}}, "64"),
        ({"weights": {"A b": 1}}, "A b"),
        ({"aliases": {"app": "nowhere"}}, "nowhere"),
        ({"reclaim": "always"}, "reclaim"),
        ({"warn_percent": 96}, "warn_percent"),
        ({"hard_percent": 99}, "hard_percent"),
    ],
)
def test_wrong_settings_are_told(wrong, names):
    """
    Settings that cannot be meant are refused in a sentence that names them.
    """
    with pytest.raises(ConfigError, match=names):
        QuotaSettings(**wrong)


def test_status_tells_who_lends():
    """
    The status names what each system stored, borrowed and lent, when something becomes free, and changes nothing.
    """
    state = State()
    ask(state, PLAN, one("worker", 20), NOON_MS)
    ask(state, PLAN, one("worker", 1, "critical"), NOON_MS)
    before = copy(state)
    status = status_of(state, PLAN, NOON_MS + 30 * MINUTE)
    browser, worker, backend, other = status.systems
    assert (worker.current, worker.limit, worker.borrowed, worker.lent, worker.remaining) == (
        20,
        12,
        8,
        0,
        20,
    )
    assert (browser.current, browser.lent, browser.frees_ms) == (0, 8, 31 * MINUTE)
    assert (backend.last_attempt_ms, worker.last_attempt_ms) == (None, NOON_MS)
    assert (status.critical.used, status.essential.limit, other.remaining) == (1, 8, 13)
    assert state == before
