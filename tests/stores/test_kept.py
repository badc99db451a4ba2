"""
What outlives a trace's hour, on every kind of store: pins, tombstones, and what a search says went missing.
"""

from contextlib import closing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.stores.conftest import TTL_S, Kept
from tests.stores.rows import NOON_MS, Clock, row
from tests.stores.servers import RealServer
from tracelog.core import keys
from tracelog.core.query import parse
from tracelog.errors import GoneTraceError, PinRefusedError, UnknownReferenceError
from tracelog.stores import PinSettings, TraceFilter, TraceQuota
from tracelog.stores.kept import GONE_S
from tracelog.stores.redis import RedisStore
from tracelog.stores.sqlite import SqliteStore
from tracelog.stores.sqlite_schema import open_file

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("stores-kept")]

HOUR_S = 3_600


async def _names(kept: Kept, **wanted: object) -> list[str]:
    """
    Return all listed traces, read in pages of two.
    """
    names, cursor = [], None
    while True:
        page = await kept.store.traces(TraceFilter(limit=2, cursor=cursor, **wanted))  # type: ignore[arg-type]
        names += [line.trace_id for line in page.items]
        if (cursor := page.cursor) is None:
            return names


async def test_pinned_traces_stay(kept: Kept) -> None:
    """
    A pinned trace is there when its hour is over: fetched, named, listed and searched like any other, at its
    place; a write does not shorten its life, nor does a quota forget it. The others are gone.
    """
    store, clock = kept.store, kept.clock
    for at in range(5):
        await store.write([row(f"trace-{at}", at, "old", level="error" if at % 2 else "info")])
        clock.now += 1
    pins = [await store.pin(f"trace-{at}", PinSettings()) for at in (1, 2)]
    assert all(pin.until_ms == pin.pinned_ms + PinSettings().max_age_s * 1000 for pin in pins)
    await store.write([row("trace-1", 11, "more")], quota=TraceQuota())
    await store.write([row("trace-1", 12, "more")], quota=TraceQuota())
    for at in range(3):
        await kept.let_expire()
        await store.write([row("trace-1", 20 + at, "later")], quota=TraceQuota())
    await kept.let_expire()
    await store.write([row("trace-new", 99)])
    await store.sweep()
    assert await _names(kept) == ["trace-new", "trace-1", "trace-2"]
    assert await _names(kept, errors=True) == ["trace-1"]
    assert await _names(kept, since_ms=NOON_MS + 1_000_000) == ["trace-new", "trace-1"]
    trace = await store.fetch("trace-2")
    assert trace is not None
    assert trace.expires_at_ms == pytest.approx(pins[1].until_ms, abs=25 * HOUR_S * 1000)
    trace = await store.fetch("trace-1")
    assert trace is not None
    assert len(trace.entries) == 6
    assert len((await store.search(parse("old"))).items) == 2
    assert await store.resolve("latest-error") == "trace-1"
    assert [pin.trace_id for pin in await store.pins()] == ["trace-1", "trace-2"]


async def test_unpinned_traces_go(kept: Kept) -> None:
    """
    Unpinned, a trace has the time that its last write gives it: what is left of the hour, or none at all.
    """
    store = kept.store
    await store.write([row("trace-a", 1), row("trace-b", 2)])
    for name in ("trace-a", "trace-b"):
        await store.pin(name, PinSettings())
    kept.clock.now += 60
    assert await store.unpin("trace-a") == pytest.approx(NOON_MS + TTL_S * 1000, abs=5)
    trace = await store.fetch("trace-a")
    assert trace is not None
    assert trace.expires_at_ms == pytest.approx(NOON_MS + TTL_S * 1000, abs=2_000)
    kept.clock.now += 10 * HOUR_S
    assert await store.unpin("trace-b") == kept.clock.now * 1000
    assert await store.fetch("trace-b") is None
    assert await store.pins() == []
    for name in ("trace-b", "trace-none"):
        with pytest.raises(UnknownReferenceError, match="is not pinned"):
            await store.unpin(name)


async def test_pins_are_bounded(kept: Kept) -> None:
    """
    Only so many traces and bytes are pinned at a time; renewing one takes no more room, unpinning gives some
    back, and what is not there cannot be pinned.
    """
    store = kept.store
    rows = [row(f"trace-{at}", at, "x" * 500) for at in range(4)]
    size = len(rows[0][1])
    await store.write(rows)
    few, small = PinSettings(most=2), PinSettings(max_bytes=2 * size + 10)
    for at in (0, 1, 1):
        await store.pin(f"trace-{at}", few)
    with pytest.raises(PinRefusedError, match="2 traces are pinned"):
        await store.pin("trace-2", few)
    with pytest.raises(PinRefusedError, match="bytes"):
        await store.pin("trace-2", small)
    await store.unpin("trace-0")
    await store.pin("trace-2", small)
    assert {pin.trace_id: pin.bytes for pin in await store.pins()} == {"trace-1": size, "trace-2": size}
    with pytest.raises(UnknownReferenceError):
        await store.pin("trace-none", PinSettings())
    await store.clear()
    assert await store.pins() == []


@pytest.mark.parametrize("swept", [False, True])
async def test_a_gone_trace_is_remembered(kept: Kept, *, swept: bool) -> None:
    """
    Who asks for a trace whose time is over is told when that was and what it held, by its id and by a
    beginning, swept or not; a day later nothing is known any more.
    """
    store, clock = kept.store, kept.clock
    await store.write(
        [row("trace-gone", 1, system="browser"), row("trace-gone", 2, level="fatal"), row("trace-live", 3)]
    )
    clock.now += 10
    await store.write([row("trace-gone", 3, system="worker"), row("trace-gone", 2)])
    assert await store.gone("trace-gone") is None
    await kept.let_expire()
    await store.write([row("trace-live", 4)])
    if swept:
        await store.sweep()
    stone = await store.gone("trace-gone")
    assert stone is not None
    assert (stone.entries, stone.errors, stone.systems) == (3, 1, ["browser", "backend", "worker"])
    assert (stone.first_ms, stone.last_ms) == pytest.approx((NOON_MS, NOON_MS + 10_000), abs=5)
    assert (stone.why, stone.gone_ms) == ("expired", stone.last_ms + TTL_S * 1000)
    for ref in ("trace-gone", "trace-go"):
        with pytest.raises(
            GoneTraceError, match=r"held 3 entries, 1 of them errors, of browser, backend, worker"
        ):
            await store.resolve(ref)
    assert await store.gone("trace-live") is None
    assert await store.gone("trace-g") is None
    clock.now += GONE_S + 61
    await store.sweep()
    await store.write([row("trace-live", 5)])
    await store.write([row("trace-live", 6)])
    assert await store.gone("trace-gone") is None
    with pytest.raises(UnknownReferenceError) as caught:
        await store.resolve("trace-gone")
    assert not isinstance(caught.value, GoneTraceError)


async def test_a_new_life_counts_anew(kept: Kept) -> None:
    """
    A trace that is written again after its end is here, and its next tombstone tells of its second life only.
    """
    store = kept.store
    await store.write([row("trace-a", seq) for seq in range(4)])
    await kept.let_expire()
    await store.write([row("trace-a", 9, system="worker")])
    assert await store.gone("trace-a") is None
    assert await store.resolve("trace-a") == "trace-a"
    await kept.let_expire()
    stone = await store.gone("trace-a")
    assert stone is not None
    assert (stone.entries, stone.systems) == (1, ["worker"])


async def test_a_search_says_what_went_between_its_pages(kept: Kept) -> None:
    """
    A cursor goes on where it was whatever has expired meanwhile, and its page names those traces that had
    entries behind it; what went before the first page, or was shown whole, is not missing.
    """
    store, clock = kept.store, kept.clock
    for at in range(4):
        await store.write([row(f"trace-{at}", at, received_at=clock.now * 1000)])
        clock.now += 600
    first = await store.search(parse(""), limit=1)
    assert (len(first.items), first.missing) == (1, [])
    clock.now += HOUR_S - 4 * 600 + 700
    await _expire(kept, "trace-0", "trace-1")
    second = await store.search(parse(""), limit=1, cursor=first.cursor)
    assert second.items == [row("trace-2", 2, received_at=NOON_MS + 1_200_000)[1]]
    assert [stone.trace_id for stone in second.missing] == ["trace-1", "trace-0"]
    assert sum(stone.entries for stone in second.missing) == 2
    assert second.cursor is None


async def test_a_trace_that_went_is_named_once(kept: Kept) -> None:
    """
    Also where a pinned trace older than those that went keeps the search going past their places.
    """
    store, clock = kept.store, kept.clock
    for at in range(3):
        await store.write([row(f"trace-{at}", at, received_at=clock.now * 1000)])
        clock.now += 1
    assert await store.pin("trace-0", PinSettings())
    await store.write([row("trace-9", 9, received_at=clock.now * 1000)])
    first = await store.search(parse(""), limit=1)
    clock.now += HOUR_S + 1
    await _expire(kept, "trace-1", "trace-2", "trace-9")
    second = await store.search(parse(""), limit=5, cursor=first.cursor)
    assert sorted(stone.trace_id for stone in second.missing) == ["trace-1", "trace-2", "trace-9"]
    assert len(second.items) == 1


async def _expire(kept: Kept, *names: str) -> None:
    """
    Let the time of some traces be over where another clock than the test's decides.
    """
    wire = getattr(kept.store, "_wire", None)
    for name in names:
        if wire is not None:
            await wire.ask([("DEL", keys.logs(name))])
            await wire.ask([("DEL", keys.companion(keys.IDS, name))])


async def test_an_evicted_trace_is_told_as_such(shared_server: RealServer, raw: Redis) -> None:
    """
    A trace that Redis dropped before its time was evicted, and a search that goes on says so.
    """
    clock = Clock()
    store = RedisStore(shared_server.url, ttl_s=TTL_S, clock=clock)
    await store.start()
    await store.write([row("trace-early", 1), row("trace-early", 2)])
    clock.now += 300
    await store.write([row("trace-late", 3), row("trace-late", 4)])
    page = await store.search(parse(""), limit=1)
    await raw.delete("logs:trace-early", "ids:{logs:trace-early}")
    stone = await store.gone("trace-early")
    assert stone is not None
    assert (stone.why, stone.entries, stone.gone_ms) == ("evicted", 2, clock.now * 1000)
    page = await store.search(parse(""), limit=1, cursor=page.cursor)
    assert [(stone.trace_id, stone.why) for stone in page.missing] == [("trace-early", "evicted")]
    assert await store.sweep() == 1
    clock.now += 600
    again = await store.gone("trace-early")
    assert again is not None
    assert again.gone_ms == stone.gone_ms
    await store.close()


async def test_lists_stay_bounded(shared_server: RealServer, raw: Redis) -> None:
    """
    Tombstones leave lists and lines after their day, by writing alone; a pinned trace keeps its place.
    """
    clock = Clock()
    store = RedisStore(shared_server.url, ttl_s=60, clock=clock)
    await store.start()
    await store.write([row(f"trace-{at}", at, level="error") for at in range(5)])
    await store.pin("trace-3", PinSettings())
    clock.now += 60 + GONE_S + 61
    await store.write([row("trace-new", 9)])
    assert await raw.zrange(keys.RECENT, 0, -1) == [b"trace-3", b"trace-new"]
    assert await raw.zrange(keys.ERRORS, 0, -1) == [b"trace-3"]
    assert set(await raw.hkeys(keys.LINES)) == {b"@", b"trace-3", b"trace-new"}
    assert min([await raw.ttl(key) for key in (keys.RECENT, keys.ERRORS, keys.LINES, keys.PINS)]) > GONE_S
    await store.close()


async def test_a_file_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    """
    A store whose traces do not say when they began is read and written on, and its tombstones tell the times
    of entries instead.
    """
    file = str(tmp_path / "old.db")
    with closing(open_file(file)) as connection:
        connection.execute("ALTER TABLE traces DROP COLUMN begun")
        connection.execute(
            "INSERT INTO traces VALUES ('trace-old', ?, NULL, ?, 2, 0, 5, 6, 'worker', 'x', '')",
            (NOON_MS - 10, NOON_MS - 5),
        )
    store = SqliteStore(file, clock=Clock())
    await store.start()
    stone = await store.gone("trace-old")
    assert stone is not None
    assert (stone.first_ms, stone.entries, stone.systems) == (5, 2, ["worker"])
    assert await store.write([row("trace-new", 1)]) == "A"
    await store.close()


async def test_tombstones_of_a_file_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Only the latest so many traces are remembered.
    """
    monkeypatch.setattr("tracelog.stores.sqlite_keep.MOST_GONE", 3)
    clock = Clock()
    store = SqliteStore(":memory:", ttl_s=TTL_S, clock=clock)
    await store.start()
    for at in range(6):
        await store.write([row(f"trace-{at}", at)])
        clock.now += 1
    clock.now += TTL_S
    await store.sweep()
    known = [await store.gone(f"trace-{at}") is not None for at in range(6)]
    assert known == [False, False, False, True, True, True]
    await store.close()
