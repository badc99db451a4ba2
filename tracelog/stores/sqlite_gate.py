"""
The gate in the embedded store: the arithmetic itself, on one row of the store's file.

A call reads the row, decides and writes it back in one transaction on the store's writing thread, so several
processes that share the file share the limits as well.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from tracelog.core.quota import ask, status_of
from tracelog.core.quota_ring import State
from tracelog.core.quota_settings import Plan, QuotaSettings
from tracelog.core.quota_values import Asked, Demand, GateStatus, Refund, Repair, Reply
from tracelog.errors import StoreUnavailableError
from tracelog.stores.gates import asked_of
from tracelog.stores.sqlite_worker import transaction

Submit = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]
"""Runs a function with the connection on the thread that owns it: `Worker.submit`."""

_TABLE: Final = "CREATE TABLE IF NOT EXISTS gate (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
_READ: Final = "SELECT value FROM gate WHERE name = 'state'"
_WRITE: Final = "INSERT INTO gate VALUES ('state', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

_decode = msgspec.json.Decoder(State).decode
_encode = msgspec.json.Encoder().encode


class SqliteGate:
    """
    A `Gate` in a SQLite file.

    Args:
        submit: Of the store's writing thread.
        settings: The limits.
        clock: Returns Unix seconds: the store's clock.
        server: Who calls, `new_server()`; empty for who is none.
    """

    def __init__(
        self, submit: Submit, settings: QuotaSettings, clock: Callable[[], float], server: str = ""
    ) -> None:
        self._submit = submit
        self._server = server
        self._settings = settings
        self._plan = settings.plan()
        self._clock = clock

    async def ask(
        self,
        demands: Sequence[Demand],
        refunds: Sequence[Refund] = (),
        repair: Repair | None = None,
        forced: Sequence[Demand] = (),
    ) -> Reply:
        asked = asked_of(self._settings, demands, refunds, repair, forced)
        asked = msgspec.structs.replace(asked, server=self._server)
        reply: Reply = await self._submit(partial(_ask, self._plan, asked, self._clock))
        return reply

    async def status(self) -> GateStatus:
        state: State = await self._submit(_look)
        return status_of(state, self._plan, _ms(self._clock))


def _ask(plan: Plan, asked: Asked, clock: Callable[[], float], connection: sqlite3.Connection) -> Reply:
    with transaction(connection):
        connection.execute(_TABLE)
        state = _load(connection)
        reply = ask(state, plan, asked, _ms(clock))
        connection.execute(_WRITE, (_encode(state),))
    return reply


def _look(connection: sqlite3.Connection) -> State:
    with transaction(connection):
        connection.execute(_TABLE)
        return _load(connection)


def _load(connection: sqlite3.Connection) -> State:
    row = connection.execute(_READ).fetchone()
    try:
        return State() if row is None else _decode(row[0])
    except msgspec.MsgspecError as error:
        raise StoreUnavailableError(
            "the table gate of the embedded store holds what is no state of a gate; delete its row"
        ) from error


def _ms(clock: Callable[[], float]) -> int:
    return int(clock() * 1000)
