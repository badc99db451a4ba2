"""
Entries laid out in lanes: one lane for each speaker, in the order in which it spoke.

Inside a source the running number alone decides; where the source's clock contradicts it, the fewest possible
timestamps are disbelieved. Entries without a number follow the clock. Nothing here compares two sources.

A span-closing entry is spoken when the span ends and tells when it began. It is put at its beginning, so that
the row of a hop stands above what happened in it; its running number tells the end. A row that counts other
entries is spoken after them; it is put where they were, by the time it names.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from math import floor, inf
from operator import attrgetter, eq, le
from typing import Final

from tracelog.core.entry import ERROR_RANK, RANK, Entry
from tracelog.correlation.line import UNNAMED, Line

LONGEST_MS: Final = 366 * 24 * 3_600_000.0
"""A span longer than a year is a wrong number, not a span; its entry counts as a plain one."""

REPORTED: Final = frozenset({"summary", "suppressed"})
"""Kinds of rows that stand for entries spoken before them."""

GRAIN: Final = 3
"""Times are kept to the microsecond: equal moments stay equal whatever is added to them and taken away
again."""

LOUD: Final = {"warn": False} | {level: True for level, rank in RANK.items() if rank >= ERROR_RANK}
"""Levels that ask for attention, and whether as an error."""


def lay(entries: Iterable[Entry], base: float) -> list[list[Line]]:
    """
    Return the lanes of *entries*, sorted by speaker; in each the lines in the order of speaking.

    Args:
        entries: Entries with distinct ids.
        base: Unix milliseconds that the times of lines count from.
    """
    numbered: defaultdict[str, list[Entry]] = defaultdict(list)
    others: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.seq is not None and (source := entry.source):
            numbered[source].append(entry)
        else:
            others[clock_of(entry)].append(entry)
    spoken = [(clock, _in_number_order(numbered[clock])) for clock in sorted(numbered)]
    spoken += [(clock, sorted(others[clock], key=_by_clock)) for clock in sorted(others)]
    return [_lane(number, clock, lane, base) for number, (clock, lane) in enumerate(spoken)]


def clock_of(entry: Entry) -> str:
    """
    Return the name of the clock that *entry* was stamped by: its source, or else its system and service.
    """
    return entry.source or (f"{entry.system}/{entry.service}" if entry.service else entry.system)


def span_ms(entry: Entry) -> float | None:
    """
    Return how long the span took that *entry* closes, or None when it closes none.
    """
    taken = entry.duration_ms
    return taken if taken is not None and 0.0 <= taken <= LONGEST_MS else None


def believable(moments: Sequence[float]) -> Sequence[float]:
    """
    Return *moments*, in the order of speaking, made non-decreasing by changing as few of them as possible.

    The longest non-decreasing part is believed (patience sorting, O(n log n)); every other moment becomes the
    nearest one between its believed neighbours. A running maximum would let one jump forward spoil all that
    follows, and a closing that is rounded down by a hair must not pull others to where they do not belong.
    """
    if all(map(le, moments, islice(moments, 1, None))):
        return moments
    kept = _longest_rising(moments)
    believed: list[float] = []
    position, last = 0, -inf
    for i, moment in enumerate(moments):
        if position < len(kept) and kept[position] == i:
            last, position = moment, position + 1
        else:
            last = min(max(moment, last), moments[kept[position]] if position < len(kept) else inf)
        believed.append(last)
    return believed


def _lane(number: int, clock: str, spoken: list[Entry], base: float) -> list[Line]:
    lane: list[Line] = []
    counted = False
    for index, entry in enumerate(spoken):
        at = floor((entry.timestamp - base) * 1000.0 + 0.5) / 1000.0  # GRAIN; `round` takes twice as long
        line = Line(
            entry,
            entry.system or UNNAMED,
            clock,
            at,
            at,
            number,
            index,
            entry.span_id,
            entry.parent_id,
            entry.message,
        )
        if (loud := LOUD.get(entry.level)) is not None:
            line.is_error, line.is_warning = loud, not loud
        if entry.duration_ms is not None or entry.kind is not None or entry.count:
            _stretch(line)
            counted = counted or line.last_raw is not None
        lane.append(line)
    timed = [line for line in lane if line.last_raw is None] if counted else lane
    moments = [line.end for line in timed]
    if (sure := believable(moments)) is not moments:
        for line, end in zip(timed, sure, strict=True):
            line.at, line.end = round(line.at + end - line.end, GRAIN), end
    return lane


def _stretch(line: Line) -> None:
    """
    Give *line* the length of its span, or of the run that it counts.
    """
    entry = line.entry
    line.count = entry.weight
    line.is_loss = entry.kind == "suppressed"
    line.is_context = entry.kind == "context"
    if entry.kind in REPORTED and entry.last_timestamp is not None:
        line.last_raw = max(entry.last_timestamp, entry.timestamp)
        line.end = round(line.at + line.last_raw - entry.timestamp, GRAIN)
    elif (taken := span_ms(entry)) is not None:
        line.is_span = True
        line.end = round(line.at + taken, GRAIN)


def _longest_rising(moments: Sequence[float]) -> list[int]:
    tails: list[float] = []
    tail_at: list[int] = []
    before: list[int] = []
    for i, moment in enumerate(moments):
        place = bisect_right(tails, moment)
        before.append(tail_at[place - 1] if place else -1)
        tails[place : place + 1] = [moment]
        tail_at[place : place + 1] = [i]
    rising, i = [], tail_at[-1]
    while i >= 0:
        rising.append(i)
        i = before[i]
    return rising[::-1]


def _in_number_order(spoken: list[Entry]) -> list[Entry]:
    spoken.sort(key=_seq)
    numbers = [entry.seq for entry in spoken]
    if any(map(eq, numbers, islice(numbers, 1, None))):
        spoken.sort(key=attrgetter("seq", "timestamp", "id"))
    return spoken


_seq = attrgetter("seq")


def _by_clock(entry: Entry) -> tuple[float, float, str]:
    return entry.timestamp + (span_ms(entry) or 0.0), entry.received_at or 0.0, entry.id
