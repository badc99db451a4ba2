"""
The gate in Redis: one hash and one script, asked once for every batch.

What travels is JSON both ways, so that plain Redis, a cluster and Redis over REST carry it alike. The key is
one slot of its own: on a cluster the gate is asked first, the traces are written after.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tracelog.core import keys
from tracelog.core.quota import status_of
from tracelog.core.quota_ring import State
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Counts, Demand, GateStatus, Refund, Repair, Reply
from tracelog.errors import StoreUnavailableError
from tracelog.stores.gates import asked_of
from tracelog.stores.redis_faults import explained
from tracelog.stores.redis_scripts import GATE
from tracelog.stores.redis_wire import Wire, run

_reply = msgspec.json.Decoder(Reply).decode
_state = msgspec.json.Decoder(State).decode
_counts = msgspec.json.Decoder(Counts).decode
_encode = msgspec.json.Encoder().encode

_HISTORIES = {"b": "buckets", "d": "days", "m": "months"}
"""First letter of a field, and the part of the state it belongs to; a number follows."""


class RedisGate:
    """
    A `Gate` in Redis.

    Args:
        wire: To the server or servers.
        settings: The limits.
        server: Who calls, `new_server()`; empty for who is none.
        now_ms: For tests only: the time instead of that of Redis, Unix milliseconds.
    """

    def __init__(
        self,
        wire: Wire,
        settings: QuotaSettings,
        *,
        server: str = "",
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self._wire = wire
        self._server = server
        self._settings = settings
        self._plan = settings.plan()
        self._packed_plan = _encode(self._plan)
        self._now_ms = now_ms

    async def ask(
        self,
        demands: Sequence[Demand],
        refunds: Sequence[Refund] = (),
        repair: Repair | None = None,
        forced: Sequence[Demand] = (),
    ) -> Reply:
        asked = asked_of(self._settings, demands, refunds, repair, forced)
        asked = msgspec.structs.replace(asked, server=self._server)
        reply: Reply = _read(_reply, await self._run(self._packed_plan, _encode(asked)))
        return reply

    async def status(self) -> GateStatus:
        now_ms, flat = await self._run(b"status", b"")
        fields = {_text(name): text for name, text in zip(flat[::2], flat[1::2], strict=True)}
        state = _read(_state, fields.pop("state", b"{}"))
        for name, text in fields.items():
            history: dict[int, Counts] = getattr(state, _HISTORIES[name[0]])
            history[int(name[1:])] = _read(_counts, text)
        return status_of(state, self._plan, int(now_ms))

    async def _run(self, *arguments: bytes) -> Any:
        given = [*arguments] if self._now_ms is None else [*arguments, str(self._now_ms()).encode()]
        with explained():
            return await run(self._wire, GATE, [1, keys.GATE, *given])


def _read(decode: Callable[[Any], Any], text: Any) -> Any:
    try:
        return decode(text)
    except msgspec.MsgspecError as error:
        raise StoreUnavailableError(
            f"the key {keys.GATE} in Redis holds what is no state of a gate; delete it"
        ) from error


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
