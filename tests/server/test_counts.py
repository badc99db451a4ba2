"""
Counting on several servers of one store: whatever comes again, is lost or is away, every entry counts once.

The schedules here have batches, repeats to either server, reports in any order, flushes, and a store that is away
or does what it is asked without answering. What the ledger must say follows from which entries were stored, which
were refused in an answer, and what the senders said they dropped.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.scripted import ScriptedStore, away
from tests.stores.rows import Clock, row
from tests.stores.servers import RealServer
from tracelog.errors import StoreUnavailableError
from tracelog.server import counts as module
from tracelog.server.counts import Counts
from tracelog.server.faults import Faults
from tracelog.server.totals import ledger_of
from tracelog.stores import Ends, Fates, Outcome, Row, Store, Tally
from tracelog.stores.redis import RedisStore
from tracelog.stores.sqlite import SqliteStore

SOURCES = ("s", "t")
SYSTEM = {"s": "backend", "t": "worker"}
STORE = "store"
FATES = (STORE, STORE, "suppressed/loop", "limited/system_quota", "rejected/store_refused")
WEATHER = ("fine", "fine", "away", "deaf")
"""How the store is: there, not there, or doing what it is asked without an answer."""


class Weathered:
    """
    A real store behind bad weather.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.weather = "fine"

    async def write(self, rows: Sequence[Row]) -> Fates:
        return str(await self._through(self._store.write, rows))

    async def count(self, outcomes: Sequence[Outcome], ended: Sequence[Ends] = (), *, call: str = "") -> None:
        await self._through(self._store.count, outcomes, ended, call=call)

    async def report(self, source: str, report: bytes) -> None:
        await self._through(self._store.report, source, report)

    async def trim(self) -> int:
        return int(await self._through(self._store.trim))

    async def tallies(self) -> list[Tally]:
        return await self._store.tallies()

    async def _through(self, do: Any, *args: Any, **more: Any) -> Any:
        if self.weather == "away":
            raise away()
        done = await do(*args, **more)
        if self.weather == "deaf":
            raise StoreUnavailableError("the answer was lost")
        return done


class World:
    """
    Two servers, two sources, one store, and what is true of every entry.

    Attributes:
        stored: Numbers of the entries in the store, by source.
        refused: Number → all outcomes it was answered with.
        dropped: What each source dropped and numbered; *reported* what of it a server was told.
    """

    def __init__(self, store: Store) -> None:
        self.sky = Weathered(store)
        self.faults = Faults()
        self.servers = [Counts(self.sky, self.faults) for _ in range(2)]  # type: ignore[arg-type]
        self.next = dict.fromkeys(SOURCES, 0)
        self.stored: dict[str, set[int]] = {source: set() for source in SOURCES}
        self.refused: dict[str, dict[int, set[str]]] = {source: {} for source in SOURCES}
        self.dropped = dict.fromkeys(SOURCES, 0)
        self.reported: dict[str, Counter[str]] = {source: Counter() for source in SOURCES}
        self.duplicates = 0
        self.crooked = 0
        self.batches: list[tuple[str, list[int]]] = []
        self.reports: list[tuple[str, dict[str, int]]] = []

    async def send(self, source: str, size: int, server: int, fates: list[str]) -> None:
        first = self.next[source]
        self.next[source] += size
        self.batches.append((source, list(range(first, first + size))))
        await self._arrive(*self.batches[-1], server, fates)

    async def repeat(self, which: int, server: int, fates: list[str]) -> None:
        if self.batches:
            await self._arrive(*self.batches[which % len(self.batches)], server, fates)

    async def lose(self, source: str, n: int) -> None:
        """
        Drop *n* entries in the program, which number all the same.
        """
        self.next[source] += n
        self.dropped[source] += n
        self.reports.append((source, {"emitted": self.next[source], "n": self.dropped[source]}))

    def report(self, which: int, server: int) -> None:
        """
        Deliver a report, a late one perhaps.
        """
        if self.reports:
            source, said = self.reports[which % len(self.reports)]
            body = {"emitted": said["emitted"], "dropped": {"queue_overflow": said["n"]}}
            self.servers[server].keep(source, msgspec.json.encode(body))
            for name, n in said.items():
                self.reported[source][name] = max(n, self.reported[source][name])

    async def crook(self, server: int) -> None:
        """
        Send what is no entry, from nobody: it has no number by which it could be known again.
        """
        self.crooked += 1
        self.servers[server].add_batch([("", "", "rejected", "bad_json", None)])

    async def _arrive(self, source: str, numbers: list[int], server: int, fates: list[str]) -> None:
        fate_of = {number: fates[at % len(fates)] for at, number in enumerate(numbers)}
        kept = [number for number in numbers if fate_of[number] == STORE]
        rows = [row("trace-a", number, source=source, system=SYSTEM[source]) for number in kept]
        if rows:
            if self.sky.weather != "away":
                self.duplicates += len(self.stored[source].intersection(kept))
                self.stored[source].update(kept)
            try:
                await self.sky.write(rows)
            except StoreUnavailableError:
                return  # nothing is counted of an answer that says: send it again
        drops = [
            (source, SYSTEM[source], *fate.split("/"), number)
            for number, fate in fate_of.items()
            if fate != STORE
        ]
        for number, fate in fate_of.items():
            if fate != STORE:
                self.refused[source].setdefault(number, set()).add(fate)
        self.servers[server].add_batch(drops, [(source, SYSTEM[source], number) for number in kept])  # type: ignore[arg-type]

    async def ledger(self) -> dict[str, Any]:
        return ledger_of(await self.sky.tallies(), 0.0)

    async def check(self) -> None:
        """
        Let everything be told, and hold the ledger against what is true.
        """
        self.sky.weather = "fine"
        for server in self.servers:
            await server.write_now()
        shown = await self.ledger()
        assert self.faults.total == 0
        assert shown["duplicate"] == self.duplicates
        assert shown["rejected"].get("bad_json", 0) == self.crooked
        for source in SOURCES:
            if source in shown["sources"]:
                self._check_source(source, shown["sources"][source])
        for name in ("emitted", "stored", "in_flight", "unreported"):
            assert shown[name] == sum(own[name] for own in shown["sources"].values())

    def _check_source(self, source: str, own: dict[str, Any]) -> None:
        refused = {at: whys for at, whys in self.refused[source].items() if at not in self.stored[source]}
        seen = {*self.stored[source], *self.refused[source]}
        emitted = max(len(seen), max(seen, default=-1) + 1, self.reported[source]["emitted"])
        dropped = self.reported[source]["n"]
        told = Counter(
            {
                f"{outcome}/{reason}": n
                for outcome in ("suppressed", "limited", "rejected")
                for reason, n in own[outcome].items()
            }
        )
        assert own["stored"] == len(self.stored[source])
        assert told.total() == len(refused)
        for why, n in told.items():
            assert n <= sum(why in whys for whys in refused.values())
        assert own["dropped"] == ({"queue_overflow": dropped} if dropped else {})
        ended = len(self.stored[source]) + len(refused) + dropped
        assert own["emitted"] == max(emitted, ended)
        assert own["in_flight"] + own["unreported"] == own["emitted"] - ended


async def _close(world: World) -> None:
    for server in world.servers:
        await server.drain()


fates = st.lists(st.sampled_from(FATES), min_size=1, max_size=4)
servers = st.integers(0, 1)
steps = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(SOURCES), st.integers(1, 6), servers, fates),
    st.tuples(st.just("repeat"), st.integers(0, 99), servers, fates),
    st.tuples(st.just("lose"), st.sampled_from(SOURCES), st.integers(1, 3)),
    st.tuples(st.just("report"), st.integers(0, 99), servers),
    st.tuples(st.just("crook"), servers),
    st.tuples(st.just("flush"), servers),
    st.tuples(st.just("weather"), st.sampled_from(WEATHER)),
)


async def _play(store: Store, history: list[tuple[Any, ...]]) -> None:
    await store.start()
    await store.clear()
    world = World(store)
    try:
        await _live(world, history)
    finally:
        await _close(world)
        await store.close()


async def _live(world: World, history: list[tuple[Any, ...]]) -> None:
    before: dict[str, Any] = {"emitted": 0, "stored": 0, "duplicate": 0, "dropped": {}}
    for name, *args in history:
        if name == "flush":
            await world.servers[args[0]].write_now()
        elif name == "weather":
            world.sky.weather = args[0]
        elif name == "report":
            world.report(*args)
        else:
            await getattr(world, name)(*args)
        now = await world.ledger()
        for total in ("emitted", "stored", "duplicate"):
            assert now[total] >= before[total]
        assert sum(now["dropped"].values()) >= sum(before["dropped"].values())
        before = now
    await world.check()


schedules = st.lists(steps, max_size=24)


@settings(max_examples=80, deadline=None)
@given(history=schedules)
def test_every_entry_counts_once_on_sqlite(history: list[tuple[Any, ...]]) -> None:
    """
    On any schedule the embedded store's ledger adds up by source and in all, and its sums never go down.
    """
    asyncio.run(_play(SqliteStore(":memory:", clock=Clock()), history))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=schedules)
def test_every_entry_counts_once_on_valkey(history: list[tuple[Any, ...]], valkey: RealServer) -> None:
    """
    The same on a real server behind any number of others.
    """
    asyncio.run(_play(RedisStore(valkey.url, clock=Clock()), history))


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with RealServer(tmp_path_factory.mktemp("counts")) as server:
        yield server


def refused(first: int, last: int, source: str = "s") -> list[tuple[str, str, str, str, int | None]]:
    return [(source, "backend", "limited", "system quota", seq) for seq in range(first, last + 1)]


@pytest.mark.anyio
async def test_a_lost_answer_is_asked_for_again_as_it_was() -> None:
    """
    What may have been counted is told again in the same call under the same name; what came since in the next.
    """
    store = ScriptedStore()
    counts = Counts(store, Faults())
    counts.add_batch(refused(0, 4))
    store.trouble = away()
    await counts.write_now()
    counts.add_batch(refused(5, 9))
    store.trouble = None
    await counts.write_now()
    runs = [list(each.runs) for each in store.ended]
    assert runs == [[(0, 4, "limited/system_quota")], [(5, 9, "limited/system_quota")]]
    assert len(set(store.calls)) == 2
    assert len({call.split()[0] for call in store.calls}) == 1
    await counts.drain()


@pytest.mark.anyio
async def test_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Many sources, and many runs of one, are told in several calls.
    """
    monkeypatch.setattr(module, "CALL_SOURCES", 10)
    monkeypatch.setattr(module, "CALL_RUNS", 5)
    store = ScriptedStore()
    counts = Counts(store, Faults())
    for at in range(25):
        counts.add_batch(refused(0, 0, f"s{at}"))
    counts.add_batch([each for each in refused(0, 23, "many") if each[4] is not None and each[4] % 2])
    await counts.write_now()
    assert max(map(len, (each.runs for each in store.ended))) <= 5
    assert sum(last - first + 1 for each in store.ended for first, last, _ in each.runs) == 25 + 12
    assert len(store.calls) >= 5
    await counts.drain()


@pytest.mark.parametrize(("bound", "value"), [("MOST", 3), ("MOST_RUNS", 3)])
@pytest.mark.anyio
async def test_no_count_is_lost_where_there_is_no_room(
    bound: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Beyond the bounds entries are counted without their numbers, or their names, but they are counted.
    """
    monkeypatch.setattr(module, bound, value)
    store = ScriptedStore()
    store.trouble = away()
    counts = Counts(store, Faults())
    for at in range(20):
        counts.add_batch(refused(3 * at, 3 * at, f"s{at % 10}"))
    counts.add_batch([("", "", "rejected", "bad_json", None), ("s", "b", "rejected", "bad_json", None)])
    store.trouble = None
    await counts.write_now()
    numbered = sum(last - first + 1 for each in store.ended for first, last, _ in each.runs)
    assert numbered + sum(each.n for each in store.outcomes) == 22
    assert len({each.source for each in store.ended} if bound == "MOST" else range(numbered)) <= value
    await counts.drain()


@pytest.mark.anyio
async def test_what_is_kept_fills_the_gaps() -> None:
    """
    With the entries of a batch that were stored, its numbers are one piece; a batch without refusals tells none.
    """
    store = ScriptedStore()
    counts = Counts(store, Faults())
    counts.add_batch([], [("s", "backend", seq) for seq in range(5)])
    await counts.write_now()
    assert store.ended == []
    counts.add_batch(refused(6, 7), [("s", "backend", 5), ("s", "backend", 8), ("s", "backend", None)])
    await counts.write_now()
    assert [list(each.runs) for each in store.ended] == [
        [(5, 5, ""), (6, 7, "limited/system_quota"), (8, 8, "")]
    ]
    await counts.drain()


@pytest.mark.anyio
async def test_the_ledger_is_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    While a server counts it brings the ledger within its bounds, again after the store was away or failed.
    """
    monkeypatch.setattr(module, "TRIM_S", 0.001)
    trimmed = asyncio.Event()

    class Trimmed(ScriptedStore):
        troubles: list[Exception] = [away(), ValueError("a fault")]  # noqa: RUF012 - of one store

        async def trim(self) -> int:
            if self.troubles:
                raise self.troubles.pop(0)
            trimmed.set()
            return 0

    faults = Faults()
    counts = Counts(Trimmed(), faults)
    counts.keep("s", b"{}")
    await asyncio.wait_for(trimmed.wait(), 5)
    assert faults.total == 1
    await counts.drain()


@pytest.mark.anyio
async def test_of_many_reports_those_are_told_that_tell_something() -> None:
    """
    Of the reports that came within a second the last is told, and before it what it does not cover, boundedly.
    """
    store = ScriptedStore()
    counts = Counts(store, Faults())
    for at in range(100):
        counts.keep("calm", b'{"emitted":%d,"dropped":{"encode":%d}}' % (at, at))
        counts.keep("wild", b'{"emitted":%d,"dropped":{"encode":%d}}' % (at, 100 - at))
    await counts.write_now()
    told = {
        name: [msgspec.json.decode(one)["emitted"] for one in of_it] for name, of_it in store.told.items()
    }
    assert told["calm"] == [99]
    assert told["wild"][-1] == 99
    assert len(told["wild"]) == module.HELD_REPORTS
    await counts.drain()
