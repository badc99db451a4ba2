"""
Entries as lines for an agent: repeats in one line, what matters worth more. Pure.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from tracelog.core.entry import ERROR_RANK, RANK, Entry
from tracelog.core.text import short_id
from tracelog.correlation.patterns import similar
from tracelog.correlation.words import TIMES, milliseconds, number, shorten
from tracelog.render.answer import Line
from tracelog.render.text import clean, clock

MESSAGE: Final = 240
"""Characters of a message in a list; `entry` shows it whole."""

DOUBTFUL: Final = frozenset({"public", "imported"})
"""Origins that an agent is told: anybody with the page's key, or whoever made a file, wrote such an entry."""


class _Run(msgspec.Struct):
    entry: Entry
    count: int


def in_time(entry: Entry) -> tuple[float, str, int]:
    """
    Return what sorts entries by time, and those of one moment by their running number.
    """
    return entry.timestamp, entry.source or "", entry.seq or 0


def lines_of(entries: Iterable[Entry], *, fold: bool) -> list[Line]:
    """
    Return *entries* in the order of their time, a line each; with *fold* repeats of one speaker share a line.
    """
    runs: list[_Run] = []
    last: dict[tuple[str, str | None], _Run] = {}
    for entry in sorted(entries, key=in_time):
        before = last.get((entry.system, entry.service))
        if fold and before is not None and _repeats(before.entry, entry):
            before.count += entry.count or 1
            continue
        run = _Run(entry, entry.count or 1)
        last[entry.system, entry.service] = run
        runs.append(run)
    return [Line(_text(run), RANK.get(run.entry.level, 1)) for run in runs]


def _repeats(one: Entry, other: Entry) -> bool:
    """
    Whether two entries of a speaker say the same; errors only when they do to the letter.
    """
    if (one.level, one.kind, one.trace_id) != (other.level, other.kind, other.trace_id):
        return False
    if RANK.get(one.level, 1) >= ERROR_RANK or one.duration_ms is not None:
        return one.message == other.message and one.duration_ms is None
    return similar(one.message, other.message)


def _text(run: _Run) -> str:
    entry = run.entry
    moment = f"{clock(entry.timestamp)}.{int(entry.timestamp % 1000):03d}"
    who = f"{entry.system}/{entry.service}" if entry.service else entry.system
    times = f"{TIMES}{number(run.count)} " if run.count > 1 else ""
    took = "" if entry.duration_ms is None else f" ({milliseconds(entry.duration_ms)})"
    why = f" [not kept: {entry.why}]" if entry.kind == "suppressed" else ""
    origin = f" [{entry.origin}]" if entry.origin in DOUBTFUL else ""
    text = shorten(entry.message, MESSAGE)
    head = f"{moment} {entry.level} {who} {short_id(entry.trace_id)}"
    return clean(f"{head} {times}{text}{took}{why}{origin} id={entry.id}")
