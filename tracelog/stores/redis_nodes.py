"""
Commands to the nodes of a cluster: each goes to the node of its key, all of one node in one round trip.

Lanes of our own per node, because redis-py's cluster pipelines refuse EVALSHA and cost several times as much.
Slots that moved are followed: a redirected command was not done, so repeating it is always safe. What a node
did not answer is not repeated; only the caller knows whether it may be.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    RedisError,
    TryAgainError,
)

from tracelog.stores.redis_lanes import Lanes
from tracelog.stores.redis_resp import command
from tracelog.stores.redis_slots import Address, Slots, slot_of

TRIES: Final = 5
"""A slot on the move is followed so often; with the pauses that is a sixth of a second."""

PAUSE_S: Final = 0.01
"""Before the third try; then twice as long each time, while the nodes agree on who holds the slot."""

LEARN_S: Final = 1.0
"""While a node is away the others are asked for the slots so often, not with every command."""

_SLOTS: Final = command("CLUSTER", "SLOTS")
_ASKING: Final = command("ASKING")


class Request(msgspec.Struct, frozen=True):
    """
    One packed command, the key that says where it goes, and the script it names by digest.
    """

    key: bytes
    packed: bytes
    script: str | None = None


class Nodes:
    """
    The nodes of one cluster.

    Args:
        seeds: Some of its nodes; the others are learned from them.
        make: Returns a new, unconnected connection to an address, without time limits of its own.
        timeout_s: Longest wait for a connection's turn, and again for connecting, sending and all replies.
    """

    def __init__(
        self, seeds: Sequence[Address], make: Callable[[Address], AbstractConnection], *, timeout_s: float
    ) -> None:
        self._seeds = list(seeds)
        self._make = make
        self._timeout_s = timeout_s
        self._slots = Slots()
        self._lanes: dict[tuple[Address, bool], Lanes] = {}
        self._failed: set[Address] = set()
        self._learning = asyncio.Lock()
        self._learned_at: float | None = None
        self._doubted = True
        self._trouble: Exception | None = None

    async def send(self, requests: Sequence[Request], *, reading: bool = False) -> list[Any]:
        """
        Return the replies in order; whatever went wrong with a command is an exception in its place.

        Args:
            requests: Commands with a key.
            reading: Whether they take the connections of readers, so that no writer waits for a crowd.
        """
        replies: list[Any] = [None] * len(requests)
        waiting = list(range(len(requests)))
        for attempt in range(TRIES):
            await self._learn()
            groups: dict[Address | None, list[int]] = defaultdict(list)
            for at in waiting:
                groups[self._slots.owner(slot_of(requests[at].key))].append(at)
            found = await asyncio.gather(
                *(
                    self._exchange(node, [requests[at] for at in places], reading)
                    for node, places in groups.items()
                )
            )
            for places, part in zip(groups.values(), found, strict=True):
                for at, reply in zip(places, part, strict=True):
                    replies[at] = reply
            waiting = [at for at in waiting if isinstance(replies[at], MovedError | TryAgainError)]
            if not waiting:
                break
            if attempt:
                self._doubted = True
                await asyncio.sleep(PAUSE_S * 2**attempt / 2)
        for at in waiting:
            replies[at] = TryAgainError("the slot is moving still")
        return replies

    async def ask(self, node: Address, packed: Sequence[bytes]) -> list[Any]:
        """
        Return what *node* replies to commands without a key.

        Raises:
            RedisError, OSError: When it does not reply.
        """
        return await self._to(node, reading=True).ask([b"".join(packed)], len(packed))

    async def primaries(self) -> list[Address]:
        """
        Return the nodes that hold slots.

        Raises:
            RedisError, OSError: When no node tells.
        """
        await self._learn()
        nodes = self._slots.nodes()
        if not nodes:
            raise self._trouble or ClusterDownError("no node holds slots")
        return nodes

    async def close(self) -> None:
        lanes, self._lanes = self._lanes, {}
        await asyncio.gather(*(each.close() for each in lanes.values()))

    async def _exchange(self, node: Address | None, requests: list[Request], reading: bool) -> list[Any]:
        """
        Return the replies of *node*, or why there are none; redirections are noted, ASK is followed.
        """
        if node is None:
            self._doubted = True
            return [self._trouble or ClusterDownError("nobody holds this slot")] * len(requests)
        lanes = self._to(node, reading=reading)
        try:
            replies = await _ask(lanes, requests)
        except (RedisError, OSError) as error:  # a time limit is an OSError, too
            self._doubted = True
            self._failed.add(node)
            return [error] * len(requests)
        self._failed.discard(node)
        for at, reply in enumerate(replies):
            if isinstance(reply, MovedError):
                self._slots.move(slot_of(requests[at].key), (reply.host or node[0], reply.port))
            elif isinstance(reply, AskError):
                replies[at] = await self._ask_there((reply.host or node[0], reply.port), requests[at])
        return replies

    async def _ask_there(self, node: Address, request: Request) -> Any:
        """
        Return what *node* replies, to which the slot of *request* is just moving.
        """
        lanes = self._to(node, reading=False)
        script = [] if request.script is None else [command("SCRIPT", "LOAD", request.script)]
        pieces = [*script, _ASKING, request.packed]
        try:
            return (await lanes.ask(pieces, len(pieces)))[-1]
        except (RedisError, OSError) as error:
            return error

    async def _learn(self) -> None:
        """
        Ask for the slots, if what is known is in doubt, and forget the connections of nodes that are gone.
        """
        if not self._doubted or self._fresh():
            return
        async with self._learning:
            if not self._doubted or self._fresh():
                return  # somebody else asked meanwhile
            found = await self._slots_now()
            self._learned_at = asyncio.get_running_loop().time()
            if found is None:
                return
            self._slots, self._doubted = found, False
            known = {*found.nodes(), *self._seeds}
            gone = [self._lanes.pop(key) for key in list(self._lanes) if key[0] not in known]
            self._failed &= known
        await asyncio.gather(*(lanes.close() for lanes in gone))

    def _fresh(self) -> bool:
        """
        Whether the slots were asked for just now, so that asking again would tell nothing new.
        """
        if self._learned_at is None:
            return False
        return asyncio.get_running_loop().time() - self._learned_at < LEARN_S

    async def _slots_now(self) -> Slots | None:
        candidates = dict.fromkeys([*self._slots.nodes(), *self._seeds])
        end = asyncio.get_running_loop().time() + 2 * self._timeout_s
        for node in sorted(candidates, key=self._failed.__contains__):  # those that failed come last
            if asyncio.get_running_loop().time() > end:
                break
            try:
                [reply] = await self._to(node, reading=True).ask([_SLOTS], 1)
            except (RedisError, OSError) as error:
                self._failed.add(node)
                reply = error
            if not isinstance(reply, Exception):
                self._trouble = None
                return Slots(reply, node)
            self._trouble = reply
        return None

    def _to(self, node: Address, *, reading: bool) -> Lanes:
        lanes = self._lanes.get((node, reading))
        if lanes is None:
            lanes = Lanes(lambda: self._make(node), timeout_s=self._timeout_s)
            self._lanes[node, reading] = lanes
        return lanes


async def _ask(lanes: Lanes, requests: list[Request]) -> list[Any]:
    """
    Return the replies of a node, which is given the scripts that it does not know.
    """
    replies = await lanes.ask([each.packed for each in requests], len(requests))
    unknown = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if unknown:
        scripts = {requests[at].script for at in unknown} - {None}
        pieces = [command("SCRIPT", "LOAD", script) for script in scripts]
        pieces += [requests[at].packed for at in unknown]
        again = await lanes.ask(pieces, len(pieces))
        for at, reply in zip(unknown, again[len(scripts) :], strict=True):
            replies[at] = reply
    return replies
