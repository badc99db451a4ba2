"""
The loggers that benchmarks compare: each logs a message, five fields and a trace id at INFO, and nothing more.

Peers write to the null device; ours goes all the way to a compressed batch that a sink throws away, redaction
included.
"""

import contextvars
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import loguru
import orjson
import sentry_sdk
import sentry_sdk.logger
import structlog
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from pythonjsonlogger.json import JsonFormatter

import tracelog
from tracelog.core.encoding import Compressor
from tracelog.sinks.base import Parcel, Receipt

TRACE = contextvars.ContextVar("trace", default="4bf92f3577b34da6a3ce929d0e0e4736")
FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s %(trace_id)s"


class Peer(NamedTuple):
    """
    A logger in use: *run* makes so many calls, *flush* waits until they are through.
    """

    run: Callable[[int], None]
    flush: Callable[[], object]


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


class WithTrace(logging.Filter):
    """
    Adds the trace id of the context, as programs do that log through the standard library.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.trace_id = TRACE.get()
        return True


def null(mode: str) -> Any:
    return Path(os.devnull).open(mode)


def json_handler() -> logging.Handler:
    handler = logging.StreamHandler(null("w"))
    handler.setFormatter(JsonFormatter(FORMAT))
    handler.addFilter(WithTrace())
    return handler


def stdlib_logger(name: str, *handlers: logging.Handler, level: int = logging.INFO) -> logging.Logger:
    logger = logging.Logger(name, level)  # noqa: LOG001 - outside the tree: nothing is left behind
    for handler in handlers:
        logger.addHandler(handler)
    return logger


def with_extra(info: Callable[..., None]) -> Callable[[int], None]:
    """
    Return what logs the five fields by `extra`, as the standard library has it.
    """

    def run(calls: int) -> None:
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

    return run


def with_fields(info: Callable[..., None]) -> Callable[[int], None]:
    """
    Return what logs the five fields as keyword arguments.
    """

    def run(calls: int) -> None:
        for i in range(calls):
            info("request done", user_id="u-81", path="/checkout", status=200, duration_ms=12.5, attempt=i)

    return run


def stdlib_json(level: int = logging.INFO) -> Peer:
    handler = json_handler()
    return Peer(with_extra(stdlib_logger("bench", handler, level=level).info), handler.flush)


def structlog_orjson(level: int = logging.INFO) -> Peer:
    def add_trace(_logger: object, _method: str, event: dict[str, object]) -> dict[str, object]:
        event["trace_id"] = TRACE.get()
        return event

    out = null("wb")
    logger = structlog.wrap_logger(
        structlog.BytesLogger(out),
        processors=[
            add_trace,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    ).bind()
    return Peer(with_fields(logger.info), out.flush)


def loguru_plain() -> Peer:
    out = null("w")
    loguru.logger.remove()
    loguru.logger.add(out, level="INFO", format="{time} {level} {name} {message} {extra}")
    return Peer(with_fields(loguru.logger.bind(trace_id=TRACE.get()).info), out.flush)


class _Exported(LogRecordExporter):
    def export(self, batch: Any) -> LogRecordExportResult:
        return LogRecordExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True

    def shutdown(self) -> None:
        """
        Nothing is open.
        """


def otel_handler() -> Peer:
    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(_Exported()))
    handler = LoggingHandler(level=logging.INFO, logger_provider=provider)
    return Peer(with_extra(stdlib_logger("bench", handler).info), provider.force_flush)


class _Dropped(sentry_sdk.Transport):
    def capture_envelope(self, envelope: Any) -> None:
        """
        Nothing is sent.
        """


def sentry_logs() -> Peer:
    """
    Logs of sentry-sdk as such: what it hooks into other libraries is left out, since they are measured beside it.
    """
    dsn = "http://key@127.0.0.1:9/1"
    sentry_sdk.init(dsn=dsn, enable_logs=True, transport=_Dropped(), default_integrations=False)
    info = partial(sentry_sdk.logger.info, "request done")

    def run(calls: int) -> None:
        for i in range(calls):
            info(
                attributes={
                    "user_id": "u-81",
                    "path": "/checkout",
                    "status": 200,
                    "duration_ms": 12.5,
                    "attempt": i,
                }
            )

    return Peer(run, partial(sentry_sdk.flush, timeout=10))


def ours(level: str = "info") -> Peer:
    client = tracelog.Client(service="bench", level=level, sinks=[CompressAndDrop()])
    return Peer(with_fields(client.get_logger("bench").info), lambda: client.flush(10))
