"""
What a log call costs: ours beside standard-library JSON logging and structlog with orjson, in one process.

Claim: the calling thread pays at most 0.06 of stdlib JSON and 0.16 of structlog + orjson (bound logger); both
threads together at most 0.10 and 0.25. Same work everywhere: a message, five fields, the trace id of a context,
INFO. Peers write to /dev/null; ours goes all the way to a compressed batch that a sink throws away, redaction
included.

    python tests/bench/bench_call.py
"""

import contextvars
import gc
import logging
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import structlog
from pythonjsonlogger.json import JsonFormatter

import tracelog
from tracelog.core.encoding import Compressor
from tracelog.sinks.base import Parcel, Receipt

ROUNDS = 11
CHUNKS = 10
CALLS = 1000
"""Calls between two flushes: what the background thread finds at each look of a program that logs 10,000 a second."""
TRACE = contextvars.ContextVar("trace", default="4bf92f3577b34da6a3ce929d0e0e4736")

BARS = (
    ("stdlib JSON", "caller", 0.06),
    ("structlog + orjson", "caller", 0.16),
    ("stdlib JSON", "total", 0.10),
    ("structlog + orjson", "total", 0.25),
)


class CompressAndDrop:
    """
    A sink that does all a real one does but send.
    """

    def __init__(self) -> None:
        self._compress = Compressor()
        self.bytes = 0

    def __call__(self, parcel: Parcel) -> Receipt:
        self.bytes += len(self._compress(parcel.body)[1])
        return Receipt()

    def close(self) -> None:
        """
        Nothing is open.
        """


def stdlib_json() -> tuple[Callable[[int], None], Callable[[], object]]:
    class WithTrace(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.trace_id = TRACE.get()
            return True

    logger = logging.getLogger("bench")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.StreamHandler(Path(os.devnull).open("w"))  # noqa: SIM115 - open for the whole run
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s %(trace_id)s"))
    handler.addFilter(WithTrace())
    logger.addHandler(handler)

    def run(calls: int) -> None:
        info = logger.info
        for i in range(calls):
            info(
                "request done",
                extra={
                    "user_id": "u-81",
                    "path": "/checkout",
                    "status": 200,
                    "duration_ms": 12.5,
                    "attempt": i,
                },
            )

    return run, handler.flush


def structlog_orjson() -> tuple[Callable[[int], None], Callable[[], object]]:
    def add_trace(_logger: object, _method: str, event: dict[str, object]) -> dict[str, object]:
        event["trace_id"] = TRACE.get()
        return event

    out = Path(os.devnull).open("wb")  # noqa: SIM115 - open for the whole run
    logger = structlog.wrap_logger(
        structlog.BytesLogger(out),
        processors=[
            add_trace,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    ).bind()

    def run(calls: int) -> None:
        info = logger.info
        for i in range(calls):
            info("request done", user_id="u-81", path="/checkout", status=200, duration_ms=12.5, attempt=i)

    return run, out.flush


def ours() -> tuple[Callable[[int], None], Callable[[], object]]:
    client = tracelog.Client(service="bench", sinks=[CompressAndDrop()])
    logger = client.get_logger("bench")

    def run(calls: int) -> None:
        info = logger.info
        for i in range(calls):
            info("request done", user_id="u-81", path="/checkout", status=200, duration_ms=12.5, attempt=i)

    return run, lambda: client.flush(10)


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
    variants = {"tracelog": ours(), "stdlib JSON": stdlib_json(), "structlog + orjson": structlog_orjson()}
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
