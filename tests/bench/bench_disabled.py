"""
What a log call costs that is below the level: ours beside structlog's filtering logger and the standard library.

Claim: at most what structlog's takes, for `info` with five fields at level WARN.

    python tests/bench/bench_disabled.py
"""

import logging
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import tracelog
from tests.bench.peers.loggers import ours, stdlib_json, structlog_orjson

ROUNDS = 21
CALLS = 20_000
BAR = 1.0


def main() -> None:
    tracelog.configure(enabled=False)
    variants = {
        "tracelog": ours("warn"),
        "structlog + orjson": structlog_orjson(logging.WARNING),
        "stdlib JSON": stdlib_json(logging.WARNING),
    }
    spent: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, peer in variants.items():
            begin = time.thread_time_ns()
            peer.run(CALLS)
            spent[name].append((time.thread_time_ns() - begin) / CALLS)
    for name, figures in spent.items():
        print(
            f"{name:<20}{statistics.median(figures):>8,.0f} ns a call, median of {ROUNDS} interleaved rounds"
        )
    pairs = zip(spent["tracelog"], spent["structlog + orjson"], strict=True)
    print(f"tracelog / structlog  {statistics.median(a / b for a, b in pairs):.2f}   (bar {BAR})")


if __name__ == "__main__":
    main()
