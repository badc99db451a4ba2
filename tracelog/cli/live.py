"""
`tracelog tail --live`: the rows that processors made, as the server sends them.

A row that grows comes again with its present count. Of a connection that ends the next one takes up where it
stopped, by the id of the last event.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from tracelog.cli.api import Api
from tracelog.cli.failure import UNREACHABLE, CommandError
from tracelog.cli.options import tell
from tracelog.core.entry import Entry

AGAIN_S: Final = 1.0
"""Between two attempts to reach a server that went away."""

PATH: Final = "/api/v1/live"

ROWS: Final = frozenset({"row", "update"})

WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "gap": lambda said: f"gap: {said['missed']} rows were not shown, for this reader was too slow",
    "store": lambda said: "the store is back" if said["ok"] else f"nothing comes: {said['cause']}",
}
"""What other events say, on standard error; of those that a later server may have, nothing."""


class Event(msgspec.Struct):
    """
    One event: what it is called, its id, and its data.
    """

    name: str = ""
    id: str = ""
    data: str = ""


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """
    Yield the events of a stream of server-sent *lines* (HTML standard, 9.2.6); comments say nothing.
    """
    event = Event()
    for line in lines:
        name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if not name and not value:
            if event.data:
                yield event
            event = Event(id=event.id)
        elif name == "event":
            event.name = value
        elif name == "id":
            event.id = value
        elif name == "data":
            event.data += value


def follow(api: Api, query: str, count: int, show: Callable[[list[Entry]], None]) -> None:
    """
    Show the latest *count* rows and then those that come, for ever; a server that goes away is waited for.

    Raises:
        CommandError: When the server refuses, or does not answer the first time.
    """
    last, lost, reached = "", False, False
    while True:
        try:
            for event in events(api.lines(PATH, last, q=query, limit=max(1, count))):
                last, lost = event.id or last, False
                if event.name in ROWS:
                    show([msgspec.json.decode(event.data, type=Entry)])
                elif event.name in WORDS:
                    tell(WORDS[event.name](msgspec.json.decode(event.data)))
            reached = True
        except CommandError as error:
            if error.exit_code != UNREACHABLE or not (last or reached):
                raise
            if not lost:
                tell(f"{api.url} does not answer; waiting for it")
            lost = True
        time.sleep(AGAIN_S)
