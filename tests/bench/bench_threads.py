"""
What a log call costs when eight threads log at once: ours beside standard-library JSON logging, in wall time.

Claim: at most 0.05 of stdlib JSON with as many threads, and at most 1.3 of our own with one thread: there is no
lock to wait for and no system call that hands the interpreter to another thread.

    python tests/bench/bench_threads.py
"""

import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import tracelog
from tests.bench.peers.loggers import Peer, ours, stdlib_json

ROUNDS = 9
THREADS = 8
CALLS = {"tracelog": 10_000, "stdlib JSON": 2_000}
"""Calls of each thread: few enough of ours for the queue to take them without a look of the background thread."""

BARS = {"of stdlib JSON": 0.05, "of one thread": 1.3}


def wall(peer: Peer, threads: int, calls: int) -> float:
    """
    Return nanoseconds a call when so many *threads* make so many *calls* each.
    """
    ready = threading.Barrier(threads + 1)

    def work() -> None:
        ready.wait()
        peer.run(calls)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    begin = time.perf_counter_ns()
    for worker in workers:
        worker.join()
    spent = (time.perf_counter_ns() - begin) / calls / threads
    peer.flush()
    return spent


def main() -> None:
    tracelog.configure(enabled=False)
    peers = {"tracelog": ours(), "stdlib JSON": stdlib_json()}
    spent: dict[tuple[str, int], list[float]] = {(name, n): [] for name in peers for n in (1, THREADS)}
    for _ in range(ROUNDS):
        for name, peer in peers.items():
            for n in (1, THREADS):
                spent[name, n].append(wall(peer, n, CALLS[name] * THREADS // n))
    for (name, n), figures in spent.items():
        print(
            f"{name:<14}{n} threads {statistics.median(figures):>10,.0f} ns a call, median of {ROUNDS} rounds"
        )
    many = spent["tracelog", THREADS]
    for beside, peer in zip(BARS, (spent["stdlib JSON", THREADS], spent["tracelog", 1]), strict=True):
        ratio = statistics.median(a / b for a, b in zip(many, peer, strict=True))
        print(f"tracelog with {THREADS} threads, part {beside}: {ratio:.3f}   (bar {BARS[beside]})")


if __name__ == "__main__":
    main()
