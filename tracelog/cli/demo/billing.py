"""
The demo's billing service: writes each charge into its SQLite file. When that is locked for longer than it
can wait, the charge fails where all of them do: in the database call.
"""

import asyncio
import contextlib
import json
import sqlite3
import sys
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import tracelog
from tracelog.cli.demo.backend import delivered, run

BUSY_S: Final = 0.9
"""How long billing waits for a locked database."""

log = tracelog.get_logger("billing.ledger")


async def charge(request: Request) -> Response:
    with tracelog.trace("POST /charge", headers=request.headers, area="payments"):
        order = json.loads(await request.body())
        log.info("charging card", order=order["order"], cents=order["cents"])
        try:
            await asyncio.to_thread(record, request.app.state.database, order)
        except sqlite3.OperationalError:
            return JSONResponse({"error": "the charge could not be recorded"}, 500)
        log.info("card charged", order=order["order"])
        return JSONResponse({"charged": order["cents"]})


def record(database: str, order: dict[str, Any]) -> None:
    """
    Write the charge of *order* into the file *database*.

    Raises:
        sqlite3.OperationalError: When another transaction holds the file for too long.
    """
    with tracelog.span("INSERT INTO charges"):
        try:
            with contextlib.closing(sqlite3.connect(database, timeout=BUSY_S)) as connection, connection:
                connection.execute("INSERT INTO charges VALUES (?, ?)", (order["order"], order["cents"]))
        except sqlite3.OperationalError as error:
            log.exception(error, order=order["order"])  # noqa: TRY401 - its text is all there is to say
            raise


def main() -> None:
    database = sys.argv[1]
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE charges (order_id TEXT, cents INTEGER)")
    app = Starlette(routes=[Route("/charge", charge, methods=["POST"])], lifespan=delivered)
    app.state.database = database
    run(app, service="billing")


if __name__ == "__main__":
    main()
