"""
Group commit against a store that does what the test says.
"""

import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.scripted import ScriptedStore, away
from tracelog.core.entry import Entry, encode_entry
from tracelog.errors import StoreUnavailableError
from tracelog.server import commit
from tracelog.server.commit import GROUP_BYTES, GROUP_ROWS, WRITES_UNDER_WAY, Committer, FullTraces
from tracelog.server.faults import Faults
from tracelog.stores import Fates, PartlyStoredError, TraceQuota

pytestmark = pytest.mark.anyio


def rows_of(*ids: str) -> list[commit.Row]:
    entries = [
        Entry(id=name, trace_id="t", timestamp=1.0, system="backend", level="info", message="m")
        for name in ids
    ]
    return [(entry, encode_entry(entry)) for entry in entries]


class Bench:
    """
    A committer over a scripted store.
    """

    def __init__(self, quota: TraceQuota | None = None) -> None:
        self.store = ScriptedStore()
        self.faults = Faults()
        self.committer = Committer(self.store, self.faults, quota)

    def submit(self, *ids: str, size: int = 100) -> "asyncio.Future[Fates]":
        return self.committer.submit(rows_of(*ids), size)


async def turns(n: int = 5) -> None:
    """
    Let everything that is ready run.
    """
    for _ in range(n):
        await asyncio.sleep(0)


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=8), min_size=1, max_size=30))
def test_every_waiter_gets_its_own_result(requests: list[list[int]]) -> None:
    """
    However requests are grouped, each learns of its rows and of no others, and the first of an id is new.
    """

    async def run() -> None:
        bench = Bench()
        done = [bench.submit(*map(str, ids)) for ids in requests]
        results = await asyncio.gather(*done)
        seen: set[int] = set()
        for ids, result in zip(requests, results, strict=True):
            expected = ""
            for name in ids:
                expected += "D" if name in seen else "A"
                seen.add(name)
            assert result == expected

    asyncio.run(run())


async def test_what_comes_while_writes_are_under_way_is_one_group() -> None:
    """
    At most four writes run together; what waits goes out together with the next one, in order.
    """
    bench = Bench()
    bench.store.hold = True
    done = []
    for number in range(20):
        done.append(bench.submit(f"{number:02}"))
        await turns()
    assert len(bench.store.writes) == WRITES_UNDER_WAY
    bench.store.release()
    await asyncio.gather(*done)
    assert bench.store.most == WRITES_UNDER_WAY
    assert [name for ids in bench.store.writes for name in ids] == [f"{n:02}" for n in range(20)]
    assert len(bench.store.writes) == WRITES_UNDER_WAY + 1


async def test_requests_of_one_turn_are_one_write() -> None:
    """
    What arrives in the same turn of the loop needs no timer to be written together.
    """
    bench = Bench()
    await asyncio.gather(*[bench.submit(str(n)) for n in range(50)])
    assert len(bench.store.writes) == 1


@pytest.mark.parametrize(
    ("parts", "size", "writes"), [(3, GROUP_BYTES // 2, 2), (3, GROUP_BYTES * 2, 3), (3, 1, 1)]
)
async def test_a_write_has_a_bound_in_bytes(parts: int, size: int, writes: int) -> None:
    """
    Large requests are written apart.
    """
    bench = Bench()
    await asyncio.gather(*[bench.submit(str(n), size=size) for n in range(parts)])
    assert len(bench.store.writes) == writes


async def test_a_write_has_a_bound_in_rows() -> None:
    """
    Many rows are written apart, whole requests each.
    """
    bench = Bench()
    rows = rows_of(*map(str, range(GROUP_ROWS * 2 // 3)))
    await asyncio.gather(*[bench.committer.submit(rows, 1) for _ in range(3)])
    assert [len(ids) for ids in bench.store.writes] == [len(rows)] * 3


async def test_a_failure_reaches_its_own_group_only() -> None:
    """
    Whoever was in the failed write learns of it, each with an exception of its own; others are served.
    """
    bench = Bench()
    bench.store.results = [away()]
    failed = [bench.submit("a"), bench.submit("b")]
    await turns()
    good = bench.submit("c")
    said = await asyncio.gather(*failed, return_exceptions=True)
    assert [type(error) for error in said] == [StoreUnavailableError] * 2
    assert said[0] is not said[1]
    assert said[0].retry_after == 3.0
    assert await good == "A"


@pytest.mark.parametrize("said", [ValueError("secret"), "A", "AAA"])
async def test_a_fault_of_the_store_is_unavailability(said, caplog: pytest.LogCaptureFixture) -> None:
    """
    An exception that no store may raise, or an answer of the wrong length, is a 503 and one line without input.
    """
    bench = Bench()
    bench.store.results = [said]
    with caplog.at_level(logging.ERROR), pytest.raises(StoreUnavailableError, match="ValueError"):
        await bench.submit("a", "b")
    assert len(caplog.records) == bench.faults.total == 1
    assert "secret" not in caplog.text
    assert await bench.submit("c") == "A"


async def test_a_partly_stored_group_is_told_apart() -> None:
    """
    Requests whose rows are all stored learn that, those with a row that is not learn which.
    """
    bench = Bench()
    bench.store.results = [PartlyStoredError("some are not", "ADXA")]
    done = [bench.submit("a", "b"), bench.submit("c"), bench.submit("d")]
    assert await asyncio.gather(*done) == ["AD", "X", "A"]


async def test_a_quota_reaches_the_store_with_a_class_for_every_row() -> None:
    """
    Requests that are written together keep their own classes; those that name none get them by level.
    """
    bench = Bench(quota=TraceQuota())
    done = [
        bench.committer.submit(rows_of("a", "b"), 1, "pc"),
        bench.submit("c"),
        bench.committer.submit(rows_of("d"), 1, "e"),
    ]
    assert await asyncio.gather(*done) == ["AA", "A", "A"]
    assert bench.store.asked == [(TraceQuota(), "pcne")]


async def test_without_a_quota_the_store_is_asked_for_none() -> None:
    """
    Classes mean nothing without a quota.
    """
    bench = Bench()
    await bench.committer.submit(rows_of("a"), 1, "c")
    assert bench.store.asked == [(None, None)]


async def test_a_waiter_that_went_away_harms_nobody() -> None:
    """
    Cancelled waiters are skipped; the write goes on and the others get their results.
    """
    bench = Bench()
    bench.store.hold = True
    gone, stays = bench.submit("a"), bench.submit("b")
    await turns()
    gone.cancel()
    bench.store.release()
    assert await stays == "A"
    bench.store.trouble = away()
    gone, stays = bench.submit("c"), bench.submit("d")
    gone.cancel()
    with pytest.raises(StoreUnavailableError):
        await stays
    assert {"a", "b"} == set(bench.store.stored)


@pytest.mark.parametrize(
    ("rows", "size"), [(commit.WAITING_ROWS // 10 + 1, 1), (1, commit.WAITING_BYTES // 10 + 1)]
)
async def test_waiting_is_bounded(rows: int, size: int) -> None:
    """
    A store that hangs lets so many rows and bytes wait and no more; afterwards everything is as before.
    """
    bench = Bench()
    bench.store.hold = True
    part = rows_of(*map(str, range(rows)))
    done = [bench.committer.submit(part, size) for _ in range(10)]
    with pytest.raises(StoreUnavailableError, match="slower"):
        bench.submit("x")
    bench.store.release()
    await asyncio.gather(*done)
    assert await bench.submit("x") == "A"
    assert (bench.committer._waiting_rows, bench.committer._waiting_bytes) == (0, 0)


async def test_draining_waits_for_everything() -> None:
    """
    After `drain` nothing is under way, whatever was waiting before.
    """
    bench = Bench()
    bench.store.hold = True
    done = []
    for number in range(10):
        done.append(bench.submit(str(number)))
        await turns()
    draining = asyncio.ensure_future(bench.committer.drain())
    await turns()
    assert not draining.done()
    bench.store.release()
    await draining
    assert all(future.done() for future in done)
    await bench.committer.drain()


@pytest.mark.parametrize(
    ("classes", "fates", "asked", "later", "known"),
    [
        ("nnn", "AAD", "npe", 0.0, ["", "", ""]),
        ("nne", "ATA", "npe", 0.0, ["T", "", ""]),  # an error may still find room where a line does not
        ("npe", "ATT", "npe", 59.0, ["", "T", "T"]),
        ("nnn", "TTT", "nnn", 61.0, ["", "", ""]),
        ("nec", "TTA", "nec", 0.0, ["", "", ""]),  # it is a critical trace from here on
        (
            "nww",
            "STT",
            "wow",
            599.0,
            ["T", "", "T"],
        ),  # nothing of it is stored that a note could stand beside
        ("nww", "STT", "wow", 601.0, ["", "", ""]),
        ("wen", "TAT", "wen", 0.0, ["", "", "T"]),  # now there is
    ],
)
def test_a_full_trace_is_known_for_a_while(
    classes: str, fates: str, asked: str, later: float, known: list[str]
) -> None:
    """
    What the store refused for the trace's sake is refused by class until that may have changed.
    """
    full = FullTraces(TraceQuota())
    full.learn(rows_of("a", "b", "c"), classes, fates, 5.0)
    assert full.fates(rows_of("d", "e", "f"), asked, 5.0 + later) == known
