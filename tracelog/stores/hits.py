"""
The newest entries that a search has found so far, whatever order they are visited in.
"""

from bisect import insort
from collections.abc import Sequence

from tracelog.core.conditions import Narrow
from tracelog.core.entry import Entry, decode_entry
from tracelog.core.query import Query
from tracelog.core.wire import DECODE_ERRORS
from tracelog.stores.cursors import Before, Position, position, write_cursor
from tracelog.stores.kept import CLOCKS_MS, TOLD_GONE, Tombstone
from tracelog.stores.values import Page


def read(raw: bytes, query: Query, bounds: Narrow) -> Entry | None:
    """
    Return the entry of *raw* if *query* matches it within the times of *bounds*; None for what is no entry.
    """
    if not query.may_match(raw):
        return None
    try:
        entry = decode_entry(raw)
    except DECODE_ERRORS:
        return None
    return entry if bounds.since_ms <= entry.timestamp < bounds.until_ms and query.matches(entry) else None


class Hits:
    """
    At most one page of hits and one more, which shows that there is a next page.

    Args:
        query: Asked of every entry, together with the times of *bounds*.
        limit: Entries a page.
        before: Only entries behind its place count.
    """

    def __init__(self, query: Query, bounds: Narrow, limit: int, before: Before | None) -> None:
        self._query = query
        self._bounds = bounds
        self._limit = limit
        self._before = before
        self._found: list[tuple[Position, bytes]] = []

    def offer(self, raw: bytes) -> None:
        """
        Keep *raw*, the JSON of an entry, if it belongs on the page.
        """
        entry = read(raw, self._query, self._bounds)
        if entry is None:
            return
        at = position(entry)
        if self._before is not None and at <= self._before.at:
            return
        if len(self._found) <= self._limit:
            insort(self._found, (at, raw))
        elif at < self._found[-1][0]:
            self._found.pop()
            insort(self._found, (at, raw))

    def settled(self, latest: float) -> bool:
        """
        Whether no entry that arrived at *latest* or before can belong on the page any more.
        """
        return len(self._found) > self._limit and -self._found[-1][0][0] > latest

    def page(self, now_ms: float, gone: list[Tombstone]) -> Page[bytes]:
        """
        Return the page, made now; *gone* are the traces that went since the page before.
        """
        return made(self._found, self._limit, now_ms, missing(gone, self._before))


def made(
    found: Sequence[tuple[Position, bytes]], limit: int, now_ms: float, gone: list[Tombstone]
) -> Page[bytes]:
    """
    Return the page of the first *limit* of what was *found*; one more shows that there is a next one.
    """
    items = [raw for _, raw in found[:limit]]
    cursor = write_cursor(Before(found[limit - 1][0], now_ms)) if len(found) > limit else None
    return Page(items, cursor, gone)


def missing(gone: list[Tombstone], before: Before | None) -> list[Tombstone]:
    """
    Return those of *gone* that had entries which are missing behind the place where the page before ended.
    """
    if before is None:
        return []
    arrived = -before.at[0]
    return [stone for stone in gone if stone.first_ms - CLOCKS_MS <= arrived][:TOLD_GONE]
