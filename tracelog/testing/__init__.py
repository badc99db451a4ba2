"""
For the tests of programs that log, and of sinks and stores that others write.

    with tracelog.testing.capture() as logs:
        place_order()
    logs.expect("level:info charged")

The fixtures `tracelog_capture` and `tracelog_server` come with the pytest plugin, which is there once
tracelog is installed. Every run of pytest loads this package with it, so what it offers is loaded when used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracelog.sinks.memory import MemorySink
    from tracelog.testing.captured import Captured, capture, expect_no_errors
    from tracelog.testing.clock import FakeClock
    from tracelog.testing.server import LocalServer
    from tracelog.testing.sinks import check_sink
    from tracelog.testing.stores import check_store

__all__ = [
    "Captured",
    "FakeClock",
    "LocalServer",
    "MemorySink",
    "capture",
    "check_sink",
    "check_store",
    "expect_no_errors",
]

_HOMES = {
    "Captured": "testing.captured",
    "FakeClock": "testing.clock",
    "LocalServer": "testing.server",
    "MemorySink": "sinks.memory",
    "capture": "testing.captured",
    "check_sink": "testing.sinks",
    "check_store": "testing.stores",
    "expect_no_errors": "testing.captured",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"tracelog.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
