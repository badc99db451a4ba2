"""
What a log call costs: ours beside standard-library JSON logging, structlog with orjson, loguru, the handler of
OpenTelemetry's SDK and the logs of sentry-sdk, in one process.

Claim: the calling thread pays at most 0.06 of stdlib JSON, 0.16 of structlog + orjson (bound logger), 0.06 of loguru,
0.045 of OpenTelemetry's handler and 0.10 of sentry's logs; both threads together at most 0.10 of the first and 0.25
of the second. Same work everywhere: a message, five fields, the trace id of a context, INFO. Peers write to /dev/null; ours goes all the way to a compressed batch that a sink throws away, redaction
included.

    python tests/bench/bench_call.py
"""

import gc
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import tracelog
from tests.bench.peers.loggers import (
    loguru_plain,
    otel_handler,
    ours,
    sentry_logs,
    stdlib_json,
    structlog_orjson,
)

ROUNDS = 11
CHUNKS = 10
CALLS = 1000
"""Calls between two flushes: what the background thread finds at each look of a program that logs 10,000 a second."""

BARS = (
    ("stdlib JSON", "caller", 0.06),
    ("structlog + orjson", "caller", 0.16),
    ("loguru", "caller", 0.06),
    ("OTel handler", "caller", 0.045),
    ("sentry logs", "caller", 0.10),
    ("stdlib JSON", "total", 0.10),
    ("structlog + orjson", "total", 0.25),
)


def measure(run: Callable[[int], None], flush: Callable[[], object]) -> tuple[float, float]:
    """
    Return nanoseconds a call: of the calling thread alone, and of the whole process with the flush.
    """
    caller = total = 0
    for _ in range(CHUNKS):
        process, thread = time.process_time_ns(), time.thread_time_ns()
        run(CALLS)
        caller += time.thread_time_ns() - thread
        flush()
        total += time.process_time_ns() - process
    return caller / CHUNKS / CALLS, total / CHUNKS / CALLS


def main() -> None:
    tracelog.configure(enabled=False)  # the trace below belongs to no program
    variants = {
        "tracelog": ours(),
        "stdlib JSON": stdlib_json(),
        "structlog + orjson": structlog_orjson(),
        "loguru": loguru_plain(),
        "OTel handler": otel_handler(),
        "sentry logs": sentry_logs(),
    }
    for run, flush in variants.values():
        run(2000)
        flush()
    caller: dict[str, list[float]] = {name: [] for name in variants}
    total: dict[str, list[float]] = {name: [] for name in variants}
    with tracelog.trace("bench", user_id="u-81"):
        for _ in range(ROUNDS):
            for name, (run, flush) in variants.items():
                gc.collect()
                one, both = measure(run, flush)
                caller[name].append(one)
                total[name].append(both)
    print(f"{'':<20}{'caller ns':>12}{'total ns':>12}   median of {ROUNDS} interleaved rounds, CPU time")
    for name in variants:
        print(f"{name:<20}{statistics.median(caller[name]):>12,.0f}{statistics.median(total[name]):>12,.0f}")
    for peer, part, bar in BARS:
        figures = caller if part == "caller" else total
        ratio = statistics.median(a / b for a, b in zip(figures["tracelog"], figures[peer], strict=True))
        print(f"{part:<8}tracelog / {peer:<20}{ratio:.3f}   (bar {bar})")


if __name__ == "__main__":
    main()
