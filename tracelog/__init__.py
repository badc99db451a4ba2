"""
One request, logged by several systems, read as one story.

The path of an entry:

    context → queue → redact → encode → sink ══wire══ receiver → access → fold → redact → quotas → store
                                                                                                     │
    page, terminal, Markdown ← render ← correlate ← fetch ───────────────────────────────────────────┘

Whoever reads `client/pipeline.py` and `server/ingest.py` has read what happens to an entry on the way.

    import tracelog

    tracelog.configure(service="checkout", url="http://127.0.0.1:8787")
    log = tracelog.get_logger(__name__)

    with tracelog.trace("place order", user_id="u1"):
        log.info("charging card", amount=12)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tracelog.client.carried import carry
from tracelog.client.context import Trace, current, extract, inject
from tracelog.client.default import configure, flush, get_logger, shutdown, span, stats, trace

if TYPE_CHECKING:
    from tracelog.client.client import Client
    from tracelog.integrations import instrument
    from tracelog.render.reported import correlate

__all__ = [
    "Client",
    "Trace",
    "carry",
    "configure",
    "correlate",
    "current",
    "extract",
    "flush",
    "get_logger",
    "inject",
    "instrument",
    "shutdown",
    "span",
    "stats",
    "trace",
]

__version__ = "0.1.0"


_HOMES = {
    "Client": "tracelog.client.client",
    "correlate": "tracelog.render.reported",
    "instrument": "tracelog.integrations",
}
"""Loaded on first use: an import alone pays for neither what ships entries nor what reads them."""

_ROOMS = frozenset(
    {"core", "correlation", "errors", "integrations", "render", "server", "sinks", "stores", "testing"}
)
"""Packages that `tracelog.NAME` finds without an import of their own."""


def __getattr__(name: str) -> Any:
    """
    Return the promised name that is loaded late.
    """
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
