"""
`tracelog demo`: one request through four real programs, a real fault, and what tracelog makes of it.

The programs of the story run as processes of their own and are never imported here: they need the server's
libraries, this command line does not.
"""

import os
import signal
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from tracelog.cli.api import Api
from tracelog.cli.demo.facts import ask, leaks_in, wrong
from tracelog.cli.demo.play import Played, play, server
from tracelog.cli.demo.words import checks, links
from tracelog.cli.failure import FOUND, CommandError
from tracelog.cli.options import Screen, color_option, screen, tell, write
from tracelog.cli.reading import story
from tracelog.cli.serve import need_port, need_server
from tracelog.config import DEFAULT_HOST, DEFAULT_PORT
from tracelog.render.paint import paint


@click.command()
@click.option(
    "--once", is_flag=True, help="End after the story; else the server stays up with it until Ctrl-C."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port of the server; 0 takes a free one. Default: 8787, if free.",
)
@click.option("--store", metavar="URL", help="Store to keep the story in; default: a temporary one.")
@color_option
def demo(once: bool, port: int | None, store: str | None, color: bool | None) -> None:
    """
    Play a request that goes wrong, and tell its story.

    A customer presses Buy in a page; a worker, a shop and a billing service do their part, each its own
    process; a database is really locked. Then the report is shown, and each of its claims is checked
    against the store.
    """
    need_server()  # one sentence now is better than a program that fails later for want of a library
    need_port(DEFAULT_HOST, port or 0)
    signal.signal(signal.SIGTERM, _leave)
    place = screen(color)
    key = os.urandom(16).hex()
    with tempfile.TemporaryDirectory(prefix="tracelog-demo-") as name:
        folder = Path(name)
        where = _absolute(store) if store else f"sqlite:///{folder / 'logs.db'}"
        with server(folder, where, _port(port, once=once), key) as running:
            told = play(running, folder, key, tell)
            write(_story(told, place))
            facts = ask(Api(told.url), told)
            leaks = leaks_in(_files(folder, where), told.secrets)
            if problems := [*wrong(facts), *(f"the session token can be read in {name}" for name in leaks)]:
                raise CommandError("the demo found itself wrong: " + "; ".join(problems), FOUND)
            write(f"\n{checks(facts, color=place.color)}")
            if not once:
                write(f"\n{links(told, color=place.color)}")
                _stay(running.wait)


def _story(told: Played, place: Screen) -> str:
    shown = story(Api(told.url), told.traces[-1], width=place.width, color=place.color)
    return f"\n{paint('$ tracelog show latest-error', 'dim', color=place.color)}\n\n{shown}"


def _port(asked: int | None, *, once: bool, usual: int = DEFAULT_PORT) -> int:
    """
    Return the port to listen on: what was asked for, else the usual one if it is free, and any where nobody
    will come to visit.
    """
    if asked is not None:
        return asked
    if once:
        return 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((DEFAULT_HOST, usual))
        except OSError:
            return 0
    return usual


def _absolute(store: str) -> str:
    """
    Return *store* with the path of an embedded file counted from here: the server has another working folder.
    """
    scheme, separator, path = store.partition(":///")
    return f"{scheme}{separator}{Path(path).resolve()}" if separator and scheme == "sqlite" else store


def _files(folder: Path, store: str) -> list[Path]:
    """
    Return every file that the story wrote: those in *folder*, and those of an embedded *store* elsewhere.
    """
    kept = Path(store.partition(":///")[2] or os.devnull)
    return [*folder.rglob("*"), *kept.parent.glob(f"{kept.name}*")]


def _stay(wait: Callable[[], None]) -> None:
    tell("the server stays up with the story in it; Ctrl-C ends it")
    try:
        wait()
    except KeyboardInterrupt:
        return
    raise CommandError("the demo's server ended by itself", FOUND)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)  # the way out ends every process and removes every file
