"""
Many traces told together: statistics of their operations, and the patterns of what they say.

Both look at the latest that is stored, as far as one request may cost, and say when that was not all.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracelog.core import query as language
from tracelog.core.entry import Entry, decode_entry
from tracelog.correlation import Group, correlate, groups, statistics
from tracelog.correlation.statistics import Statistics
from tracelog.server.asked import moment, number, switch
from tracelog.server.fetched import rows_of
from tracelog.stores import Store, Trace, TraceFilter

MOST_TRACES: Final = 200
MOST_ENTRIES: Final = 20_000
"""Traces and entries that one answer looks at: half a second of work."""

PAGE: Final = 1_000
PATTERNS: Final = 200
"""Patterns of one answer: more are not read, they are searched."""


class Overview:
    """
    The endpoints over *store*; *clock* returns Unix milliseconds.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._threads = asyncio.Semaphore(1)

    async def statistics(self, request: Request) -> Response:
        """
        Tell calls, errors, p50 and p95 of each operation, and who calls whom, over the latest traces.
        """
        options, now_ms = request.query_params, self._clock()
        text = options.get("q")
        wanted = TraceFilter(
            errors=switch("errors", options.get("errors", "0")),
            system=options.get("system"),
            since_ms=moment(options.get("since"), now_ms),
            q=language.parse(text, now_ms=now_ms) if text else None,
            limit=number(request, "limit", 50, most=MOST_TRACES),
        )
        page = await self._store.traces(wanted)
        found: list[Trace] = []
        entries = 0
        for one in page.items:
            if entries >= MOST_ENTRIES:
                break
            trace = await self._store.fetch(one.trace_id)
            if trace is not None:
                found.append(trace)
                entries += len(trace.entries)
        async with self._threads:
            told = await asyncio.to_thread(_statistics, found, now_ms)
        more = page.cursor is not None or len(found) < len(page.items)
        return _body({**msgspec.to_builtins(told), "entries": entries, "more": more})

    async def patterns(self, request: Request) -> Response:
        """
        Tell what is said in the latest entries, by pattern; `new` are those first seen after `since`.
        """
        options, now_ms = request.query_params, self._clock()
        since_ms = moment(options.get("since"), now_ms)
        asked = language.parse(options.get("q", ""), now_ms=now_ms)
        limit = number(request, "limit", 50, most=PATTERNS)
        raws: list[bytes] = []
        cursor: str | None = None
        while len(raws) < MOST_ENTRIES:
            page = await self._store.search(asked, limit=PAGE, cursor=cursor)
            raws += page.items
            cursor = page.cursor
            if cursor is None:
                break
        async with self._threads:
            found = await asyncio.to_thread(_groups, raws)
        shown = [
            {**msgspec.to_builtins(one), "new": _is_new(one.first_seen, since_ms)} for one in found[:limit]
        ]
        more = {"entries": len(raws), "more": len(found) > limit, "whole": cursor is None}
        return _body({"patterns": shown, **more})


def _statistics(traces: list[Trace], now_ms: float) -> Statistics:
    return statistics(correlate(entry for _, entry in rows_of(trace, now_ms)) for trace in traces)


def _groups(raws: list[bytes]) -> list[Group]:
    entries: list[Entry] = [decode_entry(raw) for raw in raws]
    return groups(entries)


def _is_new(first_seen: float, since_ms: float | None) -> bool | None:
    return None if since_ms is None else first_seen >= since_ms


def _body(value: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
