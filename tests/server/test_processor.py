"""
The processor: an archive that is away holds up nothing, and gets its batches, the same, when it is back.
"""

import asyncio

import pytest

from tests.stores.rows import Clock, row
from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.server import outlets
from tracelog.server import processor as processing
from tracelog.server.archives import open_archive, open_archives
from tracelog.server.archiving import NullArchive
from tracelog.server.faults import Faults
from tracelog.server.processor import Processor
from tracelog.stores.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


class Moody:
    """
    An archive that is away while a test says so.
    """

    name = "moody"

    def __init__(self):
        self.away = False
        self.fault = StoreUnavailableError("the archive is away")
        self.hangs = None
        self.tries = 0
        self.kept = {}

    async def store(self, batch_id, rows):
        self.tries += 1
        if self.hangs is not None:
            await self.hangs.wait()
        if self.away:
            raise self.fault
        self.kept.setdefault(batch_id, rows)


@pytest.fixture
async def parts():
    clock, archive = Clock(), Moody()
    store = SqliteStore(":memory:", clock=clock)
    await store.start()
    queue = store.queue()
    processor = Processor(queue, [archive], interval_s=12, rate=1.0, faults=Faults(), lease_s=30, clock=clock)
    yield store, queue, processor, archive, clock
    await store.close()


async def test_an_archive_that_is_away_gets_everything_later_and_the_view_goes_on(parts):
    """
    While it is away each batch is shown at once, asked for once a round, and archived once when it is back.
    """
    store, queue, processor, archive, clock = parts
    await processor.look()
    archive.away = True
    for number in range(3):
        await store.write([row("t", number, f"said {'abc'[number]}")])
        clock.now += 12
        await processor.look()
        assert len(await queue.live(-1, 10)) == number + 1
    assert archive.tries == 3
    archive.away = False
    clock.now += 31
    await processor.look()
    told = [each["message"] for rows in archive.kept.values() for each in rows]
    assert sorted(told) == ["said a", "said b", "said c"]
    left = await queue.backlog()
    assert (left.writes, left.bytes, left.counts["batches"], left.counts["entries"]) == (0, 0, 3, 3)
    assert [each.count for each in await queue.live(-1, 10)] == [1, 1, 1]


async def test_an_archive_that_is_away_holds_up_no_other(parts):
    """
    Of two archives the one that is there gets every batch at once, and once; what each was given is counted.
    """
    store, queue, _, away, clock = parts
    there, faults = Moody(), Faults()
    there.name = "there"
    processor = Processor(
        queue, [away, there], interval_s=12, rate=1.0, faults=faults, lease_s=30, clock=clock
    )
    await processor.look()
    away.away = True
    for number in range(2):
        await store.write([row("t", number, f"said {'ab'[number]}")])
        clock.now += 12
        await processor.look()
    assert (len(away.kept), len(there.kept)) == (0, 2)
    counts = (await queue.backlog()).counts
    assert (counts["archive/moody/failed"], counts["archive/there/sent"]) == (2, 2)
    away.away = False
    clock.now += 31
    await processor.look()
    assert away.kept == there.kept
    assert (await queue.backlog()).counts["archive/moody/sent"] == 2


@pytest.mark.parametrize("fault", [StoreUnavailableError("away"), ConnectionError("own"), KeyError("odd")])
async def test_an_hour_without_an_archive_loses_nothing(parts, fault):
    """
    Whatever it raises and for how long, more batches than a lease covers are shown and wait, and it has each of
    them soon after it is back.
    """
    store, queue, processor, archive, clock = parts
    await processor.look()
    archive.away, archive.fault = True, fault
    for number in range(20):
        await store.write([row("t", number)])
        clock.now += 180
        await processor.look()
        assert (await queue.backlog()).counts["entries"] == number + 1
    archive.away = False
    for _ in range(3):
        clock.now += 31
        await processor.look()
    assert len({each["id"] for rows in archive.kept.values() for each in rows}) == 20
    left = await queue.backlog()
    assert (left.writes, left.counts["archive/moody/sent"], left.counts["archive/moody/failed"]) == (
        0,
        20,
        20,
    )


async def test_an_archive_that_hangs_holds_up_nothing_and_ends_its_batch_itself(parts, monkeypatch):
    """
    While one call hangs the archive is asked for no other, later batches are shown and reach the other archive;
    the call that returns at last ends its batch, which nobody else had meanwhile.
    """
    store, queue, _, hanging, clock = parts
    monkeypatch.setattr(outlets, "PATIENCE_S", 0.01)
    there, hanging.hangs = Moody(), asyncio.Event()
    there.name = "there"
    processor = Processor(queue, [hanging, there], interval_s=12, rate=1.0, faults=Faults(), clock=clock)
    await processor.look()
    for number in range(3):
        await store.write([row("t", number)])
        clock.now += 12
        await processor.look()
        assert (await queue.backlog()).counts["entries"] == number + 1
    assert (hanging.tries, len(there.kept)) == (1, 3)
    hanging.hangs.set()
    while (await queue.backlog()).counts.get("batches", 0) < 1:
        continue
    clock.now += 31
    await processor.look()
    assert hanging.kept == there.kept
    assert (await queue.backlog()).writes == 0


async def test_a_call_that_never_ends_is_given_up_and_counted(parts, monkeypatch):
    """
    After long enough the archive counts as failed, and its batch comes back to it.
    """
    store, queue, processor, archive, clock = parts
    monkeypatch.setattr(outlets, "HUNG_S", 0.01)
    await processor.look()
    archive.hangs = asyncio.Event()
    await store.write([row("t", 1)])
    clock.now += 12
    await processor.look()
    assert (await queue.backlog()).counts["archive/moody/failed"] == 1
    archive.hangs = None
    clock.now += 31
    await processor.look()
    assert len(archive.kept) == 1


async def test_an_archive_that_says_when_is_not_asked_before(parts):
    """
    What is stored while it rests is shown and waits; after the time that it said it is given all of it.
    """
    store, queue, processor, archive, clock = parts
    await processor.look()
    archive.away, archive.fault = True, StoreUnavailableError("429", retry_after=100)
    for number in range(5):
        await store.write([row("t", number)])
        clock.now += 12
        await processor.look()
    assert archive.tries == 1
    assert (await queue.backlog()).counts["entries"] == 5
    archive.away = False
    for _ in range(3):
        clock.now += 50
        await processor.look()
    assert sum(map(len, archive.kept.values())) == 5
    assert (await queue.backlog()).writes == 0


async def test_before_its_time_nothing_is_taken_unless_somebody_watches(parts):
    """
    A look between two rounds takes nothing; with a reader it takes all and says so.
    """
    store, queue, processor, archive, clock = parts
    await processor.look()
    await store.write([row("t", 1)])
    clock.now += 11
    assert not await processor.look()
    assert archive.kept == {}
    await queue.watch()
    assert await processor.look()
    assert len(archive.kept) == 1


async def test_it_works_and_stops_by_itself(parts):
    """
    Started, it takes what comes while somebody watches; stopped, it has finished what it had.
    """
    store, queue, processor, archive, _ = parts
    await queue.watch()
    await processor.start()
    await store.write([row("t", 1)])
    while (await queue.backlog()).counts.get("batches", 0) < 1:
        await store.write([row("t", 1), row("t", 2)])
    await processor.stop()
    assert sum(len(rows) for rows in archive.kept.values()) == (await queue.backlog()).counts["rows"]


async def test_what_is_stored_once_it_has_started_is_queued(parts):
    """
    Who has started a processor need not wait for its first look: nothing that is stored from then on is left out.
    """
    store, queue, processor, archive, _ = parts
    await processor.start()
    await store.write([row("t", 1)])
    await processor.stop()
    assert (await queue.backlog()).writes + len(archive.kept) == 1


class Broken:
    """
    A queue that fails in every way in turn before it works.
    """

    poll_s = 0.01

    def __init__(self, queue):
        self._queue = queue
        self._faults = [StoreUnavailableError("away", retry_after=0.01), ValueError("odd")]
        self._purges = [*self._faults]

    def __getattr__(self, name):
        return getattr(self._queue, name)

    async def take(self, name, **how):
        if self._faults:
            raise self._faults.pop()
        return await self._queue.take(name, **how)

    async def purge(self):
        raise self._purges.pop()


async def test_whatever_the_store_does_the_next_look_comes(parts, monkeypatch):
    """
    A processor goes on after a store that was away and after a fault, which is told.
    """
    store, queue, _, archive, clock = parts
    monkeypatch.setattr(processing, "PURGE_S", 0.0)
    await queue.take("wanted", due=True, lease_s=30)
    await store.write([row("t", 1)])
    await queue.watch()
    faults = Faults()
    processor = Processor(Broken(queue), [archive], interval_s=12, rate=1.0, faults=faults, clock=clock)
    await processor.start()
    while not archive.kept:
        await queue.backlog()
    await processor.stop()
    assert faults.total >= 2


async def test_archives_are_opened_by_url():
    """
    The one that keeps nothing takes everything; no other scheme is known by accident.
    """
    assert await open_archive("none:").store("1", []) is None
    assert isinstance(open_archive("none:"), NullArchive)
    with pytest.raises(ConfigError, match="carrier"):
        open_archive("carrier:pigeon")
    twice = open_archives(["otlp+http://a.example", "otlp+https://b.example", "none:"])
    assert [archive.name for archive in twice] == ["otlp", "otlp-2", "none"]
