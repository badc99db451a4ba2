"""
The gates: each decides as the arithmetic does, on the clock of its store, for all servers at once.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

import fakeredis
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.core.schedules import HOUR, MINUTE, NOON_MS, SERVERS, SMALL, Feed, Step, long_schedule
from tracelog.core import keys
from tracelog.core.quota import ask, status_of
from tracelog.core.quota_ring import State
from tracelog.core.quota_settings import QuotaSettings
from tracelog.errors import StoreUnavailableError
from tracelog.stores.gates import Asked, Demand, Gate, Refund, Repair
from tracelog.stores.redis_cluster import RedisClusterStore
from tracelog.stores.redis_gate import RedisGate
from tracelog.stores.redis_wire import ClientWire
from tracelog.stores.sqlite import SqliteStore
from tracelog.stores.sqlite_gate import SqliteGate
from tracelog.stores.sqlite_schema import connect, open_file
from tracelog.stores.sqlite_worker import Worker, do_each

pytestmark = pytest.mark.anyio

KINDS = ("valkey", "fakeredis", "sqlite-file", "sqlite-memory")
VARIANTS = {
    "plain": SMALL,
    "month": QuotaSettings(limit=60, critical=30, monthly_writes=180),
    "paced": msgspec.structs.replace(SMALL, pace=4, monthly_writes=3_000),
    "overdraft": msgspec.structs.replace(
        SMALL, reclaim="overdraft", wake_percent=33, weights={"worker": 1, "browser": 2}
    ),
}

Make = Callable[..., Gate]


@asynccontextmanager
async def sqlite_worker(path: str) -> AsyncIterator[Worker]:
    worker = Worker("gate", partial(open_file, path), do_each)
    await worker.start()
    yield worker
    await worker.close()


@asynccontextmanager
async def opened(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """
    Yield a function of settings and a clock in milliseconds that returns an empty gate of *kind*.
    """
    if kind.startswith("sqlite"):
        path = ":memory:" if kind == "sqlite-memory" else str(request.getfixturevalue("tmp_path") / "gate.db")
        async with sqlite_worker(path) as worker:
            yield lambda limits, now_ms, server="": SqliteGate(
                worker.submit, limits, lambda: now_ms() / 1000, server
            )
        return
    if kind == "fakeredis":
        client = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer(), protocol=2)
    else:
        client = Redis.from_url(request.getfixturevalue("shared_server").url, protocol=2)
    await client.delete(keys.GATE)
    yield lambda limits, now_ms, server="": RedisGate(
        ClientWire(client, owned=False), limits, server=server, now_ms=now_ms
    )
    await client.aclose()


async def compare(make: Make, limits: QuotaSettings, feed: Feed, steps: list) -> None:
    """
    Play *steps* on gates that *make* makes, one a server, on the clock of *feed*, and on the arithmetic.
    """
    state, plan = State(), limits.plan()
    gates = {server: make(limits, lambda: feed.now_ms, server) for server in SERVERS}
    for number, step in enumerate(steps):
        asked = feed.asked(step)
        known = lambda demands: tuple(each for each in demands if each.system in plan.systems)  # noqa: E731 - used twice, here
        asked = msgspec.structs.replace(asked, demands=known(asked.demands), forced=known(asked.forced))
        expected = ask(state, plan, asked, feed.now_ms)
        gate = gates[step.server]
        reply = await gate.ask(asked.demands, asked.refunds, *asked.repair or (None,), asked.forced)
        assert reply == expected, (number, step)
        if number % 20 == 0 or number == len(steps) - 1:
            assert await gate.status() == status_of(state, plan, feed.now_ms)
        feed.took(reply)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_gate_decides_as_the_arithmetic_does(kind, variant, request):
    """
    I14: replies and status equal those of the model through months, jumps of the clock both ways, refunds of any
    size, repairs and forced charges.
    """
    steps = 150 if kind == "fakeredis" else 500
    async with opened(kind, request) as make:
        schedule = long_schedule(sum(variant.encode()), steps)
        await compare(make, VARIANTS[variant], Feed(honest=False), schedule)


EDGES = ("2026-12-01", "2026-12-02", "2027-01-01", "2028-02-29", "2028-03-01", "2100-03-01", "2101-01-01")


@pytest.mark.parametrize("kind", KINDS)
async def test_midnights_are_the_same_everywhere(kind, request):
    """
    I14: around the ends of days, months and years, leap or not, what is charged and what comes back fall alike.
    """
    steps, at_ms = [], NOON_MS
    for edge in EDGES:
        midnight_ms = int(datetime.fromisoformat(f"{edge}T00:00:00Z").timestamp() * 1000)
        for moment, back in ((-30 * MINUTE, ()), (-1, ()), (0, ((0, 2), (1, 1))), (MINUTE, ((0, 1), (2, 3)))):
            steps.append(Step(midnight_ms + moment - at_ms, (Demand("worker", "normal", 5),), back))
            at_ms = midnight_ms + moment
    async with opened(kind, request) as make:
        feed = Feed()
        await compare(make, SMALL, feed, steps)
        months = (await make(SMALL, lambda: feed.now_ms).status()).months
        assert {month: months[month] for month in (210002, 210012)} == {
            210002: {"worker": 10},
            210012: {"worker": 10},
        }


@pytest.mark.parametrize("kind", KINDS)
async def test_servers_are_counted(kind, request):
    """
    I14: a reply says how many servers called within ten minutes, each once, and never more than it can count.
    """
    async with opened(kind, request) as make:
        now, state, plan, most = [NOON_MS], State(), SMALL.plan(), 0
        calls = [(1_000, f"{n:x}") for n in range(300)] + [
            (9 * MINUTE, server) for server in ("a1", "f00", "a1", "a1")
        ]
        for wait, server in calls:
            now[0] += wait
            reply = await make(SMALL, lambda: now[0], server).ask([])
            assert reply == ask(state, plan, Asked(server=server), now[0])
            assert len(state.servers) == reply.servers
            most = max(most, reply.servers)
        assert (most, reply.servers, (await make(SMALL, lambda: now[0]).status()).servers) == (256, 1, 1)


async def test_a_state_of_an_earlier_version_is_taken_over(raw):
    """
    A gate that has counted no servers yet goes on with what it has.
    """
    gate = RedisGate(ClientWire(raw, owned=False), SMALL, server="a1")
    await gate.ask([Demand("worker", "normal", 3)])
    state = msgspec.json.decode(await raw.hget(keys.GATE, "state"))
    del state["servers"]
    await raw.hset(keys.GATE, "state", msgspec.json.encode(state))
    reply = await gate.ask([Demand("worker", "normal", 2)])
    assert (reply.month_used, reply.servers) == (5, 1)


async def test_strange_refunds_leave_nothing_behind(raw):
    """
    Refunds of minutes that are over, or to come, make no field.
    """
    gate = RedisGate(ClientWire(raw, owned=False), SMALL)
    bucket = (await gate.ask([Demand("worker", "normal", 3)])).bucket
    fields = await raw.hkeys(keys.GATE)
    await gate.ask(
        [], refunds=[Refund("worker", bucket + at, 1, "worker") for at in (-61, -(10**6), 5, 10**6)]
    )
    assert sorted(await raw.hkeys(keys.GATE)) == sorted(fields)


def test_any_schedule_gives_the_same_on_a_real_server(shared_server):
    """
    I14: whatever schedule is drawn, the script on a real server and the model agree on every reply.
    """
    with asyncio.Runner() as runner:
        client = runner.run(_client(shared_server.url))

        async def play(seed: int, variant: str) -> None:
            await client.delete(keys.GATE)
            make = lambda limits, now_ms, server: RedisGate(  # noqa: E731 - a `Make` on this client
                ClientWire(client, owned=False), limits, server=server, now_ms=now_ms
            )
            await compare(make, VARIANTS[variant], Feed(honest=False), long_schedule(seed, 40))

        @settings(max_examples=40)
        @given(st.integers(0, 10**9), st.sampled_from(sorted(VARIANTS)))
        def holds(seed, variant):
            runner.run(play(seed, variant))

        holds()
        runner.run(client.aclose())


async def _client(url: str) -> Redis:
    return Redis.from_url(url, protocol=2)


async def test_all_clients_together_never_pass_the_limit(raw):
    """
    I1: eight clients that flood at once get exactly the limit, and errors exactly the reserve on top.
    """

    async def flood(system: str, cls: str) -> int:
        gate, got = RedisGate(ClientWire(raw, owned=False), QuotaSettings()), 0
        for _ in range(30):
            reply = await gate.ask([Demand(system, cls, 7)])
            got += sum(grant.n for grant in reply.grants)
        return got

    systems = ["browser", "worker", "backend", "mobile"] * 2
    first = sum(await asyncio.gather(*(flood(system, "normal") for system in systems)))
    second = sum(await asyncio.gather(*(flood(system, "essential") for system in systems)))
    assert (first, second) == (1_000, 200)
    status = await RedisGate(ClientWire(raw, owned=False), QuotaSettings()).status()
    assert sum(system.current for system in status.systems) == 1_000
    assert status.essential.used == 200


PROGRAM = """
import asyncio, sys
from redis.asyncio import Redis
from tracelog.core.quota_settings import QuotaSettings
from tracelog.stores.gates import Demand
from tracelog.stores.redis_gate import RedisGate
from tracelog.stores.redis_wire import ClientWire

async def main(url, system):
    gate, got = RedisGate(ClientWire(Redis.from_url(url), owned=True), QuotaSettings()), 0
    for _ in range(200):
        reply = await gate.ask([Demand(system, "normal", 9), Demand(system, "critical", 1)])
        got += reply.granted(system, "normal")
    print(got)

asyncio.run(main(*sys.argv[1:]))
"""


def test_all_processes_together_never_pass_the_limit(own_server):
    """
    I1: four processes that flood one server get 1,000 rows together, not one more.
    """
    url = own_server().url
    started = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, url, system], stdout=subprocess.PIPE, text=True)
        for system in ("browser", "browser", "worker", "backend")
    ]
    granted = [int(process.communicate(timeout=60)[0]) for process in started]
    assert sum(granted) == 1_000


async def test_processes_that_share_a_file_share_the_limit(tmp_path):
    """
    I1: two connections to one file, each on its own thread, get the limit together.
    """
    path = str(tmp_path / "logs.db")
    async with sqlite_worker(path) as first, sqlite_worker(path) as second:
        gates = [SqliteGate(worker.submit, SMALL, lambda: NOON_MS / 1000) for worker in (first, second)]

        async def flood(gate: SqliteGate) -> int:
            replies = [await gate.ask([Demand("worker", "normal", 3)]) for _ in range(20)]
            return sum(reply.granted("worker", "normal") for reply in replies)

        assert sum(await asyncio.gather(*(flood(gate) for gate in gates))) == 40


async def test_an_emptied_server_does_not_lose_the_month(own_server):
    """
    I5, §3.9: after Redis died and came back empty, one server's memory of the month repairs it.
    """
    limits = QuotaSettings(limit=10**6, monthly_writes=1_000)
    async with _redis_gate(own_server(), limits) as gate:
        before = await gate.ask([Demand("worker", "normal", 700)])
    async with _redis_gate(own_server(), limits) as gate:
        floor = Repair(before.month, before.month_used)
        reply = await gate.ask([Demand("worker", "normal", 700)], repair=floor)
        again = await gate.ask([Demand("worker", "normal", 700)], repair=floor)
    assert (before.month_used, reply.granted("worker", "normal"), reply.month_used) == (700, 250, 950)
    assert (again.month_used, again.level, again.was, reply.was) == (950, 2, 2, 0)


@asynccontextmanager
async def _redis_gate(server, limits):
    client = Redis.from_url(server.url, protocol=2)
    yield RedisGate(ClientWire(client, owned=False), limits)
    await client.aclose()


async def test_a_level_is_told_once(raw):
    """
    I5: of many calls exactly one sees each change of the level.
    """
    gate = RedisGate(ClientWire(raw, owned=False), QuotaSettings(limit=10**6, monthly_writes=100))

    async def few() -> list:
        return [await gate.ask([Demand("worker", "essential", 1)]) for _ in range(15)]

    replies = [reply for part in await asyncio.gather(*(few() for _ in range(8))) for reply in part]
    changes = [(reply.was, reply.level) for reply in replies if reply.was != reply.level]
    assert sorted(changes) == [(0, 1), (1, 2), (2, 3)]


async def test_it_is_one_key_that_ends_one_day(raw):
    """
    A gate is one key, so one slot; it has a time to live, longer than any month it counts.
    """
    gate = RedisGate(ClientWire(raw, owned=False), QuotaSettings())
    await gate.ask([Demand("worker", "normal", 1)])
    assert await raw.keys("*") == [keys.GATE.encode()]
    assert await raw.ttl(keys.GATE) > 366 * 86_400


async def test_the_clock_is_that_of_redis(raw):
    """
    I13: without a test's clock the minute is that of Redis, and the wait is the rest of it.
    """
    gate = RedisGate(ClientWire(raw, owned=False), QuotaSettings())
    seconds, _ = await raw.time()
    reply = await gate.ask([Demand("worker", "normal", 1)])
    assert reply.bucket in {seconds // 60, seconds // 60 + 1}
    assert 0 < reply.retry_after_ms <= MINUTE
    assert (await gate.status()).now_ms // 10_000 - seconds // 10 in {0, 1}


async def test_a_server_that_forgot_its_scripts_is_taught_again(raw):
    """
    The script is sent again when the server does not know it.
    """
    gate = RedisGate(ClientWire(raw, owned=False), QuotaSettings())
    for _ in range(2):
        await raw.script_flush()
        assert (await gate.ask([Demand("worker", "normal", 2)])).granted("worker", "normal") == 2
    await raw.script_flush()
    assert (await gate.status()).month_used == 4


async def test_it_works_on_a_cluster(shared_cluster):
    """
    Three nodes that keep slots apart are asked as the store asks them, for all of the gate is in one slot.
    """
    store = RedisClusterStore(shared_cluster.url, timeout_s=5)
    await store.start()
    await store.clear()
    gate = store.gate(QuotaSettings())
    reply = await gate.ask([Demand("worker", "normal", 1_500)])
    refunds = [grant.refund(1) for grant in reply.grants]
    assert (await gate.ask([], refunds=refunds)).month_used == 1_000 - len(refunds)
    await store.close()


async def test_a_server_that_is_gone_is_told(own_server):
    """
    A gate whose server died raises what a store raises.
    """
    server = own_server()
    async with _redis_gate(server, SMALL) as gate:
        await gate.ask([])
        server.kill()
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            await gate.ask([])


@pytest.mark.parametrize(
    ("command", "says"),
    [(("SET", keys.GATE, "x"), "something else"), (("HSET", keys.GATE, "state", "[]"), "delete it")],
)
async def test_a_key_that_is_no_gate_is_told(raw, command, says):
    """
    A key of that name with another content makes a sentence that says what to do.
    """
    await raw.execute_command(*command)
    gate = RedisGate(ClientWire(raw, owned=False), QuotaSettings())
    with pytest.raises(StoreUnavailableError, match=says):
        await gate.status()
    with pytest.raises(StoreUnavailableError):
        await gate.ask([Demand("worker", "normal", 1)])


async def test_a_table_that_is_no_gate_is_told(tmp_path):
    """
    A row of another content makes a sentence, and the call before it changes nothing.
    """
    async with sqlite_worker(str(tmp_path / "gate.db")) as worker:
        gate = SqliteGate(worker.submit, SMALL, lambda: NOON_MS / 1000)
        await gate.ask([])
        await worker.submit(lambda connection: connection.execute("UPDATE gate SET value = '[]'"))
        with pytest.raises(StoreUnavailableError, match="gate"):
            await gate.ask([Demand("worker", "normal", 1)])


async def test_the_embedded_gate_remembers(tmp_path):
    """
    In the store's own file, beside its tables, the quotas survive the end of the process; the store stays whole.
    """
    path = str(tmp_path / "logs.db")
    for used in (10, 20):
        store = SqliteStore(path, clock=lambda: NOON_MS / 1000)
        await store.start()
        gate = SqliteGate(store._writer.submit, SMALL, lambda: NOON_MS / 1000)
        assert (await gate.ask([Demand("worker", "normal", 10)])).month_used == used
        assert (await store.health())["ok"]
        await store.close()
    connection = connect(path)
    assert connection.execute("SELECT count(*) FROM gate").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_one_system_by_several_names_is_one(kind, request):
    """
    Aliases share a pool and one demand; negative numbers ask for nothing; late refunds of any pool are harmless.
    """
    async with opened(kind, request) as make:
        now = [NOON_MS]
        gate = make(QuotaSettings(), lambda: now[0])
        wants = [("python", 2), ("convex", 3), ("backend", 4), ("mobile", 5), ("tv", 6), ("worker", -7)]
        reply = await gate.ask([Demand(name, "normal", n) for name, n in wants])
        assert (reply.granted("backend", "normal"), reply.granted("other", "normal")) == (9, 11)
        now[0] += 2 * HOUR
        strange = [
            Refund("browser", reply.bucket, 9, "other"),
            Refund('"', -5, 1, "\\"),
            Refund("", 2**40, 1, ""),
        ]
        assert (await gate.ask([], refunds=strange)).month_used == 20


def test_scripts_are_short():
    """
    No file of the gate's script is longer than a page.
    """
    from importlib import resources

    files = [
        file
        for file in (resources.files("tracelog.stores") / "lua").iterdir()
        if re.match(r"gate\w*\.lua", file.name)
    ]
    assert len(files) == 7
    assert all(len(file.read_text().splitlines()) <= 45 for file in files)
