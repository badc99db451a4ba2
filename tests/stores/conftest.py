"""
The stores that tests ask for by name, each empty, started, and closed afterwards.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fakeredis
import msgspec
import pytest
from redis.asyncio import Redis, RedisCluster

from tests.stores.rows import Clock
from tests.stores.servers import RealCluster, RealServer
from tests.stores.upstash_server import TOKEN, UpstashServer
from tracelog.core import keys
from tracelog.stores import Store
from tracelog.stores.redis import RedisStore
from tracelog.stores.redis_cluster import RedisClusterStore
from tracelog.stores.sqlite import SqliteStore
from tracelog.stores.upstash import UpstashStore

TTL_S = 3600


@pytest.fixture
def anyio_backend() -> str:
    """
    asyncio, the loop that the stores are made for.
    """
    return "asyncio"


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """
    A real server for tests that leave it as it was.
    """
    with RealServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """
    A real cluster of three nodes for tests that leave it as it was.
    """
    with RealCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def shared_rest(shared_server: RealServer) -> Iterator[UpstashServer]:
    """
    The REST interface of the shared server.
    """
    with UpstashServer(shared_server.port) as server:
        yield server


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Callable[..., RealCluster]]:
    """
    A function that starts a real cluster with the given options, for tests that ill-treat it.
    """
    started: list[RealCluster] = []

    def start(*options: str) -> RealCluster:
        started.append(RealCluster(tmp_path, *options))
        return started[-1].start()

    yield start
    for cluster in started:
        cluster.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., RealServer]]:
    """
    A function that starts a real server with the given options, for tests that ill-treat it.
    """
    started: list[RealServer] = []

    def start(*options: str) -> RealServer:
        started.append(RealServer(tmp_path, *options).start())
        return started[-1]

    yield start
    for server in started:
        server.stop()


class Kept(msgspec.Struct):
    """
    A started store, its clock, and a way to let the time of every trace in it be over.
    """

    store: Store
    clock: Clock
    let_expire: Callable[[], Awaitable[None]]
    age: Callable[[str, float], Awaitable[None]]
    """Makes the window of a trace's quota so many seconds older."""


def cluster_client(url: str) -> RedisCluster:
    """
    Return a plain client of a cluster, as any other program would use it.
    """
    first = url.removeprefix("redis+cluster://").split(",")[0]
    return RedisCluster.from_url(f"redis://{first}", protocol=2)


async def _expire_in_redis(client: Any) -> None:
    for pattern in keys.PATTERNS[:-1]:
        for name in [name async for name in client.scan_iter(match=pattern)]:
            if await client.ttl(name) <= TTL_S:  # a pinned one lives longer
                await client.pexpire(name, 0)


def _sqlite(clock: Clock, path: str, *, full_text: bool = True) -> Kept:
    async def let_expire() -> None:
        clock.now += TTL_S + 1

    async def age(_: str, seconds: float) -> None:
        clock.now += seconds

    return Kept(SqliteStore(path, ttl_s=TTL_S, clock=clock, full_text=full_text), clock, let_expire, age)


def _redis(clock: Clock, store: Store, client: Any) -> Kept:
    """
    *client* is another one of the same server, to turn its time.
    """

    async def let_expire() -> None:
        clock.now += TTL_S + 1
        await _expire_in_redis(client)

    async def age(trace_id: str, seconds: float) -> None:
        await client.hincrby(keys.companion(keys.QUOTA, trace_id), "t", round(-seconds * 1000))

    return Kept(store, clock, let_expire, age)


def _served(clock: Clock, client: Redis) -> Kept:
    return _redis(clock, RedisStore(ttl_s=TTL_S, clock=clock, client=client, timeout_s=5), client)


@pytest.fixture(
    params=["sqlite-file", "sqlite-memory", "sqlite-unindexed", "valkey", "cluster", "upstash", "fakeredis"]
)
async def kept(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Kept]:
    """
    Every kind of store in turn.
    """
    clock = Clock()
    client: Redis | RedisCluster | None = None
    match request.param:
        case "sqlite-memory":
            made = _sqlite(clock, ":memory:")
        case "sqlite-file":
            made = _sqlite(clock, str(tmp_path / "logs.db"))
        case "sqlite-unindexed":
            made = _sqlite(clock, str(tmp_path / "logs.db"), full_text=False)
        case "valkey":
            client = Redis.from_url(request.getfixturevalue("shared_server").url, protocol=2)
            made = _served(clock, client)
        case "cluster":
            url = request.getfixturevalue("shared_cluster").url
            client = cluster_client(url)
            made = _redis(clock, RedisClusterStore(url, ttl_s=TTL_S, clock=clock, timeout_s=5), client)
        case "upstash":
            client = Redis.from_url(request.getfixturevalue("shared_server").url, protocol=2)
            url = f"upstash+http://:{quote(TOKEN)}@{request.getfixturevalue('shared_rest').address}"
            made = _redis(clock, UpstashStore(url, ttl_s=TTL_S, clock=clock, timeout_s=10), client)
        case _:
            client = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer(), protocol=2)
            made = _served(clock, client)
    await made.store.start()
    await made.store.clear()
    for name in (keys.GATE, keys.BOARD, keys.AUDIT) if client is not None else ():
        await client.delete(name)  # what no clean-up takes
    yield made
    await made.store.close()
    if client is not None:
        await client.aclose()


@pytest.fixture
async def raw(shared_server: RealServer, anyio_backend: str) -> AsyncIterator[Redis]:
    """
    A plain client of the shared server, emptied, as any other program would use it.
    """
    client = Redis.from_url(shared_server.url, protocol=2)
    await client.flushall()
    yield client
    await client.aclose()
