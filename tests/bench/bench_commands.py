"""
What a stored entry costs a Redis server: commands, those inside scripts included, as INFO commandstats counts them.

Claim: at most one command an entry in batches of 100 entries of 10 traces, on one server and on a cluster, with a
quota a trace, which tells echoes as well, as without, and with a processor that wants all of it. Upstash bills by the same count.

    python tests/bench/bench_commands.py
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from redis import Redis

from tests.stores.rows import row
from tests.stores.servers import RealCluster, RealServer
from tracelog.core.prints import print_of
from tracelog.stores import TraceQuota, open_store

BAR = 1.0
SHAPES = ((10, 10), (2, 50), (1, 100), (100, 1))
"""Traces of a batch, and entries of each."""

BATCHES = 200
QUOTA = TraceQuota(normal=10**9, critical=10**9, max_bytes=0, echo_burst=10**9)
"""Counted and compared, never refused: a refused entry would cost less."""

OURS = ("config", "info", "client", "hello", "auth", "command", "script", "cluster", "ping")
"""Commands of connecting and of this benchmark."""


def counted(servers):
    total = 0
    for server in servers:
        with Redis.from_url(server.url, protocol=2) as client:
            stats = client.info("commandstats")
        total += sum(
            each["calls"]
            for name, each in stats.items()
            if name.removeprefix("cmdstat_").split("|")[0] not in OURS
        )
    return total


async def measure(url, servers, shape, quota):
    """
    Return commands an entry and entries a second of batches of this *shape*.
    """
    traces, entries = shape
    store = open_store(url)
    await store.start()
    await store.clear()
    await store.queue().take("bench", due=True, lease_s=60)
    batches = [
        [
            row(f"trace-{trace}-{batch % 20}", batch * 1_000 + trace * entries + n)
            for trace in range(traces)
            for n in range(entries)
        ]
        for batch in range(BATCHES)
    ]
    prints = [
        print_of("backend", "info", f"line of kind {'x' * (at % entries)}") for at in range(traces * entries)
    ]
    await store.write(batches[0], quota=quota, prints=prints)
    for server in servers:
        with Redis.from_url(server.url, protocol=2) as client:
            client.config_resetstat()
    began = time.perf_counter()
    for batch in batches[1:]:
        await store.write(batch, quota=quota, prints=prints)
    took = time.perf_counter() - began
    stored = sum(map(len, batches[1:]))
    commands = counted(servers)
    await store.close()
    return commands / stored, stored / took


def main():
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        one, three = Path(folder) / "one", Path(folder) / "three"
        one.mkdir()
        three.mkdir()
        with RealServer(one) as server, RealCluster(three) as cluster:
            places = {"one server": (server.url, [server]), "cluster of 3": (cluster.url, cluster.servers)}
            print(f"{'':<14}{'traces x entries':<18}{'quota':<7}{'commands/entry':>15}{'entries/s':>12}")
            for place, (url, servers) in places.items():
                for shape in SHAPES:
                    for quota in (None, QUOTA):
                        cost, rate = asyncio.run(measure(url, servers, shape, quota))
                        worst = max(worst, cost if shape == (10, 10) else 0.0)
                        said = f"{shape[0]} x {shape[1]}"
                        print(
                            f"{place:<14}{said:<18}{'yes' if quota else 'no':<7}{cost:>15.3f}{rate:>12,.0f}"
                        )
    print(f"worst at 10 x 10: {worst:.3f} commands an entry (bar {BAR})")


if __name__ == "__main__":
    main()
