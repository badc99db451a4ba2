"""
The demo's story: the programs are started, a customer buys three times, and the third time fails for real.
"""

import base64
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from tracelog.cli.demo.actors import Actor, surroundings, unbroken

Say = Callable[[str], None]

GOOD_ORDERS: Final = 2
_HERE: Final = "tracelog.cli.demo"


class Played(msgspec.Struct, frozen=True):
    """
    What happened.

    Attributes:
        url: The server, which still runs and has it all.
        traces: The trace of each order; the last failed.
        secrets: Parts of the customer's session token.
    """

    url: str
    traces: list[str]
    secrets: list[str]


@contextmanager
def server(folder: Path, store: str, port: int, key: str) -> Iterator[Actor]:
    """
    Run `tracelog serve`.
    """
    options = ("serve", "--host", "127.0.0.1", "--port", str(port), "--store", store)
    actors: list[Actor] = []
    try:
        with unbroken():
            actors.append(
                Actor("server", f"{_HERE}.kept", *options, environ=surroundings(key), folder=folder)
            )
        yield actors[0]
    finally:
        for actor in actors:
            actor.stop(by_signal=True)


def play(running: Actor, folder: Path, key: str, say: Say) -> Played:
    """
    Tell the story against a server; when it ends, every program of it has ended and said everything.

    Args:
        running: The server, started; it may not listen yet.
        folder: Where billing keeps its database.
        key: Under which equal secrets are named alike.
        say: Told what happens while it happens.

    Raises:
        CommandError: When a program does not do its part.
    """
    token = _session_token()
    environ = {**surroundings(key), "DEMO_SESSION": token}
    database = str(folder / "billing.db")
    actors: list[Actor] = []
    ended = False

    def start(name: str, *arguments: str) -> Actor:
        with unbroken():
            actors.append(Actor(name, f"{_HERE}.{name}", *arguments, environ=environ, folder=folder))
        return actors[-1]

    try:
        say("web page → edge worker → shop → billing: four processes, one customer")
        chain = [start("billing", database), start("shop"), start("worker"), start("page")]
        url = running.wait_for(r"listening on (http://\S+)")
        _introduce(url, chain)
        page = chain[-1]
        orders = [_buy(page, "buy", n, say) for n in range(1, GOOD_ORDERS + 1)]
        start("month_end", database).wait_for("(ready)")
        say("a month-end job opens a transaction on billing's database, and forgets to end it")
        orders.append(_buy(page, "storm", GOOD_ORDERS + 1, say))
        ended = True
    finally:
        for actor in reversed(actors):
            actor.stop(by_signal=not ended)
    _, payload, signature = token.split(".")
    return Played(url, [order["trace_id"] for order in orders], [payload, signature])


def _introduce(url: str, chain: Sequence[Actor]) -> None:
    """
    Tell each program where the server is and where the one before it in *chain* listens.
    """
    ports = [actor.wait_for(r"^ready (\d+)") for actor in chain[:-1]]
    callees = ["", *(f"http://127.0.0.1:{port}" for port in ports)]
    for actor, callee in zip(chain, callees, strict=True):
        actor.ask(json.dumps([url, callee]), "(set)")


def _buy(page: Actor, how: str, number: int, say: Say) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(page.ask(how, r"^(\{.*\})"))
    say(f"the customer presses Buy, order {number}: {order['status']}")
    return order


def _session_token() -> str:
    """
    Return a token of the form of a JSON Web Token (RFC 7519), worth nothing and new each time.
    """
    claims = {"sub": "u-81", "name": "Ada Example", "jti": os.urandom(12).hex()}
    parts = (json.dumps({"alg": "HS256", "typ": "JWT"}).encode(), json.dumps(claims).encode(), os.urandom(32))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
