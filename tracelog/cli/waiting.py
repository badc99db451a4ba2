"""
Whether a server that has just started has its store: said when not, and once more when it has come back.

A server starts without its store on purpose, so that it need not be started again when the store is back; but
the person who started it should not have to find that out by an entry that is refused.
"""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Final

import msgspec

from tracelog.cli.api import Api
from tracelog.cli.failure import CommandError
from tracelog.cli.options import tell

EVERY_S: Final = 1.0
"""A store that is back is told of within a second, and asking so often costs a server nothing."""

ANSWER_S: Final = 5.0
"""The server finds out about its store within two waits of a second each."""


@contextmanager
def waiting_for_store(say: Callable[[str], None] = tell) -> Iterator[Callable[[str], None]]:
    """
    Within this block, wait for the store of a server: the function yielded is called with its address once it
    listens, and returns at once.
    """
    ended = Event()
    threads: list[Thread] = []

    def begin(address: str) -> None:
        api = Api(address, timeout=ANSWER_S)
        threads.append(Thread(target=wait_for_store, args=(api, ended, say), daemon=True))
        threads[-1].start()

    try:
        yield begin
    finally:
        ended.set()
        for thread in threads:
            thread.join(ANSWER_S)


def wait_for_store(api: Api, ended: Event, say: Callable[[str], None]) -> None:
    """
    Return when the server has its store or has *ended*; say so where it has to be waited for.

    Args:
        api: The server, which listens.
        ended: Set when nobody cares any more.
        say: Told that the store is away, and that it is back.
    """
    away = False
    while not ended.is_set():
        known, cause = _readiness(api)
        if known and cause is None:
            if away:
                say("the store is back")
            return
        if known and not away and not ended.is_set():
            away = True
            say(f"the store is away, so entries are answered with 503 until it is back: {cause}")
        ended.wait(EVERY_S)


def _readiness(api: Api) -> tuple[bool, str | None]:
    """
    Return whether the server said how it is, and why it cannot take entries if it cannot.
    """
    try:
        status, body = api.ask("/readyz")
        shown: Any = msgspec.json.decode(body)
    except (CommandError, msgspec.DecodeError):
        return False, None  # it is busy, or gone: whoever runs it says so
    return True, None if status == http.client.OK else str(shown.get("cause"))
