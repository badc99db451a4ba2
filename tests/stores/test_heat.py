"""
Heat in every store: servers hear what all have met, as the arithmetic says, and nothing of it stays.
"""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.stores.conftest import Kept
from tests.stores.rows import NOON_MS
from tests.stores.servers import RealServer
from tracelog.core import keys
from tracelog.core.heat import FORMS, State, Warmth, share
from tracelog.errors import StoreUnavailableError
from tracelog.stores.redis_heat import RedisHeat
from tracelog.stores.redis_wire import ClientWire
from tracelog.stores.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

WINDOW_MS = 10_000

warmths = st.builds(
    Warmth, st.integers(1, 10**6), st.lists(st.sampled_from("abcdef"), max_size=4, unique=True).map(tuple)
)
histories = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2_500, 9_999, 10_000, 15_000, 40_000, -5_000, -25_000]),
        st.dictionaries(st.sampled_from(["x+/a", "y", "z"]), warmths, min_size=1),
    ),
    max_size=12,
)


async def test_every_store(kept: Kept):
    """
    Two servers of a store hear the sum of both, and the systems of both.
    """
    one, two = kept.store.heat(600.0), kept.store.heat(600.0)
    assert await one.share({"a": Warmth(20, ("browser",)), "b": Warmth(1, ("browser",))}) == {
        "a": Warmth(20, ("browser",)),
        "b": Warmth(1, ("browser",)),
    }
    assert await two.share({"a": Warmth(20, ("worker",))}) == {"a": Warmth(40, ("browser", "worker"))}
    await kept.store.clear()
    assert await one.share({"a": Warmth(2, ())}) == {"a": Warmth(2, ())}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories)
def test_script_follows_the_arithmetic(
    shared_server: RealServer, history: list[tuple[int, dict[str, Warmth]]]
):
    """
    A real server answers any history as the arithmetic does, also when its clock jumps.
    """

    async def play() -> None:
        client = Redis.from_url(shared_server.url, protocol=2)
        await client.delete(keys.EVEN_HEAT, keys.ODD_HEAT)
        state, now = State(), [int(NOON_MS)]
        heat = RedisHeat(ClientWire(client, owned=False), WINDOW_MS / 1000, now_ms=lambda: now[0])
        for wait_ms, posted in history:
            now[0] += wait_ms
            assert await heat.share(posted) == share(state, posted, WINDOW_MS, now[0])
        await client.aclose()

    asyncio.run(play())


async def test_bounds_and_lives(raw: Redis):
    """
    In Redis a window holds so many forms, further ones are counted alone, and both windows end by themselves.
    """
    now = [0]
    heat = RedisHeat(ClientWire(raw, owned=False), 10.0, now_ms=lambda: now[0])
    names = [str(n) for n in range(FORMS)]
    for at in range(0, FORMS, 64):
        await heat.share({name: Warmth(1) for name in names[at : at + 64]})
    for known in (3, 5):
        both = await heat.share({"late": Warmth(2), "0": Warmth(2)})
        assert both == {"late": Warmth(2), "0": Warmth(known)}
    now[0] = 10_000
    assert await heat.share({"0": Warmth(1)}) == {"0": Warmth(6)}
    assert [await raw.hlen(key) for key in (keys.EVEN_HEAT, keys.ODD_HEAT)] == [FORMS + 1, 2]
    assert all([0 < await raw.pttl(key) <= 20_000 for key in (keys.EVEN_HEAT, keys.ODD_HEAT)])


async def test_what_an_asking_costs(raw: Redis):
    """
    Five commands, the call of the script and those inside it, however many forms are told of.
    """
    heat = RedisHeat(ClientWire(raw, owned=False), 3_600.0)
    told = {str(n): Warmth(n, ("browser",)) for n in range(64)}
    await heat.share(told)
    await raw.config_resetstat()
    await heat.share(told)
    stats = await raw.info("commandstats")
    ran = {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}
    assert {name: calls for name, calls in ran.items() if "|" not in name and name != "info"} == {
        "evalsha": 1,
        "time": 1,
        "hmget": 2,
        "hset": 1,
    }


async def test_two_processes_on_one_file(tmp_path: Any):
    """
    Embedded stores on one file hear of each other.
    """
    stores = [SqliteStore(str(tmp_path / "logs.db")) for _ in range(2)]
    for store in stores:
        await store.start()
    found = [await store.heat(600.0).share({"a": Warmth(20, ("backend",))}) for store in stores]
    assert [total["a"].n for total in found] == [20, 40]
    for store in stores:
        await store.close()


async def test_a_store_that_is_away(own_server: Any):
    """
    A server that is gone is a `StoreUnavailableError`, and so is an embedded store that is closed.
    """
    server = own_server()
    client = Redis.from_url(server.url, protocol=2)
    heat = RedisHeat(ClientWire(client, owned=True), 10.0)
    await heat.share({"a": Warmth(1)})
    server.kill()
    with pytest.raises(StoreUnavailableError):
        await heat.share({"a": Warmth(1)})
    await client.aclose()
    with pytest.raises(StoreUnavailableError):
        await SqliteStore(":memory:").heat(10.0).share({"a": Warmth(1)})
