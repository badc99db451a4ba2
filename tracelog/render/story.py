"""
The brief: what failed, how it travelled, where the time went and what is not shown, as labelled lines.

Terminal, Markdown and HTML print these lines and add none, so they tell the same story in the same order with
the same numbers. Every text in them is clean; what programs wrote is marked as such.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from tracelog.correlation import Report, Row, suspects
from tracelog.correlation.words import DASH, TIMES, duration, milliseconds, number, plural
from tracelog.render.paint import system_style
from tracelog.render.reasons import in_words
from tracelog.render.row import said, who
from tracelog.render.text import clean, clock

SYMPTOMS: Final = 8
"""Steps of a chain that are told; longer ones are a flood of one error."""

OTHERS: Final = 3
"""Further failures that are told in a line each."""

RUNS: Final = 3
"""Folded runs that are told; their rows in the timeline tell of all."""

LONG_RUN: Final = 10
"""A run below this is read where it stands."""

CALLS: Final[Mapping[str, str]] = {
    "n_plus_one": "each",
    "retries": "tried",
    "timeout": "waited",
    "fan_out": "at once",
}
"""Insights about calls, by the label they are told under."""

_CLASS: Final = re.compile(
    r"(?:Uncaught (?:\(in promise\) )?)?"
    r"(?:[A-Za-z_][\w.]{0,99}(?:Error|Exception|Fault)|\w{1,60}(?:\.\w{1,60}){1,9}): (?=\S)"
)
"""The class in front of an exception's text: a headline says what happened, the cause how it is called."""


class Piece(msgspec.Struct, frozen=True):
    """
    Part of a line, clean. *style* is a name in `paint.STYLES`; *said* marks what a program wrote.
    """

    text: str
    style: str = ""
    said: bool = False


class Told(msgspec.Struct, frozen=True):
    """
    One line of the brief.

    Attributes:
        label: What it is about; empty when it goes on with what is above.
        lead: Columns in front, which line up with those of its neighbours: system, time.
        body: The text.
        says: Our own words in front of the body.
        id: The entry that it shows.
    """

    label: str
    body: Piece
    lead: tuple[Piece, ...] = ()
    says: str = ""
    id: str = ""


def tell(report: Report, url: str | None = None) -> list[Told]:
    """
    Return the brief of *report*, without its headline.

    Args:
        report: What is told.
        url: Where the trace can be read, told last.
    """
    lines = [line for part in PARTS for line in part(report)]
    return [*lines, Told("page", Piece(clean(url)))] if url else lines


def headline(report: Report) -> tuple[bool, str]:
    """
    Return whether the trace went well, and what happened in one sentence.
    """
    failures = [chain for chain in report.chains if not chain.handled]
    name = _operation(report)
    if not report.timeline:
        return not report.missing, "nothing is here of this trace"
    if not failures:
        handled, took = len(report.chains), duration(report.duration_ms)
        tail = f"; {plural(handled, 'error')} on the way, handled" if handled else " without an error"
        entries = sum(system.entries for system in report.systems)
        well = f"{name} finished" if name else plural(entries, "entry", "entries")
        return True, f"{well} in {took}{tail}"
    rows = {row.id: row for row in report.timeline}
    root = rows[failures[0].root]
    what = clean(root.message)
    if (named := _CLASS.match(what)) is not None:
        what = what[named.end() :]
    failed = f"{name} failed: {what}" if name and name != what else what
    return False, f"{failed}, in {_where(report, root)}"


def sizes(report: Report) -> list[str]:
    """
    Return how long the trace was, through how many systems it went, and whether all of it is here.
    """
    lost = sum(loss.count for loss in report.missing)
    gone = f"{plural(lost, 'entry', 'entries')} not here" if lost else "incomplete"
    systems = plural(len(report.systems), "system")
    return [duration(report.duration_ms), systems, "complete" if report.complete else gone]


def _chain(report: Report) -> Iterator[Told]:
    """
    The first cause and how it travelled.
    """
    if not report.chains or report.chains[0].handled:
        return
    rows = {row.id: row for row in report.timeline}
    chain = report.chains[0]
    yield _event("cause", rows[chain.root])
    for insight in report.insights:
        if insight.kind == "cause" and chain.root in insight.entries:
            cause = Piece(clean(insight.summary), "dim", said=True)
            yield Told("", cause, (Piece(""), Piece("")), "caused by ")
    symptoms = [rows[id_] for id_ in chain.entries[1 : 1 + SYMPTOMS]]
    for i, row in enumerate(symptoms):
        yield _event("then" if i == 0 else "", row)
    if left := len(chain.entries) - 1 - len(symptoms):
        yield Told("", Piece(f"and {plural(left, 'more error')} that followed", "dim"))


def _also(report: Report) -> Iterator[Told]:
    """
    Failures besides the first.
    """
    rows = {row.id: row for row in report.timeline}
    failed = bool(report.chains) and not report.chains[0].handled
    others = report.chains[1:] if failed else report.chains
    for i, chain in enumerate(others[:OTHERS]):
        label = "also" if failed else "handled"
        yield _event("" if i else label, rows[chain.root], handled=failed and chain.handled)
    more = len(others) - OTHERS
    if more > 0:
        yield Told("", Piece(f"and {plural(more, 'more failure')}", "dim"))


def _time(report: Report) -> Iterator[Told]:
    """
    Where the time went.
    """
    for insight in report.insights:
        if insight.kind == "time" and report.duration_ms > 0:
            yield Told("time", Piece(clean(insight.summary)))
    shares = [clean(insight.summary) for insight in report.insights if insight.kind == "share"]
    if shares:
        yield Told("", Piece(" · ".join(shares), "dim"))


def _calls(report: Report) -> Iterator[Told]:
    """
    What calls tell together: made for each item, tried again, waited for too long.
    """
    for kind, label in CALLS.items():
        found = [insight for insight in report.insights if insight.kind == kind]
        for i, insight in enumerate(found[:OTHERS]):
            yield Told("" if i else label, Piece(clean(insight.summary)))


def _slow(report: Report) -> Iterator[Told]:
    """
    What was slow, where nothing failed, or nothing that weighs as much.
    """
    failed = any(not chain.handled for chain in report.chains)
    if not failed or suspects(report)[0].kind != "failure":
        slow = [insight for insight in report.insights if insight.kind == "slow_hop"]
        for i, insight in enumerate(slow[:OTHERS]):
            yield Told("" if i else "slow", Piece(clean(insight.summary)))


def _folded(report: Report) -> Iterator[Told]:
    """
    The longest runs of repeats.
    """
    runs = [row for row in report.timeline if row.count >= LONG_RUN and row.kind != "suppressed"]
    runs.sort(key=lambda row: -row.count)
    for i, row in enumerate(runs[:RUNS]):
        begin = (report.started or 0.0) + row.at_ms
        end = (report.started or 0.0) + row.ends_ms
        times = f"{clock(begin)}{DASH}{clock(end)}" if clock(begin) != clock(end) else clock(begin)
        text = f'{number(row.count)} {TIMES} "{clean(row.message)}" ({who(row)}, {times})'
        yield Told("" if i else "folded", Piece(text))
    if len(runs) > RUNS:
        yield Told("", Piece(f"and {plural(len(runs) - RUNS, 'more run')}", "dim"))


def _secrets(report: Report) -> Iterator[Told]:
    """
    Secrets that were replaced, and where the same one was seen.
    """
    seen = [clean(insight.summary) for insight in report.insights if insight.kind == "secret"]
    for insight in report.insights:
        if insight.kind == "secrets":
            yield Told("secrets", Piece(f"{clean(insight.summary)}: {'; '.join(seen[:OTHERS])}"))


def _notes(report: Report) -> Iterator[Told]:
    """
    What a reader should know about the evidence: strangers, clocks, unknown causes, failures not listed.
    """
    for kind, label in (
        ("traces", "mixed"),
        ("clock", "clocks"),
        ("orphan", "unknown"),
        ("holes", "holes"),
        ("more_failures", "more"),
    ):
        found = [clean(insight.summary) for insight in report.insights if insight.kind == kind]
        for i, text in enumerate(found[:OTHERS]):
            yield Told("" if i else label, Piece(text))


def _ledger(report: Report) -> Iterator[Told]:
    """
    The sum of everything that was logged.
    """
    ledger = report.ledger
    terms = [f"{number(ledger['shown'])} kept", f"{number(ledger['folded'])} folded"]
    terms += [f"{number(loss.count)} {in_words(loss)}" for loss in report.missing]
    if not ledger["lost"]:
        terms.append("0 lost")
    twice = f"; {number(ledger['duplicate'])} delivered twice" if ledger["duplicate"] else ""
    yield Told("ledger", Piece(f"{number(ledger['logged'])} logged = {' + '.join(terms)}{twice}"))


PARTS: Final[Sequence[Callable[[Report], Iterator[Told]]]] = (
    _chain,
    _also,
    _time,
    _calls,
    _slow,
    _folded,
    _secrets,
    _notes,
    _ledger,
)
"""The brief, in the order in which it is told."""


def _event(label: str, row: Row, *, handled: bool = False) -> Told:
    text, moment = said(row), row.at_ms
    if row.count > 1:
        text = f"{TIMES}{number(row.count)} {text}"
    elif row.duration_ms is not None:
        text, moment = f"{text} (failed after {duration(row.duration_ms)})", row.ends_ms
    lead = (Piece(who(row), system_style(row.system)), Piece(f"+{milliseconds(moment)}", "dim"))
    return Told(label, Piece(text, "error", said=True), lead, "handled: " if handled else "", row.id)


def _operation(report: Report) -> str:
    """
    Return what the trace was about: the outermost hop that was closed, by the name it was closed with.
    """
    hops = [row for row in report.timeline if row.duration_ms is not None and row.span_id]
    spans = {row.span_id for row in hops}
    tops = [row for row in hops if row.parent_id not in spans]
    return clean(max(tops, key=lambda row: row.duration_ms or 0.0).message) if tops else ""


def _where(report: Report, row: Row) -> str:
    system = row.system
    service = row.service or next((one.service for one in report.systems if one.system == system), None)
    return clean(f"{service} ({system})" if service and service != system else system)
