"""
What only a real server shows: full, frozen, restarted, locked, emptied under load; and what other clients see.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest
from redis.asyncio import Redis

from tests.sinks.tls import VALID, server_context
from tests.stores.pipes import Pipe
from tests.stores.rows import row
from tests.stores.servers import RealServer
from tracelog.core import keys
from tracelog.core.entry import decode_entry
from tracelog.core.query import parse
from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.stores import Outcome, TraceFilter, TraceQuota, open_store, redis_pack
from tracelog.stores.redis import RedisStore

pytestmark = pytest.mark.anyio

PATIENCE_S = 0.3
"""How long a store waits for a server that this test froze."""


@pytest.fixture
async def store(shared_server: RealServer, raw: Redis, anyio_backend: str) -> AsyncIterator[RedisStore]:
    """
    A store on the shared server, emptied.
    """
    made = RedisStore(shared_server.url, timeout_s=5)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def on(anyio_backend: str) -> AsyncIterator[Callable[[str], "asyncio.Future[RedisStore]"]]:
    """
    A function that returns a started store on the given URL.
    """
    made: list[RedisStore] = []

    async def start(url: str, timeout_s: float = 5) -> RedisStore:
        made.append(RedisStore(url, timeout_s=timeout_s))
        await made[-1].start()
        return made[-1]

    yield start
    for each in made:
        await each.close()


async def _endless(client: Redis) -> list[bytes]:
    return [name async for name in client.scan_iter() if await client.ttl(name) == -1]


async def test_any_client_reads(store: RedisStore, raw: Redis):
    """
    `LRANGE logs:<trace_id> 0 -1` gives any client the entries as JSON, in arrival order.
    """
    await store.write([row("trace-a", seq, f"message {seq}") for seq in range(3)])
    found = [decode_entry(each).message for each in await raw.lrange("logs:trace-a", 0, -1)]
    assert found == ["message 0", "message 1", "message 2"]


async def test_every_key_ends(store: RedisStore, raw: Redis):
    """
    Whatever the store writes has a time to live, a trace's renewed by every write to it.
    """
    await store.write([row("trace-a", 1, level="error")])
    await raw.expire("logs:trace-a", 5)
    await raw.expire("ids:{logs:trace-a}", 5)
    await store.write([row("trace-a", 2)])
    await store.write([row("trace-a", 3)], quota=TraceQuota())
    await raw.expire("quota:{logs:trace-a}", 5)
    await store.write([row("trace-a", 4)], quota=TraceQuota())
    await store.count([Outcome("s", "backend", "rejected", "bad_json")])
    await store.report("s", b"{}")
    await store.health()
    assert await _endless(raw) == []
    lasting = ("logs:trace-a", "ids:{logs:trace-a}", "quota:{logs:trace-a}")
    assert [3590 < await raw.ttl(name) <= 3600 for name in lasting] == [True] * 3
    assert min([await raw.ttl(name) for name in (keys.TALLY, keys.RECENT, keys.LINES)]) > 3600


async def test_companions_share_the_slot(store: RedisStore, raw: Redis):
    """
    A trace lies in `logs:<id>` and companions with that name as hash tag; all else begins with `tracelog:`.
    """
    await store.write([row("trace-a", 1, level="error")])
    names = {name.decode() async for name in raw.scan_iter()}
    assert {name for name in names if not name.startswith("tracelog:")} == {
        "logs:trace-a",
        "ids:{logs:trace-a}",
    }


async def test_flushed_scripts(store: RedisStore, raw: Redis):
    """
    A server that forgot the script is given it again, unnoticed.
    """
    await store.write([row("trace-a", 1)])
    await raw.script_flush()
    assert await store.write([row("trace-a", 1), row("trace-a", 2)]) == "DA"


async def test_emptied_under_load(store: RedisStore, raw: Redis):
    """
    FLUSHALL at any moment of a load leaves no key without a time to live.
    """
    chance = Random(1)
    for turn in range(30):
        rows = [row(f"trace-{chance.randrange(5)}", turn * 100 + at, level="error") for at in range(8)]
        quota = TraceQuota(normal=20) if turn % 2 else None
        writes = [store.write(rows[at : at + 2], quota=quota) for at in range(0, 8, 2)]
        await asyncio.gather(*writes, raw.flushall())
        assert await _endless(raw) == []


@pytest.mark.parametrize("quota", [None, TraceQuota()], ids=["unlimited", "limited"])
async def test_wrong_type(store: RedisStore, raw: Redis, quota: TraceQuota | None):
    """
    A trace whose key holds something else is refused alone and for good, charged nothing, and named by `health`.
    """
    await raw.set("logs:trace-a", "text")
    await raw.set("ids:{logs:trace-b}", "text")
    rows = [row("trace-a", 1), row("trace-a", 2), row("trace-c", 3), row("trace-b", 4), row("trace-c", 3)]
    assert await store.write(rows, quota=quota) == "WWAWD"
    assert await raw.exists("ids:{logs:trace-a}", "quota:{logs:trace-a}", "logs:trace-b") == 0
    assert [(tally.received, tally.duplicate) for tally in await store.tallies()] == [(1, 1)]
    health = await store.health()
    assert health["ok"]
    assert any("trace-a cannot be stored" in warning for warning in health["warnings"])
    assert (await store.fetch("trace-a"), await store.fetch("trace-b")) == (None, None)
    assert [line.trace_id for line in (await store.traces(TraceFilter())).items] == ["trace-c"]
    assert await store.write([row("trace-d", 1)], quota=quota) == "A"
    await raw.delete("logs:trace-a")
    assert await store.write(rows[:2], quota=quota) == "AA"


async def test_wrong_type_of_use(store: RedisStore, raw: Redis):
    """
    A trace whose use of its quota is no hash is refused for good, and nothing of it is stored.
    """
    await raw.set("quota:{logs:trace-a}", "text")
    assert await store.write([row("trace-a", 1)], quota=TraceQuota()) == "W"
    assert await raw.exists("logs:trace-a", "ids:{logs:trace-a}") == 0


async def test_foreign_entries(store: RedisStore, raw: Redis):
    """
    What another client pushed is shown, whatever it is, spoils no list, and is given a time to live by a sweep.
    """
    await raw.rpush("logs:foreign", '{"message":"hello","level":"error","timestamp":5}', "no json", "[]")
    trace = await store.fetch("foreign")
    assert trace is not None
    assert (len(trace.entries), trace.stored, trace.expires_at_ms) == (3, 3, None)
    assert await store.resolve("foreign") == "foreign"
    await raw.zadd(keys.RECENT, {"foreign": time.time() * 1000})
    [line] = (await store.traces(TraceFilter())).items
    assert (line.title, line.entries, line.errors) == ("hello", 3, 1)
    assert len((await store.search(parse(""))).items) == 1
    await store.sweep()
    assert 0 < await raw.ttl("logs:foreign") <= 3600


async def test_evicted(store: RedisStore, raw: Redis):
    """
    A trace whose list was evicted still says how many entries it had.
    """
    await store.write([row("trace-a", seq) for seq in range(3)])
    await raw.delete("logs:trace-a")
    trace = await store.fetch("trace-a")
    assert trace is not None
    assert (trace.entries, trace.stored) == ([], 3)
    [line] = (await store.traces(TraceFilter())).items
    assert (line.entries, line.title) == (3, "")


async def test_lines_follow_their_lists(store: RedisStore, raw: Redis):
    """
    The remembered line of a trace is told anew when its list grew, shrank or became another one.
    """

    async def line() -> tuple[str, int]:
        [found] = (await store.traces(TraceFilter())).items
        return found.title, found.errors

    await store.write([row("trace-a", seq, f"first {seq}") for seq in range(3)])
    assert await line() == ("first 0", 0)
    await store.write([row("trace-a", 9, "broke", level="error")])
    assert await line() == ("broke", 1)
    await raw.ltrim("logs:trace-a", 0, 1)
    assert await line() == ("first 0", 0)
    await raw.delete("logs:trace-a", "ids:{logs:trace-a}")
    await store.write([row("trace-a", 10, "second")])
    assert await line() == ("second", 0)
    await raw.delete("logs:trace-a", "ids:{logs:trace-a}")
    await store.write([row("trace-a", seq, "third") for seq in range(20, 25)])
    assert await line() == ("third", 0)


async def test_remembered_lines_are_bounded(store: RedisStore, monkeypatch: pytest.MonkeyPatch):
    """
    Only so many lines are remembered; the others are told again from their lists.
    """
    monkeypatch.setattr("tracelog.stores.redis_read.REMEMBERED", 3)
    await store.write([row(f"trace-{at}", at, f"title {at}") for at in range(8)])
    for _ in range(2):
        found = (await store.traces(TraceFilter())).items
        assert sorted(line.title for line in found) == [f"title {at}" for at in range(8)]
    assert len(store._reader._folded) == 3


async def test_listed_traces_are_bounded(store: RedisStore, raw: Redis, monkeypatch: pytest.MonkeyPatch):
    """
    The lists of traces hold the newest so many; older ones are still fetched by id.
    """
    monkeypatch.setattr(redis_pack, "MAX_LISTED", 4)
    for at in range(9):
        await store.write([row(f"trace-{at}", at, level="error")])
    assert [await raw.zcard(keys.RECENT), await raw.zcard(keys.ERRORS)] == [4, 4]
    assert await store.resolve("latest") == "trace-8"
    assert await store.fetch("trace-0") is not None


async def test_clear_spares_others(store: RedisStore, raw: Redis):
    """
    Emptying the store touches no key of another program.
    """
    await store.write([row(f"trace-{at}", at) for at in range(50)])
    await raw.mset({"other": "1", "xlogs:trace-1": "2", "ids:other": "3"})
    await store.clear()
    assert sorted([name async for name in raw.scan_iter()]) == [b"ids:other", b"other", b"xlogs:trace-1"]


async def test_calls_are_parted(store: RedisStore, raw: Redis):
    """
    What is too large for one call is sent in several, a trace always in one.
    """
    rows = [row(f"trace-{at % 5}", at, "x" * 200_000) for at in range(60)]
    await store.write([row("first", 0, "so that the server knows the script")])
    await raw.config_resetstat()
    assert await store.write(rows) == "A" * 60
    assert (await raw.info("commandstats"))["cmdstat_evalsha"]["calls"] == 5


async def test_replies_never_mix(store: RedisStore):
    """
    Requests cancelled at any moment leave no answer behind for others, and nothing is stored twice.
    """
    chance = Random(7)

    async def ask(at: int) -> None:
        name = f"trace-{at}"
        stored = await store.write([row(name, seq, name) for seq in range(at % 3 + 1)])
        assert len(stored) == at % 3 + 1
        trace = await store.fetch(name)
        assert trace is not None
        assert {decode_entry(each).message for each in trace.entries} == {name}

    for at in range(300):
        tasks = [asyncio.ensure_future(ask(at + n * 1_000)) for n in range(3)]
        for _ in range(chance.randrange(60)):
            await asyncio.sleep(0)
        tasks[0].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [
            each for each in done if each is not None and not isinstance(each, asyncio.CancelledError)
        ] == []
    for at in range(300):
        rows = [row(f"trace-{at}", seq, f"trace-{at}") for seq in range(at % 3 + 1)]
        await store.write(rows)
        trace = await store.fetch(f"trace-{at}")
        assert trace is not None
        assert trace.entries == [body for _, body in rows]


async def test_many_writers(store: RedisStore):
    """
    More writers than connections take turns; none of them is left waiting.
    """
    answers = await asyncio.gather(*(store.write([row(f"trace-{at % 9}", at)]) for at in range(500)))
    assert answers == ["A"] * 500


async def test_full(own_server: Callable[..., RealServer], on):
    """
    A full server refuses whole calls and charges nothing for them; it is written again once it has room.
    """
    server = own_server("--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
    store = await on(server.url)
    acknowledged = 0
    fault = None
    for at in range(0, 20_000, 2):
        rows = [row(f"trace-{at % 20}", at + n, "x" * 4_000) for n in range(2)]
        try:
            acknowledged += (await store.write(rows)).count("A")
        except StoreUnavailableError as error:
            fault = error
            break
    assert "full" in str(fault)
    assert acknowledged > 50
    health = await store.health()
    assert (health["ok"], "full" in health["cause"]) == (False, True)
    client = Redis.from_url(server.url)
    lists = [await client.llen(f"logs:trace-{at}") for at in range(20)]
    ids = [await client.scard(f"ids:{{logs:trace-{at}}}") for at in range(20)]
    assert (sum(lists), lists) == (acknowledged, ids)
    assert [tally.received for tally in await store.tallies()] == [acknowledged]
    await client.config_set("maxmemory", 0)
    await client.aclose()
    assert await store.write([row("trace-a", 1)]) == "A"
    assert (await store.health())["ok"]


async def test_frozen(own_server: Callable[..., RealServer], on):
    """
    A frozen server costs a bounded time, and what it did receive is not stored twice afterwards.
    """
    server = own_server()
    store = await on(server.url, PATIENCE_S)
    await store.write([row("trace-a", 0)])
    server.freeze()
    began = time.monotonic()
    rows = [row("trace-a", seq) for seq in range(1, 9)]
    lost = await asyncio.gather(
        *(store.write([each]) for each in rows), store.fetch("trace-a"), return_exceptions=True
    )
    took = time.monotonic() - began
    server.thaw()
    assert [type(error) for error in lost] == [StoreUnavailableError] * 9
    assert took < 2 * PATIENCE_S + 0.5
    await asyncio.gather(*(store.write([each]) for each in rows))
    trace = await store.fetch("trace-a")
    assert trace is not None
    assert sorted(decode_entry(each).seq for each in trace.entries) == list(range(9))


async def test_restarted_empty(own_server: Callable[..., RealServer], on):
    """
    After a restart without data the store goes on by itself, and says what is lost by having it no more.
    """
    server = own_server()
    store = await on(server.url)
    rows = [row("trace-a", seq) for seq in range(3)]
    await store.write(rows)
    server.kill()
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        await store.write(rows)
    assert (await store.health())["cause"] == "Redis cannot be reached"
    server.start()
    assert await store.write(rows) == "A" * 3
    assert await store.fetch("trace-a") is not None


async def test_absent_at_start(own_server: Callable[..., RealServer], on):
    """
    A store starts without its server and works as soon as that is there.
    """
    server = own_server()
    server.kill()
    store = await on(server.url)
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        await store.fetch("trace-a")
    server.start()
    assert await store.write([row("trace-a", 1)]) == "A"


async def test_wrong_password(own_server: Callable[..., RealServer], on):
    """
    A wrong password is a lasting fault: said without the password, and not tried again at once.
    """
    server = own_server("--requirepass", "right")
    store = await on(f"redis://:hunter2@127.0.0.1:{server.port}/0")
    with pytest.raises(StoreUnavailableError, match="refuses the user name or password") as refused:
        await store.write([row("trace-a", 1)])
    assert refused.value.retry_after >= 30
    health = await store.health()
    assert health["ok"] is False
    assert "hunter2" not in f"{refused.value}{health}"
    server.kill()
    with pytest.raises(StoreUnavailableError, match="password"):
        await store.write([row("trace-a", 1)])


async def test_missing_password(own_server: Callable[..., RealServer], on):
    """
    A server that wants a password says so, and with the right one the store works.
    """
    server = own_server("--requirepass", "right")
    with pytest.raises(StoreUnavailableError, match="wants a password"):
        await (await on(server.url)).write([row("trace-a", 1)])
    assert await (await on(f"redis://:right@127.0.0.1:{server.port}/0")).write([row("trace-a", 1)]) == "A"


async def test_denied(own_server: Callable[..., RealServer], on):
    """
    A user without the needed rights is told so.
    """
    server = own_server()
    client = Redis.from_url(server.url)
    await client.execute_command("ACL", "SETUSER", "guest", "on", ">guest", "~other:*", "+@all")
    await client.aclose()
    store = await on(f"redis://guest:guest@127.0.0.1:{server.port}/0")
    with pytest.raises(StoreUnavailableError, match="access list") as refused:
        await store.fetch("trace-a")
    assert refused.value.retry_after >= 30


async def test_least_rights(own_server: Callable[..., RealServer], on):
    """
    A user with our keys only, and without dangerous commands, is enough for everything the store does.
    """
    server = own_server()
    client = Redis.from_url(server.url)
    ours = ("~logs:*", "~ids:{logs:*", "~quota:{logs:*", "~tracelog:*")
    rights = (*ours, "+@all", "-@dangerous", "+info")
    await client.execute_command("ACL", "SETUSER", "tracelog", "on", ">pass", *rights)
    await client.aclose()
    store = await on(f"redis://tracelog:pass@127.0.0.1:{server.port}/0")
    assert await store.write([row("trace-a", 1, level="error")], quota=TraceQuota()) == "A"
    assert len((await store.search(parse("said"))).items) == 1
    assert len((await store.traces(TraceFilter(errors=True))).items) == 1
    await store.count([Outcome("s", "backend", "rejected", "bad_json")])
    await store.report("s", b"{}")
    assert len(await store.tallies()) == 1
    assert (await store.health())["ok"]
    await store.sweep()
    await store.clear()


async def test_replica(own_server: Callable[..., RealServer], on):
    """
    A read-only replica takes no writes, and both the error and `health` say why.
    """
    server = own_server()
    client = Redis.from_url(server.url)
    await client.replicaof("127.0.0.1", "1")
    await client.aclose()
    store = await on(server.url)
    with pytest.raises(StoreUnavailableError, match="replica"):
        await store.write([row("trace-a", 1)])
    health = await store.health()
    assert (health["ok"], "replica" in health["cause"]) == (False, True)


async def test_warnings(own_server: Callable[..., RealServer], on):
    """
    `health` warns of settings under which traces end early or writes are refused.
    """
    server = own_server()
    store = await on(server.url)
    client = Redis.from_url(server.url)
    told = {}
    for limit, policy in ((0, "noeviction"), (10**9, "noeviction"), (10**9, "allkeys-lru")):
        await client.config_set("maxmemory", limit)
        await client.config_set("maxmemory-policy", policy)
        told[limit, policy] = (await store.health())["warnings"]
    await client.aclose()
    assert [len(each) for each in told.values()] == [1, 1, 1]
    assert "no memory limit" in told[0, "noeviction"][0]
    assert "refuses writes when it is full" in told[10**9, "noeviction"][0]
    assert "evict traces before their time (maxmemory-policy allkeys-lru)" in told[10**9, "allkeys-lru"][0]


@pytest.mark.parametrize("url", ["redis://localhost:port/0", "http://x", "redis:/x", "rediss://h:1/?db=x"])
def test_bad_address(url: str):
    """
    An address that can never work is refused at once, and not repeated in full.
    """
    with pytest.raises(ConfigError):
        open_store(url)


async def test_broken_off_replies(shared_server: RealServer, raw: Redis, on):
    """
    A connection that ends in the middle of a reply is not used again: no answer is another's, nothing stored twice.
    """
    chance = Random(3)
    stored = {}
    async with Pipe(shared_server.port, reply_bytes=lambda: chance.randrange(1, 900)) as pipe:
        store = await on(f"redis://127.0.0.1:{pipe.port}/0")
        for at in range(120):
            name = f"trace-{at}"
            try:
                stored[name] = await store.write([row(name, seq, name) for seq in range(at % 4 + 1)])
                trace = await store.fetch(name)
            except StoreUnavailableError:
                continue
            assert trace is not None
            assert {decode_entry(each).message for each in trace.entries} == {name}
    assert 20 < len(stored) < 120
    assert all(each == "A" * len(each) for each in stored.values())
    for at in range(120):
        found = [decode_entry(each).seq for each in await raw.lrange(f"logs:trace-{at}", 0, -1)]
        assert found in ([], list(range(at % 4 + 1)))
        assert found or f"trace-{at}" not in stored


async def test_encrypted(shared_server: RealServer, raw: Redis, on, tmp_path: Path):
    """
    `rediss://` checks the server's certificate, works with one it trusts, and never falls back to plain text.
    """
    context = server_context(tmp_path, VALID)
    async with Pipe(shared_server.port, context=context) as pipe:
        trusting = await on(f"rediss://localhost:{pipe.port}/0?ssl_ca_certs={tmp_path / 'certificate.pem'}")
        assert await trusting.write([row("trace-a", 1)]) == "A"
        assert await trusting.fetch("trace-a") is not None
        doubting = await on(f"rediss://localhost:{pipe.port}/0")
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            await doubting.write([row("trace-a", 2)])
    assert await raw.llen("logs:trace-a") == 1
