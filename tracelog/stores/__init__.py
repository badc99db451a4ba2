"""
Where entries stay: one contract (`base.Store`), chosen by URL.
"""

import time
from collections.abc import Callable
from typing import Final

from tracelog.core.pin_settings import PinSettings
from tracelog.core.quota_settings import TraceQuota
from tracelog.errors import ConfigError
from tracelog.stores.base import PartlyStoredError, Store
from tracelog.stores.boards import Board
from tracelog.stores.cleaning import Cleaned
from tracelog.stores.kept import Pin, Tombstone
from tracelog.stores.values import (
    DEFAULT_TTL_S,
    DUPLICATE,
    ECHO,
    NOT_NOW,
    NOTED,
    OTHERS,
    OVER_QUOTA,
    OVER_SIZE,
    REFUSED,
    STORED,
    Ends,
    Fates,
    Outcome,
    Page,
    Row,
    Tally,
    Trace,
    TraceFilter,
    TraceSummary,
)

__all__ = [
    "DEFAULT_TTL_S",
    "DUPLICATE",
    "ECHO",
    "NOTED",
    "NOT_NOW",
    "OTHERS",
    "OVER_QUOTA",
    "OVER_SIZE",
    "REFUSED",
    "STORED",
    "Board",
    "Cleaned",
    "Ends",
    "Fates",
    "Outcome",
    "Page",
    "PartlyStoredError",
    "Pin",
    "PinSettings",
    "Row",
    "Store",
    "Tally",
    "Tombstone",
    "Trace",
    "TraceFilter",
    "TraceQuota",
    "TraceSummary",
    "open_store",
]

SCHEMES: Final = (
    "sqlite:///path",
    "sqlite::memory:",
    "redis://host:port/0",
    "rediss://host:port/0",
    "redis+cluster://host:port,host:port",
    "upstash+https://TOKEN@host",
)


def open_store(url: str, *, ttl_s: int = DEFAULT_TTL_S, clock: Callable[[], float] = time.time) -> Store:
    """
    Return the store that *url* names, not yet started.

    Args:
        url: `sqlite:///relative/path`, `sqlite:////absolute/path`, `sqlite::memory:`, `redis://…`,
            `redis+cluster://host:port,host:port`, or either with `rediss` for TLS; `upstash+https://TOKEN@host`.
        ttl_s: How long a trace lives after its last write, in seconds.
        clock: Returns Unix seconds.

    Raises:
        ConfigError: When no store has such a URL; the sentence lists those that are known.
    """
    scheme = url.partition(":")[0].lower()
    if scheme == "sqlite":
        from tracelog.stores.sqlite import SqliteStore  # noqa: PLC0415 - only who uses it loads it

        return SqliteStore.from_url(url, ttl_s=ttl_s, clock=clock)
    if scheme in ("redis", "rediss"):
        from tracelog.stores.redis import RedisStore  # noqa: PLC0415 - only who uses it loads it

        return RedisStore(url, ttl_s=ttl_s, clock=clock)
    if scheme in ("redis+cluster", "rediss+cluster"):
        from tracelog.stores.redis_cluster import RedisClusterStore  # noqa: PLC0415 - only who uses it loads it

        return RedisClusterStore(url, ttl_s=ttl_s, clock=clock)
    if scheme in ("upstash+https", "upstash+http"):
        from tracelog.stores.upstash import UpstashStore  # noqa: PLC0415 - only who uses it loads it

        return UpstashStore(url, ttl_s=ttl_s, clock=clock)
    raise ConfigError(f"no store has a URL that begins with {scheme[:32]}:; known are {', '.join(SCHEMES)}")
