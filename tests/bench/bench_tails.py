"""
How long the slowest calls take in a busy program: ours beside a `QueueHandler` whose listener writes JSON.

A thread computes for 20 µs and logs, again and again, so that it always wants the interpreter when the background
thread does. Claim: the slowest of 10,000 calls (p99.99) and of 1,000 (p99.9) take at most 0.1 of the peer's.

    python tests/bench/bench_tails.py
"""

import logging
import logging.handlers
import queue
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import tracelog
from tests.bench.peers.loggers import CompressAndDrop, json_handler, stdlib_logger

ROUNDS = 7
SECONDS = 1.0
WORK_S = 20e-6
PARTS = (0.5, 0.99, 0.999, 0.9999)
BAR = 0.1
FIELDS = {"user_id": "u-81", "path": "/checkout", "status": 200, "duration_ms": 12.5, "attempt": 3}


def latencies(call: Callable[[], None]) -> list[float]:
    """
    Return the sorted microseconds of each *call* of a busy second.
    """
    clock, taken = time.perf_counter, []
    end = clock() + SECONDS
    while (now := clock()) < end:
        while clock() - now < WORK_S:
            pass
        begin = clock()
        call()
        taken.append((clock() - begin) * 1e6)
    return sorted(taken)


def main() -> None:
    tracelog.configure(enabled=False)
    client = tracelog.Client(service="bench", sinks=[CompressAndDrop()])
    ours = client.get_logger("bench").info
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(waiting, json_handler())
    theirs = stdlib_logger("bench", logging.handlers.QueueHandler(waiting)).info
    calls = {
        "tracelog": lambda: ours("request done", **FIELDS),
        "QueueListener, JSON": lambda: theirs("request done", extra=FIELDS),
    }
    listener.start()
    found: dict[str, list[list[float]]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            taken = latencies(call)
            found[name].append([taken[int(part * len(taken))] for part in PARTS])
            client.flush(10)
            while not waiting.empty():
                time.sleep(0.01)
    listener.stop()
    print(f"{'':<22}" + "".join(f"{'p' + format(part * 100, 'g'):>10}" for part in PARTS) + "   µs a call")
    tails = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in found.items()
    }
    for name, tail in tails.items():
        print(f"{name:<22}" + "".join(f"{taken:>10,.1f}" for taken in tail) + f"   median of {ROUNDS} rounds")
    for place, part in enumerate(PARTS[2:], 2):
        ratio = tails["tracelog"][place] / tails["QueueListener, JSON"][place]
        print(f"p{part * 100:g}: tracelog / QueueListener {ratio:.3f}   (bar {BAR})")


if __name__ == "__main__":
    main()
