"""
Threads and processes that libraries keep for the work of whoever comes: they belong to no trace.

Who happens to start one is the first of many. Were its trace taken along, all that the thread ever does would
stand there.
"""

from typing import Any, Final

_HELPERS: Final = frozenset(
    (
        "aiosqlite",  # one thread a connection
        "anyio",  # gives each piece of work its own context
        "apscheduler",
        "concurrent",  # pools: `futures.py` gives each piece of work its trace
        "hypercorn",
        "kombu",
        "logging",  # `QueueListener`
        "multiprocessing",  # pools (`multiprocessing.py`), managers, what feeds a queue
        "opentelemetry",
        "psycopg_pool",
        "pymongo",
        "redis",
        "sentry_sdk",
        "socketserver",
        "tracelog",
        "uvicorn",
        "waitress",
        "watchdog",
    )
)
"""Packages whose threads and processes outlive, by their nature, the work in which they begin."""


def is_helper(worker: Any) -> bool:
    """
    Whether *worker*, a thread or process, is a library's own: by the function it runs, else by its class.
    """
    target = getattr(worker, "_target", None)
    target = getattr(target, "func", target)  # of a partial
    module = getattr(type(worker) if target is None else target, "__module__", None)
    return type(module) is str and module.partition(".")[0] in _HELPERS
