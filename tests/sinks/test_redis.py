"""
The Redis sink against a real server, well and ill-treated, against an imitation, and beside the server's store.
"""

import asyncio
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import fakeredis
import msgspec
import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from tests.sinks.parcels import SECONDS, TRACE, parcel, row
from tests.sinks.scripted import scripted
from tests.stores.servers import RealServer, free_port
from tracelog.core import keys
from tracelog.core.entry import decode_entry
from tracelog.core.query import parse
from tracelog.errors import ConfigError, SinkRefusedError, SinkUnavailableError
from tracelog.sinks import redis_call
from tracelog.sinks.base import Receipt
from tracelog.sinks.redis import RedisSink
from tracelog.stores import TraceFilter, redis_scripts
from tracelog.stores.redis import RedisStore

QUICK = "?socket_timeout=0.2&socket_connect_timeout=0.2"
"""Options of a URL that make a sink give up sooner than it does by default."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """
    Return a real server for tests that leave it as it was.
    """
    with RealServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path):
    """
    Return a function that starts a server with options, for tests that ill-treat it.
    """
    started = []

    def start(*options):
        started.append(RealServer(tmp_path, *options).start())
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def opened():
    """
    Return a function that makes clients and sinks which are closed when the test ends.
    """
    made = []

    def keep(thing):
        made.append(thing)
        return thing

    yield keep
    for thing in made:
        thing.close()


@pytest.fixture
def raw(server, opened):
    """
    Return a plain client of the emptied server, as any other program would use it.
    """
    client = opened(Redis.from_url(server.url, protocol=2))
    client.flushall()
    return client


@pytest.fixture
def sink(server, raw, opened):
    return opened(RedisSink(server.url))


def listed(client, trace_id=TRACE):
    return [decode_entry(body) for body in client.lrange(f"logs:{trace_id}", 0, -1)]


def dump(client):
    """
    Return every key of *client* with what it holds, times as numbers.
    """
    read = {
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: dict(client.zrange(key, 0, -1, withscores=True)),
        b"hash": lambda key: {
            field: [number(part) for part in value.split(b" ", 3)]
            for field, value in client.hgetall(key).items()
        },
    }
    return {key: read[client.type(key)](key) for key in sorted(client.keys())}


def number(part):
    try:
        return float(part)
    except ValueError:
        return part


MIXED = (
    row("one", trace="trace-a", amount=12),
    row("two", trace="trace-b", level="error", stack="a\nb"),
    b"\xc0",
    row("three", trace="trace-a", level="fatal", user_id="u1", area="cart"),
    row("four \u20ac", trace=TRACE, duration_ms=12.5),
)


def test_the_same_script():
    """
    The sink runs the very script that the store runs, so that both can be on one server.
    """
    assert redis_call.read_script() == redis_scripts.COMMIT


def test_the_same_keys():
    """
    Byte for byte, the sink leaves in Redis what the store leaves for the same entries at the same time.
    """
    by_sink, by_store = fakeredis.FakeServer(), fakeredis.FakeServer()
    sent = parcel(*MIXED, seq=7)
    with fakeredis.FakeRedis(server=by_sink, protocol=2) as client:
        assert RedisSink(client=client)(sent) == Receipt()
        written = dump(client)
    now = written[keys.RECENT.encode()][b"trace-a"] / 1000

    async def store():
        async with fakeredis.FakeAsyncRedis(server=by_store, protocol=2) as client:
            kept = RedisStore(client=client, clock=lambda: now)
            await kept.start()
            await kept.write([(entry, msgspec.json.encode(entry)) for entry in sent.entries])
            await kept.close()

    asyncio.run(store())
    with fakeredis.FakeRedis(server=by_store, protocol=2) as client:
        expected = dump(client)

    assert alike(written, expected)


def alike(one, other):
    """
    Whether both hold the same, times to the millisecond.
    """
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 1.0
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def test_a_server_sees_the_entries(server, sink):
    """
    The store on the same Redis finds them by trace, in lists, by search, and its ledger knows their source.
    """
    sent = parcel(*MIXED, seq=7, report={"emitted": 12, "stored": 11})
    assert sink(sent) == Receipt()

    async def read():
        client = AsyncRedis.from_url(server.url, protocol=2)
        store = RedisStore(client=client)
        await store.start()
        trace = await store.fetch("trace-a")
        page = await store.traces(TraceFilter(errors=True))
        hits = await store.search(parse("amount:12"))
        tallies = await store.tallies(source="a1-00ff")
        await store.close()
        await client.aclose()
        return trace, page, hits, tallies

    trace, page, hits, (tally,) = asyncio.run(read())
    assert [decode_entry(body).message for body in trace.entries] == ["one", "three"]
    assert {summary.trace_id for summary in page.items} == {"trace-a", "trace-b"}
    assert [decode_entry(body).message for body in hits.items] == ["one"]
    assert (tally.system, tally.received, tally.duplicate, tally.max_seq) == ("backend", 4, 0, 11)
    assert msgspec.json.decode(tally.report) == {"emitted": 12, "stored": 11}


def test_any_client_can_read(sink, raw):
    """
    `LRANGE logs:<trace_id> 0 -1` gives the entries as JSON, without what only a server can know.
    """
    sent = parcel(row("one", amount=12), "two")
    sink(sent)

    assert listed(raw) == sent.entries
    assert {(entry.origin, entry.received_at) for entry in listed(raw)} == {(None, None)}


def test_every_key_has_an_end(sink, raw):
    """
    Each key that is written expires; a trace after the hour, the ledger after the day, what is remembered of
    traces a day after these.
    """
    sink(parcel(*MIXED, report={"emitted": 4}))
    lives = {key: raw.ttl(key) for key in raw.scan_iter()}

    assert len(lives) == 11
    assert all(3500 < ttl <= 86_400 + 3_600 for ttl in lives.values())
    assert 3590 < lives[b"logs:trace-a"] <= 3600
    assert lives[b"ids:{logs:trace-a}"] == lives[b"logs:trace-a"]


def test_time_to_live_is_a_setting(server, raw, opened):
    """
    A trace lives as long as the sink was told.
    """
    opened(RedisSink(server.url, ttl_s=60))(parcel("one"))

    assert 50 < raw.ttl(f"logs:{TRACE}") <= 60


def test_twice_is_once(sink, raw):
    """
    The same parcel again stores nothing and says so; a parcel that overlaps stores what is new.
    """
    assert sink(parcel("a", "b", "c")) == Receipt()
    assert sink(parcel("a", "b", "c")) == Receipt(duplicate=3)
    assert sink(parcel("c", "d", seq=2)) == Receipt(duplicate=1)

    assert [entry.message for entry in listed(raw)] == ["a", "b", "c", "d"]


def test_a_flushed_script_cache(sink, raw):
    """
    A server that forgot the script is told it again.
    """
    sink(parcel("a"))
    raw.script_flush()

    assert sink(parcel("b", seq=1)) == Receipt()
    assert len(listed(raw)) == 2


@pytest.mark.parametrize("traces", [1, 7, 5000])
def test_large_parcels(sink, raw, traces):
    """
    A parcel of 5,000 entries is stored whole and in order, in one trace or in thousands.
    """
    sent = parcel(*(row(f"step {n}", trace=f"trace-{n % traces}") for n in range(5000)))
    assert sink(sent) == Receipt()
    assert sink(sent) == Receipt(duplicate=5000)

    stored = [listed(raw, f"trace-{n}") for n in range(traces)]
    assert [[entry.seq for entry in entries] for entries in stored] == [
        list(range(n, 5000, traces)) for n in range(traces)
    ]


def test_crooked_entries_are_straightened(sink, raw):
    """
    What JSON cannot say is stored as a server would store it, and named in `fixed`.
    """
    sink(parcel(row("a\x00b", ratio=float("nan"), table={(1, 2): b"\xff"})))

    (entry,) = listed(raw)
    assert entry.message == "a\\x00b"
    assert entry.context == {"ratio": "nan", "table": {"1 2": "\ufffd"}}
    assert entry.fixed == ["message", "context"]


def test_large_entries_are_cut(sink, raw):
    """
    A message beyond its limit is cut and named, as on a server.
    """
    sink(parcel("x" * 100_000))

    (entry,) = listed(raw)
    assert len(entry.message) < 70_000
    assert entry.fixed == ["message"]


ODD_IDS = ["", "a b", "{x}", "}{", "*", "?", "[a]", "../x", "logs:x\n", "0" * 32, "x" * 129, "\u0430bc"]


@pytest.mark.parametrize("trace", ODD_IDS)
def test_odd_trace_ids_name_no_key(sink, raw, trace):
    """
    An id that could mean another key, a pattern or a slot is rejected alone, and no key is made of it.
    """
    receipt = sink(parcel(row("bad", trace=trace), row("good", trace="trace-good"), seq=3))
    made = {key for key in raw.scan_iter() if not key.startswith(b"tracelog:")}

    assert receipt == Receipt(rejected={"bad_trace_id": 1})
    assert made == {b"logs:trace-good", b"ids:{logs:trace-good}"}


def test_no_batch_at_all(sink):
    """
    A parcel without a source has no ids to be stored by, and is refused.
    """
    with pytest.raises(SinkRefusedError) as caught:
        sink(parcel("one", source=""))

    assert caught.value.reason == "bad_version"


def test_an_empty_parcel_writes_its_report(sink, raw):
    """
    A parcel without rows stores its report and nothing else.
    """
    assert sink(parcel(report={"emitted": 3})) == Receipt()
    assert raw.keys() == [keys.REPORTS.encode()]


def test_nothing_connects_before_the_first_parcel(opened):
    """
    Making a sink for a server that is away is no error; the first parcel is.
    """
    sink = opened(RedisSink(f"redis://:5up3rs3cr3t@127.0.0.1:{free_port()}/0"))
    began = time.monotonic()
    with pytest.raises(SinkUnavailableError, match="refused") as caught:
        sink(parcel("one"))

    assert time.monotonic() - began < 2.0  # nobody tries behind the shipper's back
    assert "5up3rs3cr3t" not in str(caught.value)


def test_a_frozen_server(own_server, opened):
    """
    A server that stopped costs one time limit, and what it then wakes up to is stored once (F8).
    """
    server = own_server()
    raw, sink = opened(Redis.from_url(server.url)), opened(RedisSink(server.url + QUICK))
    sink(parcel("a"))
    server.freeze()
    sent = parcel("b", "c", seq=1)
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(SinkUnavailableError):
            sink(sent)
    assert time.monotonic() - began < 2.0

    server.thaw()
    raw.ping()  # all that waited for the server is done
    receipt = sink(sent)
    assert receipt.duplicate in (0, 2)
    assert sink(parcel("d", seq=3)) == Receipt()
    assert [entry.message for entry in listed(raw)] == ["a", "b", "c", "d"]


def test_the_default_patience(own_server, opened):
    """
    Without any options a server that hangs costs about a second.
    """
    server = own_server()
    sink = opened(RedisSink(server.url))
    sink(parcel("a"))
    server.freeze()
    began = time.monotonic()
    with pytest.raises(SinkUnavailableError):
        sink(parcel("b", seq=1))

    assert 0.9 < time.monotonic() - began < 3.0


def test_a_killed_server(own_server, opened, tmp_path):
    """
    While a server is down parcels can come again; when it is back they are stored, although it forgot everything.
    """
    server = own_server()
    sink = opened(RedisSink(server.url))
    sink(parcel("a"))
    server.kill()
    with pytest.raises(SinkUnavailableError):
        sink(parcel("b", seq=1))

    server.start()
    assert sink(parcel("b", seq=1)) == Receipt()
    raw = opened(Redis.from_url(server.url))
    assert [entry.message for entry in listed(raw)] == ["b"]


def test_a_full_server(own_server, opened):
    """
    A server that is full takes all of a parcel or nothing, and no counter moves without its entry (F6).
    """
    server = own_server()
    raw, sink = opened(Redis.from_url(server.url)), opened(RedisSink(server.url))
    sink(parcel("a"))
    before = dump(raw)
    raw.config_set("maxmemory", 1)
    with pytest.raises(SinkUnavailableError, match="takes nothing now"):
        sink(parcel("b", row("c", trace="other"), seq=1))
    assert dump(raw).keys() == before.keys()
    assert [dump(raw)[key.encode()] for key in (f"logs:{TRACE}", keys.RECENT)] == [
        before[key.encode()] for key in (f"logs:{TRACE}", keys.RECENT)
    ]

    raw.config_set("maxmemory", 0)
    assert sink(parcel("b", row("c", trace="other"), seq=1)) == Receipt()
    (tally,) = dump(raw)[keys.TALLY.encode()].values()
    assert tally[:3] == [3, 0, 2]


def test_a_replica(own_server, opened):
    """
    A server that became a replica may become a primary again: the parcel waits (F5).
    """
    server = own_server()
    raw, sink = opened(Redis.from_url(server.url)), opened(RedisSink(server.url))
    raw.replicaof("127.0.0.1", free_port())
    with pytest.raises(SinkUnavailableError):
        sink(parcel("a"))

    raw.replicaof("NO", "ONE")
    assert sink(parcel("a")) == Receipt()


def test_too_many_clients(own_server, opened):
    """
    A server without room for another connection is one that takes nothing now (F13).
    """
    server = own_server()
    raw = opened(Redis.from_url(server.url))
    raw.config_set("maxclients", 1)

    with pytest.raises(SinkUnavailableError):
        opened(RedisSink(server.url))(parcel("a"))


def test_passwords_and_users(own_server, opened):
    """
    Without the right password or permission a parcel is refused for good, and no message shows a password (F16).
    """
    server = own_server("--requirepass", "r1ghtpass")
    admin = opened(Redis.from_url(server.url.replace("//", "//:r1ghtpass@")))
    admin.acl_setuser("guest", enabled=True, passwords=["+guestpass"], categories=["+@all"], keys=["other:*"])
    for user in ("", ":wr0ngpass@", "nobody:wr0ngpass@", "guest:guestpass@"):
        with pytest.raises(SinkRefusedError) as caught:
            opened(RedisSink(server.url.replace("//", f"//{user}")))(parcel("one"))
        assert caught.value.reason == "redis_permission"
        assert "pass@" not in repr(caught.value)
        assert "wr0ng" not in repr(caught.value)

    assert opened(RedisSink(server.url.replace("//", "//:r1ghtpass@")))(parcel("one")) == Receipt()


def test_a_user_that_may_not_ask_for_the_time(own_server, opened):
    """
    The least that a user needs is the script and the keys: without `TIME` the program's own clock counts.
    """
    server = own_server()
    admin = opened(Redis.from_url(server.url))
    admin.acl_setuser(
        "writer", enabled=True, nopass=True, categories=["+@all"], commands=["-time"], keys=["*"]
    )

    assert opened(RedisSink(server.url.replace("//", "//writer:x@")))(parcel("one")) == Receipt()


def test_a_key_of_another_kind(sink, raw):
    """
    Where a trace's key holds something else, its entries are rejected by name and all other traces are stored.
    """
    raw.set("logs:odd-one", "mine")
    raw.set("logs:odd-two", "mine")
    rows = [row("a", trace=trace) for trace in ("odd-one", "fine-one", "odd-two", "odd-one", "fine-two")]

    assert sink(parcel(*rows)) == Receipt(rejected={"wrong_type": 3})
    assert (len(listed(raw, "fine-one")), len(listed(raw, "fine-two")), raw.get("logs:odd-one")) == (
        1,
        1,
        b"mine",
    )
    with pytest.raises(SinkRefusedError, match="WRONGTYPE") as caught:
        sink(parcel(*rows[:1], seq=9))
    assert caught.value.reason == "wrong_type"


NOW, AWAY, NEVER = "takes nothing now", "did not answer", "refuse"
REPLIES = [
    ("OOM command not allowed when used memory > 'maxmemory'.", NOW),
    ("LOADING Redis is loading the dataset in memory", NOW),
    ("READONLY You can't write against a read only replica.", NOW),
    ("MISCONF Redis is configured to save RDB snapshots", NOW),
    ("BUSY Redis is busy running a script.", NOW),
    ("MASTERDOWN Link with MASTER is down", NOW),
    ("NOREPLICAS Not enough good replicas to write.", NOW),
    ("CLUSTERDOWN The cluster is down", NOW),
    ("TRYAGAIN Multiple keys request during rehashing of slot", NOW),
    ("ERR max number of clients reached", AWAY),
    ("NOAUTH Authentication required.", NEVER),
    ("WRONGPASS invalid username-password pair", NEVER),
    ("NOPERM this user has no permissions", NEVER),
    ("MOVED 3999 127.0.0.1:6381", "part of a cluster"),
    ("WRONGTYPE Operation against a key", NEVER),
    ("ERR unknown command 'EVALSHA' \x1b[2J", NEVER),
]


@pytest.mark.parametrize(
    ("text", "meaning"), REPLIES, ids=[" ".join(reply.split(" ", 2)[:2]) for reply, _ in REPLIES]
)
def test_what_redis_says(text, meaning, opened):
    """
    Each refusal of Redis is either one that passes, and the parcel comes again, or one that stays.
    """

    def refuse(peer):
        while data := peer.sock.recv(65536):
            peer.sock.sendall(f"-{text}\r\n".encode() * len(COMMAND.findall(data)))
        return False

    kind = SinkUnavailableError if meaning in {NOW, AWAY} else SinkRefusedError
    with scripted(refuse, early=True) as server, pytest.raises(kind, match=meaning) as caught:
        opened(RedisSink(f"redis://127.0.0.1:{server.port}/0"))(parcel("one"))

    assert str(caught.value).isprintable()


COMMAND = re.compile(rb"(?:^|\n)\*\d+\r\n\$")
"""The beginning of a command in RESP."""


def test_what_is_no_redis(opened):
    """
    A server that speaks something else is one that takes nothing now.
    """

    def web(peer):
        peer.sock.recv(65536)
        peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        return False

    with scripted(web, early=True) as server, pytest.raises(SinkUnavailableError, match="did not answer"):
        opened(RedisSink(f"redis://127.0.0.1:{server.port}/0"))(parcel("one"))


def test_the_clock_of_redis_counts(sink, raw, monkeypatch):
    """
    A program whose clock is a day ahead neither leads the list of recent traces nor pushes others off it.
    """
    sink(parcel(row("before", trace="other-trace")))
    sink._measured_ms = -1e9
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 86_400)
    sink(parcel("ahead", seq=1))
    monkeypatch.undo()

    scores = dict(raw.zrange(keys.RECENT, 0, -1, withscores=True))
    assert scores.keys() == {TRACE.encode(), b"other-trace"}
    assert max(scores.values()) < max(real(), SECONDS) * 1000 + 60_000


@pytest.mark.parametrize(
    "url",
    ["redis://:5up3rs3cr3t@host:port/0", "redis://:5up3rs3cr3t@host/0?db=x", "http://h", "127.0.0.1:6379"],
)
def test_wrong_urls(url):
    """
    What is no Redis address is refused at once, without showing what may be secret in it.
    """
    with pytest.raises(ConfigError, match=r"redis://127\.0\.0\.1:6379/0") as caught:
        RedisSink(url)

    assert "5up3rs3cr3t" not in repr(caught.value)
    assert caught.value.__cause__ is None


FORKING = """
import os, sys
from tests.sinks.parcels import parcel
from tracelog.sinks import open_sink
sink = open_sink(sys.argv[1])
sink(parcel("parent before"))
child = os.fork()
if not child:
    sink.close()
    sink(parcel("child", source="child"))
    os._exit(0)
os.waitpid(child, 0)
sink(parcel("parent after", seq=1))
sink.close()
"""


def test_a_forked_child(server, raw):
    """
    After a fork both processes deliver, each over a connection of its own.
    """
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FORKING, server.url], cwd=root, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert [entry.message for entry in listed(raw)] == ["parent before", "child", "parent after"]


def test_parallel_programs_store_each_id_once(server, raw, opened):
    """
    Several writers of the same ids at the same time store each of them once.
    """
    receipts = []
    sent = [f"step {n}" for n in range(200)]

    def write():
        receipts.append(opened(RedisSink(server.url))(parcel(*sent)))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(receipt.duplicate for receipt in receipts) == 600
    assert [entry.message for entry in listed(raw)] == sent
