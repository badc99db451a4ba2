"""
Threads and processes that libraries keep for the work of whoever comes: they belong to no trace.

Who happens to start one is the first of many. Were its trace taken along, all that the thread ever does would
stand there.
"""

from typing import Any, Final

_HELPERS: Final = (
    "aiosqlite.",  # one thread a connection
    "anyio.",  # gives each piece of work its own context
    "apscheduler.",
    "cassandra.",
    "celery.",
    "concurrent.futures.",  # pools: `futures.py` gives each piece of work its trace
    "ddtrace.",
    "dramatiq.",
    "elasticapm.",
    "google.",  # batches of Pub/Sub and Cloud Logging
    "grpc.",
    "hypercorn.",
    "joblib.",  # loky's processes stay for the next call
    "kafka.",
    "kombu.",
    "loky.",
    "logging.handlers.",  # `QueueListener`
    "multiprocessing.",  # pools (`multiprocessing.py`), managers, what feeds a queue
    "newrelic.",
    "opentelemetry.",
    "paho.",
    "posthog.",
    "psycopg_pool.",
    "pymongo.",
    "redis.",
    "sentry_sdk.",
    "socketserver.",
    "tracelog.server.",
    "tracelog.stores.",
    "uvicorn.",
    "waitress.",
    "watchdog.",
)
"""Modules, by how their names begin, whose threads and processes outlive the work in which they begin."""


def is_helper(worker: Any) -> bool:
    """
    Whether *worker*, a thread or process, is a library's own: by the function it runs, else by its class.
    """
    target = getattr(worker, "_target", None)
    target = getattr(target, "func", target)  # of a partial
    module = getattr(type(worker) if target is None else target, "__module__", None)
    return type(module) is str and f"{module}.".startswith(_HELPERS)
