"""
Heat in the embedded store: the arithmetic itself, on one row of the file, for the processes that share it.
"""

import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from tracelog.core.heat import State, Warmth, share
from tracelog.errors import StoreUnavailableError
from tracelog.stores.heats import window_ms_of
from tracelog.stores.sqlite_gate import Submit
from tracelog.stores.sqlite_worker import transaction

_READ: Final = "SELECT value FROM heat WHERE name = 'state'"
_WRITE: Final = "INSERT OR REPLACE INTO heat (name, value) VALUES ('state', ?)"

_decode = msgspec.msgpack.Decoder(State).decode
_encode = msgspec.msgpack.Encoder().encode


class SqliteHeat:
    """
    A `Heat` in a SQLite file.

    Args:
        submit: Of the store's writing thread.
        window_s: Length of a window in seconds, the same for all processes.
        clock: Returns Unix seconds: the store's clock.
    """

    def __init__(self, submit: Submit, window_s: float, clock: Callable[[], float]) -> None:
        self._submit = submit
        self._window_ms = window_ms_of(window_s)
        self._clock = clock

    async def share(self, posted: Mapping[str, Warmth]) -> Mapping[str, Warmth]:
        now_ms = int(self._clock() * 1000)
        totals: dict[str, Warmth] = await self._submit(partial(_share, posted, self._window_ms, now_ms))
        return totals


def _share(
    posted: Mapping[str, Warmth], window_ms: int, now_ms: int, connection: sqlite3.Connection
) -> dict[str, Warmth]:
    with transaction(connection):
        row = connection.execute(_READ).fetchone()
        try:
            state = State() if row is None else _decode(row[0])
        except msgspec.MsgspecError as error:
            raise StoreUnavailableError(
                "the table heat of the embedded store holds what is no state of heat; delete its row"
            ) from error
        totals = share(state, posted, window_ms, now_ms)
        connection.execute(_WRITE, (_encode(state),))
    return totals
