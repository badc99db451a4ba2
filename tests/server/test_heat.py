"""
Heat on duty: asked once a second and only with something to tell; a store in trouble costs nothing.
"""

import asyncio
from collections.abc import Callable

import pytest

from tests.server.scripted import ScriptedStore
from tracelog.core.entry import Entry
from tracelog.core.guard import Guard, GuardSettings
from tracelog.core.heat import Warmth
from tracelog.errors import StoreUnavailableError
from tracelog.server.faults import Faults
from tracelog.server.heat import SharedHeat

pytestmark = pytest.mark.anyio

SETTINGS = GuardSettings(hot_above=8)


class Process:
    """
    A guard that shares its heat by *store*, on a clock that only the test turns.
    """

    def __init__(self, store: ScriptedStore) -> None:
        self.now = 100.0
        self.guard = Guard(SETTINGS)
        self.faults = Faults()
        self.heat = SharedHeat(store, SETTINGS, self.guard.templates, self.faults, clock=lambda: self.now)
        self._spoken = 0

    def say(self, times: int, trace_id: str = "t") -> list[str]:
        """
        Return what becomes of so many entries of one form and trace.
        """
        return [self._decide(trace_id) for _ in range(times)]

    def _decide(self, trace_id: str) -> str:
        self._spoken += 1
        n = self._spoken
        entry = Entry(
            id=f"e-{n}",
            trace_id=trace_id,
            timestamp=1e12,
            system="browser",
            level="info",
            message=f"took {n} ms",
        )
        return self.guard.decide(entry, self.now).word

    async def look(self) -> None:
        self.heat.look()
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def counted() -> Callable[[ScriptedStore], list[dict[str, Warmth]]]:
    """
    A function that makes a store remember what it is asked.
    """

    def count(store: ScriptedStore) -> list[dict[str, Warmth]]:
        asked: list[dict[str, Warmth]] = []
        share = store.shared.share

        async def noting(posted: dict[str, Warmth]) -> dict[str, Warmth]:
            asked.append(dict(posted))
            return dict(await share(posted))

        store.shared.share = noting  # type: ignore[method-assign]
        return asked

    return count


async def test_two_processes_together():
    """
    Five each are too many where eight are allowed: both fold what follows, but not the first of any trace.
    """
    store = ScriptedStore()
    one, two = Process(store), Process(store)
    for process in (one, two):
        assert "loop_template" not in process.say(5)
        await process.look()
    assert two.heat.view() == [{"form": one_form(two), "count": 10, "systems": ["browser"]}]
    assert one.heat.view() == []
    assert two.say(1) == ["loop_template"]
    assert one.say(1) == ["normal"]
    one.now += 1.0
    await one.look()
    assert one.say(1) == ["loop_template"]
    assert one.say(1, "t-2") == ["privileged"]


def one_form(process: Process) -> str:
    [shown] = process.heat.view()
    return str(shown["form"])


async def test_once_a_second_and_with_something_to_tell(counted):
    """
    Nothing is asked of the store for what came once, nor more often than once a second.
    """
    store = ScriptedStore()
    asked = counted(store)
    process = Process(store)
    process.say(1)
    await process.look()
    assert asked == []
    process.now += 1.0
    process.say(1)
    await process.look()
    process.say(1)
    process.now += 0.9
    await process.look()
    assert [[warmth.n for warmth in posted.values()] for posted in asked] == [[2]]
    process.now += 0.1
    await process.look()
    assert [[warmth.n for warmth in posted.values()] for posted in asked] == [[2], [1]]


async def test_a_store_in_trouble(counted):
    """
    It is told once as a fault, then left alone, and what was met meanwhile counts for nobody later.
    """
    store = ScriptedStore()
    asked = counted(store)
    process = Process(store)
    store.trouble = StoreUnavailableError("away")
    for _ in range(3):  # after the third it is left alone for two seconds
        process.say(2)
        await process.look()
        process.now += 1.0
    assert (len(asked), process.faults.total) == (3, 3)
    store.trouble = None
    process.say(9)
    await process.look()
    assert len(asked) == 3
    process.now += 1.0
    process.say(2)
    await process.look()
    assert [warmth.n for warmth in asked[3].values()] == [2]
    assert process.faults.total == 3


async def test_a_fault_in_the_store():
    """
    What nobody expected is told as a fault as well, and the next look asks again.
    """
    store = ScriptedStore()
    process = Process(store)
    store.trouble = ZeroDivisionError()
    process.say(2)
    await process.look()
    assert process.faults.total == 1
    store.trouble = None
    process.now += 2.0
    process.say(9)
    await process.look()
    assert [shown["count"] for shown in process.heat.view()] == [9]


async def test_the_end():
    """
    Whatever is under way when the process ends is given up.
    """
    store = ScriptedStore()
    process = Process(store)
    process.say(2)
    process.heat.look()
    await process.heat.end()
    assert process.heat.view() == []
    await process.heat.end()
