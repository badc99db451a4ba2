"""
Leases at work: servers that admit rows without asking never store more than the limits, whoever dies with one.
"""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.server.scripted import NOON_MS, LocalGate
from tests.stores.servers import RealServer
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Demand
from tracelog.errors import StoreUnavailableError
from tracelog.server.admission import ADMITTED
from tracelog.server.gate import Gatekeeper
from tracelog.stores import DUPLICATE, NOT_NOW, STORED
from tracelog.stores.redis_gate import RedisGate
from tracelog.stores.redis_wire import ClientWire

pytestmark = pytest.mark.anyio

LIMITS = QuotaSettings(limit=36_000, essential_percent=0, monthly_writes=10**9)
"""High enough for leases: of 20 rows for browsers, 15 for each of the others."""

BEFORE = {"browser": 14_300, "worker": 10_740, "backend": 10_750}
"""What the hour holds already, so that the limits are near: 100, 60 and 50 rows are left."""

LEFT = {"browser": 100, "worker": 60, "backend": 50}
LEASES = {"browser": 20, "worker": 15, "backend": 15}

Key = tuple[str, str]


class SlowGate(LocalGate):
    """
    A gate whose calls take time on the way there and on the way back.
    """

    def __init__(self, limits: QuotaSettings) -> None:
        super().__init__(limits)
        self.wall_s = 0.0
        self.ways = (0.0, 0.0)
        self.calls = 0
        self.trouble: Exception | None = None

    def wait(self, seconds: float) -> None:
        self.wall_s += seconds
        self.now_ms = NOON_MS + int(self.wall_s * 1000)

    async def ask(self, *asked: Any) -> Any:
        self.calls += 1
        if self.trouble is not None:
            raise self.trouble
        self.wait(self.ways[0])
        reply = await super().ask(*asked)
        self.wait(self.ways[1])
        return reply


class House:
    """
    Servers on one gate, and a note of all that they stored.
    """

    def __init__(self, many: int = 3, limits: QuotaSettings = LIMITS) -> None:
        self.gate = SlowGate(limits)
        self.limits = limits
        self.keepers = [self.server() for _ in range(many)]
        self.stored: Counter[Key] = Counter()
        self.lost = 0

    def server(self) -> Gatekeeper:
        return Gatekeeper(
            self.gate,
            self.limits,
            clock=lambda: 1_000.0 + self.gate.wall_s,
            wall_ms=lambda: float(self.gate.now_ms),
            tell=lambda change: None,
            timeout_s=60.0,
        )

    async def store(self, at: int, wanted: Sequence[Key], fate: str = STORED) -> list[str]:
        keeper = self.keepers[at]
        admission = await keeper.admit(wanted)
        minute = self.gate.now_ms // 60_000
        if not admission.grants:  # nobody waited for an answer
            assert {grant.bucket for grant in admission.leased} <= {minute}
        fates = [fate if given == ADMITTED else given for given in admission.fates]
        keeper.settle(admission, wanted, "".join(fates))
        self.stored.update(key for key, said in zip(wanted, fates, strict=True) if said == STORED)
        return fates

    def kill(self, at: int) -> None:
        """
        Let a server end without a word: what it held is lost. Another one takes its place.
        """
        old = self.keepers[at]
        self.lost += sum(back.n for back in [*old._leases.over(inf), *old._refunds])
        self.keepers[at] = self.server()

    async def charged(self) -> dict[str, int]:
        held = await self.gate.status()
        return {system.system: system.current for system in held.systems}


groups = st.lists(st.tuples(st.sampled_from(sorted(LEFT)), st.sampled_from("nnpe")), min_size=1, max_size=12)
steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.3, 1.0, 4.0, 30.0]),
        st.integers(0, 2),
        groups,
        st.sampled_from([STORED, STORED, STORED, STORED, DUPLICATE, NOT_NOW]),
        st.sampled_from([(0.0, 0.0), (0.0, 0.0), (0.4, 0.0), (0.0, 3.0), (2.0, 2.0)]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_leases_never_pass_a_limit(schedule: Any) -> None:
    """
    I1, I12: with servers that hold leases, answers that come late, failed writes and servers that die, no pool ever
    stores more than it has; and what is charged is what was stored, or died with a server.
    """

    async def run() -> None:
        house = House()
        await house.gate.ask([], (), None, [Demand(name, "normal", n) for name, n in BEFORE.items()])
        for wait, server, wanted, fate, ways, dies in schedule:
            house.gate.wait(wait)
            house.gate.ways = ways
            await house.store(server, wanted, fate)
            if dies:
                house.kill(server)
        stored = Counter[str]()
        for (system, _), n in house.stored.items():
            stored[system] += n
        assert all(stored[system] <= LEFT[system] for system in LEFT)
        for keeper in house.keepers:
            await keeper.drain()
        charged = await house.charged()
        assert sum(charged.values()) - sum(BEFORE.values()) == sum(stored.values()) + house.lost

    asyncio.run(run())


async def test_leases_save_calls_and_lose_no_row() -> None:
    """
    A steady stream of single rows asks once in a while, and everything up to the limit is stored, to the row.
    """
    house = House(2)
    await house.gate.ask([], (), None, [Demand(name, "normal", n - 900) for name, n in BEFORE.items()])
    house.gate.calls, rows = 0, 0
    for at in range(1_000):
        house.gate.wait(0.01)
        rows += (await house.store(at % 2, [("browser", "n")])).count(STORED)
    assert rows == 1_000
    assert house.gate.calls < 250
    assert set(await house.store(0, [("browser", "n")])) != {STORED}
    assert (await house.charged())["browser"] == 14_400


async def holding(house: House, rows: int = 20) -> int:
    """
    Let the first server store single rows of workers, and return how many it then holds beforehand.
    """
    for _ in range(rows):
        await house.store(0, [("worker", "n")])
    return sum(lease.left for lease in house.keepers[0]._leases.held["worker"])


async def test_errors_have_the_first_of_a_lease() -> None:
    """
    A lease too small for a group goes to its errors, and only for the rest is the store asked.
    """
    house = House(1)
    held = await holding(house)
    before = house.gate.calls
    assert held > 1
    admission = await house.keepers[0].admit([("worker", "n")] * held + [("worker", "e")] * (held - 1))
    assert {grant.cls: grant.n for grant in admission.leased} == {"essential": held - 1, "normal": 1}
    assert sum(grant.n for grant in admission.grants) == held - 1
    assert house.gate.calls == before + 1


async def test_a_lease_serves_while_the_store_is_away() -> None:
    """
    What is charged already needs no store; critical rows are never taken from it.
    """
    house = House(1)
    held = await holding(house)
    calls = house.gate.calls
    assert held > 1
    assert await house.store(0, [("worker", "n")] * held) == [STORED] * held
    assert house.gate.calls == calls
    assert await house.store(0, [("worker", "c")]) == [STORED]
    assert house.gate.calls == calls + 1


async def test_each_row_goes_back_to_who_granted_it() -> None:
    """
    Rows of a lease that were not stored return to the store, though the rest of their group was this server's own
    grant, which is charged in full.
    """
    house = House(1)
    held = await holding(house)
    house.gate.trouble = StoreUnavailableError("away")
    wanted = [("worker", "e")] * held + [("worker", "n")] * 3
    admission = await house.keepers[0].admit(wanted)
    house.keepers[0].settle(admission, wanted, "T" * held + STORED * 3)
    house.gate.trouble = None
    await house.keepers[0].drain()
    assert (await house.charged())["worker"] == 20 + 3


async def test_a_lease_is_counted_from_before_its_call() -> None:
    """
    A late answer makes no lease longer: no row is stored in another minute than it is charged to.
    """
    house = House(1)
    house.gate.wait(57.0)
    house.gate.ways = (0.0, 2.5)
    await house.store(0, [("worker", "n")] * 9)
    await house.store(0, [("worker", "n")] * 9)
    assert house.gate.wall_s == 62.0
    house.gate.ways = (0.0, 0.0)
    calls = house.gate.calls
    await house.store(0, [("worker", "n")])
    assert house.gate.calls == calls + 1


PROGRAM = """
import asyncio, json, sys, time
from redis.asyncio import Redis
from tracelog.core.quota_settings import QuotaSettings
from tracelog.server.gate import Gatekeeper
from tracelog.stores.redis_gate import RedisGate
from tracelog.stores.redis_wire import ClientWire

async def main(url, limits, system, most):
    gate = RedisGate(ClientWire(Redis.from_url(url), owned=True), QuotaSettings(**json.loads(limits)), server=sys.argv[5])
    calls, ask = [0], gate.ask
    async def counted(*asked):
        calls[0] += 1
        return await ask(*asked)
    gate.ask = counted
    keeper = Gatekeeper(gate, gate._settings, clock=time.monotonic, wall_ms=lambda: time.time() * 1000,
        tell=print, timeout_s=10)
    got, wanted = 0, [(system, "n")]
    while got < int(most):
        admission = await keeper.admit(wanted)
        keeper.settle(admission, wanted, "A" if admission.fates == [""] else "S")
        if admission.fates != [""]:
            break
        got += 1
    print(json.dumps([got, calls[0]]), flush=True)
    sys.stdin.readline()
    await keeper.drain()

asyncio.run(main(*sys.argv[1:5]))
"""


def started(url: str, system: str, most: int, name: str) -> "subprocess.Popen[str]":
    limits = json.dumps({"limit": LIMITS.limit, "monthly_writes": LIMITS.monthly_writes})
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, limits, system, str(most), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process: "subprocess.Popen[str]") -> list[int]:
    assert process.stdout is not None
    said: list[int] = json.loads(process.stdout.readline())
    return said


def test_a_holder_that_is_killed_takes_its_lease_out_of_the_hour(tmp_path: Path) -> None:
    """
    I1, I12: real processes on a real server, one killed with a lease in hand: its rows and the others' together stay
    within the pool, and what is charged and was not stored is no more than that lease.
    """
    with RealServer(tmp_path) as server:
        check_a_killed_holder(server)


def check_a_killed_holder(server: RealServer) -> None:
    charged_before = {name: n - 900 for name, n in BEFORE.items()}

    async def status(forced: dict[str, int]) -> Any:
        async with Redis.from_url(server.url, protocol=2) as client:
            gate = RedisGate(ClientWire(client, owned=False), LIMITS)
            await gate.ask([], forced=[Demand(name, "normal", n) for name, n in forced.items()])
            return await gate.status()

    asyncio.run(status(charged_before))
    victim = started(server.url, "browser", 300, "a1")
    rows, calls = told(victim)
    assert rows == 300
    assert calls < 150
    victim.kill()
    victim.communicate()
    others = [
        started(server.url, name, 10**6, f"b{at}") for at, name in enumerate(("browser", "browser", "worker"))
    ]
    got = [told(process)[0] for process in others]
    for process in others:
        process.communicate("end\n", timeout=30)
    held = asyncio.run(status({}))
    current = {system.system: system.current for system in held.systems}
    lost = current["browser"] - charged_before["browser"] - rows - got[0] - got[1]
    assert 0 <= lost <= LEASES["browser"]
    assert current["browser"] <= 14_400
    assert got[2] == 960
    assert held.servers == 4
