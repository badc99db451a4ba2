"""
A fetched trace made into what was asked for: its entries, a report, an export, a ledger.

Plain functions that know no event loop: a large trace is worked on in a thread, a small one where it stands.
"""

import secrets
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from tracelog.core.clean import shorten
from tracelog.core.detect import UNKNOWN
from tracelog.core.entry import ID_CHARS, RANK, Entry, decode_entry, encode_entry
from tracelog.core.exported import export_json, with_entries
from tracelog.core.ledger import Ledger, view
from tracelog.core.numbers import decode_any
from tracelog.core.otlp_json import logs_request
from tracelog.core.shared_names import Known, share_names
from tracelog.core.utf8 import clean_json, name_replaced
from tracelog.core.wire import DECODE_ERRORS, Mint, Reader
from tracelog.correlation import Missing
from tracelog.correlation.account import missing_of
from tracelog.errors import InvalidEntryError
from tracelog.render.answer import NONCE_BYTES
from tracelog.render.brief import COMMANDS, brief
from tracelog.render.page import story
from tracelog.render.reported import Report, correlate
from tracelog.server.answers import LIMITS
from tracelog.stores import Trace

LARGE: Final = 1_000
"""Entries of a trace above which it is worked on in a thread: so many hold the event loop for about 10 ms."""

LARGE_BYTES: Final = 1024 * 1024
"""The same for few but large entries."""


def is_large(trace: Trace) -> bool:
    """
    Whether working on *trace* would keep other requests waiting.
    """
    return len(trace.entries) > LARGE or sum(map(len, trace.entries)) > LARGE_BYTES


def trace_json(trace: Trace, now_ms: float) -> bytes:
    """
    Return *trace* as the reading endpoint shows it.
    """
    found = list(rows_of(trace, now_ms))
    rows = [row for row, _ in found]
    evicted = evicted_of(trace)
    missing = missing_of([entry for _, entry in found], [Missing("", "evicted", evicted)])
    return with_entries(
        {
            "trace_id": trace.trace_id,
            "complete": not missing and not trace.refused,
            "missing": missing,
            "evicted": evicted,
            "unreadable": len(trace.entries) - len(rows),
            "expires_at": trace.expires_at_ms,
        },
        rows,
    )


def report_json(trace: Trace, now_ms: float) -> bytes:
    """
    Return the report on *trace*, with the sentences that the pages show.
    """
    report = _report(trace, now_ms)
    return msgspec.json.encode({**report.to_json(), "story": story(report)})


def report_markdown(trace: Trace, now_ms: float, budget: int | None) -> str:
    """
    Return the report on *trace* as Markdown; with a *budget* its brief, within so many tokens.
    """
    report, nonce = _report(trace, now_ms), secrets.token_hex(NONCE_BYTES)
    if budget is None:
        return report.to_markdown(nonce=nonce)
    return brief(report, budget, nonce, ways=COMMANDS)


def export(trace: Trace, now_ms: float, form: str) -> bytes:
    """
    Return the entries of *trace* as *form*: `json`, `ndjson`, `otlp`, or `html`, a page that holds them, too.
    """
    found = list(rows_of(trace, now_ms))
    rows = [row for row, _ in found]
    if form == "ndjson":
        return b"\n".join(rows) + b"\n"
    entries = [entry for _, entry in found]
    if form == "otlp":
        return logs_request(entries)
    data = export_json({"trace_id": trace.trace_id, "expires_at": trace.expires_at_ms}, rows)
    if form == "json":
        return data
    return _told(trace, entries).to_html(data=data).encode()


def ledger(trace: Trace, now_ms: float, source: str | None, system: str | None) -> dict[str, Any]:
    """
    Return what became of the entries of *trace*, in all and by source; of one *source* or *system* if named.
    """
    total = Ledger()
    sources: dict[str, Ledger] = {}
    numbers: dict[str, int] = {}
    for _, entry in rows_of(trace, now_ms):
        name = entry.source or ""
        if (source is not None and name != source) or (system is not None and entry.system != system):
            continue
        own = sources.setdefault(name, Ledger())
        if entry.seq is not None:
            numbers[name] = max(entry.seq, numbers.get(name, 0))
        for counts in (total, own):
            _count_row(counts, entry)
    shown = view(total, emitted=total.ended(), in_flight=0)
    shown["sources"] = {
        name: {**view(own, emitted=own.ended(), in_flight=0), "max_seq": numbers.get(name)}
        for name, own in sources.items()
    }
    return shown


def _count_row(counts: Ledger, entry: Entry) -> None:
    """
    Count what *entry* stands for: itself, or entries not kept; what an error brought out is among these.
    """
    if entry.kind is None:
        counts.count("stored")
    elif entry.kind != "context":
        reason = entry.why or "unknown"
        counts.count("limited" if reason in LIMITS else "suppressed", reason, entry.weight)


def evicted_of(trace: Trace) -> int:
    """
    Return how many entries the store had and dropped; what is there but cannot be read is none of them.
    """
    return max(0, trace.stored - len(trace.entries))


def rows_of(trace: Trace, now_ms: float) -> Iterator[tuple[bytes, Entry]]:
    """
    Yield the rows of *trace* that are entries, as JSON and as values, in the order in which they were stored.

    Other programs may write to a shared store, too. What they wrote is straightened as if it had been sent,
    and named after its place when it has no id; what is no entry at all is left out.
    """
    reader = Reader(now_ms, Mint(trace_id=lambda: trace.trace_id, entry_id=str))
    known: Known = {}
    last_ms = now_ms
    for place, row in enumerate(trace.entries):
        entry = _decode(row)
        if entry is None or not _is_whole(entry, trace.trace_id):
            mended = _mend(reader, trace.trace_id, row)
            if mended is None:
                continue
            entry = mended
            entry.id = entry.id or _place_name(trace.trace_id, place)
            if entry.timestamp == now_ms:
                entry.timestamp = last_ms  # it said no time, but it stands behind the one before it
            row = encode_entry(entry)  # noqa: PLW2901 - this is the row from here on
        share_names(entry, known)
        last_ms = entry.timestamp
        yield row, entry


def _decode(row: bytes) -> Entry | None:
    try:
        return decode_entry(row)
    except DECODE_ERRORS:
        return None


def _is_whole(entry: Entry, trace_id: str) -> bool:
    """
    Whether *entry* has all that every entry of ours has.
    """
    return (
        entry.id != ""
        and entry.trace_id == trace_id
        and entry.timestamp > 0
        and entry.level in RANK
        and entry.system != ""
    )


def _mend(reader: Reader, trace_id: str, row: bytes) -> Entry | None:
    """
    Return the entry that *row*, written by another program to the trace, means; None when it means none.
    """
    text, repaired = clean_json(row)
    try:
        raw = decode_any(text)
        entry = reader.straighten({**raw, "trace_id": trace_id} if isinstance(raw, dict) else raw)
    except (InvalidEntryError, *DECODE_ERRORS):
        return None
    entry.trace_id = trace_id
    entry.system = entry.system or UNKNOWN
    if repaired:
        name_replaced(entry)
    return entry


def _place_name(trace_id: str, place: int) -> str:
    """
    Return the id of the entry at *place* of a trace, the same at every reading.
    """
    return shorten(f"{trace_id}-{place}", ID_CHARS)


def _report(trace: Trace, now_ms: float) -> Report:
    return _told(trace, [entry for _, entry in rows_of(trace, now_ms)])


def _told(trace: Trace, entries: Iterable[Entry]) -> Report:
    report = correlate(entries, trace_id=trace.trace_id, evicted=evicted_of(trace))
    report.complete = report.complete and not trace.refused
    return report
