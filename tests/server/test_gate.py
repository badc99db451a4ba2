"""
The gatekeeper of one server process: what it asks the store, and what it does when there is no answer.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.scripted import NOON_MS, LocalGate
from tracelog.core.budget import Alert
from tracelog.core.quota_settings import QuotaSettings
from tracelog.errors import StoreUnavailableError
from tracelog.server.gate import (
    ADMITTED,
    MOST_REFUNDS,
    OVER_BUDGET,
    OVER_CRITICAL,
    OVER_SHARE,
    Admission,
    Gatekeeper,
)
from tracelog.stores import DUPLICATE, NOT_NOW, STORED

pytestmark = pytest.mark.anyio

SMALL = QuotaSettings(limit=100, critical=5)


class CountingGate(LocalGate):
    """
    Counts its calls, and fails or hangs where a test says so.
    """

    def __init__(self, limits: QuotaSettings, server: str = "") -> None:
        super().__init__(limits, server)
        self.calls: list[dict[str, Any]] = []
        self.trouble: Exception | None = None
        self.hangs = False
        self.loses = False

    async def ask(self, demands: Any, refunds: Any = (), repair: Any = None, forced: Any = ()) -> Any:
        self.calls.append({"demands": demands, "refunds": refunds, "repair": repair, "forced": forced})
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble
        reply = await super().ask(demands, refunds, repair, forced)
        if self.loses:
            raise TimeoutError
        return reply


class Desk:
    """
    A gatekeeper on clocks of its own.
    """

    def __init__(
        self, limits: QuotaSettings = SMALL, timeout_s: float = 5.0, gate: "CountingGate | None" = None
    ) -> None:
        self.now = 1_000.0
        self.alerts: list[Alert] = []
        self.gate = gate or CountingGate(limits)
        self.keeper = Gatekeeper(
            self.gate,
            limits,
            clock=lambda: self.now,
            wall_ms=lambda: float(self.gate.now_ms),
            tell=self.alerts.append,
            timeout_s=timeout_s,
        )

    async def store(self, wanted: Sequence[tuple[str, str]], fate: str = STORED) -> list[str]:
        """
        Ask for rows and let each admitted one have *fate*; return the fates of all.
        """
        admission = await self.keeper.admit(wanted)
        fates = [fate if given == ADMITTED else given for given in admission.fates]
        self.keeper.settle(admission, wanted, "".join(fates))
        return fates

    async def used(self) -> int:
        held = await self.gate.status()
        return sum(system.current for system in held.systems) + held.essential.used + held.critical.used


async def test_one_call_serves_a_whole_group() -> None:
    """
    Rows of several systems and classes are asked for together, once.
    """
    desk = Desk()
    wanted = [("browser", "n"), ("worker", "e"), ("browser", "p"), ("worker", "n"), ("browser", "n")]
    assert await desk.store(wanted) == [STORED] * 5
    assert len(desk.gate.calls) == 1
    assert await desk.used() == 5


async def test_a_flood_is_refused_without_asking() -> None:
    """
    What is refused once is refused until the store's minute ends, by the store's word and at no cost of it.
    """
    desk = Desk()
    fates = await desk.store([("browser", "n")] * 150)
    assert (fates.count(STORED), fates.count(OVER_SHARE)) == (100, 50)
    for _ in range(20):
        assert set(await desk.store([("browser", "n")] * 50)) == {OVER_SHARE}
    assert len(desk.gate.calls) == 1
    assert desk.keeper.left("browser") == 0
    assert 0 < desk.keeper.retry_after("browser", "n") <= 60


async def test_errors_are_asked_for_beside_a_flood() -> None:
    """
    A refused class says nothing about a higher one: errors go on, into their reserve.
    """
    desk = Desk()
    await desk.store([("browser", "n")] * 150)
    assert await desk.store([("browser", "e")] * 20) == [STORED] * 20
    assert set(await desk.store([("browser", "e")])) == {OVER_SHARE}


async def test_critical_rows_have_a_pool_of_their_own() -> None:
    """
    They pass when all else is full, up to their own number, and are told apart when they do not.
    """
    desk = Desk()
    await desk.store([("browser", "n")] * 150)
    fates = await desk.store([("browser", "c")] * 7)
    assert fates == [STORED] * 5 + [OVER_CRITICAL] * 2


@pytest.mark.parametrize("fate", [DUPLICATE, "T", "Z", "W", NOT_NOW])
async def test_what_is_not_stored_is_given_back(fate: str) -> None:
    """
    A repeated id, a full trace and a failed write cost nothing: the tokens return with the next call.
    """
    desk = Desk()
    await desk.store([("browser", "n")] * 30 + [("worker", "e")] * 3, fate)
    assert await desk.used() == 33
    await desk.store([("browser", "n")])
    assert await desk.used() == 1


async def test_what_is_owed_is_given_back_at_the_end() -> None:
    """
    A server that ends returns its tokens, however many there are.
    """
    desk = Desk(QuotaSettings(limit=100_000))
    groups = [[("browser", "n")]] * (MOST_REFUNDS + 5)
    for wanted, admission in [(wanted, await desk.keeper.admit(wanted)) for wanted in groups]:
        desk.keeper.settle(admission, wanted, DUPLICATE)
    await desk.keeper.drain()
    assert await desk.used() == 0
    assert max(len(call["refunds"]) for call in desk.gate.calls) == MOST_REFUNDS


async def test_an_end_without_the_store_is_an_end() -> None:
    """
    A process that ends while the gate is away tries once.
    """
    desk = Desk()
    await desk.store([("browser", "n")], DUPLICATE)
    desk.gate.trouble = StoreUnavailableError("away")
    calls = len(desk.gate.calls)
    await desk.keeper.drain()
    assert len(desk.gate.calls) == calls + 1


async def test_a_budget_that_is_spent_is_named() -> None:
    """
    From 95 % of the month only errors pass, from 100 % nothing does, and each change is told once.
    """
    desk = Desk(QuotaSettings(limit=100_000, monthly_writes=100))
    assert await desk.store([("browser", "n")] * 96) == [STORED] * 95 + [OVER_BUDGET]
    desk.now += 60
    assert set(await desk.store([("browser", "e")] * 6)) == {STORED, OVER_BUDGET}
    assert [(change.was, change.level) for change in desk.alerts] == [(0, 2), (2, 3)]
    assert "95 of 100 writes" in desk.alerts[0].message


async def test_without_the_store_a_server_keeps_to_its_part() -> None:
    """
    While the gate is away each server admits its share only, asks again ever more seldom, and charges
    afterwards what it stored.
    """
    desk = Desk()
    await desk.store([("browser", "n")])
    desk.gate.trouble = StoreUnavailableError("away")
    desk.now += 1
    fates = await desk.store([("browser", "n")] * 60)
    assert 0 < fates.count(STORED) <= 25
    calls = len(desk.gate.calls)
    for _ in range(50):
        await desk.store([("worker", "n")])
    assert len(desk.gate.calls) == calls
    desk.gate.trouble = None
    desk.now += 31
    stored_away = fates.count(STORED) + 0
    await desk.store([("backend", "n")])
    forced = desk.gate.calls[-1]["forced"]
    assert sum(demand.n for demand in forced if demand.system == "browser") == stored_away


async def test_a_gate_that_hangs_is_not_waited_for() -> None:
    """
    A frozen store costs one short wait, and then none until it is tried again.
    """
    desk = Desk(timeout_s=0.01)
    desk.gate.hangs = True
    assert (await desk.store([("browser", "n")])) == [STORED]
    assert (await desk.store([("browser", "n")])) == [STORED]
    assert len(desk.gate.calls) == 1


async def test_while_nothing_can_be_stored_nothing_is_lost() -> None:
    """
    With gate and store away, rows beyond the local share are to be sent again, not refused for good; and what
    failed to be stored uses nothing of the share.
    """
    desk = Desk()
    desk.gate.trouble = StoreUnavailableError("away")
    for _ in range(30):
        fates = await desk.store([("browser", "n")] * 40, NOT_NOW)
        assert set(fates) == {NOT_NOW} or OVER_SHARE in fates
    assert set(fates) == {NOT_NOW}
    desk.gate.trouble = None
    desk.now += 31
    await desk.store([("browser", "n")])
    assert await desk.used() == 1


async def test_an_unknown_system_has_no_share_of_its_own() -> None:
    """
    It may borrow, under the name `other`; an alias uses the pool of what it stands for.
    """
    desk = Desk()
    await desk.store([("mainframe", "n"), ("python", "n")])
    held = await desk.gate.status()
    current = {system.system: system.current for system in held.systems}
    assert (current["other"], current["backend"]) == (1, 1)


letters = st.sampled_from("npec")
systems = st.sampled_from(["browser", "worker", "backend", "mainframe"])
groups = st.lists(
    st.tuples(
        st.lists(st.tuples(systems, letters), min_size=1, max_size=40),
        st.sampled_from([STORED, STORED, DUPLICATE, "T", NOT_NOW]),
        st.integers(0, 40),
        st.booleans(),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(groups)
def test_the_store_knows_exactly_what_was_stored(schedule: Any) -> None:
    """
    After any schedule of groups, fates and outages that end, what the gate has charged is what was stored.
    """

    async def run() -> tuple[int, int]:
        desk, stored = Desk(), 0
        for wanted, fate, later, away in schedule:
            desk.gate.trouble = StoreUnavailableError("away") if away else None
            stored += (await desk.store(wanted, fate)).count(STORED)
            desk.now += later
        desk.gate.trouble = None
        desk.now += 61
        await desk.keeper.drain()
        await desk.store([("browser", "n")], DUPLICATE)
        await desk.keeper.drain()
        return stored, (await desk.gate.status()).month_used

    stored, used = asyncio.run(run())
    assert used >= stored  # refunds that were on their way to a gate that failed are lost, never rows
    if not any(away for *_, away in schedule):
        assert used == stored


@pytest.mark.parametrize(
    ("rows", "part"), [(0, 0.0), (10, 0.25), (20, 0.5), (30, 0.75), (40, 1.0), (70, 1.0)]
)
async def test_it_says_what_was_used(rows: int, part: float) -> None:
    """
    The part of its own share that a system has used puts it under pressure, whatever it could still borrow; who
    did not ask is under none, and neither is who lent.
    """
    desk = Desk()
    await desk.store([("browser", "n")] * rows)
    used = desk.keeper.used()
    assert {name: used[name] for name in ("browser", "client", "web")} == dict.fromkeys(
        ("browser", "client", "web"), part
    )
    assert {used[name] for name in ("worker", "backend", "python", "other")} == {0.0}


async def test_a_system_without_a_share_has_used_what_all_have() -> None:
    """
    An unknown system only borrows, so what counts is which part of all shares is used.
    """
    desk = Desk()
    limit = desk.keeper.settings.limit
    await desk.store([("mainframe", "n")] * (limit // 2))
    assert desk.keeper.used()["other"] == 0.5


async def test_the_budget_is_named_beyond_its_last_ceiling() -> None:
    """
    Critical rows that the month has no room for are told so, and those beyond their own pool are told that.
    """
    desk = Desk(QuotaSettings(limit=10, critical=1_000, monthly_writes=100))
    assert await desk.store([("browser", "c")] * 110) == [STORED] * 105 + [OVER_BUDGET] * 5
    assert await desk.store([("browser", "c")]) == [OVER_BUDGET]
    desk = Desk(QuotaSettings(limit=10, critical=100, monthly_writes=100))
    assert await desk.store([("browser", "c")] * 110) == [STORED] * 100 + [OVER_CRITICAL] * 10


MONTH = QuotaSettings(limit=10**6, monthly_writes=100)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30), st.booleans()), min_size=1, max_size=15))
def test_no_change_of_the_budget_is_lost(calls: Any) -> None:
    """
    However many answers are lost, each server that hears one again has told the level of the month, each level once
    at most and rising; and all servers tell the same change under the same name.
    """

    async def run() -> None:
        gate = CountingGate(MONTH)
        desks = [Desk(MONTH, gate=gate) for _ in range(3)]
        for at, n, loses in calls:
            gate.loses = loses
            desks[at].now += 61
            await desks[at].store([("worker", "e")] * n + [("backend", "c")])
            if not loses:
                level = max((change.level for change in desks[at].alerts), default=0)
                assert level == (await gate.status()).level
        for desk in desks:
            told = [change.level for change in desk.alerts]
            assert told == sorted(set(told))
            was = [change.was for change in desk.alerts]
            assert all(before <= at < level for before, at, level in zip([0, *told], was, told, strict=False))
            assert [change.id for change in desk.alerts] == [f"budget-202611-{n}" for n in told]
            assert {change.trace_id for change in desk.alerts} <= {"budget-202611"}

    asyncio.run(run())


async def test_a_new_month_is_told_once() -> None:
    """
    That the budget is open again is told by who had told that it was not, and by nobody who had nothing to tell.
    """
    gate = CountingGate(MONTH)
    spent, fresh = Desk(MONTH, gate=gate), Desk(MONTH, gate=gate)
    await spent.store([("worker", "n")] * 95)
    gate.now_ms += 15 * 86_400_000
    for desk in (fresh, spent, fresh, spent):
        desk.now += 61
        await desk.store([("worker", "n")])
    assert [(change.month, change.was, change.level) for change in spent.alerts] == [
        (202611, 0, 2),
        (202612, 2, 0),
    ]
    assert [(change.month, change.was, change.level) for change in fresh.alerts] == [(202612, 2, 0)]


async def test_a_repair_that_was_not_heard_is_told_again() -> None:
    """
    A store that lost its data gets the month back, though the call that told it was itself lost.
    """
    gate = CountingGate(SMALL)
    desk = Desk(gate=gate)
    await desk.store([("worker", "n")] * 20)
    gate.forget()
    await desk.store([("worker", "n")])
    gate.trouble = TimeoutError()
    desk.now += 1
    await desk.store([("worker", "n")])
    assert gate.calls[-1]["repair"].floor == 20
    gate.trouble = None
    desk.now += 1
    await desk.store([("worker", "n")])
    assert gate.calls[-1]["repair"].floor == 20
    assert (await gate.status()).month_used >= 21


@pytest.mark.parametrize(("minutes", "part"), [(1, 100), (11, 25)])
async def test_a_lonely_server_has_all_while_it_is_sure_of_that(minutes: int, part: int) -> None:
    """
    Who was the only server a moment ago goes on with all of the limits; after ten minutes without an answer others may
    have come, and it keeps to a quarter.
    """
    gate = CountingGate(SMALL, server="a1")
    desk = Desk(gate=gate)
    await desk.store([("worker", "c")])
    gate.trouble = StoreUnavailableError("away")
    desk.now += 60 * minutes
    fates = await desk.store([("worker", "n")] * 120)
    assert fates.count(STORED) == part


async def test_every_row_has_a_fate() -> None:
    """
    An admission speaks of each row that was asked for, in order.
    """
    desk = Desk()
    admission = await desk.keeper.admit([("browser", "n")] * 130)
    assert isinstance(admission, Admission)
    assert admission.fates == [ADMITTED] * 100 + [OVER_SHARE] * 30
    assert desk.gate.now_ms == NOON_MS


class LateGate(CountingGate):
    """
    Answers at once, while the process is busy with something else for longer than a gate may take.
    """

    async def ask(self, demands: Any, refunds: Any = (), repair: Any = None, forced: Any = ()) -> Any:
        loop = asyncio.get_running_loop()
        came = loop.create_future()
        loop.call_later(0.001, came.set_result, None)
        loop.call_soon(self._work, loop.time() + 0.15)
        await came
        return await super().ask(demands, refunds, repair, forced)

    def _work(self, until: float) -> None:
        while asyncio.get_running_loop().time() < until:
            pass


async def test_a_busy_process_does_not_take_its_own_lateness_for_trouble() -> None:
    """
    An answer that came in time counts, however late this process got round to hearing it.
    """
    desk = Desk(timeout_s=0.05)
    desk.keeper.gate = LateGate(SMALL)
    admission = await desk.keeper.admit([("backend", "n")] * 40)
    assert (admission.fates, admission.local) == ([ADMITTED] * 40, False)


async def test_what_comes_back_can_be_asked_for_at_once() -> None:
    """
    Rows refused while others held the room without using it are not refused for the rest of the minute.
    """
    desk = Desk()
    wanted = [("backend", "n")] * 100
    held = await desk.keeper.admit(wanted)
    assert await desk.store([("backend", "n")]) == [OVER_SHARE]
    desk.keeper.settle(held, wanted, DUPLICATE * 100)
    assert await desk.store([("backend", "n")]) == [STORED]


async def test_what_was_stored_without_the_store_is_charged_before_the_end() -> None:
    """
    A process that ends while it owes the store a charge tells of it, whatever the breaker thinks.
    """
    desk = Desk()
    desk.gate.trouble = StoreUnavailableError("away")
    fates = await desk.store([("backend", "n")] * 4)
    assert fates == [STORED] * 4
    desk.gate.trouble = None
    await desk.keeper.drain()
    assert await desk.used() == 4


class Named:
    """
    A shared gate as one server calls it.
    """

    def __init__(self, gate: LocalGate, name: str) -> None:
        self.gate = gate
        self.name = name
        self.away = False

    async def ask(self, *asked: Any) -> Any:
        if self.away:
            raise StoreUnavailableError("away")
        self.gate._server = self.name
        return await self.gate.ask(*asked)


outages = st.lists(
    st.tuples(
        st.integers(0, 90), st.integers(0, 2), st.lists(st.tuples(systems, letters), min_size=1, max_size=60)
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(outages, st.lists(st.booleans(), min_size=30, max_size=30))
def test_outages_cost_one_more_hour_at_most(schedule: Any, away: list[bool]) -> None:
    """
    I1, I12: three servers that know of each other store no more than twice the limits in an hour, however often each of
    them loses sight of the store; and what they stored without it is charged, to the row.
    """

    async def run() -> None:
        gate = LocalGate(SMALL)
        desks = []
        for name in ("a", "b", "c"):
            desk = Desk()
            desk.keeper.gate = Named(gate, name)  # type: ignore[assignment]
            desks.append(desk)
        for _ in range(2):  # the second time each has heard of all
            for desk in desks:
                await desk.store([("worker", "c")], DUPLICATE)
                await desk.keeper.drain()
        stored: Counter[str] = Counter()
        for (wait, at, wanted), is_away in zip(schedule, away, strict=False):
            gate.now_ms += wait * 1000
            for desk in desks:
                desk.now += wait
            desks[at].keeper.gate.away = is_away  # type: ignore[attr-defined]
            fates = await desks[at].store(wanted)
            stored.update(letter for (_, letter), fate in zip(wanted, fates, strict=True) if fate == STORED)
        assert stored["n"] + stored["p"] <= 2 * 100
        assert stored["n"] + stored["p"] + stored["e"] <= 2 * 120
        assert stored["c"] <= 2 * 5
        for desk in desks:
            desk.keeper.gate.away = False  # type: ignore[attr-defined]
            await desk.keeper.drain()
        held = await gate.status()
        assert held.month_used == stored.total()

    asyncio.run(run())
