"""
What only a real cluster shows: slots that move, nodes that die and come back, and where keys lie.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from redis import Redis
from redis.asyncio.connection import SSLConnection

from tests.stores.rows import row
from tests.stores.servers import RealCluster, RealServer
from tracelog.core import keys
from tracelog.core.query import parse
from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.stores import Outcome, PartlyStoredError, TraceFilter, TraceQuota, open_store
from tracelog.stores.redis_cluster import RedisClusterStore
from tracelog.stores.redis_slots import SLOTS, Slots, slot_of

pytestmark = pytest.mark.anyio

PATIENCE_S = 15
FAR = [f"far-{at}" for at in range(100_000)]
"""So many names that every slot has some of them."""

LENIENT = ("--cluster-require-full-coverage", "no")
"""Nodes go on with their own slots while another one is away."""

Started = Callable[..., Awaitable[RedisClusterStore]]


@pytest.fixture(scope="module")
def lenient_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """
    A cluster whose nodes are killed, and started again by who killed them.
    """
    with RealCluster(tmp_path_factory.mktemp("lenient"), *LENIENT) as cluster:
        yield cluster


@pytest.fixture
def fragile(lenient_cluster: RealCluster) -> RealCluster:
    """
    The same, emptied.
    """
    for node in lenient_cluster.servers:
        ask(node, "FLUSHALL")
    return lenient_cluster


@pytest.fixture
async def on(anyio_backend: str) -> AsyncIterator[Started]:
    """
    A function that returns a started store on the given cluster.
    """
    made: list[RedisClusterStore] = []

    async def start(url: str, timeout_s: float = 2) -> RedisClusterStore:
        made.append(RedisClusterStore(url, timeout_s=timeout_s))
        await made[-1].start()
        return made[-1]

    yield start
    for each in made:
        await each.close()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """
    Wait until *true* says so.

    Raises:
        AssertionError: When it never does.
    """
    end = time.monotonic() + PATIENCE_S
    while not await true():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def slot(trace_id: str) -> int:
    return slot_of(keys.logs(trace_id).encode())


def named(cluster: RealCluster, node: RealServer, n: int) -> list[str]:
    """
    Return *n* names of traces that lie on *node*.
    """
    names = (f"trace-{at}" for at in range(1_000))
    return [name for name in names if cluster.owner(slot(name)) is node][:n]


def ask(node: RealServer, *command: object) -> Any:
    with Redis.from_url(node.url, protocol=2) as client:
        return client.execute_command(*command)


def lies(cluster: RealCluster) -> dict[RealServer, set[str]]:
    return {node: {name.decode() for name in ask(node, "KEYS", "*")} for node in cluster.servers}


async def stored(store: RedisClusterStore, trace_id: str) -> int:
    trace = await store.fetch(trace_id)
    return 0 if trace is None else len(trace.entries)


async def test_where_keys_lie(shared_cluster: RealCluster, on: Started):
    """
    The keys of a trace lie on the node of its list, all that traces share on one node, and every key ends.
    """
    store = await on(shared_cluster.url)
    await store.clear()
    rows = [row(f"trace-{at}", at, level="error") for at in range(30)]
    assert await store.write(rows, quota=TraceQuota()) == "A" * 30
    await store.count([Outcome("s", "backend", "rejected", "bad_json")])
    await store.report("s", b"{}")
    found = lies(shared_cluster)
    for node, names in found.items():
        mine = {
            name
            for at in range(30)
            if shared_cluster.owner(slot(f"trace-{at}")) is node
            for name in (
                keys.logs(f"trace-{at}"),
                *(keys.companion(kind, f"trace-{at}") for kind in keys.COMPANIONS),
            )
        }
        assert {name for name in names if "logs:" in name} == mine
        lasting = {name for name in names if name.startswith(keys.LASTING)}
        assert all(ask(node, "TTL", name) > 0 for name in names - lasting)
    shared = {keys.RECENT, keys.ERRORS, keys.TALLY, keys.OUTCOMES, keys.REPORTS}
    assert sorted(len(shared & names) for names in found.values()) == [0, 0, 5]
    assert (await store.health())["keys"] >= 95
    await store.sweep()
    await store.clear()
    left = {name for names in lies(shared_cluster).values() for name in names}
    assert {name for name in left if not name.startswith(keys.LASTING)} == set()  # other tests made those


async def test_one_round_trip_a_node(shared_cluster: RealCluster, on: Started):
    """
    A write is a script call for each trace, one for what they share, and no other call.
    """
    store = await on(shared_cluster.url)
    await store.write([row(f"trace-{at}", at) for at in range(20)])
    for node in shared_cluster.servers:
        ask(node, "CONFIG", "RESETSTAT")
    await store.write([row(f"trace-{at % 20}", 100 + at) for at in range(200)])
    told = [ask(node, "INFO", "commandstats") for node in shared_cluster.servers]
    calls = [each["cmdstat_evalsha"]["calls"] for each in told if "cmdstat_evalsha" in each]
    assert sum(calls) == 21
    assert not any("cmdstat_cluster|slots" in each or "cmdstat_eval" in each for each in told)


async def test_forgotten_scripts(shared_cluster: RealCluster, on: Started):
    """
    A node that forgot its scripts is given them again, unnoticed.
    """
    store = await on(shared_cluster.url)
    await store.clear()
    await store.write([row(f"trace-{at}", at) for at in range(20)])
    for node in shared_cluster.servers:
        ask(node, "SCRIPT", "FLUSH")
    rows = [row(f"trace-{at}", at + seq) for at in range(20) for seq in (0, 100)]
    assert await store.write(rows) == "DA" * 20
    assert [each.received for each in await store.tallies()] == [40]


async def test_many_writers(shared_cluster: RealCluster, on: Started):
    """
    Several processes that flood the same traces store each quota exactly, and count what they stored exactly.
    """
    stores = [await on(shared_cluster.url, 10) for _ in range(3)]
    await stores[0].clear()
    writes = [
        stores[at % 3].write(
            [row(f"trace-{n % 6}", n, source=f"s{at}") for n in range(60)],
            quota=TraceQuota(),
            classes="nnnnnn" * 9 + "eeeeee",
        )
        for at in range(60)
    ]
    answers = "".join(await asyncio.gather(*writes))
    assert [await stores[0].fetch(f"trace-{at}") is not None for at in range(6)] == [True] * 6
    counts = [await stored(stores[1], f"trace-{at}") for at in range(6)]
    assert all(100 <= count <= 150 for count in counts)
    assert sum(counts) == answers.count("A") == sum(each.received for each in await stores[2].tallies())


async def test_wrong_type(shared_cluster: RealCluster, on: Started):
    """
    A trace whose key holds something else is refused alone and for good.
    """
    store = await on(shared_cluster.url)
    await store.clear()
    ask(shared_cluster.owner(slot("trace-a")), "SET", "logs:trace-a", "text")
    assert await store.write([row("trace-a", 1), row("trace-b", 2), row("trace-c", 3)]) == "WAA"
    assert any("trace-a cannot be stored" in each for each in (await store.health())["warnings"])
    await store.clear()


async def test_moving_slots(own_cluster: Callable[..., RealCluster], on: Started):
    """
    A trace whose slot is moving, and has moved, is written and read on: each entry once, wherever it lies.
    """
    cluster = own_cluster()
    store = await on(cluster.url)
    source, target = cluster.servers[0], cluster.servers[1]
    name = named(cluster, source, 1)[0]
    ids = {node: ask(node, "CLUSTER", "MYID").decode() for node in cluster.servers}
    rows = [row(name, seq) for seq in range(5)]
    assert await store.write(rows[:2], quota=TraceQuota()) == "AA"
    ask(target, "CLUSTER", "SETSLOT", slot(name), "IMPORTING", ids[source])
    ask(source, "CLUSTER", "SETSLOT", slot(name), "MIGRATING", ids[target])
    assert await store.write(rows[:1], quota=TraceQuota()) == "D"
    with pytest.raises(StoreUnavailableError, match="moving this slot"):  # new keys have no place meanwhile
        await store.write([row(next(other for other in FAR if slot(other) == slot(name)), 0)])
    moved = [keys.logs(name), *(keys.companion(kind, name) for kind in keys.COMPANIONS)]
    ask(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 1000, "KEYS", *moved)
    assert await store.write(rows[:3], quota=TraceQuota()) == "DDA"
    assert keys.logs(name) in lies(cluster)[target]
    assert await stored(store, name) == 3
    for node in (target, source, cluster.servers[2]):
        ask(node, "CLUSTER", "SETSLOT", slot(name), "NODE", ids[target])
    assert await store.write(rows, quota=TraceQuota()) == "DDDAA"
    assert await stored(store, name) == 5
    [tally] = await store.tallies()
    assert (tally.received, tally.duplicate) == (5, 6)


async def test_node_away(fragile: RealCluster, on: Started):
    """
    While a node is away its traces are told to come again and all others are stored; after its return it goes on.
    """
    cluster = fragile
    store = await on(cluster.url)
    shared = cluster.owner(slot_of(keys.RECENT.encode()))
    dead = next(node for node in cluster.servers if node is not shared)
    lost = named(cluster, dead, 3)
    rows = [row(name, at) for at, name in enumerate(lost)]
    rows += [row(name, at + 10) for at, name in enumerate(named(cluster, shared, 3))]
    assert await store.write(rows) == "A" * 6
    dead.kill()
    more = [row(entry.trace_id, 100 + entry.seq) for entry, _ in rows]
    with pytest.raises(PartlyStoredError, match="some traces were not stored") as partly:
        await store.write(more)
    assert partly.value.results == "XXXAAA"
    with pytest.raises(StoreUnavailableError):
        await store.write(more[:3])
    with pytest.raises(StoreUnavailableError):
        await store.fetch(lost[0])
    assert (await store.health())["ok"] is False
    assert [each.received for each in await store.tallies()] == [9]
    dead.start()
    cluster.wait()
    await until(lambda: _writes(store, more[:3]))
    assert [await stored(store, name) for name in lost] == [1, 1, 1]
    assert [each.received for each in await store.tallies()] == [12]
    assert (await store.health())["ok"] is True


async def _writes(store: RedisClusterStore, rows: Any) -> bool:
    try:
        return set(await store.write(rows)) <= {"A", "D"}
    except StoreUnavailableError:
        return False


async def test_shared_node_away(fragile: RealCluster, on: Started, monkeypatch: pytest.MonkeyPatch):
    """
    While the node of the shared keys is away traces of others are stored and read; what could not be told is told
    when it is back, once. A trace whose writer died before that is listed when one of its entries comes again.
    """
    cluster = fragile
    store, doomed = await on(cluster.url), RedisClusterStore(cluster.url, timeout_s=2)
    await doomed.start()
    shared = cluster.owner(slot_of(keys.RECENT.encode()))
    other = next(node for node in cluster.servers if node is not shared)
    names = named(cluster, other, 6)
    rows = [row(name, at, level="error") for at, name in enumerate(names)]
    assert await store.write(rows[:1]) == "A"
    shared.kill()
    assert await store.write(rows[1:4]) == "AAA"
    assert await store.write(rows[:2]) == "DD"
    assert await doomed.write(rows[4:]) == "AA"
    assert await stored(store, names[1]) == 1
    with monkeypatch.context() as bounded:
        bounded.setattr("tracelog.stores.redis_cluster.MAX_UNTOLD", 3)
        with pytest.raises(StoreUnavailableError, match="lists of traces is away"):
            await store.write(rows[3:4])
    shared.start()
    cluster.wait()
    await until(lambda: _lists(store, {row("trace-z", 99)[0].trace_id}, [row("trace-z", 99)]))
    listed = {line.trace_id for line in (await store.traces(TraceFilter(errors=True))).items}
    assert listed >= set(names[1:4])
    assert not listed & set(names[4:])
    assert sum(each.received for each in await store.tallies()) == 4
    assert await store.write(rows[4:]) == "DD"
    listed = {line.trace_id for line in (await store.traces(TraceFilter(errors=True))).items}
    assert listed >= set(names[4:])
    await doomed._wire.close()


async def _lists(store: RedisClusterStore, names: set[str], rows: Any) -> bool:
    try:
        await store.write(rows)
        return names <= {line.trace_id for line in (await store.traces(TraceFilter())).items}
    except StoreUnavailableError:
        return False


async def test_all_away(fragile: RealCluster, on: Started):
    """
    A cluster that is frozen or gone costs a bounded time, and nothing is stored twice once it answers again.
    """
    cluster = fragile
    store = await on(cluster.url, 0.3)
    rows = [row(f"trace-{at}", at) for at in range(6)]
    assert await store.write(rows[:1]) == "A"
    for node in cluster.servers:
        node.freeze()
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await store.write(rows)
    assert time.monotonic() - began < 3 * 4 * 0.3 + 1
    for node in cluster.servers:
        node.thaw()
    await until(lambda: _writes(store, rows))
    assert [await stored(store, entry.trace_id) for entry, _ in rows] == [1] * 6
    for node in cluster.servers:
        node.kill()
    with pytest.raises(StoreUnavailableError):
        await store.search(parse(""))
    assert (await store.health())["ok"] is False
    for node in cluster.servers:
        node.start()
    cluster.wait()


async def test_passwords(shared_cluster: RealCluster, on: Started):
    """
    User and password of the URL open every node; a wrong one is a lasting fault that is said without it.
    """
    cluster = shared_cluster
    for node in cluster.servers:
        ask(node, "ACL", "SETUSER", "tracelog", "on", ">right", "~*", "+@all")
    where = cluster.url.removeprefix("redis+cluster://")
    store = await on(f"redis+cluster://tracelog:right@{where}")
    await store.clear()
    assert await store.write([row(f"trace-{at}", at) for at in range(9)]) == "A" * 9
    wrong = await on(f"redis+cluster://tracelog:hunter2@{where}")
    with pytest.raises(StoreUnavailableError, match="refuses the user name or password") as refused:
        await wrong.write([row("trace-a", 1)])
    assert refused.value.retry_after >= 30
    assert "hunter2" not in f"{refused.value}{await wrong.health()}"
    assert await (await on(cluster.url)).write([row("trace-0", 0)]) == "D"


async def test_cancelled(shared_cluster: RealCluster, on: Started):
    """
    Writes cancelled at any moment leave nothing half done: sent again, each entry is there once and listed.
    """
    store = await on(shared_cluster.url)
    await store.clear()
    rows = [row(f"trace-{at}", at) for at in range(40)]
    for at, each in enumerate(rows):
        task = asyncio.ensure_future(store.write([each]))
        for _ in range(at % 20):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert set(await store.write(rows)) <= {"A", "D"}
    assert [await stored(store, entry.trace_id) for entry, _ in rows] == [1] * 40
    assert len((await store.traces(TraceFilter(limit=100))).items) == 40


async def test_no_cluster(shared_server: RealServer, on: Started):
    """
    A server that is no cluster is named as what it is, and one that nobody runs as unreachable.
    """
    plain = await on(f"redis+cluster://127.0.0.1:{shared_server.port}")
    with pytest.raises(StoreUnavailableError, match="cluster support disabled"):
        await plain.write([row("trace-a", 1)])
    absent = await on("redis+cluster://127.0.0.1:1,127.0.0.1:2")
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        await absent.fetch("trace-a")
    assert "cannot be reached" in (await absent.health())["cause"]


async def test_not_started(shared_cluster: RealCluster):
    """
    A store that was not started, or was closed, takes nothing.
    """
    store = RedisClusterStore(shared_cluster.url)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="not started"):
            await store.write([row("trace-a", 1)])
        await store.start()
        await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://",
        "redis+cluster://host:port",
        "redis+cluster://a,,b",
        "redis+cluster:/a",
        "redis+cluster://a/0,b",
    ],
)
def test_bad_address(url: str):
    """
    An address that can never work is refused at once.
    """
    with pytest.raises(ConfigError, match="cluster"):
        open_store(url)


@pytest.mark.parametrize(
    ("url", "seeds", "expected"),
    [
        ("redis+cluster://a,b:7", [("a", 6379), ("b", 7)], ("x", 9, None, None)),
        ("redis+cluster://[::1]:7", [("::1", 7)], ("x", 9, None, None)),
        ("redis+cluster://u:p%40@a:1,b:2", [("a", 1), ("b", 2)], ("x", 9, "u", "p@")),
        ("rediss+cluster://a:1/?ssl_ca_certs=c.pem", [("a", 1)], ("x", 9, None, None)),
    ],
)
def test_addresses(url: str, seeds: list[tuple[str, int]], expected: tuple[object, ...]):
    """
    A URL names nodes, login and options for the connections to every node, encrypted with `rediss`.
    """
    store = open_store(url)
    assert isinstance(store, RedisClusterStore)
    assert store._nodes._seeds == seeds
    made = store._nodes._make(("x", 9))
    assert isinstance(made, SSLConnection) is url.startswith("rediss")
    assert (made.host, made.port, made.username, made.password) == expected


def test_slots():
    """
    Slots have the owners that were told; a node that does not know its name is called as it was asked.
    """
    slots = Slots(
        [[0, 99, [b"a", 1, b"id"], [b"replica", 9, b"id"]], [100, SLOTS - 1, [b"", 2, b"id"]]], ("b", 5)
    )
    assert [slots.owner(at) for at in (0, 99, 100, SLOTS - 1)] == [("a", 1), ("a", 1), ("b", 2), ("b", 2)]
    slots.move(50, ("c", 3))
    assert slots.nodes() == [("a", 1), ("c", 3), ("b", 2)]
    assert Slots().nodes() == []


@pytest.mark.parametrize("trace_id", ["trace-a", "4bf92f3577b34da6a3ce929d0e0e4736", "a.b:c_d-e"])
def test_companions_share_the_slot(trace_id: str):
    """
    A trace's companions have the slot of its list.
    """
    companions = [keys.companion(kind, trace_id).encode() for kind in keys.COMPANIONS]
    assert {slot_of(name) for name in companions} == {slot(trace_id)}
