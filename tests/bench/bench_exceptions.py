"""
What logging an exception costs the calling thread: ours beside standard-library JSON and structlog's `format_exc_info`.

Nine frames, raised anew for each call and untimed. Claim: at most 0.05 of stdlib JSON; the text of the lines is
read by the background thread, whose time is printed as well.

    python tests/bench/bench_exceptions.py
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson
import structlog

import tracelog
from tests.bench.peers.loggers import CompressAndDrop, json_handler, null, stdlib_logger

ROUNDS = 11
CALLS = 300
FRAMES = 9
BAR = 0.05


def fail(depth: int) -> None:
    if depth <= 1:
        raise ValueError("card declined")
    fail(depth - 1)


def measure(log: Callable[[], None], flush: Callable[[], object]) -> tuple[float, float]:
    """
    Return microseconds a call: of the calling thread alone, and of all threads.
    """
    caller = raising = 0
    begin = time.process_time_ns()
    for _ in range(CALLS):
        start = time.thread_time_ns()
        try:
            fail(FRAMES - 1)
        except ValueError:
            caught = time.thread_time_ns()
            log()
            caller += time.thread_time_ns() - caught
            raising += caught - start
    flush()
    return caller / CALLS / 1000, (time.process_time_ns() - begin - raising) / CALLS / 1000


def main() -> None:
    tracelog.configure(enabled=False)
    client = tracelog.Client(service="bench", sinks=[CompressAndDrop()])
    ours = client.get_logger("bench")
    stdlib = stdlib_logger("bench", json_handler())
    render = structlog.processors.JSONRenderer(serializer=orjson.dumps)
    chain = [structlog.processors.add_log_level, structlog.processors.format_exc_info, render]
    bound = structlog.wrap_logger(structlog.BytesLogger(null("wb")), processors=chain).bind()
    variants = {
        "tracelog": (lambda: ours.exception("payment failed", attempt=3), lambda: client.flush(10)),
        "stdlib JSON": (lambda: stdlib.exception("payment failed", extra={"attempt": 3}), lambda: None),
        "structlog + orjson": (lambda: bound.error("payment failed", attempt=3, exc_info=True), lambda: None),
    }
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, (log, flush) in variants.items():
            spent[name].append(measure(log, flush))
    print(
        f"{'':<20}{'caller µs':>12}{'total µs':>12}   {FRAMES} frames, median of {ROUNDS} interleaved rounds, CPU time"
    )
    for name, figures in spent.items():
        caller, total = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{name:<20}{caller:>12,.1f}{total:>12,.1f}")
    ratio = statistics.median(
        a[0] / b[0] for a, b in zip(spent["tracelog"], spent["stdlib JSON"], strict=True)
    )
    print(f"caller  tracelog / stdlib JSON  {ratio:.3f}   (bar {BAR})")


if __name__ == "__main__":
    main()
