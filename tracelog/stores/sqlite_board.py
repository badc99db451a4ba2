"""
The board in the embedded store: three small tables, for the processes that share the file.
"""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

from tracelog.stores.boards import MOST_NOTES, Claim
from tracelog.stores.sqlite_gate import Submit
from tracelog.stores.sqlite_worker import transaction

_CLAIMED = "claimed"
_DONE = "done"


class SqliteBoard:
    """
    A `Board` in a SQLite file.

    Args:
        submit: Of the store's writing thread.
        clock: Returns Unix seconds: the store's clock.
    """

    every_s = 1.0

    def __init__(self, submit: Submit, clock: Callable[[], float]) -> None:
        self._submit = submit
        self._clock = clock

    async def read(self) -> dict[str, bytes]:
        return dict(await self._do(_all, "SELECT name, value FROM board"))

    async def put(self, name: str, value: bytes) -> None:
        await self._do(_change, "INSERT OR REPLACE INTO board VALUES (?, ?)", name, value)

    async def take(self, name: str) -> bool:
        return bool(await self._do(_change, "DELETE FROM board WHERE name = ?", name))

    async def note(self, line: bytes) -> None:
        await self._do(_note, line)

    async def notes(self, limit: int) -> list[bytes]:
        found = await self._do(_all, "SELECT line FROM audit ORDER BY seq DESC LIMIT ?", limit)
        return [line for (line,) in found]

    async def claim(self, name: str, ttl_s: int) -> Claim:
        got: Claim = await self._do(_claim, name, ttl_s, self._clock())
        return got

    async def done(self, name: str, ttl_s: int) -> None:
        until = self._clock() + ttl_s
        await self._do(_change, "INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", name, _DONE, until)

    async def _do(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await self._submit(partial(_called, work, arguments))


def _called(work: Callable[..., Any], arguments: tuple[Any, ...], connection: sqlite3.Connection) -> Any:
    return work(connection, *arguments)


def _all(connection: sqlite3.Connection, statement: str, *values: Any) -> list[Any]:
    return connection.execute(statement, values).fetchall()


def _change(connection: sqlite3.Connection, statement: str, *values: Any) -> int:
    with transaction(connection):
        return connection.execute(statement, values).rowcount


def _note(connection: sqlite3.Connection, line: bytes) -> None:
    with transaction(connection):
        last = connection.execute("INSERT INTO audit (line) VALUES (?)", (line,)).lastrowid or 0
        connection.execute("DELETE FROM audit WHERE seq <= ?", (last - MOST_NOTES,))


def _claim(connection: sqlite3.Connection, name: str, ttl_s: int, now_s: float) -> Claim:
    with transaction(connection):
        connection.execute("DELETE FROM claims WHERE until_s <= ?", (now_s,))
        held = connection.execute("SELECT state FROM claims WHERE name = ?", (name,)).fetchone()
        if held is not None:
            return "done" if held[0] == _DONE else "theirs"
        connection.execute("INSERT INTO claims VALUES (?, ?, ?)", (name, _CLAIMED, now_s + ttl_s))
        return "ours"
