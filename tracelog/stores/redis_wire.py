"""
What reading, counting and care ask of Redis: commands in, replies out, whatever lies between.

`ClientWire` is a redis-py client of one server. A cluster and a REST interface have wires of their own, so
that everything above exists once.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from tracelog.stores.redis_scripts import sha_of

Command = Sequence[Any]
"""A command and its arguments: text, bytes or numbers. Its first argument is its key, if it has one."""


class Wire(Protocol):
    """
    A way to one keyspace.
    """

    async def ask(self, commands: Iterable[Command]) -> list[Any]:
        """
        Return the replies in order; what the server refused is a `ResponseError` in its place.

        Raises:
            RedisError, OSError, StoreUnavailableError: When there is no reply.
        """
        ...

    async def shards(self) -> Sequence["Wire"]:
        """
        Return a wire to each server that holds keys of its own, for commands without a key.
        """
        ...

    async def close(self) -> None: ...


class ClientWire:
    """
    The wire to one server.

    Args:
        client: Its replies are bytes.
        owned: Whether to close it with the wire.
    """

    def __init__(self, client: Redis, *, owned: bool) -> None:
        self._client = client
        self._owned = owned

    async def ask(self, commands: Iterable[Command]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute(raise_on_error=False))

    async def shards(self) -> Sequence[Wire]:
        return (self,)

    async def close(self) -> None:
        if self._owned:
            await self._client.aclose()


async def one(wire: Wire, *command: Any) -> Any:
    """
    Return the reply to one command.

    Raises:
        ResponseError: When the server refused it.
    """
    [reply] = await wire.ask([command])
    if isinstance(reply, Exception):
        raise reply
    return reply


async def every(wire: Wire, commands: Iterable[Command]) -> list[Any]:
    """
    Return the replies to *commands*.

    Raises:
        ResponseError: When the server refused one of them; the others are done.
    """
    replies = await wire.ask(commands)
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


async def run(wire: Wire, script: str, values: Sequence[Any]) -> Any:
    """
    Return the reply of *script*, sent whole only to a server that does not know it yet.

    Args:
        wire: To the server.
        script: Its text.
        values: The number of keys, these, and the arguments.
    """
    try:
        return await one(wire, "EVALSHA", sha_of(script), *values)
    except NoScriptError:  # the server is new, or somebody flushed its scripts; nothing was done
        return await one(wire, "EVAL", script, *values)


def mapping(reply: Any) -> dict[bytes, bytes]:
    """
    Return what HGETALL replied as a dictionary; redis-py makes one, other wires give a flat list.
    """
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def facts(reply: Any) -> dict[str, Any]:
    """
    Return what INFO replied as a dictionary, numbers as numbers.
    """
    if isinstance(reply, dict):
        return reply
    lines = [line.split(":", 1) for line in reply.decode().splitlines() if ":" in line and line[0] != "#"]
    return {name: int(value) if value.isdecimal() else value for name, value in lines}
