"""
Reading: traces, reports, exports, search and the ledger. These endpoints fetch, correlate and render; they
compute nothing of their own.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from tracelog.core import query as language
from tracelog.core.exported import with_entries
from tracelog.errors import QuerySyntaxError, UnknownReferenceError
from tracelog.server.asked import moment
from tracelog.server.asked import number as _number
from tracelog.server.asked import switch as _switch
from tracelog.server.fetched import export, is_large, ledger, report_json, report_markdown, trace_json
from tracelog.server.totals import read_ledger
from tracelog.stores import Store, Trace, TraceFilter
from tracelog.stores.cursors import beginning
from tracelog.stores.kept import over

Made = TypeVar("Made")

EXPORTS: Final = {
    "json": ("json", "application/json"),
    "ndjson": ("ndjson", "application/x-ndjson"),
    "md": ("md", "text/markdown; charset=utf-8"),
    "html": ("html", "text/html; charset=utf-8"),
    "otlp": ("otlp.json", "application/json"),
}
"""Forms of an export: how a file of each ends, and its media type."""

MOST_TRACES: Final = 200
MOST_ENTRIES: Final = 1_000
"""Results of one page; a cursor gives the next."""

MOST_TOKENS: Final = 1_000_000
"""Of a report as Markdown: more than any reader takes."""

THREADS: Final = 2
"""Large traces worked on at the same time: each holds its entries in memory, and Python runs one of them."""


class Query:
    """
    The reading endpoints over *store*; *clock* returns Unix milliseconds, and *untold* rows for what of a
    trace was not kept and no row of the store tells yet.
    """

    def __init__(
        self, store: Store, *, clock: Callable[[], float], untold: Callable[[str], list[bytes]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._untold = untold
        self._threads = asyncio.Semaphore(THREADS)

    async def traces(self, request: Request) -> Response:
        options = request.query_params
        text = options.get("q")
        wanted = TraceFilter(
            errors=_switch("errors", options.get("errors", "0")),
            system=options.get("system"),
            since_ms=self._moment(options.get("since")),
            q=language.parse(text, now_ms=self._clock()) if text else None,
            limit=_number(request, "limit", 50, most=MOST_TRACES),
            cursor=options.get("cursor") or None,
        )
        page = await self._store.traces(wanted)
        return _json({"traces": page.items, "cursor": page.cursor})

    async def trace(self, request: Request) -> Response:
        return _body(await self._make(await self._fetch(request), trace_json))

    async def report(self, request: Request) -> Response:
        return _body(await self._make(await self._fetch(request), report_json))

    async def export(self, request: Request) -> Response:
        form = request.query_params.get("format", "json")
        if form not in EXPORTS:
            raise QuerySyntaxError(f"format {form[:20]!r} is unknown; use {', '.join(EXPORTS)}")
        suffix, kind = EXPORTS[form]
        if form == "md":
            budget = _number(request, "budget", 0, most=MOST_TOKENS) or None
            text = await self._make(await self._fetch(request), report_markdown, budget)
            return Response(text, media_type=kind)
        trace = await self._fetch(request)
        name = f'attachment; filename="{trace.trace_id[:64].replace(":", "_")}.{suffix}"'
        body = await self._make(trace, export, form)
        return Response(body, media_type=kind, headers={"content-disposition": name})

    async def search(self, request: Request) -> Response:
        options = request.query_params
        since, until = self._moment(options.get("since")), self._moment(options.get("until"))
        if since is not None and until is not None and since > until:
            raise QuerySyntaxError("since is later than until, so nothing fits; swap the two")
        query = language.parse(options.get("q", ""), now_ms=self._clock())
        cursor, seen = options.get("cursor") or None, self._moment(options.get("gone_since"))
        if cursor is None and seen is not None:
            cursor = beginning(seen)
        found = await self._store.search(
            query,
            since_ms=since,
            until_ms=until,
            limit=_number(request, "limit", 100, most=MOST_ENTRIES),
            cursor=cursor,
        )
        missing = [
            stone
            for stone in found.missing
            if stone.trace_id.startswith(query.narrow.trace) and (seen is None or stone.last_ms > seen)
        ]
        return _body(with_entries({"cursor": found.cursor, "missing": missing}, found.items))

    async def ledger(self, request: Request) -> Response:
        options = request.query_params
        if ref := options.get("trace"):
            trace = await self._fetch_ref(ref)
            return _json(await self._make(trace, ledger, options.get("source"), options.get("system")))
        return _json(
            await read_ledger(
                self._store, self._clock(), source=options.get("source"), system=options.get("system")
            )
        )

    async def _make(self, trace: Trace, make: Callable[..., Made], *args: Any) -> Made:
        """
        Return what *make* makes of *trace*; of a large one in a thread, so that others are served meanwhile.
        """
        if not is_large(trace):
            return make(trace, self._clock(), *args)
        async with self._threads:
            return await asyncio.to_thread(make, trace, self._clock(), *args)

    async def _fetch(self, request: Request) -> Trace:
        return await self._fetch_ref(request.path_params["ref"])

    async def _fetch_ref(self, ref: str) -> Trace:
        trace_id = await self._store.resolve(ref)
        trace = await self._store.fetch(trace_id)
        if trace is not None:
            untold = self._untold(trace_id)
            if not untold:
                return trace
            return replace(trace, entries=trace.entries + untold, stored=trace.stored + len(untold))
        if (stone := await self._store.gone(trace_id)) is not None:
            raise over(stone)
        raise UnknownReferenceError(
            f"trace {trace_id[:128]!r} is not here; it went too long ago or never arrived"
        )

    def _moment(self, text: str | None) -> float | None:
        """
        Return the moment that *text* means in the search language: `15m` before now, ISO 8601 or Unix time.
        """
        return moment(text, self._clock())


def _json(value: Any) -> Response:
    return _body(msgspec.json.encode(value))


def _body(data: bytes) -> Response:
    return Response(data, media_type="application/json")
