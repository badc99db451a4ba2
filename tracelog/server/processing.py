"""
How processing is going, as `GET /api/v1/status` shows it: what waits, for how long, and what became of it.
"""

from collections.abc import Sequence
from typing import Any

from tracelog.core.store_bounds import QUEUE_BYTES
from tracelog.errors import StoreUnavailableError
from tracelog.server.archiving import ARCHIVED, archived_of
from tracelog.stores.queues import Queue


async def processing_view(
    queue: Queue, now_ms: float, *, inside: bool, archives: Sequence[str], readers: int
) -> dict[str, Any] | None:
    """
    Return what is known, None while the store is away.

    Args:
        queue: Of the store; its numbers are those of all processors together.
        now_ms: The present, Unix milliseconds.
        inside: Whether a processor runs inside this server.
        archives: Names of those it writes to.
        readers: Of the live view at this server.
    """
    try:
        found = await queue.backlog()
    except StoreUnavailableError:
        return None
    lag_s = 0.0 if found.oldest_ms is None else max(0.0, now_ms - found.oldest_ms) / 1000
    return {
        "inside": inside,
        "archives": [*archives],
        "archived": archived_of(archives, found.counts),
        "readers": readers,
        "waiting": found.writes,
        "taken": found.taken,
        "bytes": found.bytes,
        "limit_bytes": QUEUE_BYTES,
        "lag_s": round(lag_s, 3),
        "cut": found.counts.get("cut", 0),
        "counts": {
            name: n
            for name, n in sorted(found.counts.items())
            if name != "cut" and not name.startswith(ARCHIVED)
        },
    }
