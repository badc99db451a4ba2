"""
Entries in, report out: the steps of correlation in their order.

Every step is deterministic and none looks at the order in which entries were handed in.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from tracelog.core.entry import Entry
from tracelog.correlation.account import Account, Reports
from tracelog.correlation.chains import find_chains
from tracelog.correlation.clocks import bring_together
from tracelog.correlation.doubts import from_the_first
from tracelog.correlation.facts import Facts
from tracelog.correlation.holes import Hole, holes_in, may_have_holes
from tracelog.correlation.insights import find_insights
from tracelog.correlation.intake import Intake, distinct
from tracelog.correlation.lanes import GRAIN, lay
from tracelog.correlation.line import UNNAMED, Line, Node
from tracelog.correlation.patterns import fold
from tracelog.correlation.performance import critical_path, measure, steps
from tracelog.correlation.report import Clock, Hop, Insight, Missing, Report, Row, System
from tracelog.correlation.rows import rows_of
from tracelog.correlation.stored import read_stored
from tracelog.correlation.timeline import mark_gaps, merge, rank_of
from tracelog.correlation.tree import grow, settle
from tracelog.correlation.words import listed, number, plural

TRACES: Final = 5
"""Traces named when entries of several were handed in."""

IDS: Final = 20
"""Entries named then."""

AT_ONCE: Final = 500
"""Lines made rows together: so few that they are still in the processor's cache when they are let go."""

Voices = Mapping[tuple[str, str | None], int]
"""Lines by system and service."""

UNKNOWN_PARENT: Final = "unknown parent"
"""Name of a hop that others name as their cause and that said nothing here."""

_timestamp = attrgetter("timestamp")
_voice = attrgetter("system", "service")
_system_of = attrgetter("system")
_at = attrgetter("at")
_end = attrgetter("end")


def correlate(
    entries: Iterable[Entry | Mapping[str, Any]],
    *,
    trace_id: str | None = None,
    reports: Reports | None = None,
    missing: Iterable[Missing] = (),
    complete: bool = True,
) -> Report:
    """
    Return what the *entries* of one trace tell: one timeline, error chains, insights, and what is not there.

    The same entries in any order give the same report. They are not changed.

    Args:
        entries: Entries of one trace, as fetched, or their JSON objects. Those of several traces are told as
            one, and an insight says so.
        trace_id: Its id; without it that of the entries.
        reports: Ledgers of the trace by system, in the promised shape, as further witnesses of what was not
            kept.
        missing: What the caller knows to be gone, such as `Missing("browser", "expired", 12)`.
        complete: False when the caller knows that entries are missing, but not how many.
    """
    intake = distinct(entries)
    base, lanes, nodes, clocks, lines, gappy = _laid_out(intake)
    measure(nodes)
    holes = holes_in(gappy)
    account = _account(lines, reports or {}, missing, holes)
    begin = lines[0].at if lines else 0.0
    total = max(map(_end, lines), default=begin) - begin
    path = critical_path(nodes)
    told = from_the_first(clocks, nodes)
    facts = Facts(intake.entries, lines, nodes, path, total, told, *find_chains(lines, nodes, clocks), holes)
    losses = account.missing()
    voices = _voices(intake.entries)
    traces = Counter([entry.trace_id for entry in intake.entries])
    return Report(
        trace_id=trace_id or min(traces, key=lambda trace: (-traces[trace], trace), default=""),
        complete=complete and not losses,
        missing=losses,
        started=round(base + begin, GRAIN) if lines else None,
        duration_ms=round(facts.total, GRAIN),
        systems=_systems(lanes, told, base, voices),
        timeline=rows_of(lines, begin, voices),
        chains=facts.chains,
        insights=[*_several_traces(traces, intake.entries), *find_insights(facts)],
        critical_path=steps(facts.path),
        ledger=account.ledger(intake, lines),
        clocks=told,
        hops=[_hop(node, begin) for node in nodes],
    )


def timeline_of(entries: Iterable[Entry | Mapping[str, Any]]) -> list[Row]:
    """
    Return the timeline of *entries* alone: that of their report, for who asks for nothing else.
    """
    return _timeline(distinct(entries))


def timeline_of_json(rows: Sequence[bytes]) -> list[Row]:
    """
    Return the same of entries as stores hold them: JSON objects, one each, as `LRANGE` or a file gives them.

    Raises:
        msgspec.DecodeError: When one of *rows* is no entry's JSON.
    """
    return _timeline(read_stored(rows))


def _timeline(intake: Intake) -> list[Row]:
    lines = _laid_out(intake).lines
    begin = lines[0].at if lines else 0.0
    voices = {(entry.system or UNNAMED, entry.service) for entry in intake.entries}
    del intake
    return [row for some in _used_up(lines) for row in rows_of(some, begin, voices)]


def _used_up(lines: list[Line]) -> Iterator[list[Line]]:
    """
    Yield *lines* in their order, some at a time, and let them go: their memory is taken for the rows.
    """
    lines.reverse()
    while lines:
        some = lines[: -AT_ONCE - 1 : -1]
        del lines[-AT_ONCE:]
        yield some


class _Laid(NamedTuple):
    """
    Entries at their places: *base* is what the times of lines count from, Unix milliseconds; *gappy* are the
    lanes that may have holes in their numbers.
    """

    base: float
    lanes: list[list[Line]]
    nodes: list[Node]
    clocks: dict[str, Clock]
    lines: list[Line]
    gappy: list[list[Line]]


def _laid_out(intake: Intake) -> _Laid:
    base = min(map(_timestamp, intake.entries), default=0.0)
    lanes = lay(intake.entries, base)
    gappy = [lane for lane in lanes if may_have_holes(lane)]
    nodes = grow(lanes)
    clocks = bring_together(lanes, nodes)
    settle(nodes)
    lines = merge(lanes)
    fold(lanes)
    mark_gaps(lines)
    return _Laid(base, lanes, nodes, clocks, lines, gappy)


def _voices(entries: Sequence[Entry]) -> Voices:
    counted = Counter(map(_voice, entries))
    for system, service in [voice for voice in counted if not voice[0]]:
        counted[UNNAMED, service] += counted.pop((system, service))
    return counted


def _systems(
    lanes: Iterable[Sequence[Line]], clocks: Mapping[str, Clock], base: float, voices: Voices
) -> list[System]:
    by_system: dict[str, list[Line]] = {}
    clock_names: dict[str, set[str]] = {}
    for lane in lanes:
        names = set(map(_system_of, lane))
        for name in names:
            same = lane if len(names) == 1 else [line for line in lane if line.system == name]
            by_system.setdefault(name, []).extend(same)
            clock_names.setdefault(name, set()).add(lane[0].clock)
    return [
        _system(name, by_system[name], [clocks[clock] for clock in sorted(clock_names[name])], base, voices)
        for name in sorted(by_system, key=lambda name: (rank_of(name), name))
    ]


def _system(name: str, lines: Sequence[Line], clocks: Sequence[Clock], base: float, voices: Voices) -> System:
    services = {service: count for (system, service), count in voices.items() if system == name and service}
    shown = [line for line in lines if line.run and not line.is_loss]
    return System(
        system=name,
        service=min(services, key=lambda service: (-services[service], service or ""), default=None),
        entries=sum([line.count for line in shown]),
        errors=sum([line.count for line in shown if line.is_error]),
        first=round(base + min(map(_at, lines)), GRAIN),
        last=round(base + max(map(_end, lines)), GRAIN),
        clock=max(clocks, key=lambda clock: abs(clock.offset_ms)),
    )


def _hop(node: Node, begin: float) -> Hop:
    return Hop(
        span_id=node.span_id,
        parent_id=node.parent_id,
        system=node.system,
        service=node.service,
        name=node.name if node.known else UNKNOWN_PARENT,
        at_ms=round(node.start - begin, GRAIN),
        duration_ms=round(node.end - node.start, GRAIN),
        self_ms=round(node.self_ms, GRAIN),
        depth=node.depth,
        entries=node.entries,
        known=node.known,
    )


def _account(
    lines: Sequence[Line], reports: Reports, missing: Iterable[Missing], holes: Iterable[Hole]
) -> Account:
    account = Account()
    account.rows(lines)
    account.reports(reports)
    account.told(missing)
    account.holes([(hole.before.system, hole.missing) for hole in holes])
    return account


def _several_traces(counted: Mapping[str, int], entries: Sequence[Entry]) -> list[Insight]:
    """
    Return the insight that entries of several traces are told as one, where that is so.
    """
    counts = {trace: count for trace, count in counted.items() if trace}
    if len(counts) < 2:
        return []
    traces = sorted(counts, key=lambda trace: (-counts[trace], trace))
    named = [f"{number(counts[trace])} of {trace}" for trace in traces[:TRACES]]
    if len(traces) > TRACES:
        named.append(plural(len(traces) - TRACES, "more trace"))
    text = f"entries of {number(len(traces))} traces are told as one: {listed(named)}"
    strangers = sorted(entry.id for entry in entries if entry.trace_id not in {"", traces[0]})
    return [Insight("traces", text, strangers[:IDS], None)]
