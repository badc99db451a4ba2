"""
`tracelog tail`: entries as they arrive, each once, in the order of their time.

It asks the search for the last seconds again and again. The windows overlap, so that what arrives late is
still seen, and ids that were shown are remembered, so that nothing is shown twice. Windows are counted back
from the server's clock: a wrong clock here changes nothing.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import click
import msgspec

from tracelog.cli.api import Api, open_api
from tracelog.cli.failure import UNREACHABLE, CommandError
from tracelog.cli.line import Lines
from tracelog.cli.options import color_option, format_option, screen, server_options, tell, write
from tracelog.cli.reading import Page
from tracelog.core.entry import Entry, decode_entry, encode_entry

OVERLAP_S: Final = 5.0
"""How far each look goes back: clients send several times a second, browsers every few seconds."""

SWEEP_S: Final = 120.0
SWEEP_EVERY_S: Final = 10.0
"""Now and then a look goes back far, for what a client had to send again: its longest pause is 30 seconds."""

POLL_S: Final = 0.5
PAGE: Final = 1000
"""The most entries that the server gives at a time."""

REMEMBERED: Final = 200_000
"""Ids kept to tell what was shown: all of a far look at 1,600 entries a second, some 30 MB."""

Fetch = Callable[[str | None, float | None, int], tuple[list[Entry], str | None]]
"""Returns a page: entries, latest first, and the cursor of the next. Called with cursor, window in seconds,
limit."""


class Follow:
    """
    Which entries are new.

    Args:
        fetch: Asks the server.
        remembered: Ids kept at most. Beyond that the earliest are forgotten, and nothing earlier is shown
            any more: then something late may be missed, but nothing comes twice.
    """

    def __init__(self, fetch: Fetch, *, remembered: int = REMEMBERED) -> None:
        self._fetch = fetch
        self._remembered = remembered
        self._seen: dict[str, float] = {}
        self._forgotten = -math.inf
        self._looked = self._swept = 0.0

    def start(self, count: int, now: float) -> list[Entry]:
        """
        Return the latest *count* entries, earliest first; what came before counts as shown.

        Args:
            count: How many.
            now: Monotonic seconds, as in `more`.
        """
        old = list(
            self._window(SWEEP_S)
        )  # asked first, or what comes between the two questions would be lost
        latest = self._fetch(None, None, count)[0] if count else []
        self._remember([*old, *latest])
        self._looked = self._swept = now
        return sorted(latest, key=_order)

    def more(self, now: float) -> list[Entry]:
        """
        Return the entries that have come since, earliest first.
        """
        far = now - self._swept >= SWEEP_EVERY_S
        window = (SWEEP_S if far else OVERLAP_S) + now - self._looked
        found = {entry.id: entry for entry in self._window(window) if self._is_new(entry)}
        self._remember(found.values())
        self._looked = now
        self._swept = now if far else self._swept
        return sorted(found.values(), key=_order)

    def _window(self, seconds: float) -> Iterator[Entry]:
        cursor = None
        while True:
            entries, cursor = self._fetch(cursor, seconds, PAGE)
            yield from entries
            if cursor is None:
                return

    def _is_new(self, entry: Entry) -> bool:
        return entry.id not in self._seen and entry.timestamp > self._forgotten

    def _remember(self, entries: Iterable[Entry]) -> None:
        self._seen.update((entry.id, entry.timestamp) for entry in entries)
        if len(self._seen) > self._remembered:
            kept = sorted(self._seen.values())[-max(1, self._remembered * 9 // 10) :]
            self._forgotten = kept[0]
            self._seen = {name: moment for name, moment in self._seen.items() if moment > kept[0]}


def _order(entry: Entry) -> tuple[float, str, int]:
    """
    By time; within a source, entries of one moment by their running number.
    """
    return entry.timestamp, entry.source or "", entry.seq or 0


@click.command()
@click.argument("query", default="")
@click.option(
    "-n", "--lines", "count", type=click.IntRange(0, PAGE), default=10, show_default=True, help="Begin with."
)
@format_option("human", "ndjson")
@color_option
@server_options
def tail(query: str, count: int, form: str, color: bool | None, url: str | None, key: str | None) -> None:
    """
    Show entries as they come, until Ctrl-C.

    QUERY is that of `search`; without it everything is shown.
    """
    api = open_api(url, key)
    place = screen(color)
    lines = Lines(color=place.color, width=place.limit)
    follow = Follow(_asking(api, query))
    try:
        _show(follow.start(count, time.monotonic()), lines, form)
        for entries in _polls(follow, api):
            _show(entries, lines, form)
    except KeyboardInterrupt:
        return


def _polls(follow: Follow, api: Api) -> Iterator[list[Entry]]:
    """
    Yield what is new, for ever; a server that goes away is waited for, and what it got meanwhile is caught
    up.
    """
    lost, spent = False, 0.0
    while True:
        time.sleep(max(POLL_S, spent))  # never more than half of the time is spent on asking
        started = time.monotonic()
        try:
            yield follow.more(started)
            spent = time.monotonic() - started
            lost = False
        except CommandError as error:
            if error.exit_code != UNREACHABLE:
                raise
            if not lost:
                tell(f"{api.url} does not answer; waiting for it")
            lost = True


def _asking(api: Api, query: str) -> Fetch:
    def fetch(cursor: str | None, window: float | None, limit: int) -> tuple[list[Entry], str | None]:
        since = None if window is None else f"{window:.3f}s"
        body = api.get("/api/v1/search", q=query, since=since, limit=limit, cursor=cursor)
        page = msgspec.json.decode(body, type=Page)
        return [decode_entry(bytes(raw)) for raw in page.entries], page.cursor

    return fetch


def _show(entries: list[Entry], lines: Lines, form: str) -> None:
    for entry in entries:
        write(lines(entry) if form == "human" else encode_entry(entry).decode())
