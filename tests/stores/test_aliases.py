"""
Aliases in every store: the first word about a name counts for all servers, and a body keeps its meaning.
"""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.stores.conftest import Kept
from tests.stores.rows import NOON_MS
from tests.stores.servers import RealServer
from tracelog.core import keys
from tracelog.core.aliases import NAMES, WINDOW_MS, Claim, State, Window, understand
from tracelog.stores import redis_aliases
from tracelog.stores.redis_wire import ClientWire
from tracelog.stores.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

NAMED = st.sampled_from("abcd")
claims = st.builds(
    Claim,
    NAMED.map("body {}".format),
    st.dictionaries(NAMED, st.sampled_from(["t-1", "t-2"]), max_size=2),
    st.lists(NAMED, max_size=3, unique=True),
)
histories = st.lists(
    st.tuples(st.sampled_from([0, 1, WINDOW_MS // 2, WINDOW_MS, 2 * WINDOW_MS, -WINDOW_MS]), claims),
    max_size=12,
)


async def test_every_store(kept: Kept):
    """
    What one server learned another knows, the first word stays, and a body that comes again means what it did.
    """
    ask = kept.store.understand
    early = Claim("body early", {}, ["r1", "r2"])
    assert await ask(early) == ["", ""]
    assert await ask(Claim("body told", {"r1": "t-1"}, ["r1", "r2"])) == ["t-1", ""]
    assert await ask(Claim("body later", {"r1": "t-2", "r2": "t-2"}, [])) == []
    assert await ask(Claim("body late", {}, ["r2", "r1", "r3"])) == ["t-2", "t-1", ""]
    assert await ask(early) == ["", ""]
    await kept.store.clear()
    assert await ask(Claim("body late", {}, ["r2"])) == [""]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories)
def test_script_follows_the_arithmetic(shared_server: RealServer, history: list[tuple[int, Claim]]):
    """
    A real server answers any history as the arithmetic does, also when its clock jumps and where there is no room.
    """

    async def play() -> None:
        client = Redis.from_url(shared_server.url, protocol=2)
        await client.delete(*redis_aliases.KEYS)
        wire, state, now = ClientWire(client, owned=False), State(), int(NOON_MS)
        for wait_ms, claim in history:
            now += wait_ms
            asked = Claim(claim.body + "".join(claim.asked), claim.told, claim.asked)
            found = await redis_aliases.understand(wire, asked, now_ms=now)
            assert found == understand(state, asked, now)
        await client.aclose()

    asyncio.run(play())


def test_room_is_bounded():
    """
    A window holds so many names; what is known already needs no further room.
    """
    at = int(NOON_MS // WINDOW_MS)
    full = {str(n): "t" for n in range(NAMES)}
    state = State(Window(at, full), Window(at, dict(full)))
    assert understand(state, Claim("body", {"new": "t-1"}, ["new", "7"]), NOON_MS) == ["t-1", "t"]
    assert understand(state, Claim("body", {}, ["new"]), NOON_MS) == [""]
    assert len((state.odd if at % 2 else state.even).names) == NAMES


async def test_what_redis_holds_ends_by_itself(raw: Redis):
    """
    Beyond its room Redis takes no further names, and both windows end by themselves.
    """
    wire = ClientWire(raw, owned=False)
    for n in range(4):
        await redis_aliases.understand(wire, Claim("body", {f"r{n}": "t"}, []), now_ms=0, most=2)
    assert await raw.hlen(keys.EVEN_ALIASES) == 3
    await redis_aliases.understand(wire, Claim("body", {"r0": "t"}, []), now_ms=WINDOW_MS)
    assert all([0 < await raw.pttl(key) <= 2 * WINDOW_MS for key in redis_aliases.KEYS])


async def test_what_an_asking_costs(raw: Redis):
    """
    Five commands, the call of the script and those inside it, however many requests a body names.
    """
    wire = ClientWire(raw, owned=False)
    claim = Claim("body", {f"r{n}": "t" for n in range(128)}, [f"q{n}" for n in range(128)])
    await redis_aliases.understand(wire, claim)
    await raw.config_resetstat()
    await redis_aliases.understand(wire, claim)
    stats = await raw.info("commandstats")
    ran = {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}
    ours = {name: calls for name, calls in ran.items() if "|" not in name and name != "info"}
    assert ours == {"evalsha": 1, "time": 1, "hmget": 2, "hset": 1}


async def test_a_file_remembers_as_the_arithmetic(tmp_path: Path):
    """
    Two processes on one file, one of them begun later, agree for as long as the arithmetic does.
    """
    now, state = [NOON_MS], State()
    stores = [SqliteStore(str(tmp_path / "logs.db"), clock=lambda: now[0] / 1000) for _ in range(2)]
    told, asked = Claim("body 1", {"r1": "t-1"}, []), Claim("body 2", {}, ["r1", "r2"])
    steps = [(0, told), (0, asked), (1, asked), (1, told), (2, asked), (4, asked)]
    for at, (windows, claim) in enumerate(steps):
        now[0] = NOON_MS + windows * WINDOW_MS
        store = stores[at % 2]
        await store.start()
        assert await store.understand(claim) == understand(state, claim, now[0])
    for store in stores:
        await store.close()
