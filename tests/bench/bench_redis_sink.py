"""
What the Redis sink costs its program for each entry, beside a pipeline of redis-py as a person would write it.

    python tests/bench/bench_redis_sink.py

Eight live traces interleaved, 100 and 1,000 entries a batch, a real Valkey. By hand is `RPUSH` and `EXPIRE` for every
entry, the dictionary of which lies ready and is written by `json.dumps`; grouped by hand is the same for every trace.
The sink is handed a batch as the client's queue holds it, so that it also pays for reading the entries and for all that
lets a server find, count and show what it stored, an id once only. How much of the ratios is the grouping alone stands
beside them, from JSON that lies ready. CPU time of this process, which does nothing else; rounds alternate.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from redis import Redis

from tests.sinks.parcels import parcel, row
from tests.stores.servers import RealServer
from tracelog.core import keys
from tracelog.core.entry import Entry, encode_entry
from tracelog.sinks.base import Parcel
from tracelog.sinks.redis import TTL_S, RedisSink

ROUNDS = 11
ENTRIES = 5_000
"""Of a round."""

BARS = {100: 0.5, 1_000: 0.4}
TRACES = [f"{n + 1:032x}" for n in range(8)]
FIELDS = {"user_id": "u-81", "path": "/orders/8812", "status": 200, "duration_ms": 12.5, "attempt": 1}

Line = tuple[str, dict[str, Any], bytes]
"""An entry by hand: its trace, its dictionary, its JSON."""

Written = Callable[[Redis, Parcel, list[Line]], object]


def batch(size: int, begin: int) -> Parcel:
    """
    Return a parcel of *size* entries that no parcel held before, numbered from *begin* on.
    """
    rows = [row(f"step {n} of the order done", TRACES[n % 8], context=dict(FIELDS)) for n in range(size)]
    return parcel(*rows, seq=begin)


def one_by_one(lines: Iterable[tuple[str, bytes]], client: Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        for trace_id, body in lines:
            pipe.rpush(keys.logs(trace_id), body)
            pipe.expire(keys.logs(trace_id), TTL_S)
        pipe.execute()


def grouped(lines: Iterable[tuple[str, bytes]], client: Redis) -> None:
    by_trace: dict[str, list[bytes]] = {}
    for trace_id, body in lines:
        by_trace.setdefault(trace_id, []).append(body)
    with client.pipeline(transaction=False) as pipe:
        for trace_id, bodies in by_trace.items():
            pipe.rpush(keys.logs(trace_id), *bodies)
            pipe.expire(keys.logs(trace_id), TTL_S)
        pipe.execute()


def dumped(lines: list[Line]) -> Iterator[tuple[str, bytes]]:
    return ((trace_id, json.dumps(said).encode()) for trace_id, said, _ in lines)


def ready(lines: list[Line]) -> Iterator[tuple[str, bytes]]:
    return ((trace_id, body) for trace_id, _, body in lines)


def by_hand(entry: Entry) -> Line:
    body = encode_entry(entry)
    return entry.trace_id, json.loads(body), body


def measure(client: Redis, write: Written, parcels: list[Parcel]) -> float:
    """
    Return microseconds of CPU an entry, from a store that holds nothing.
    """
    client.flushall()
    lines = [[by_hand(entry) for entry in each.entries] for each in parcels]
    before = time.process_time_ns()
    for each, own in zip(parcels, lines, strict=True):
        write(client, each, own)
    spent = time.process_time_ns() - before
    assert sum(client.llen(keys.logs(trace_id)) for trace_id in TRACES) == ENTRIES, "entries are missing"
    return spent / ENTRIES / 1000


def compare(server: RealServer, size: int) -> None:
    client = Redis.from_url(server.url)
    sink = RedisSink(server.url)
    variants: dict[str, Written] = {
        "by hand": lambda to, _, lines: one_by_one(dumped(lines), to),
        "by hand, grouped": lambda to, _, lines: grouped(dumped(lines), to),
        "sink": lambda _client, each, _lines: sink(each),
        "ready": lambda to, _, lines: one_by_one(ready(lines), to),
        "ready, grouped": lambda to, _, lines: grouped(ready(lines), to),
    }
    spent: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, write in variants.items():
            parcels = [batch(size, begin) for begin in range(0, ENTRIES, size)]
            spent[name].append(measure(client, write, parcels))
    sink.close()
    client.close()
    for name, figures in spent.items():
        print(f"{size:>6} a batch, {name:<22}{statistics.median(figures):>7.2f} us an entry")
    for name, beside in (("sink", "by hand"), ("by hand, grouped", "by hand"), ("ready, grouped", "ready")):
        ratio = statistics.median(a / b for a, b in zip(spent[name], spent[beside], strict=True))
        print(f"{size:>6} a batch, {name} / {beside}: {ratio:.2f}   (bar {BARS[size]})")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, RealServer(Path(folder)) as server:
        for size in BARS:
            compare(server, size)


if __name__ == "__main__":
    main()
