"""
Reading: traces, reports, exports, search and the ledger. These endpoints fetch, correlate and render; they
compute nothing of their own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracelog.core import query as language
from tracelog.core.entry import LARGEST_COUNT
from tracelog.core.ledger import WITHHELD, Ledger, from_view, view
from tracelog.errors import QuerySyntaxError, UnknownReferenceError
from tracelog.server.fetched import export, is_large, ledger, report_json, report_markdown, trace_json
from tracelog.server.own import OWN_SOURCE
from tracelog.stores import Store, Tally, Trace, TraceFilter

Made = TypeVar("Made")

_SWITCHES: Final = {"1": True, "true": True, "0": False, "false": False, "": False}
EXPORTS: Final = ("json", "ndjson", "md")
MOST_TRACES: Final = 200
MOST_ENTRIES: Final = 1_000
"""Results of one page; a cursor gives the next."""

MOST_TOKENS: Final = 1_000_000
"""Of a report as Markdown: more than any reader takes."""

THREADS: Final = 2
"""Large traces worked on at the same time: each holds its entries in memory, and Python runs one of them."""

SILENT_AFTER_MS: Final = 60_000.0
"""A source that said nothing for a minute is taken to have ended: what it still owes is unreported, not in
flight."""


class Query:
    """
    The reading endpoints over *store*; *clock* returns Unix milliseconds, and *catch_up* brings what is still
    to be told into the store.
    """

    def __init__(
        self, store: Store, *, clock: Callable[[], float], catch_up: Callable[[], Awaitable[None]]
    ) -> None:
        self._store = store
        self._catch_up = catch_up
        self._clock = clock
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
        if form == "md":
            budget = _number(request, "budget", 0, most=MOST_TOKENS) or None
            text = await self._make(await self._fetch(request), report_markdown, budget)
            return Response(text, media_type="text/markdown; charset=utf-8")
        trace = await self._fetch(request)
        name = f'attachment; filename="{trace.trace_id[:64].replace(":", "_")}.{form}"'
        kind = "application/x-ndjson" if form == "ndjson" else "application/json"
        body = await self._make(trace, export, form)
        return Response(body, media_type=kind, headers={"content-disposition": name})

    async def search(self, request: Request) -> Response:
        options = request.query_params
        found = await self._store.search(
            language.parse(options.get("q", ""), now_ms=self._clock()),
            since_ms=self._moment(options.get("since")),
            until_ms=self._moment(options.get("until")),
            limit=_number(request, "limit", 100, most=MOST_ENTRIES),
            cursor=options.get("cursor") or None,
        )
        rest = msgspec.json.encode({"cursor": found.cursor})
        return Response(
            rest[:-1] + b',"entries":[' + b",".join(found.items) + b"]}", media_type="application/json"
        )

    async def ledger(self, request: Request) -> Response:
        options = request.query_params
        if ref := options.get("trace"):
            trace = await self._fetch_ref(ref)
            return _json(await self._make(trace, ledger, options.get("source"), options.get("system")))
        await self._catch_up()
        tallies = await self._store.tallies(source=options.get("source"), system=options.get("system"))
        return _json(ledger_of(tallies, self._clock()))

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
        await self._catch_up()
        trace_id = await self._store.resolve(ref)
        trace = await self._store.fetch(trace_id)
        if trace is None:
            raise UnknownReferenceError(
                f"trace {trace_id[:128]!r} is not here; it may have expired or never arrived"
            )
        return trace

    def _moment(self, text: str | None) -> float | None:
        """
        Return the moment that *text* means in the search language: `15m` before now, ISO 8601 or Unix time.
        """
        if not text:
            return None
        quoted = text.replace("\\", "").replace('"', "")
        return language.parse(f'since:"{quoted}"', now_ms=self._clock()).narrow.since_ms


def ledger_of(tallies: list[Tally], now_ms: float) -> dict[str, Any]:
    """
    Return the ledger over *tallies*, what the store knows of each source: its own counts, and what the source
    itself reported as lost before sending.
    """
    by_source: dict[str, list[Tally]] = {}
    for tally in tallies:
        if tally.source == OWN_SOURCE:
            continue
        by_source.setdefault(tally.source, []).append(tally)
    sources = {source: _source_view(rows, now_ms) for source, rows in by_source.items()}
    total = Ledger()
    for shown in sources.values():
        total.add(from_view(shown))
    emitted = sum(shown["emitted"] for shown in sources.values())
    in_flight = sum(shown["in_flight"] for shown in sources.values())
    unreported = sum(shown["unreported"] for shown in sources.values())
    return {**view(total, emitted=emitted, in_flight=in_flight, unreported=unreported), "sources": sources}


def _source_view(rows: list[Tally], now_ms: float) -> dict[str, Any]:
    ledger = Ledger()
    report: dict[str, Any] = {}
    for row in rows:
        ledger.count("stored", n=row.received)
        ledger.count("duplicate", n=row.duplicate)
        for outcome, reasons in row.outcomes.items():
            for reason, n in reasons.items():
                ledger.count(outcome, reason, n)
        report = _plausible(row.report) if row.report else report
    reported = from_view(report)
    crashed = reported.dropped.pop("crashed", 0)
    for reason, n in reported.dropped.items():
        ledger.count("dropped", reason, n)
    ledger.count("limited", WITHHELD, reported.limited.get(WITHHELD, 0))
    numbers = [row.max_seq for row in rows if row.max_seq is not None]
    said = report.get("emitted")
    if crashed and isinstance(said, int):  # what nobody knew of a killed process, but for what did arrive
        ledger.count("dropped", "crashed", min(crashed, max(0, said - ledger.ended())))
    emitted = max(ledger.ended(), said if isinstance(said, int) else 0, max(numbers) + 1 if numbers else 0)
    owed = emitted - ledger.ended()
    last_seen = max(row.last_seen_ms for row in rows)
    silent = now_ms - last_seen > SILENT_AFTER_MS
    shown = view(ledger, emitted=emitted, in_flight=0 if silent else owed, unreported=owed if silent else 0)
    return {
        **shown,
        "systems": sorted({row.system for row in rows if row.system}),
        "max_seq": max(numbers) if numbers else None,
        "last_seen": last_seen,
        "report": report or None,
    }


def _plausible(data: bytes) -> dict[str, Any]:
    """
    Return the counts of a source's own report, without what can be none: anybody may have written it.
    """
    try:
        report = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return {}
    if not isinstance(report, dict):
        return {}
    counts: dict[str, Any] = {}
    for name, value in report.items():
        if isinstance(value, dict):
            counts[name] = {reason: n for reason, n in value.items() if _is_count(n)}
        elif _is_count(value):
            counts[name] = value
    return counts


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_COUNT


def _switch(name: str, text: str) -> bool:
    if text not in _SWITCHES:
        raise QuerySyntaxError(f"{name} is 1 or 0, not {text[:20]!r}")
    return _SWITCHES[text]


def _number(request: Request, name: str, default: int, *, most: int) -> int:
    """
    Return the whole number that the parameter *name* says, at most *most* of it.
    """
    text = request.query_params.get(name, "")
    if text == "":
        return default
    if not text.isascii() or not text.isdigit() or not text.strip("0"):
        raise QuerySyntaxError(f"{name} is a whole number from 1 to {most:,}, not {text[:20]!r}")
    digits = text.lstrip("0")
    return most if len(digits) > len(str(most)) else min(int(digits), most)


def _json(value: Any) -> Response:
    return _body(msgspec.json.encode(value))


def _body(data: bytes) -> Response:
    return Response(data, media_type="application/json")
