"""
Reading: traces, reports, exports, search and the ledger. These endpoints fetch, correlate and render; they
compute nothing of their own.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracelog.core import query as language
from tracelog.core.entry import LARGEST_COUNT, Entry, decode_entry
from tracelog.core.ledger import WITHHELD, Ledger, from_view, view
from tracelog.errors import QuerySyntaxError, UnknownReferenceError
from tracelog.render.reported import correlate
from tracelog.stores import Store, Tally, Trace, TraceFilter

_SWITCHES: Final = {"1": True, "true": True, "0": False, "false": False, "": False}
EXPORTS: Final = ("json", "ndjson", "md")
SILENT_AFTER_MS: Final = 60_000.0
"""A source that said nothing for a minute is taken to have ended: what it still owes is unreported, not in
flight."""


class Query:
    """
    The reading endpoints over *store*; *clock* returns Unix milliseconds.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def traces(self, request: Request) -> Response:
        options = request.query_params
        text = options.get("q")
        wanted = TraceFilter(
            errors=_switch("errors", options.get("errors", "0")),
            system=options.get("system"),
            since_ms=self._moment(options.get("since")),
            q=language.parse(text, now_ms=self._clock()) if text else None,
            limit=_limit(options.get("limit"), 50),
            cursor=options.get("cursor") or None,
        )
        page = await self._store.traces(wanted)
        return _json({"traces": page.items, "cursor": page.cursor})

    async def trace(self, request: Request) -> Response:
        trace = await self._fetch(request)
        entries = b",".join(trace.entries)
        rest = msgspec.json.encode(
            {
                "trace_id": trace.trace_id,
                "complete": trace.stored <= len(trace.entries),
                "evicted": max(0, trace.stored - len(trace.entries)),
                "expires_at": trace.expires_at_ms,
            }
        )
        return Response(rest[:-1] + b',"entries":[' + entries + b"]}", media_type="application/json")

    async def report(self, request: Request) -> Response:
        return _json((await self._report(request)).to_json())

    async def export(self, request: Request) -> Response:
        form = request.query_params.get("format", "json")
        if form not in EXPORTS:
            raise QuerySyntaxError(f"format {form[:20]!r} is unknown; use {', '.join(EXPORTS)}")
        if form == "md":
            budget = request.query_params.get("budget")
            text = (await self._report(request)).to_markdown(budget=_limit(budget, 0, most=1_000_000) or None)
            return Response(text, media_type="text/markdown; charset=utf-8")
        trace = await self._fetch(request)
        name = f'attachment; filename="{trace.trace_id[:64].replace(":", "_")}.{form}"'
        if form == "ndjson":
            body, kind = b"\n".join(trace.entries) + b"\n", "application/x-ndjson"
        else:
            body, kind = _export_json(trace), "application/json"
        return Response(body, media_type=kind, headers={"content-disposition": name})

    async def search(self, request: Request) -> Response:
        options = request.query_params
        found = await self._store.search(
            language.parse(options.get("q", ""), now_ms=self._clock()),
            since_ms=self._moment(options.get("since")),
            until_ms=self._moment(options.get("until")),
            limit=_limit(options.get("limit"), 100, most=1000),
            cursor=options.get("cursor") or None,
        )
        rest = msgspec.json.encode({"cursor": found.cursor})
        return Response(
            rest[:-1] + b',"entries":[' + b",".join(found.items) + b"]}", media_type="application/json"
        )

    async def ledger(self, request: Request) -> Response:
        options = request.query_params
        if ref := options.get("trace"):
            return _json(await self._trace_ledger(ref, options.get("source"), options.get("system")))
        tallies = await self._store.tallies(source=options.get("source"), system=options.get("system"))
        return _json(ledger_of(tallies, self._clock()))

    async def _trace_ledger(self, ref: str, source: str | None, system: str | None) -> dict[str, Any]:
        trace = await self._fetch_ref(ref)
        total = Ledger()
        sources: dict[str, Ledger] = {}
        numbers: dict[str, int] = {}
        for entry in map(decode_entry, trace.entries):
            name = entry.source or ""
            if (source is not None and name != source) or (system is not None and entry.system != system):
                continue
            own = sources.setdefault(name, Ledger())
            if entry.seq is not None:
                numbers[name] = max(entry.seq, numbers.get(name, 0))
            for ledger in (total, own):
                if entry.kind == "suppressed":
                    ledger.count("suppressed", entry.why or "unknown", entry.weight)
                else:
                    ledger.count("stored")
        shown = view(total, emitted=total.ended(), in_flight=0)
        shown["sources"] = {
            name: {**view(own, emitted=own.ended(), in_flight=0), "max_seq": numbers.get(name)}
            for name, own in sources.items()
        }
        return shown

    async def _report(self, request: Request) -> Any:
        trace = await self._fetch(request)
        entries: list[Entry] = [decode_entry(data) for data in trace.entries]
        return correlate(entries, evicted=max(0, trace.stored - len(trace.entries)))

    async def _fetch(self, request: Request) -> Trace:
        return await self._fetch_ref(request.path_params["ref"])

    async def _fetch_ref(self, ref: str) -> Trace:
        trace_id = await self._store.resolve(ref)
        trace = await self._store.fetch(trace_id)
        if trace is None:
            raise UnknownReferenceError(
                f"trace {trace_id[:128]!r} is not here; it may have expired or never arrived"
            )
        return msgspec.structs.replace(trace, entries=[*filter(_is_entry, trace.entries)])

    def _moment(self, text: str | None) -> float | None:
        """
        Return the moment that *text* means in the search language: `15m` before now, ISO 8601 or Unix time.
        """
        if not text:
            return None
        quoted = text.replace("\\", "").replace('"', "")
        return language.parse(f'since:"{quoted}"', now_ms=self._clock()).narrow.since_ms


def _is_entry(data: bytes) -> bool:
    """
    Whether *data* is an entry: other programs may write to a shared store, too.
    """
    try:
        return bool(decode_entry(data).id)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def ledger_of(tallies: list[Tally], now_ms: float) -> dict[str, Any]:
    """
    Return the ledger over *tallies*, what the store knows of each source: its own counts, and what the source
    itself reported as lost before sending.
    """
    by_source: dict[str, list[Tally]] = {}
    for tally in tallies:
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
    for reason, n in reported.dropped.items():
        ledger.count("dropped", reason, n)
    ledger.count("limited", WITHHELD, reported.limited.get(WITHHELD, 0))
    numbers = [row.max_seq for row in rows if row.max_seq is not None]
    said = report.get("emitted")
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


def _export_json(trace: Trace) -> bytes:
    rest = msgspec.json.encode({"tracelog": 1, "trace_id": trace.trace_id, "expires_at": trace.expires_at_ms})
    return rest[:-1] + b',"entries":[' + b",".join(trace.entries) + b"]}"


def _limit(text: str | None, default: int, *, most: int = 200) -> int:
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit():
        raise QuerySyntaxError(f"{text[:20]!r} is no number of results")
    return max(1, min(int(text[:9]), most))


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
