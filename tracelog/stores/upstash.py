"""
The store on Upstash Redis over its REST interface: the keys and scripts of the Redis store, as JSON.

Upstash bills every command, those inside a script, too; the reference of stores says what an entry costs.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from tracelog.errors import ConfigError
from tracelog.stores.redis_commit import OneStepStore
from tracelog.stores.redis_pack import Call
from tracelog.stores.redis_resp import arguments
from tracelog.stores.redis_wire import Command, Wire, run
from tracelog.stores.upstash_http import Rest
from tracelog.stores.values import DEFAULT_TTL_S

TIMEOUT_S: Final = 2.0
"""A region far away answers within a few hundred milliseconds, the first time with a TLS handshake more."""

TIMEOUTS_S: Final = (0.05, 60.0)
"""Smallest and largest time limit that an address may set."""

SENTENCE: Final = "the store's URL is no database's such as upstash+https://TOKEN@name.upstash.io"


class RestWire:
    """
    The wire to a database behind REST.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def ask(self, commands: Iterable[Command]) -> list[Any]:
        asked = [[_text(each) for each in command] for command in commands]
        return await self._rest.pipeline(asked) if asked else []

    async def shards(self) -> Sequence[Wire]:
        return (self,)

    async def close(self) -> None:
        await self._rest.close()


class UpstashStore(OneStepStore):
    """
    A `Store` on an Upstash database.

    Args:
        url: `upstash+https://TOKEN@host`, `upstash+https://:TOKEN@host` or `upstash+https://host?token=TOKEN`;
            `&timeout=0.5` sets the time limit. `upstash+http://` is for a stand-in on the same machine.
        ttl_s: How long a trace lives after its last write, in seconds.
        clock: Returns Unix seconds.
        timeout_s: Longest wait for a reply, unless the address says otherwise.
    """

    kind = "upstash"

    gate_timeout_s = 1.0
    """An answer comes over the internet: a round trip of a tenth of a second is no trouble, and the first one
    of a connection takes several. It is half of what the transport waits, so a write may still follow."""

    queue_poll_s = 12.0
    """Each look is billed: a processor looks when a batch is due, and not before."""
    look_s = 10.0
    """Each look is billed: a quarter of a million commands a month for a server."""

    def __init__(
        self,
        url: str,
        *,
        ttl_s: int = DEFAULT_TTL_S,
        clock: Callable[[], float] = time.time,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        super().__init__(RestWire(_open(url, timeout_s)), ttl_s=ttl_s, clock=clock)

    async def _send(self, call: Call, script: str) -> Any:
        _, _, *values = arguments(b"".join(call.pieces))
        return await run(self._wire, script, values)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _open(url: str, timeout_s: float) -> Rest:
    """
    Return what speaks to the database of *url*.

    Raises:
        ConfigError: When it is none's; the sentence repeats nothing of it, for it holds the token.
    """
    try:
        parts = urlsplit(url.removeprefix("upstash+"))
        settings = parse_qs(parts.query)
        port = parts.port
        wanted_s = float(settings.get("timeout", [timeout_s])[0])
    except ValueError as error:
        raise ConfigError(SENTENCE) from error
    token = _token(parts, settings)
    if not parts.hostname or not token or parts.path.strip("/"):
        raise ConfigError(SENTENCE)
    if not TIMEOUTS_S[0] <= wanted_s <= TIMEOUTS_S[1]:
        raise ConfigError(f"the timeout in the store's URL is {TIMEOUTS_S[0]} to {TIMEOUTS_S[1]} seconds")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return Rest(partial(kind, parts.hostname, port, timeout=wanted_s), token, timeout_s=wanted_s)


def _token(parts: SplitResult, settings: dict[str, list[str]]) -> str:
    """
    Return the token: user, password or setting of the URL; never one that could end the header it goes into.
    """
    token = settings.get("token", [""])[0] or unquote(parts.password or parts.username or "")
    return token if token.isascii() and token.isprintable() else ""
