"""
What a log call of another library costs when tracelog takes it, beside what that library costs by itself.

Standard library: our handler beside a JSON formatter. structlog: our processor at the end of the chain beside a
renderer with orjson. Same work everywhere: a message, five fields, the trace id of a context, INFO. Peers write to
/dev/null, ours goes all the way to a compressed batch that a sink throws away. A request through the ASGI
middleware, beside the app alone. Aim: at most half of what the library costs with its renderer.

    python tests/bench/bench_dropins.py
"""

import asyncio
import gc
import logging
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import structlog

import tracelog
from tests.bench.peers.loggers import (
    CompressAndDrop,
    stdlib_json,
    stdlib_logger,
    structlog_orjson,
    with_extra,
    with_fields,
)
from tracelog.integrations.asgi import Middleware
from tracelog.integrations.logging import Handler, Logger
from tracelog.integrations.structlog import Processor

ROUNDS = 11
CHUNKS = 10
CALLS = 1000
"""Calls between two flushes: what the background thread finds at each look of a program that logs 10,000 a second."""

BARS = (
    ("logging, tracelog", "logging, JSON", 0.5),
    ("logging, our class", "logging, JSON", 0.13),
    ("structlog, tracelog", "structlog, orjson", 0.5),
)
HEADERS = [(b"host", b"x"), (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
SCOPE = {"type": "http", "method": "GET", "path": "/orders", "headers": HEADERS}


def by_structlog(client: tracelog.Client) -> Callable[[int], None]:
    wrapper = structlog.make_filtering_bound_logger(logging.INFO)
    ours = [Processor(client=client)]
    return with_fields(structlog.wrap_logger(None, processors=ours, wrapper_class=wrapper).bind().info)


def by_asgi(app: Any) -> Callable[[int], None]:
    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        return

    async def requests(calls: int) -> None:
        for _ in range(calls):
            await app(dict(SCOPE), receive, send)

    return lambda calls: asyncio.run(requests(calls))


async def bare(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})


def measure(run: Callable[[int], None], client: tracelog.Client) -> float:
    """
    Return nanoseconds a call of the calling thread, when one variant goes on for a while, as programs do.
    """
    caller = 0
    for _ in range(CHUNKS):
        before = time.thread_time_ns()
        run(CALLS)
        caller += time.thread_time_ns() - before
        client.flush(10)
    return caller / CHUNKS / CALLS


def main() -> None:
    client = tracelog.configure(service="bench", sinks=[CompressAndDrop()])
    variants = {
        "logging, JSON": stdlib_json().run,
        "logging, tracelog": with_extra(stdlib_logger("bench", Handler(client=client)).info),
        "logging, our class": with_extra(Logger("bench", logging.INFO).info),
        "structlog, orjson": structlog_orjson().run,
        "structlog, tracelog": by_structlog(client),
        "ASGI, alone": by_asgi(bare),
        "ASGI, tracelog": by_asgi(Middleware(bare, client=client)),
    }
    spent: dict[str, list[float]] = {name: [] for name in variants}
    with client.trace("bench", user_id="u-81"):
        for _ in range(ROUNDS):
            for name, run in variants.items():
                gc.collect()
                spent[name].append(measure(run, client))
    for name, figures in spent.items():
        print(f"{name:<22}{statistics.median(figures):>10,.0f} ns a call, median of {ROUNDS} rounds")
    for mine, beside, bar in BARS:
        ratio = statistics.median(a / b for a, b in zip(spent[mine], spent[beside], strict=True))
        print(f"{mine} / {beside}: {ratio:.2f}   (bar {bar})")


if __name__ == "__main__":
    main()
