"""
The ledger of every store: counted once whatever comes again, and no sum changes when sources make room.
"""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.stores.conftest import Kept
from tests.stores.rows import Clock, row
from tests.stores.servers import RealServer
from tracelog.core import keys
from tracelog.core.ended import Run, ordered
from tracelog.server.totals import ledger_of
from tracelog.stores import OTHERS, Ends, Outcome, Store, Tally, TraceQuota
from tracelog.stores.redis import RedisStore
from tracelog.stores.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

QUOTA = "limited/system_quota"
LOOP = "suppressed/loop"


async def ledger(store: Store, clock: Clock, **wanted: Any) -> dict[str, Any]:
    return ledger_of(await store.tallies(source=wanted.get("source")), clock.now * 1000, wanted.get("system"))


def refused(first: int, last: int, why: str = QUOTA, source: str = "s") -> Ends:
    return Ends(source, "backend", [(first, last, why)])


class TestOnce:
    async def test_refused_twice(self, kept: Kept):
        """
        Numbered entries that are refused again, in whole or in part, are counted once.
        """
        for ends in (refused(0, 9), refused(5, 14), refused(0, 14, LOOP)):
            await kept.store.count([], [ends])
        shown = await ledger(kept.store, kept.clock)
        assert (shown["limited"], shown["suppressed"]) == ({"system_quota": 15}, {})
        assert (shown["emitted"], shown["balanced"]) == (15, True)

    async def test_stored_and_refused(self, kept: Kept):
        """
        An entry that is stored counts as stored, whether it was refused before that, after it or both.
        """
        await kept.store.write([row("trace-a", seq) for seq in range(5)])
        await kept.store.count([], [refused(0, 9)])
        await kept.store.write([row("trace-a", seq) for seq in range(3, 8)])
        await kept.store.count([], [refused(6, 9, LOOP)])
        shown = await ledger(kept.store, kept.clock)
        assert (shown["stored"], shown["duplicate"]) == (8, 2)
        assert (shown["limited"].get("system_quota"), shown["suppressed"]) == (2, {})
        assert (shown["emitted"], shown["balanced"]) == (10, True)

    async def test_refused_by_the_trace(self, kept: Kept):
        """
        What the quota of a trace refuses in the same call is counted, and what that call stored is known.
        """
        rows = [row("trace-a", seq) for seq in range(6)]
        fates = await kept.store.write(rows, quota=TraceQuota(normal=4))
        assert fates == "AAAATT"
        await kept.store.count(
            [], [Ends("s", "backend", [(0, 3, ""), (4, 5, "limited/trace_quota")]), refused(0, 5)]
        )
        shown = await ledger(kept.store, kept.clock)
        assert (shown["stored"], shown["limited"], shown["balanced"]) == (4, {"trace_quota": 2}, True)

    async def test_the_same_call_again(self, kept: Kept):
        """
        A call that is made again because its answer was lost counts nothing; the next one of its server does.
        """
        for call in ("one 1", "one 1", "two 1", "one 2", "one 2"):
            await kept.store.count([Outcome("s", "backend", "rejected", "bad json")], call=call)
        [tally] = await kept.store.tallies()
        assert tally.outcomes == {"rejected": {"bad_json": 3}}

    async def test_large_numbers(self, kept: Kept):
        """
        The largest running number that an entry may have is kept to the digit.
        """
        await kept.store.count([], [refused(2**53 - 1, 2**53)])
        await kept.store.write([row("trace-a", 2**53 - 1)])
        [tally] = await kept.store.tallies()
        assert (tally.max_seq, tally.received) == (2**53, 1)
        assert tally.outcomes == {"limited": {"system_quota": 1}}

    async def test_many_runs(self, kept: Kept):
        """
        A large write whose entries alternate with refused ones is known as a whole once its server said so.
        """
        runs = [(seq, seq, QUOTA if seq % 2 else "") for seq in range(6_000)]
        await kept.store.write([row("trace-a", seq) for seq in range(0, 6_000, 2)])
        await kept.store.count([], [Ends("s", "backend", runs)])
        await kept.store.count([], [refused(0, 5_999)])
        shown = await ledger(kept.store, kept.clock)
        assert (shown["stored"], shown["limited"]) == (3_000, {"system_quota": 3_000})
        assert shown["balanced"] is True


class TestReports:
    async def test_any_order(self, kept: Kept):
        """
        Reports that come late, twice or in another order neither lower nor double what a source has reported.
        """
        first = b'{"emitted":10,"dropped":{"queue_overflow":2,"encode":1}}'
        last = b'{"emitted":30,"dropped":{"queue_overflow":5},"limited":{"withheld":4,"system_quota":9}}'
        for report in (last, first, first, last, first):
            await kept.store.report("s", report)
        [tally] = await kept.store.tallies()
        assert tally.report == first
        shown = await ledger(kept.store, kept.clock)
        assert (shown["emitted"], shown["in_flight"]) == (30, 11)
        assert shown["dropped"] == {"queue_overflow": 5, "encode": 1}
        assert shown["limited"] == {"withheld": 4, "system_quota": 9}

    @pytest.mark.parametrize(
        ("emitted", "told", "counted"),
        [
            (20, {"system_quota": 12}, {"system_quota": 12}),
            (20, {"system_quota": 5, "budget": 3}, {"system_quota": 5, "budget": 3}),
            (11, {"system_quota": 12}, {"system_quota": 6}),
            (9, {"system_quota": 12}, {"system_quota": 4}),
            (0, {"system_quota": 12}, {"system_quota": 4}),
        ],
    )
    async def test_what_servers_forgot(
        self, kept: Kept, emitted: int, told: dict[str, int], counted: dict[str, int]
    ):
        """
        What a source was told that was refused, and no server remembers, fills up what is missing and no more; what
        servers know is not counted again.
        """
        await kept.store.write([row("trace-a", seq) for seq in range(5)])
        await kept.store.count([], [refused(5, 8, "limited/system_quota")])
        await kept.store.report("s", json.dumps({"emitted": emitted, "limited": told}).encode())
        shown = await ledger(kept.store, kept.clock)
        assert (shown["stored"], shown["limited"]) == (5, counted)
        assert (shown["emitted"], shown["balanced"]) == (max(9, emitted), True)

    @pytest.mark.parametrize(
        "report",
        [
            b"",
            b"[]",
            b'{"emitted":NaN,"dropped":{"a":Infinity}}',
            b'{"emitted":-5,"dropped":{"a":-5,"b":1.5,"c":"7","d":true}}',
            b'{"emitted":1e300,"dropped":{"a":18446744073709551615,"b":1000000000001}}',
            b'{"emitted":"many","dropped":[1],"limited":7}',
        ],
    )
    async def test_lies(self, kept: Kept, report: bytes):
        """
        What can be no count changes nothing, before and after an honest report.
        """
        await kept.store.report("s", report)
        await kept.store.report("s", b'{"emitted":4,"dropped":{"encode":1}}')
        await kept.store.report("s", report)
        shown = await ledger(kept.store, kept.clock)
        assert (shown["emitted"], shown["dropped"], shown["in_flight"]) == (4, {"encode": 1}, 3)

    async def test_many_names(self, kept: Kept):
        """
        However many reasons a source invents, what is kept of its reports is bounded, and the first ones stay.
        """
        await kept.store.report("s", b'{"emitted":9,"dropped":{"encode":3}}')
        for at in range(6):
            names = ",".join(f'"] {at}={n}":1' for n in range(64))
            await kept.store.report("s", b'{"dropped":{%s}}' % names.encode())
        [tally] = await kept.store.tallies()
        assert tally.said is not None
        assert (tally.said["emitted"], tally.said["dropped/encode"], len(tally.said)) == (9, 3, 200)


class TestRoom:
    async def _fill(self, kept: Kept) -> None:
        for at in range(6):
            kept.clock.now += 1
            name = f"s{at}"
            await kept.store.write([row("trace-a", seq, source=name) for seq in range(3)])
            await kept.store.write([row("trace-a", 7, source=name, system="worker")])
            await kept.store.count(
                [Outcome(name, "backend", "rejected", "bad_json")], [refused(3, 4, LOOP, name)]
            )
            await kept.store.report(name, b'{"emitted":12,"dropped":{"encode":2},"limited":{"withheld":1}}')

    async def test_no_sum_changes(self, kept: Kept, monkeypatch: pytest.MonkeyPatch):
        """
        Sources that make room for others stay in every sum: in all, by system and by reason.
        """
        for module in ("sqlite_ledger", "redis_ledger"):
            monkeypatch.setattr(f"tracelog.stores.{module}.MAX_SOURCES", 4)
        await self._fill(kept)
        kept.clock.now += 3600
        before = [await ledger(kept.store, kept.clock, system=name) for name in (None, "backend", "worker")]
        assert await kept.store.trim() == 4
        after = [await ledger(kept.store, kept.clock, system=name) for name in (None, "backend", "worker")]
        for one, two in zip(before, after, strict=True):
            assert list(two.pop("sources")) == ["s5", "s4", OTHERS]
            assert set(one.pop("sources")) == {f"s{at}" for at in range(6)}
            assert one == two
        assert before[0]["emitted"] == 6 * 12
        assert await kept.store.trim() == 0
        assert (await ledger(kept.store, kept.clock, source="s0"))["emitted"] == 0

    async def test_two_at_once(self, kept: Kept, monkeypatch: pytest.MonkeyPatch):
        """
        Servers that make room at the same time, while sources speak, count nothing twice.
        """
        for module in ("sqlite_ledger", "redis_ledger"):
            monkeypatch.setattr(f"tracelog.stores.{module}.MAX_SOURCES", 2)
        await self._fill(kept)
        await asyncio.gather(
            *(kept.store.trim() for _ in range(3)),
            *(kept.store.write([row("trace-b", 20, source=f"s{at}")]) for at in range(6)),
        )
        shown = await ledger(kept.store, kept.clock)
        assert shown["stored"] == 6 * 5
        assert (shown["suppressed"], shown["rejected"]) == ({"loop": 12}, {"bad_json": 6})
        assert (shown["dropped"], shown["limited"]) == ({"encode": 12}, {"withheld": 6})

    async def test_inventions_are_bounded(self, kept: Kept, monkeypatch: pytest.MonkeyPatch):
        """
        However many systems and reasons senders invent, what stands for many sources is bounded, its sum exact.
        """
        for module in ("sqlite_ledger", "redis_ledger"):
            monkeypatch.setattr(f"tracelog.stores.{module}.MAX_SOURCES", 0)
        ends = [Ends(f"s{at}", f"system-{at}", [(0, 0, f"limited/r{at}")]) for at in range(400)]
        ends += [Ends(f"t{at}", "backend", [(0, 0, f"limited/r{at}")]) for at in range(100)]
        await kept.store.count([], ends)
        await kept.store.trim()
        others = await kept.store.tallies()
        assert {each.source for each in others} == {OTHERS}
        assert len(others) <= 257
        assert max(len(each.outcomes["limited"]) for each in others) <= 65
        shown = await ledger(kept.store, kept.clock)
        assert (sum(shown["limited"].values()), shown["sources"][OTHERS]["sources"]) == (500, 500)

    async def test_counts_live_as_long_as_each_other(self, kept: Kept):
        """
        While a source speaks, what it was refused a day ago is not forgotten: it would look like a loss.
        """
        await kept.store.count([], [refused(0, 4)])
        await kept.store.report("s", b'{"emitted":10}')
        kept.clock.now += 20 * 3600
        await kept.store.write([row("trace-a", seq) for seq in range(5, 10)])
        kept.clock.now += 20 * 3600
        await kept.store.sweep()
        shown = await ledger(kept.store, kept.clock)
        assert (shown["emitted"], shown["balanced"]) == (10, True)


def test_refusals_live_on_while_their_source_speaks(shared_server: RealServer):
    """
    In Redis a key ends as a whole: looking after the ledger lengthens the lives of all its keys.
    """

    async def play() -> None:
        store = RedisStore(shared_server.url)
        await store.start()
        await store.clear()
        await store.count([], [refused(0, 4)])
        await store.report("s", b'{"emitted":5}')
        with Redis.from_url(shared_server.url, protocol=2) as client:
            for key in (keys.OUTCOMES, keys.REPORTS):
                client.expire(key, 100)
            await store.trim()
            assert min(client.ttl(key) for key in (keys.OUTCOMES, keys.REPORTS)) > 80_000
        await store.close()

    asyncio.run(play())


changes = st.lists(
    st.tuples(
        st.sampled_from(["write", "refuse"]),
        st.sampled_from(["s", "t"]),
        st.lists(
            st.tuples(st.integers(0, 200), st.integers(0, 3), st.sampled_from(["", QUOTA, LOOP])), max_size=40
        ),
    ),
    max_size=10,
)


async def _play(store: Store, history: list[tuple[str, str, list[Run]]]) -> list[Any]:
    await store.start()
    await store.clear()
    found = []
    for what, source, runs in history:
        said = ordered((first, first + more, why) for first, more, why in runs)
        if what == "refuse":
            await store.count([], [Ends(source, "backend", said)])
        elif said:
            numbers = [number for first, last, _ in said for number in range(first, last + 1)]
            await store.write([row("trace-a", number, source=source) for number in numbers])
        found.append({tally.source: _counted(tally) for tally in await store.tallies()})
    await store.close()
    return found


def _counted(tally: Tally) -> tuple[Any, ...]:
    reasons = Counter(
        {(outcome, name): n for outcome, of in tally.outcomes.items() for name, n in of.items()}
    )
    return tally.received, tally.duplicate, tally.max_seq, +reasons


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=changes)
def test_lua_and_python_agree(history: list[tuple[str, str, list[Run]]], shared_server: RealServer):
    """
    On any schedule of refusals and writes Redis counts what the embedded store counts, run by run.
    """
    clock = Clock()
    embedded = asyncio.run(_play(SqliteStore(":memory:", clock=clock), history))
    served = asyncio.run(_play(RedisStore(shared_server.url, clock=clock), history))
    assert embedded == served
