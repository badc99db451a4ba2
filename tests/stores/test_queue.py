"""
The queue of processors and the live view, the same on every kind of store.
"""

import itertools

import msgspec
import pytest

from tests.stores.rows import row
from tracelog.core.live import LiveRow
from tracelog.core.store_bounds import LIVE_ROWS, QUEUE_BYTES
from tracelog.stores import redis_scripts
from tracelog.stores.queues import Batch

pytestmark = pytest.mark.anyio

LEASE_S = 3600.0


def ids_of(batch: Batch | None) -> list[str]:
    """
    Return the ids of the entries of *batch*, in their order.
    """
    assert batch is not None
    return [entry["id"] for body in batch.bodies for entry in msgspec.json.decode(body)]


def ids(*numbers: int) -> list[str]:
    return [row("t", number)[0].id for number in numbers]


async def test_nothing_waits_until_a_processor_asks_for_it(kept):
    """
    What is stored before anybody asked for work, and what was known already, never waits.
    """
    queue = kept.store.queue()
    await kept.store.write([row("t", 1)])
    assert (await queue.take("a", due=True, lease_s=LEASE_S)).batch is None
    await kept.store.write([row("t", 1), row("t", 2), row("u", 3)])
    await kept.store.write([row("t", 2)])
    found = await queue.take("b", due=True, lease_s=LEASE_S)
    assert sorted(ids_of(found.batch)) == ids(2, 3)


async def test_a_batch_is_one_processors_until_it_ends(kept):
    """
    Two processors share what waits, ending a batch ends it once, and then nothing of it is left.
    """
    queue = kept.store.queue()
    await queue.take("a", due=True, lease_s=LEASE_S)
    await kept.store.write([row("t", 1)])
    first = (await queue.take("b", due=True, lease_s=LEASE_S)).batch
    await kept.store.write([row("t", 2)])
    second = (await queue.take("c", due=True, lease_s=LEASE_S)).batch
    assert [ids_of(first), ids_of(second)] == [ids(1), ids(2)]
    assert first.id < second.id
    await queue.renew(first, LEASE_S)
    held = await queue.backlog()
    assert (held.writes, held.taken, held.bytes) == (2, 2, first.size + second.size)
    assert held.oldest_ms is not None
    assert [await queue.finish(first), await queue.finish(first), await queue.finish(second)] == [
        True,
        False,
        True,
    ]
    left = await queue.backlog()
    assert (left.writes, left.taken, left.bytes, left.oldest_ms, left.counts["batches"]) == (0, 0, 0, None, 2)


async def test_a_silent_processors_batch_goes_to_another_unchanged(kept):
    """
    What a dead processor held comes again with the same id and the same entries, apart from what is new, and
    what it had shown is not shown again.
    """
    queue = kept.store.queue()
    await queue.take("a", due=True, lease_s=LEASE_S)
    await kept.store.write([row("t", 1)])
    await kept.store.write([row("t", 2)])
    dead = (await queue.take("b", due=True, lease_s=0.001)).batch
    assert await queue.show(dead, [], {"entries": 2})
    await kept.store.write([row("t", 3)])
    found = {}
    for number in itertools.count():
        kept.clock.now += 1  # in Redis it is its own clock that turns, by the time that these calls take
        again = (await queue.take(f"c{number}", due=True, lease_s=0.001)).batch
        found |= {} if again is None else {again.id: ids_of(again)}
        if again is not None and again.id == dead.id:
            break
    assert found.pop(dead.id) == ids(1, 2)
    assert all(others == ids(3) for others in found.values())
    assert not await queue.show(again, [], {"entries": 2})
    assert (await queue.backlog()).counts["entries"] == 2


async def test_who_wants_only_new_work_leaves_silent_batches_to_others(kept):
    """
    It gets what nobody had, and nothing else; what it took is taken over like all work when it falls silent.
    """
    queue = kept.store.queue()
    await queue.take("a", due=True, lease_s=0.001)
    await kept.store.write([row("t", 1)])
    silent = (await queue.take("b", due=True, lease_s=0.001)).batch
    await kept.store.write([row("t", 2)])
    kept.clock.now += 1
    new = (await queue.take("c", due=True, lease_s=0.001, only_new=True)).batch
    assert (ids_of(silent), ids_of(new)) == (ids(1), ids(2))
    assert (await queue.take("d", due=True, lease_s=0.001, only_new=True)).batch is None
    back = []
    for number in itertools.count():
        kept.clock.now += 1
        again = (await queue.take(f"e{number}", due=True, lease_s=0.001)).batch
        if again is not None and await queue.finish(again):
            back.append(again.id)
        if len(back) == 2:
            break
    assert sorted(back) == [silent.id, new.id]


async def test_before_its_time_only_a_full_or_watched_batch_is_taken(kept):
    """
    Between two rounds a processor gets nothing of a few entries, all of them while somebody watches.
    """
    queue = kept.store.queue()
    await queue.take("a", due=True, lease_s=LEASE_S)
    await kept.store.write([row("t", 1)])
    early = await queue.take("b", due=False, lease_s=LEASE_S)
    assert (early.batch, early.watched) == (None, False)
    await queue.watch()
    seen = await queue.take("c", due=False, lease_s=LEASE_S)
    assert (ids_of(seen.batch), seen.watched) == (ids(1), True)


async def test_a_full_queue_cuts_and_counts_and_stores_all_the_same(kept, monkeypatch):
    """
    Beyond the bound entries are stored, do not wait, and are counted; what waits fits into the bound.
    """
    large = "x" * (QUEUE_BYTES // 80)
    queue = kept.store.queue()
    await queue.take("a", due=True, lease_s=LEASE_S)
    for number in range(82):
        [fate] = await kept.store.write([row("t", number, message=large)])
        assert fate == "A"
    held = await queue.backlog()
    assert held.bytes <= QUEUE_BYTES
    assert held.writes + held.counts["cut"] == 82
    taken = (await queue.take("b", due=False, lease_s=LEASE_S)).batch
    assert 1 < len(taken.places) < held.writes  # full, so taken before its time, and no more than that


async def test_rows_of_the_live_view_grow_in_place(kept):
    """
    A row that comes again has the sum of the counts, the widest span, its first version, and stands last.
    """
    queue = kept.store.queue()
    await queue.take("a", due=True, lease_s=LEASE_S)
    await kept.store.write([row("t", 1)])
    first = (await queue.take("b", due=True, lease_s=LEASE_S)).batch
    await queue.show(first, [LiveRow("r", 2, 10.0, 20.5, b'{"n":1}'), LiveRow("s", 1, 5.0, 5.0, b"{}")], {})
    begun = await queue.live(-1, 10)
    assert [(each.id, each.count, each.is_new) for each in begun] == [("r", 2, True), ("s", 1, True)]
    await kept.store.write([row("t", 2)])
    second = (await queue.take("c", due=True, lease_s=LEASE_S)).batch
    await queue.show(second, [LiveRow("r", 3, 7.0, 15.0, b'{"n":2}')], {})
    [grown] = await queue.live(begun[-1].version, 10)
    assert (grown.id, grown.count, grown.first_ms, grown.last_ms, grown.body) == (
        "r",
        5,
        7.0,
        20.5,
        b'{"n":2}',
    )
    assert (grown.born, grown.is_new) == (begun[0].version, False)
    assert [each.id for each in await queue.live(-1, 10)] == ["s", "r"]
    assert [each.id for each in await queue.live(-1, 1)] == ["r"]
    assert await queue.live(grown.version, 10) == []


async def test_the_live_view_is_bounded_in_rows_and_time(kept):
    """
    The oldest rows go past the bound, and what is over an hour old goes by the purge.
    """
    queue = kept.store.queue()
    await queue.take("a", due=True, lease_s=LEASE_S)
    await kept.store.write([row("t", 1)])
    batch = (await queue.take("b", due=True, lease_s=LEASE_S)).batch
    await queue.show(batch, [LiveRow(f"{n}", 1, 1.0, 1.0, b"{}") for n in range(LIVE_ROWS + 7)], {})
    rows = await queue.live(-1, LIVE_ROWS)
    assert (len(rows), rows[0].id) == (LIVE_ROWS, "7")
    assert await queue.purge() == 0
    kept.clock.now += 3601
    assert await queue.purge() == LIVE_ROWS
    assert await queue.live(-1, 10) == []


def test_both_languages_have_the_same_bounds():
    """
    The scripts name the bounds that Python names.
    """
    assert f"MOST = {QUEUE_BYTES} " in redis_scripts.COMMIT
    assert f"MOST, STEP, DAY = {LIVE_ROWS}," in redis_scripts.SHOWN


async def test_counts_of_archives_add_up_and_have_an_end(kept):
    """
    What processors count beside a batch is added, every time, and goes with the other counts.
    """
    queue = kept.store.queue()
    await queue.take("a", due=True, lease_s=LEASE_S)
    for sent in (3, 4):
        await queue.count({"archive/otlp/sent": sent, "archive/otlp/failed": 1})
    counts = (await queue.backlog()).counts
    assert (counts["archive/otlp/sent"], counts["archive/otlp/failed"]) == (7, 2)
    assert (await kept.store.clean(dry_run=True)).endless == 0
