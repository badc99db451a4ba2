"""
What a log call of another library costs when tracelog takes it, beside what that library costs by itself.

Standard library: our handler beside a JSON formatter. structlog: our processor at the end of the chain beside a
renderer with orjson. A message, five fields, INFO; peers write to /dev/null, ours is encoded and queued. A request
through the ASGI middleware, beside the app alone. Aim: at most half of what the library costs with its renderer.

    python tests/bench/bench_dropins.py
"""

import asyncio
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson
import structlog
from pythonjsonlogger.json import JsonFormatter

import tracelog
from tests.integrations.loggers import logger_of
from tracelog.integrations.asgi import Middleware
from tracelog.integrations.logging import Handler
from tracelog.integrations.structlog import Processor
from tracelog.sinks.base import Parcel, Receipt

ROUNDS = 31
CALLS = 1000
BAR = 0.5
PAIRS = (("logging, tracelog", "logging, JSON"), ("structlog, tracelog", "structlog, orjson"))
FIELDS = {"user_id": "u-81", "path": "/checkout", "status": 200, "duration_ms": 12.5, "attempt": 3}
HEADERS = [(b"host", b"x"), (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
SCOPE = {"type": "http", "method": "GET", "path": "/orders", "headers": HEADERS}


class Dropped:
    """
    A sink that throws everything away.
    """

    def __call__(self, _parcel: Parcel) -> Receipt:
        return Receipt()

    def close(self) -> None:
        """
        Nothing is open.
        """


def null(mode: str) -> Any:
    return Path(os.devnull).open(mode)


def by_logging(handler: logging.Handler) -> Callable[[], None]:
    info = logger_of("bench", handler, level=logging.INFO).info

    def run() -> None:
        for _ in range(CALLS):
            info("request done", extra=FIELDS)

    return run


def by_structlog(logger: Any, *processors: Any) -> Callable[[], None]:
    wrapper = structlog.make_filtering_bound_logger(logging.INFO)
    info = structlog.wrap_logger(logger, processors=processors, wrapper_class=wrapper).bind().info

    def run() -> None:
        for _ in range(CALLS):
            info("request done", **FIELDS)

    return run


def by_asgi(app: Any) -> Callable[[], None]:
    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        return

    async def requests() -> None:
        for _ in range(CALLS):
            await app(dict(SCOPE), receive, send)

    return lambda: asyncio.run(requests())


async def bare(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})


def main() -> None:
    client = tracelog.Client(service="bench", sinks=[Dropped()])
    json = logging.StreamHandler(null("w"))
    json.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    render = structlog.processors.JSONRenderer(serializer=orjson.dumps)
    add_level = structlog.processors.add_log_level
    variants = {
        "logging, JSON": by_logging(json),
        "logging, tracelog": by_logging(Handler(client=client)),
        "structlog, orjson": by_structlog(structlog.BytesLogger(null("wb")), add_level, stamp, render),
        "structlog, tracelog": by_structlog(None, Processor(client=client)),
        "ASGI, alone": by_asgi(bare),
        "ASGI, tracelog": by_asgi(Middleware(bare, client=client)),
    }
    spent: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, run in variants.items():
            before = time.thread_time_ns()
            run()
            spent[name].append((time.thread_time_ns() - before) / CALLS)
            client.flush(10)
    for name, figures in spent.items():
        print(f"{name:<22}{statistics.median(figures):>10,.0f} ns a call, median of {ROUNDS} rounds")
    for mine, beside in PAIRS:
        ratio = statistics.median(a / b for a, b in zip(spent[mine], spent[beside], strict=True))
        print(f"{mine} / {beside}: {ratio:.2f}   (bar {BAR})")


if __name__ == "__main__":
    main()
