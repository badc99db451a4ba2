"""
The board, safe clean-up and a closer look, in every store and on real servers.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.stores.conftest import TTL_S, Kept
from tests.stores.rows import row
from tests.stores.servers import RealServer
from tracelog.core import keys
from tracelog.core.pin_settings import PinSettings
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Demand
from tracelog.errors import StoreUnavailableError
from tracelog.stores.boards import MOST_NOTES
from tracelog.stores.examined import examined
from tracelog.stores.redis import RedisStore
from tracelog.stores.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


async def test_what_operators_say_outlives_the_logs(kept: Kept) -> None:
    """
    Every board of a store tells what was put until it is taken; emptying and sweeping the store takes neither
    that nor the audit nor what was spent, and everything else.
    """
    one, two, gate = kept.store.board(), kept.store.board(), kept.store.gate(QuotaSettings())
    await one.put("key/a", b"first")
    await one.put("key/a", b'{"role":"admin"}')
    await one.put("mute/b", b"{}")
    for line in (b"1", b"2", b"3"):
        await two.note(line)
    await gate.ask([Demand("worker", "normal", 7)])
    await kept.store.write([row("trace-a", 1)])
    await kept.store.sweep()
    await kept.let_expire()
    await kept.store.write([row("trace-b", 1)])
    await kept.store.clear()
    assert await two.read() == {"key/a": b'{"role":"admin"}', "mute/b": b"{}"}
    assert await one.notes(2) == [b"3", b"2"]
    assert (await gate.status()).month_used == 7
    assert await kept.store.fetch("trace-b") is None
    assert [await one.take("key/a"), await two.take("key/a")] == [True, False]
    assert await two.read() == {"mute/b": b"{}"}


async def test_one_of_many_gets_a_claim(kept: Kept) -> None:
    """
    Of many that claim a name at once one gets it; when it is done nobody gets it any more.
    """
    boards = [kept.store.board() for _ in range(8)]
    name = f"alert-{id(kept)}"
    claims = await asyncio.gather(*(board.claim(name, 60) for board in boards))
    assert sorted(claims) == ["ours", *["theirs"] * 7]
    await boards[0].done(name, 60)
    assert await boards[1].claim(name, 60) == "done"


async def test_a_claim_ends_and_the_audit_is_bounded() -> None:
    """
    A claim whose owner died is free when its time is over; of the audit the latest lines stay.
    """
    now = [1_000.0]
    store = SqliteStore(":memory:", clock=lambda: now[0])
    await store.start()
    board = store.board()
    assert await board.claim("a", 60) == "ours"
    now[0] += 59
    assert await board.claim("a", 60) == "theirs"
    now[0] += 2
    assert await board.claim("a", 60) == "ours"
    for at in range(MOST_NOTES + 3):
        await board.note(b"%d" % at)
    lines = await board.notes(MOST_NOTES * 2)
    assert (len(lines), lines[0], lines[-1]) == (MOST_NOTES, b"%d" % (MOST_NOTES + 2), b"3")
    await store.close()


async def test_a_dry_run_says_what_a_clean_up_does(kept: Kept) -> None:
    """
    A dry run changes nothing and says what the clean-up then takes; afterwards nothing is left over, and what
    can be read is untouched, pinned traces that are old, too.
    """
    store = kept.store
    await store.write([row("trace-old", 1), row("trace-pin", 1)])
    await store.pin("trace-pin", PinSettings())
    await kept.let_expire()
    await store.write([row("trace-new", 1)])
    found = await store.clean(dry_run=True)
    assert (found.expired, await store.clean(dry_run=True)) == (1, found)
    assert (await store.clean(dry_run=False)).expired == 1
    again = await store.clean(dry_run=True)
    assert (again.expired, again.orphaned, again.endless) == (0, 0, 0)
    assert await store.fetch("trace-new") is not None
    assert await store.fetch("trace-pin") is not None


async def test_orphans_of_the_embedded_store_go() -> None:
    """
    Companions that belong to no trace are found and removed; a fresh quota of a refused trace stays.
    """
    store = SqliteStore(":memory:", ttl_s=TTL_S, clock=lambda: 100_000.0)
    await store.start()

    def spoil(connection) -> None:
        connection.execute("INSERT INTO echoes VALUES ('gone', 'a', 'b')")
        connection.execute("INSERT INTO quotas VALUES ('gone', 1, 0, 5, 0, 1.0)")
        connection.execute("INSERT INTO quotas VALUES ('fresh', 1, 0, 5, 0, 99999000.0)")

    await store._change(spoil)
    assert (await store.clean(dry_run=False)).orphaned == 2
    assert (await store.clean(dry_run=True)).orphaned == 0
    await store.close()


@pytest.fixture
async def served(shared_server: RealServer, anyio_backend: str) -> AsyncIterator[tuple[RedisStore, Redis]]:
    """
    A store on a real server that is emptied first, and a plain client of it.
    """
    client = Redis.from_url(shared_server.url, protocol=2)
    await client.flushall()
    store = RedisStore(shared_server.url, timeout_s=5)
    await store.start()
    yield store, client
    await store.close()
    await client.aclose()


async def test_companions_of_an_evicted_list_go(served: tuple[RedisStore, Redis]) -> None:
    """
    Companions whose list another program removed go with their bytes told; those of a living trace stay, and
    what has no time to live gets one, but for the board.
    """
    store, client = served
    await store.board().put("key/a", b"x")
    await store.write([row("trace-a", 1), row("trace-b", 1)])
    await client.delete(keys.logs("trace-a"))
    await client.rpush("logs:foreign", "{}")
    found = await store.clean(dry_run=True)
    assert (found.orphaned, found.endless) == (1, 1)
    assert found.bytes is not None
    assert found.bytes > 0
    assert await client.exists(keys.companion(keys.IDS, "trace-a"))
    assert (await store.examine())["ttl"]["endless"] == 1
    assert await store.clean(dry_run=False) == found
    assert not await client.exists(keys.companion(keys.IDS, "trace-a"))
    assert await client.exists(keys.companion(keys.IDS, "trace-b"))
    assert (await client.ttl("logs:foreign") > 0, await client.ttl(keys.BOARD)) == (True, -1)
    assert await store.examine() is not None


async def test_a_real_server_is_looked_at_closely(served: tuple[RedisStore, Redis]) -> None:
    """
    Memory, policy, evictions, slow log without arguments, and persistence are told, with what to do.
    """
    store, client = served
    await client.config_set("maxmemory", 10_000_000)
    await client.config_set("maxmemory-policy", "allkeys-lru")
    await client.config_set("slowlog-log-slower-than", 0)
    try:
        await client.set("secret-key", "hunter2")
        await client.config_set("slowlog-log-slower-than", 10_000)
        for at in range(12):
            await client.set(f"filling-{at}", b"x" * 1_000_000)
        shown = await store.examine()
    finally:
        await client.config_set("maxmemory", 0)
        await client.config_set("maxmemory-policy", "noeviction")
        await client.slowlog_reset()
    assert shown["evicted"] > 0
    assert any(f"{shown['evicted']:,} keys were evicted" in each for each in shown["recommendations"])
    assert any("set maxmemory-policy noeviction" in each for each in shown["recommendations"])
    assert shown["warnings"] == []  # what to do says it, too
    assert shown["memory"]["limit_bytes"] == 10_000_000
    assert "SET" in {each["command"] for each in shown["slow"]}
    assert "hunter2" not in str(shown)
    assert (shown["persistence"]["log"], shown["persistence"]["saves"]) == (False, False)
    said = " ".join(shown["recommendations"])
    assert all(word in said for word in ("volatile-ttl", "appendonly", "slow log", "were evicted"))


async def test_a_file_is_looked_at_closely(tmp_path) -> None:
    """
    Of the embedded store its counts, its size and what is over and still there are told, and what to do.
    """
    now = [1_800_000_000.0]
    store = SqliteStore(str(tmp_path / "logs.db"), ttl_s=TTL_S, clock=lambda: now[0])
    await store.start()
    await store.write([row("trace-a", 1), row("trace-a", 2), row("trace-b", 3)])
    shown = await store.examine()
    assert [shown[name] for name in ("traces", "entries", "pins")] == [2, 3, 0]
    assert (shown["file"]["log_bytes"] > 0, shown["file"]["expired"], shown["recommendations"]) == (
        True,
        0,
        [],
    )
    assert shown["ttl"] == {"looked": 2, "endless": 0, "coverage": 1.0}
    now[0] += 2 * TTL_S
    later = await store.examine()
    assert (later["file"]["expired"], len(later["recommendations"])) == (2, 1)
    await store.close()


async def test_a_store_that_is_away_is_looked_at_too(tmp_path) -> None:
    """
    What cannot be found out is None, and the cause is told.
    """
    store = RedisStore("redis://127.0.0.1:1/0", timeout_s=0.2)
    await store.start()
    shown = await store.examine()
    assert (shown["ok"], shown["memory"], shown["recommendations"]) == (False, None, [])
    with pytest.raises(StoreUnavailableError):
        await store.board().read()
    await store.close()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"memory": {"used_bytes": 9, "limit_bytes": 0, "policy": "x", "fragmentation": 1}}, "set maxmemory"),
        ({"memory": {"used_bytes": 9, "limit_bytes": 10, "policy": "x", "fragmentation": 1}}, "90% full"),
        ({"evicted": 1_200}, "1,200 keys were evicted"),
        ({"ttl": {"endless": 3}}, "3 keys have no time"),
        ({"size_bytes": 100_000_000, "file": {"free_bytes": 60_000_000, "expired": 0}}, "60% of the file"),
        ({"size_bytes": 100, "file": {"free_bytes": 60, "expired": 5}}, "5 traces are over"),
        (
            {
                "size_bytes": 10**9,
                "memory": {"used_bytes": 1, "limit_bytes": 10**9, "policy": "x", "fragmentation": 2.5},
            },
            "fragmented (2.5)",
        ),
    ],
)
def test_recommendations(facts, words: str) -> None:
    """
    Each trouble has its one sentence, and nothing is said of what is not known.
    """
    [said] = examined(facts)["recommendations"]
    assert words in said
    assert examined({})["recommendations"] == []


def test_a_warning_is_left_out_where_a_recommendation_says_the_same() -> None:
    """
    Of one trouble there is one sentence; warnings that nothing answers stay.
    """
    warnings = ["Redis has no memory limit; set maxmemory", "the last save of Redis to disk failed"]
    memory = {"used_bytes": 9, "limit_bytes": 0, "policy": "noeviction"}
    shown = examined({"warnings": warnings, "memory": memory})
    assert shown["warnings"] == warnings[1:]
    assert len(shown["recommendations"]) == 1
    assert examined({"warnings": warnings})["warnings"] == warnings
