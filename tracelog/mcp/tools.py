"""
What the tools say of what is stored: status, traces, a brief, one entry.

Plain functions of the server's answers. They know neither the protocol of agents nor HTTP.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tracelog.core.entry import Entry, decode_entry
from tracelog.core.ledger import REASONED
from tracelog.core.shared_names import decode_entries
from tracelog.core.text import block, safe_json, short_id
from tracelog.correlation.words import duration, plural
from tracelog.mcp.asking import (
    Ask,
    Listed,
    Page,
    Patterns,
    Stored,
    Summary,
    arrived,
    read,
    trace_path,
)
from tracelog.render.answer import Answer, Line, RefusedError, handle, room_of
from tracelog.render.brief import brief_answer
from tracelog.render.reported import Report, correlate
from tracelog.render.text import clean, moment

MOST_TRACES: Final = 50
"""Traces of one list: more are not read, they are searched."""

MOST_PATTERNS: Final = 200
"""Forms of errors that are looked at for their first trace, the latest seen: as many as the server tells."""

SLOWEST_OF: Final = 200
"""Recent traces among which the slowest is looked for: as many as the server lists at once."""

REFS: Final = {"latest_error": "latest-error"}
"""How agents spell references, where it is not how the server does."""

_SYSTEM: Final = re.compile(r"[a-z0-9_-]{1,32}(?:,[a-z0-9_-]{1,32}){0,9}")
_WORDS: Final = (
    "latest, latest_error, slowest, a trace id, 8 or more of its first characters, or a traceparent"
)


def status(ask: Ask) -> Answer:
    """
    Tell how the server is, who logs, and what became of entries.
    """
    shown = read(ask, "/api/v1/status", dict)
    ledger: Mapping[str, Any] = shown.get("ledger") or {}
    systems = shown.get("systems") or {}
    store = shown.get("store") or {}
    lost = {f"{kind}:{name}": n for kind in REASONED for name, n in (ledger.get(kind) or {}).items() if n}
    emitted, stored = ledger.get("emitted", 0), ledger.get("stored", 0)
    well = "store well" if store.get("ok") else "STORE IN TROUBLE"
    fact = (
        f"server up for {duration(shown['uptime_s'] * 1000.0)}, {well}, "
        f"{plural(len(systems), 'system')} heard; "
        f"{emitted:,} logged, {stored:,} stored, {plural(sum(lost.values()), 'entry', 'entries')} not kept"
    )
    facts = [fact]
    said = [Line(_system_line(name, seen, shown["now"]), 1) for name, seen in _by_time(systems)]
    said += [Line(f"not kept: {n:,} {name}") for name, n in sorted(lost.items(), key=lambda item: -item[1])]
    said += [
        Line(f"store: {cause}", 2) for cause in [store.get("cause"), *(store.get("warnings") or ())] if cause
    ]
    said += [Line(text) for text in _limits(shown)]
    if not systems:
        facts.append("nobody has logged yet: is the program configured with this server's address?")
    data = {"server": "up", "systems": len(systems), "emitted": emitted, "stored": stored}
    return Answer(facts, said, ["next: traces(errors_only=true)"] if systems else [], data)


class Recent(msgspec.Struct, frozen=True):
    """
    Which traces: *system* took part, *text* is a search that finds something in them, *since* is `15m`, a
    date or Unix time, *before* the cursor of the answer before.
    """

    errors_only: bool = False
    system: str = ""
    text: str = ""
    since: str = ""
    before: str = ""
    limit: int = 10


def traces(ask: Ask, wanted: Recent) -> Answer:
    """
    Tell of the traces that are *wanted*, a line each, newest first.

    Raises:
        RefusedError, NoAnswerError: When nothing can be told.
    """
    page = read(
        ask,
        "/api/v1/traces",
        Listed,
        errors=1 if wanted.errors_only else None,
        system=checked_system(wanted.system) or None,
        q=wanted.text or None,
        since=wanted.since or None,
        limit=max(1, min(wanted.limit, MOST_TRACES)),
        cursor=wanted.before or None,
    )
    found = page.traces
    if not found:
        return Answer(["no trace is here that fits", quiet(ask)], data={"shown": 0})
    failed = sum(1 for trace in found if trace.errors)
    more = "there are older ones" if page.cursor else "these are all"
    new = _with_new_errors(ask) if failed else set()
    seen = sum(trace.trace_id in new for trace in found)
    first_seen = f" ({seen} with an error first seen there)" if seen else ""
    facts = [f"{plural(len(found), 'trace')}, {failed} with errors{first_seen}, newest first; {more}"]
    first = _name(found[0].trace_id)
    after = [f'next: brief(trace="{first}")' if first else "next: brief with an id above"]
    if page.cursor:
        after.append(f'older: traces(before="{page.cursor}")')
    return Answer(
        facts,
        [Line(_trace_line(one, new=one.trace_id in new)) for one in found],
        after,
        _listed(found, page.cursor),
    )


def brief(ask: Ask, trace: str, budget: int) -> Answer:
    """
    Tell a trace: causes with their evidence, sums, the most telling rows.

    Args:
        ask: The server.
        trace: What the server takes, `latest_error` or `slowest`.
        budget: Tokens of the whole answer.

    Raises:
        RefusedError, NoAnswerError: When nothing can be told.
    """
    room_of(budget)
    return brief_answer(told(fetch(ask, trace)), budget)


def entry(ask: Ask, id_: str) -> Answer:
    """
    Tell one entry in full.

    Raises:
        RefusedError, NoAnswerError: When there is none of that id.
    """
    wanted = id_.strip().removeprefix("id=")
    if not wanted:
        raise RefusedError("id is empty; take one from an answer of brief or logs")
    quoted = wanted.replace("\\", "\\\\").replace('"', '\\"')
    page = read(ask, "/api/v1/search", Page, q=f'id:"{quoted}"', limit=2)
    if not page.entries:
        return Answer(["no entry of this id is here: it may have expired", quiet(ask)], data={"shown": 0})
    one = decode_entry(bytes(page.entries[0]))
    origin = "anybody with the page could write it" if one.origin == "public" else "written by a program"
    other = "; another trace has an entry of this id, too" if len(page.entries) > 1 else ""
    name = _name(one.trace_id)
    after = [f'next: brief(trace="{name}")'] if name else []
    data = {"shown": 1, "trace": handle(one.trace_id)}
    return Answer([f"one entry, {origin}{other}"], _whole(one), after, data)


def quiet(ask: Ask) -> str:
    """
    Return what tells silence from trouble, for an answer that found nothing.
    """
    shown = read(ask, "/api/v1/status", dict)
    systems = shown.get("systems") or {}
    if not systems:
        return "nobody has logged to this server yet: is the program configured with its address?"
    ago = max(0.0, shown["now"] - max(seen["last_seen"] for seen in systems.values()))
    errors = read(ask, "/api/v1/search", Page, q="level:error", since="5m", limit=100)
    failed = (
        f"{plural(len(errors.entries), 'error')}{' or more' if errors.cursor else ''} in the last 5 minutes"
    )
    return f"meanwhile: {plural(len(systems), 'system')} heard, the last entry {duration(ago)} ago, {failed}"


def fetch(ask: Ask, ref: str) -> Stored:
    """
    Return the trace that *ref* means, also `latest_error` and `slowest`.

    Raises:
        RefusedError, NoAnswerError: When there is none.
    """
    ref = REFS.get(ref.strip(), ref.strip())
    if not ref:
        raise RefusedError(f"trace is empty; give {_WORDS}")
    if ref == "slowest":
        listed = read(ask, "/api/v1/traces", Listed, limit=SLOWEST_OF).traces
        if not listed:
            raise RefusedError(f"no trace is here; {quiet(ask)}")
        ref = max(listed, key=lambda one: one.last_ms - one.first_ms).trace_id
    return read(ask, trace_path(ref), Stored)


def told(stored: Stored) -> Report:
    """
    Return the report on a fetched trace.
    """
    entries = decode_entries(map(bytes, stored.entries))
    report = correlate(entries, trace_id=stored.trace_id, evicted=stored.evicted)
    report.complete = report.complete and stored.complete
    return report


def checked_system(system: str) -> str:
    """
    Return *system*, one name or several with commas.

    Raises:
        RefusedError: When it is none.
    """
    if system and not _SYSTEM.fullmatch(system):
        raise RefusedError("system is a name such as worker, or several: browser,worker")
    return system


def _whole(one: Entry) -> list[Line]:
    lines = [Line(f"arrived {moment(arrived(one))}"), *map(Line, _fields(one))]
    for name in ("message", "stack"):
        text = getattr(one, name)
        if text:
            lines += [Line(f"{name}:", 1), *(Line(f"  {row}", 1) for row in block(text).split("\n"))]
    return lines


def _fields(one: Entry) -> list[str]:
    fields = {
        name: value
        for name, value in msgspec.to_builtins(one).items()
        if name not in {"message", "stack", "received_at"}
    }
    return [f"{name}: {safe_json(msgspec.json.encode(value).decode())}" for name, value in fields.items()]


def _name(trace_id: str) -> str | None:
    return short_id(trace_id) if handle(trace_id) else None


def _with_new_errors(ask: Ask) -> set[str]:
    """
    Return the traces in which an error was first seen; none where older ones may have had it.
    """
    known = read(ask, "/api/v1/patterns", Patterns, q="level:error", limit=MOST_PATTERNS)
    return {one.first_trace for one in known.patterns} if known.whole else set()


def _trace_line(one: Summary, *, new: bool) -> str:
    took = duration(max(0.0, one.last_ms - one.first_ms))
    errors = f"{plural(one.errors, 'error')} of " if one.errors else ""
    entries = plural(one.entries, "entry", "entries")
    return clean(
        f"{short_id(one.trace_id)} {moment(one.first_ms)} {took}, {errors}{entries}, "
        f"{'+'.join(one.systems)}{' (an error first seen here)' if new else ''}: {one.title}"
    )


def _listed(found: list[Summary], cursor: str | None) -> dict[str, Any]:
    ids = [id_ for one in found if (id_ := handle(one.trace_id))]
    return {"shown": len(found), "traces": ids, "older": cursor}


def _by_time(systems: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(systems.items(), key=lambda item: (-item[1]["last_seen"], item[0]))


def _system_line(name: str, seen: Mapping[str, Any], now: float) -> str:
    ago = duration(max(0.0, now - seen["last_seen"]))
    return f"{name}: heard {ago} ago, {plural(seen['sources'], 'source')}"


def _limits(shown: Mapping[str, Any]) -> list[str]:
    quotas, budget = shown.get("quotas") or {}, shown.get("budget") or {}
    lines = []
    if quotas:
        lines.append(f"quota: {quotas['current']:,} of {quotas['limit']:,} rows of this hour")
    if budget:
        lines.append(
            f"budget: {budget['used']:,} of {budget['limit']:,} rows of this month, {budget['level']}"
        )
    return lines
