"""
How many decisions a second the gate makes, beside what a person would write by hand.

    python tests/bench/bench_gate.py

A batch is 100 entries of three systems. `exact` asks the gate in Redis once for every batch, `denied` asks the memory
of refusals for every entry. The peer asks `GET` and `INCR` for every entry, as most examples of rate limits do, with
its batch pipelined and without. Server and client share one core; rounds alternate, the best of each counts. The
overshoot of the peer and of the gate is counted with several clients at the limit of 1,000.

`leases` is what a server process really does: groups of rows through its gatekeeper, which asks the gate for each group
or, where the limits are high, has rows beforehand. Calls are counted for servers that share a steady load of 0.9 of
the limit, single rows at random moments.
"""

import asyncio
import os
import random
import tempfile
import time
from pathlib import Path
from time import perf_counter

from redis.asyncio import Redis

from tests.server.scripted import NOON_MS, LocalGate
from tests.stores.servers import RealServer
from tracelog.core import keys
from tracelog.core.deny import DenyCache
from tracelog.core.lease import Leases
from tracelog.core.quota import ask
from tracelog.core.quota_ring import State
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Asked, Demand
from tracelog.server.gate import Gatekeeper
from tracelog.stores import STORED
from tracelog.stores.redis_gate import RedisGate
from tracelog.stores.redis_wire import ClientWire
from tracelog.stores.sqlite_gate import SqliteGate
from tracelog.stores.sqlite_schema import open_file
from tracelog.stores.sqlite_worker import Worker, do_each

ROUNDS = 5
SECONDS = 0.5
BARS = {"gate, exact": 100_000, "gate, denied from memory": 1_000_000}
OPEN = QuotaSettings(limit=10**9, critical=10**9, monthly_writes=10**12)
SHUT = QuotaSettings(limit=0)
BATCH = (Demand("browser", "normal", 40), Demand("worker", "normal", 30), Demand("backend", "normal", 30))
GROUPS = (1, 10, 100, 1_000)
LIMITS = (1_000, 10_000, 100_000, 1_000_000)
SERVERS = 4
ROWS = 10_000
SYSTEMS = [demand.system for demand in BATCH for _ in range(demand.n)]


async def rate(one_batch) -> float:
    """
    Return the decisions a second of a function that makes 100.
    """
    await one_batch()
    batches, start = 0, perf_counter()
    while (spent := perf_counter() - start) < SECONDS:
        await one_batch()
        batches += 1
    return batches * 100 / spent


def naive(client: Redis):
    async def one_batch() -> None:
        for system in SYSTEMS:
            if int(await client.get(f"naive:{system}") or 0) < 10**9:
                await client.incr(f"naive:{system}")

    return one_batch


def naive_pipelined(client: Redis):
    async def one_batch() -> None:
        pipe = client.pipeline(transaction=False)
        for system in SYSTEMS:
            pipe.get(f"naive:{system}")
        counts = await pipe.execute()
        pipe = client.pipeline(transaction=False)
        for system, count in zip(SYSTEMS, counts, strict=True):
            if int(count or 0) < 10**9:
                pipe.incr(f"naive:{system}")
        await pipe.execute()

    return one_batch


def exact(gate):
    async def one_batch() -> None:
        await gate.ask(BATCH)

    return one_batch


def denied(gate, cache: DenyCache):
    async def one_batch() -> None:
        now = perf_counter()
        if not cache.refused("browser", "normal", now):
            cache.learn(BATCH, await gate.ask(BATCH), now)
        refused = cache.refused
        for system in SYSTEMS:
            if not refused(system, "normal", now):
                raise SystemExit("a refused entry was let through")

    return one_batch


def keeper_of(gate, limits: QuotaSettings, clock, *, leases: bool) -> Gatekeeper:
    keeper = Gatekeeper(gate, limits, clock=clock, wall_ms=lambda: 0.0, tell=lambda change: None, timeout_s=5)
    if not leases:
        keeper._leases = Leases({})
    return keeper


def groups(gate, size: int, *, leases: bool):
    """
    Return a function that admits and settles 100 rows in groups of *size*, or one larger group a hundred times less.
    """
    keeper = keeper_of(gate, OPEN, time.monotonic, leases=leases)
    wanted = [(SYSTEMS[at % 100], "n") for at in range(size)]
    turns = iter(range(10**12))

    async def one_batch() -> None:
        for _ in range(max(1, 100 // size)):
            if size > 100 and next(turns) % (size // 100):
                continue
            admission = await keeper.admit(wanted)
            keeper.settle(admission, wanted, STORED * size)

    return one_batch


async def calls(limit: int, *, leases: bool) -> int:
    """
    Return how many calls of the gate a steady load of `ROWS` single rows costs, a call a row without leases.
    """
    limits = QuotaSettings(limit=limit, monthly_writes=10**11)
    gate, draw, now, made = LocalGate(limits), random.Random(1), 0.0, 0

    class Counting:
        async def ask(self, *asked):
            nonlocal made
            made += 1
            return await gate.ask(*asked)

    keepers = [keeper_of(Counting(), limits, lambda: now, leases=leases) for _ in range(SERVERS)]
    for _ in range(min(ROWS, int(0.9 * limit))):
        now += draw.expovariate(0.9 * limit / 3_600)
        gate.now_ms = NOON_MS + int(now * 1000)
        wanted = [(draw.choice(SYSTEMS), "n")]
        keeper = draw.choice(keepers)
        admission = await keeper.admit(wanted)
        keeper.settle(admission, wanted, STORED if admission.fates == [""] else "S")
    return made


def arithmetic():
    state, plan, asked = State(), OPEN.plan(), Asked(demands=BATCH)

    async def one_batch() -> None:
        ask(state, plan, asked, 1_800_000_000_000)

    return one_batch


async def overshoot(client: Redis) -> tuple[int, int]:
    """
    Return what 16 clients together get of 1,000, by hand and by the gate.
    """
    by_hand = 0

    async def hand() -> None:
        nonlocal by_hand
        for _ in range(150):
            if int(await client.get("naive:limit") or 0) < 1_000:
                await client.incr("naive:limit")
                by_hand += 1

    await asyncio.gather(*(hand() for _ in range(16)))
    await client.delete(keys.GATE)
    gate = RedisGate(ClientWire(client, owned=False), QuotaSettings())
    replies = await asyncio.gather(*(gate.ask([Demand("worker", "normal", 150)]) for _ in range(16)))
    return by_hand, sum(grant.n for reply in replies for grant in reply.grants)


async def server_us(client: Redis, gate: RedisGate) -> float:
    """
    Return the microseconds that the server itself spends on a batch.
    """
    await client.config_resetstat()
    for _ in range(2_000):
        await gate.ask(BATCH)
    return (await client.info("commandstats"))["cmdstat_evalsha"]["usec_per_call"]


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, RealServer(Path(folder)) as server:
        core = {max(os.sched_getaffinity(0))}
        os.sched_setaffinity(0, core)
        os.sched_setaffinity(server.process.pid, core)
        client = Redis.from_url(server.url, protocol=2)
        wire = ClientWire(client, owned=True)
        worker = Worker("gate", lambda: open_file(str(Path(folder) / "gate.db")), do_each)
        await worker.start()
        gate = RedisGate(wire, OPEN)
        sides = {
            "by hand, a call each": naive(client),
            "by hand, pipelined": naive_pipelined(client),
            "gate, exact": exact(gate),
            "gate, refused by Redis": exact(RedisGate(wire, SHUT)),
            "gate, denied from memory": denied(RedisGate(wire, SHUT), DenyCache()),
            "gate in SQLite, exact": exact(SqliteGate(worker.submit, OPEN, lambda: 1_800_000_000.0)),
            "the arithmetic alone": arithmetic(),
        }
        best = dict.fromkeys(sides, 0.0)
        for _ in range(ROUNDS):
            for name, side in sides.items():
                best[name] = max(best[name], await rate(side))
        for name, value in best.items():
            bar = f"   bar {BARS[name]:,}" if name in BARS else ""
            print(f"{name:<28}{value:>14,.0f} decisions/s{bar}")
        print(f"exact to pipelined by hand  {best['gate, exact'] / best['by hand, pipelined']:>14.1f} x")
        print(f"one call of the script      {await server_us(client, gate):>14.1f} µs in the server")
        for size in GROUPS:
            both = {}
            for _ in range(ROUNDS):
                for leases in (False, True):
                    found = await rate(groups(gate, size, leases=leases))
                    both[leases] = max(both.get(leases, 0.0), found)
            print(
                f"groups of {size:<5}{both[False]:>16,.0f} rows/s, with leases {both[True]:,.0f},"
                f" {both[True] / both[False]:.1f} x"
            )
        for limit in LIMITS:
            without, with_leases = await calls(limit, leases=False), await calls(limit, leases=True)
            print(
                f"{limit:>9,} rows an hour, {SERVERS} servers: {without:,} calls, with leases {with_leases:,}"
            )
        hand, ours = await overshoot(client)
        print(f"16 clients at 1,000 rows    {hand:>14,} by hand, {ours:,} by the gate")
        await worker.close()
        await wire.close()


if __name__ == "__main__":
    asyncio.run(main())
