"""
The Redis store: one list of entry JSON a trace, written by one script, gone an hour after its last write.

`logs:<trace_id>` is what any client may read (`LRANGE logs:<trace_id> 0 -1`). Writing goes through
`redis_pack` and `redis_lanes`, everything else through a redis-py client. It keeps nothing that another
process would need.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from tracelog.errors import ConfigError
from tracelog.stores.redis_commit import OneStepStore
from tracelog.stores.redis_lanes import Lanes
from tracelog.stores.redis_pack import Call
from tracelog.stores.redis_wire import ClientWire
from tracelog.stores.values import DEFAULT_TTL_S

TIMEOUT_S: Final = 1.0
"""Redis answers in well under a millisecond or is in trouble; a writer finds that out within two of these."""

READERS: Final = 8
"""Connections for reading, so that a crowd of readers waits here and not at Redis."""


class RedisStore(OneStepStore):
    """
    A `Store` on one Redis or Valkey server.

    Args:
        url: `redis://` or `rediss://`, with user, password and database as redis-py reads them.
        ttl_s: How long a trace lives after its last write, in seconds.
        clock: Returns Unix seconds.
        client: A redis-py client to use instead of a new one; its replies are bytes. The caller closes it.
        timeout_s: Longest wait for an answer of Redis, and for a free connection.
    """

    def __init__(
        self,
        url: str = "redis://127.0.0.1:6379/0",
        *,
        ttl_s: int = DEFAULT_TTL_S,
        clock: Callable[[], float] = time.time,
        client: Redis | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._client = client or Redis.from_pool(pool_of(url, timeout_s, timeout_s))
        # Lanes keep time themselves: a limit of the connection would cost a task for every command.
        spring = client.connection_pool if client is not None else pool_of(url, timeout_s, None)
        self._lanes = Lanes(spring.make_connection, timeout_s=timeout_s)
        super().__init__(ClientWire(self._client, owned=client is None), ttl_s=ttl_s, clock=clock)

    async def _shut(self) -> None:
        await self._lanes.close()
        await super()._shut()

    async def _send(self, call: Call, script: str) -> Any:
        try:
            return await self._lanes.call(call.pieces)
        except NoScriptError:  # the server is new, or somebody flushed its scripts; nothing was done
            await self._client.script_load(script)
            return await self._lanes.call(call.pieces)


def pool_of(url: str, connect_s: float, answer_s: float | None) -> BlockingConnectionPool:
    """
    Return a pool for the server of *url*, which retries nothing by itself.

    Args:
        url: `redis://` or `rediss://`.
        connect_s: Longest wait for a connection, and for a free one.
        answer_s: Longest wait for a reply, None for any time.

    Raises:
        ConfigError: When *url* can never work.
    """
    sentence = "the store's URL is no redis:// address such as redis://127.0.0.1:6379/0"
    if "://" not in url:
        raise ConfigError(sentence)
    try:
        return BlockingConnectionPool.from_url(
            url,
            protocol=2,
            socket_timeout=answer_s,
            socket_connect_timeout=connect_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=READERS,
            timeout=connect_s,
        )
    except ValueError as error:
        raise ConfigError(sentence) from error
