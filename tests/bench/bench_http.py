"""
How many entries a second one program brings to a server by HTTP, with one core for it and its background thread.

One thread logs as fast as it can, in 1,000 traces in turn and with values that vary; all that it logged must have
been received. Claim: 500,000 entries for each second of CPU time of the whole process. The peer is the handler of
OpenTelemetry's SDK with its batches posted to the same server, as JSON of the entries.

    python tests/bench/bench_http.py
"""

import http.client
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import msgspec
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult

import tracelog
from tests.bench.peers.loggers import stdlib_logger

ROOT = Path(__file__).parents[2]
ROUNDS = 7
ENTRIES = 300_000
PEER_ENTRIES = 10_000
TRACES = 1_000
PIECE = 1_000
WAITING = 40_000
"""Entries that may wait before the program pauses: nothing is to be dropped."""

BAR = 500_000


class Posted(LogRecordExporter):
    """
    Posts what OpenTelemetry's batches hold, one JSON object an entry, in the batch that our server reads.
    """

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def export(self, batch: Any) -> LogRecordExportResult:
        rows = [each.to_json().encode() for each in batch]
        self._connection.request("POST", "/log", msgspec.msgpack.encode(({}, rows)))
        self._connection.getresponse().read()
        return LogRecordExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True

    def shutdown(self) -> None:
        self._connection.close()


def received(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    return int(connection.getresponse().read())


def rate(run: Callable[[], int], port: int) -> tuple[float, float]:
    """
    Return entries for a second of CPU time and for one of wall time.
    """
    before = received(port)
    wall, cpu = time.perf_counter(), time.process_time()
    entries = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if (came := received(port) - before) != entries:
        raise SystemExit(f"{entries:,} entries were logged and {came:,} received")
    return entries / cpu, entries / wall


def ours(port: int) -> Callable[[], int]:
    client = tracelog.Client(service="bench", url=f"http://127.0.0.1:{port}", limits=False)
    info = client.get_logger("bench").info

    def run() -> int:
        for piece in range(ENTRIES // PIECE):
            with client.trace(f"request {piece % TRACES}", trace_id=f"{piece % TRACES + 1:032x}"):
                for i in range(PIECE):
                    info(
                        f"request {i} done",
                        user_id=f"u-{i % 97}",
                        path="/checkout",
                        status=200,
                        ms=i / 8,
                        n=i,
                    )
            while piece % 5 == 0 and client.stats()["in_flight"] > WAITING:
                time.sleep(0.002)
        if client.flush(30):
            raise SystemExit(f"not all was delivered: {client.stats()}")
        return ENTRIES + ENTRIES // PIECE  # each trace ends with an entry of its own

    return run


def otel(port: int) -> Callable[[], int]:
    provider = LoggerProvider()
    exporter = BatchLogRecordProcessor(Posted(port), max_queue_size=PEER_ENTRIES * 2)
    provider.add_log_record_processor(exporter)
    info = stdlib_logger("bench", LoggingHandler(level=logging.INFO, logger_provider=provider)).info

    def run() -> int:
        for i in range(PEER_ENTRIES):
            fields = {"user_id": f"u-{i % 97}", "path": "/checkout", "status": 200, "ms": i / 8, "n": i}
            info("request %d done", i, extra=fields)
        provider.force_flush()
        return PEER_ENTRIES

    return run


def main() -> None:
    tracelog.configure(enabled=False)
    taker = [sys.executable, str(ROOT / "tests/bench/peers/taker.py")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(taker, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        with suppress(AttributeError, OSError):  # where cores cannot be chosen, or there is one
            os.sched_setaffinity(server.pid, {1})
            os.sched_setaffinity(0, {0})
        runs = {"tracelog": ours(port), "OTel handler, posted": otel(port)}
        rates: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, run in runs.items():
                rates[name].append(rate(run, port))
    finally:
        server.kill()
        server.wait()
    for name, figures in rates.items():
        cpu, wall = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{name:<22}{cpu:>10,.0f} entries a second of CPU, {wall:>10,.0f} by the clock; all received")
    print(f"tracelog: {statistics.median(cpu for cpu, _ in rates['tracelog']):,.0f}   (bar {BAR:,})")


if __name__ == "__main__":
    main()
