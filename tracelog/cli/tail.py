"""
`tracelog tail`: entries as they arrive, each once, in the order of their time.

The search gives the latest arrivals first, by the server's clock. Each look reads from there back to where
the last look began and some seconds more, so that what was stored late is still seen, and ids that were
shown are remembered, so that nothing is shown twice. No clock but the server's is asked. QUERY is applied
here: asked of the server, a rare find would mean going through the whole store each time.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import click

from tracelog.cli import live, since
from tracelog.cli.api import Api, open_api
from tracelog.cli.asked import SearchCommand
from tracelog.cli.failure import UNREACHABLE, CommandError
from tracelog.cli.fenced import fenced
from tracelog.cli.line import Lines
from tracelog.cli.options import color_option, format_option, screen, server_options, tell, write
from tracelog.cli.reading import MOST, Page, collect, in_time
from tracelog.core.entry import Entry, decode_entry, encode_entry
from tracelog.core.query import parse

OVERLAP_S: Final = 5.0
"""How much further back each look goes: an entry is stored within seconds of its arrival, or refused."""

SWEEP_S: Final = 120.0
SWEEP_EVERY_S: Final = 10.0
"""Now and then a look goes back far, for programs that write to the store themselves: no server says when
their entries arrived, and after a failure they come as late as the longest pause between tries, 30 s."""

POLL_S: Final = 0.5

REMEMBERED: Final = 200_000
"""Ids kept to tell what was shown: all of a far look at 1,600 entries a second, some 30 MB."""

Fetch = Callable[[str | None], tuple[list[Entry], str | None]]
"""Returns the page behind a cursor (None: the first), latest arrival first, and the next cursor."""


class Follow:
    """
    Which entries are new.

    Args:
        fetch: Asks the server.
        remembered: Ids kept at most. Beyond that the earliest arrivals are forgotten, and nothing that
            arrived before them is shown any more: then something late may be missed, but nothing comes
            twice.
    """

    def __init__(self, fetch: Fetch, *, remembered: int = REMEMBERED) -> None:
        self._fetch = fetch
        self._remembered = remembered
        self._seen: dict[str, float] = {}
        self._forgotten = -math.inf
        self._reached = -math.inf
        self._swept = -math.inf

    def begin(self, latest: Callable[[], list[Entry]], now: float) -> list[Entry]:
        """
        Count everything that is there as shown, then ask for the *latest* and return them.

        Args:
            latest: Asks for what to begin with.
            now: Monotonic seconds, as in `more`.
        """
        there: list[Entry] = []
        cursor, end = None, math.inf
        while True:  # first, or what comes between the two questions would be lost
            entries, cursor = self._fetch(cursor)
            there += entries
            self._reach(entries)
            end = self._end(SWEEP_S)
            if cursor is None:
                break
            if entries and _arrival(entries[-1]) <= end:
                self._forgotten = _arrival(entries[-1])
                break
        begun = latest()
        self._remember([*there, *begun])
        self._swept = now
        return begun

    def more(self, now: float) -> list[Entry]:
        """
        Return the entries that have come since, in the order of their time.
        """
        far = now - self._swept >= SWEEP_EVERY_S
        found = {entry.id: entry for entry in self._look(SWEEP_S if far else OVERLAP_S)}
        self._reach(found.values())
        self._remember(found.values())
        self._swept = now if far else self._swept
        return sorted(found.values(), key=in_time)

    def _look(self, back_s: float) -> Iterator[Entry]:
        """
        Yield what is new, back to where nothing is and *back_s* before what was reached.
        """
        cursor, end = None, self._end(back_s)
        while True:
            entries, cursor = self._fetch(cursor)
            new = [entry for entry in entries if self._is_new(entry)]
            yield from new
            last = _arrival(entries[-1]) if entries else math.inf
            if cursor is None or last <= self._forgotten or (not new and last <= end):
                return

    def _is_new(self, entry: Entry) -> bool:
        return entry.id not in self._seen and _arrival(entry) > self._forgotten

    def _end(self, back_s: float) -> float:
        """
        Return the arrival beyond which there is nothing new; where no server tells of any, one page is
        enough.
        """
        return math.inf if self._reached == -math.inf else self._reached - back_s * 1000.0

    def _reach(self, entries: Iterable[Entry]) -> None:
        self._reached = max([self._reached, *(entry.received_at or -math.inf for entry in entries)])

    def _remember(self, entries: Iterable[Entry]) -> None:
        self._seen.update((entry.id, _arrival(entry)) for entry in entries)
        if len(self._seen) > self._remembered:
            kept = sorted(self._seen.values())[-max(1, self._remembered * 9 // 10) :]
            self._forgotten = kept[0]
            self._seen = {name: moment for name, moment in self._seen.items() if moment > kept[0]}


def _arrival(entry: Entry) -> float:
    """
    Where *entry* stands in the order of the search: by its arrival, else by what it says itself.
    """
    return entry.timestamp if entry.received_at is None else entry.received_at


@click.command(cls=SearchCommand)
@click.argument("query", default="")
@click.option(
    "-n", "--lines", "count", type=click.IntRange(0, MOST), default=10, show_default=True, help="Begin with."
)
@click.option("--live", "processed", is_flag=True, help="Rows as processed: sampled, repeats as one.")
@click.option("--since-last", is_flag=True, help="Only what came since the last time with this, then end.")
@format_option("human", "md", "ndjson")
@color_option
@server_options
def tail(
    query: str,
    count: int,
    processed: bool,
    since_last: bool,
    form: str,
    color: bool | None,
    url: str | None,
    key: str | None,
) -> None:
    """
    Show entries as they come, until Ctrl-C.

    QUERY is that of `search`; without it everything is shown. `md` is one answer for an agent, so it ends:
    it needs --since-last.
    """
    if form == "md" and not since_last:
        raise click.UsageError("--format md is an answer that ends; use it with --since-last")
    wanted = parse(query, now_ms=time.time() * 1000.0)
    api = open_api(url, key)
    place = screen(color)
    lines = Lines(color=place.color, width=place.limit)
    if since_last:
        _catch_up(api, query, count, lambda found, said: _show(found, lines, form, said))
        return
    follow = Follow(_asking(api))
    try:
        if processed:
            live.follow(api, query, count, lambda found: _show(found, lines, form))
        begun = follow.begin(lambda: collect(api, count, q=query)[0] if count else [], time.monotonic())
        _show(begun, lines, form)
        for entries in _polls(follow, api):
            _show(filter(wanted, entries), lines, form)
    except KeyboardInterrupt:
        return


def _catch_up(api: Api, query: str, count: int, show: Callable[[list[Entry], str], None]) -> None:
    """
    Show what came since the last time, the first time the latest *count*, in the order of their time.
    """
    file, fetch = since.place(api.url, query), _asking(api)
    last = since.recall(file)
    if last is None:
        met, said = since.begin(fetch), ""
        found = collect(api, count, q=query)[0] if count else []
    else:
        asked = {"q": query, "gone_since": repr(last.reached + since.GRAIN_MS)}
        unseen = api.read("/api/v1/search", Page, limit=1, **asked).missing
        met, said = since.new_since(last, fetch)
        said = since.went(unseen) or said
        found = sorted(filter(parse(query, now_ms=time.time() * 1000.0), met), key=in_time)
    said = f"gap: {said}" if said else ""
    show(found, said)
    since.remember(file, since.reached(met, last))
    if said:
        tell(said)
    if not found:
        tell("nothing new")


def _polls(follow: Follow, api: Api) -> Iterator[list[Entry]]:
    """
    Yield what is new, for ever; a server that goes away is waited for.
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


def _asking(api: Api) -> Fetch:
    def fetch(cursor: str | None) -> tuple[list[Entry], str | None]:
        page = api.read("/api/v1/search", Page, limit=MOST, cursor=cursor)
        return [decode_entry(bytes(raw)) for raw in page.entries], page.cursor

    return fetch


def _show(entries: Iterable[Entry], lines: Lines, form: str, said: str = "") -> None:
    if form == "md":
        write(fenced(list(entries), said))
        return
    for entry in entries:
        write(lines(entry) if form == "human" else encode_entry(entry).decode())
