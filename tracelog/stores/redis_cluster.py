"""
The store on a Redis Cluster: traces on all nodes, each with its companions in one slot.

A write is two steps. Each trace is stored by its own script on its own node, all traces of a node in one
round trip; then the keys that traces share are told, which have a slot of their own. Entries are safe after
the first step, so it alone decides the answer: what could not be told is kept and goes along with the next
write. A process that dies between the steps leaves traces that can be fetched by id and are listed as soon as
one of their entries is sent again.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.stores.redis import TIMEOUT_S, pool_of
from tracelog.stores.redis_cluster_pack import Shared, TraceCall, pack_traces
from tracelog.stores.redis_faults import explain, explain_text
from tracelog.stores.redis_lanes import NotSentError
from tracelog.stores.redis_nodes import Nodes, Request
from tracelog.stores.redis_pack import Packed, Settings
from tracelog.stores.redis_resp import command
from tracelog.stores.redis_slots import Address
from tracelog.stores.redis_store import WireStore
from tracelog.stores.redis_told import Told
from tracelog.stores.redis_wire import Command, Wire
from tracelog.stores.values import DEFAULT_TTL_S, Row

MAX_UNTOLD: Final = 50_000
"""Traces and sources that may wait to be told of; past it writers are told to come back."""

TOLD: Final = 2_000
"""Traces told of in one call: Lua hands some 8,000 values to a command at most."""

UNTOLD_S: Final = 1.0
"""After a failure the node of the shared keys is left alone for so long; writes go on meanwhile."""

PLACES: Final = 64
"""Where servers note their last calls. Two in one place only lose the knowledge of calls that come again."""

DEFAULT_PORT: Final = 6379

SENTENCE: Final = "the store's URL is no cluster's such as redis+cluster://host1:6379,host2:6379"


class ClusterWire:
    """
    The wire to all nodes of a cluster.
    """

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def ask(self, commands: Iterable[Command]) -> list[Any]:
        requests = [request_of(each) for each in commands]
        replies = await self._nodes.send(requests, reading=True) if requests else []
        for reply in replies:
            if isinstance(reply, Exception) and not isinstance(reply, ResponseError):
                raise reply
        return replies

    async def shards(self) -> Sequence[Wire]:
        return [_NodeWire(self._nodes, node) for node in await self._nodes.primaries()]

    async def close(self) -> None:
        await self._nodes.close()


class _Told(NamedTuple):
    """
    What the node of the shared keys is being told.
    """

    shared: Shared
    request: Request


class _NodeWire:
    """
    The wire to one node, for commands without a key.
    """

    def __init__(self, nodes: Nodes, node: Address) -> None:
        self._nodes = nodes
        self._node = node

    async def ask(self, commands: Iterable[Command]) -> list[Any]:
        return await self._nodes.ask(self._node, [command(*each) for each in commands])

    async def shards(self) -> Sequence[Wire]:
        return (self,)

    async def close(self) -> None:
        """
        Leave the nodes open: they belong to the wire that this one is a part of.
        """


class RedisClusterStore(WireStore):
    """
    A `Store` on a Redis or Valkey cluster.

    Args:
        url: `redis+cluster://` or `rediss+cluster://`, with user and password as redis-py reads them, and
            some of the nodes; the others are learned from these.
        ttl_s: How long a trace lives after its last write, in seconds.
        clock: Returns Unix seconds.
        timeout_s: Longest wait for a connection's turn, and again for the answer of a node.
    """

    kind = "redis-cluster"

    def __init__(
        self,
        url: str,
        *,
        ttl_s: int = DEFAULT_TTL_S,
        clock: Callable[[], float] = time.time,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        seeds, make = _read_url(url, timeout_s)
        self._nodes = Nodes(seeds, make, timeout_s=timeout_s)
        self._untold = Shared()
        self._unheard: _Told | None = None
        self._calls = 0
        self._name = os.urandom(8).hex()
        self._place = f"@{int(self._name, 16) % PLACES}"
        self._telling = asyncio.Lock()
        self._silent_until = 0.0
        super().__init__(ClusterWire(self._nodes), ttl_s=ttl_s, clock=clock)

    async def _shut(self) -> None:
        self._silent_until = 0.0
        await self._tell()
        await super()._shut()

    async def _deliver(
        self, rows: Sequence[Row], told: Told, settings: Settings, fates: list[str]
    ) -> StoreUnavailableError | None:
        try:
            self._admit()
        except StoreUnavailableError as error:
            return error
        packed = Packed(rows, self._clock() * 1000, told)
        calls = pack_traces(packed, settings)
        replies = await self._nodes.send([call.request for call in calls])
        fault: StoreUnavailableError | None = None
        for call, reply in zip(calls, replies, strict=True):
            found, why, is_new = _read(call, reply)
            for place, fate in zip(call.places, found, strict=True):
                fates[place] = fate
            fault = why or fault
            self._untold.note([rows[place] for place in call.places], found, packed, is_new=is_new)
        self._fault = None if fault is None else self._remember(fault)
        await self._tell()
        return fault

    def _admit(self) -> None:
        self._check()
        if len(self._untold) > MAX_UNTOLD or len(self._untold.queued) > MAX_UNTOLD:
            raise StoreUnavailableError("the node of the cluster that holds the lists of traces is away")

    async def _tell(self) -> None:
        """
        Tell the shared keys what waits to be told; writes that come meanwhile are told together.

        A call whose reply was lost is made again as it was; the node knows whether it did it.
        """
        async with self._telling:
            now = asyncio.get_running_loop().time()
            if now < self._silent_until:
                return
            while self._unheard is not None or self._untold.waits:
                told = self._unheard = self._unheard or self._next()
                [reply] = await self._nodes.send([told.request])
                if isinstance(reply, Exception):
                    self._silent_until = asyncio.get_running_loop().time() + UNTOLD_S
                    self._remember(explain(reply))
                    if isinstance(reply, ResponseError | NotSentError):  # nothing was done
                        self._untold.add(told.shared, counted=False)
                        self._unheard = None
                    return
                self._unheard = None

    def _next(self) -> "_Told":
        """
        Take out what can be told in one call.
        """
        self._calls += 1
        shared = self._untold.take(TOLD)
        call = (self._place, f"{self._name} {self._calls}")
        return _Told(shared, shared.request(self._clock() * 1000, self._settings.ttl_s, call))


def _read(call: TraceCall, reply: Any) -> tuple[str, StoreUnavailableError | None, bool]:
    """
    Return a letter for each row of *call*, why some must be sent again, and whether it made the trace.
    """
    if isinstance(reply, Exception):
        return "X" * len(call.places), explain(reply), False
    letters, refused, made = reply
    return letters.decode(), explain_text(refused.decode()) if refused else None, made == 1


def request_of(asked: Command) -> Request:
    """
    Return *asked*, a command with a key, as a request.
    """
    key = asked[3] if asked[0] in ("EVAL", "EVALSHA") else asked[1]
    return Request(key if isinstance(key, bytes) else str(key).encode(), command(*asked))


def _read_url(url: str, timeout_s: float) -> tuple[list[Address], Callable[[Address], AbstractConnection]]:
    """
    Return the nodes that *url* names, and what makes connections as it wants them.

    Raises:
        ConfigError: When it is no cluster's.
    """
    scheme, _, rest = url.partition("+cluster://")
    where, _, query = rest.partition("?")
    login, _, hosts = where.rstrip("/").rpartition("@")
    try:
        parts = [urlsplit(f"//{host}") for host in hosts.split(",")]
        seeds = [(part.hostname or "", part.port or DEFAULT_PORT) for part in parts]
    except ValueError as error:
        raise ConfigError(SENTENCE) from error
    if not rest or not all(host for host, _ in seeds) or "/" in hosts:
        raise ConfigError(SENTENCE)
    pool = pool_of(f"{scheme}://{login}@{parts[0].netloc}/0?{query}", timeout_s, None)

    def make(address: Address) -> AbstractConnection:
        options = {**pool.connection_kwargs, "host": address[0], "port": address[1]}
        made: AbstractConnection = pool.connection_class(**options)
        return made

    return seeds, make
