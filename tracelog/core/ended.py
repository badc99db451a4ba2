"""
Which running numbers of a source have ended, and those that ended unstored for which reason.

An entry may come twice, and to two servers; what became of it is counted once. Each source's numbers are kept
as runs of neighbours with the same end, so that a client that sends in order needs one run, not one number
each. `stores/lua/ended.lua` is the same for Redis; both agree on random schedules.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

Run = tuple[int, int, str]
"""First number, last number, and why they were not stored, as `outcome/reason`; empty for those that were, or
whose reason is forgotten."""

MOST_RUNS: Final = 64
"""Runs kept of a source of a system, about 1 to 2 kB. Beyond, the reasons of all but the last half are
forgotten, which lets their runs grow together, and then the lowest runs: what repeats these is counted
again."""

TOLD_RUNS: Final = 32
"""Runs of running numbers that a write tells of one speaker. With more of them only the largest is told:
which have ended is then known from the server's own counts a second later."""


def refuse(known: Sequence[Run], said: Sequence[Run]) -> tuple[list[Run], Counter[str]]:
    """
    Return *known* with *said* added where it says something new, and how many numbers that is by reason.

    Args:
        known: Runs in order, none touching another's numbers.
        said: The same, of entries that now ended; an empty reason fills gaps and counts nothing.
    """
    fresh = _without(said, known)
    return _bounded([*known, *fresh]), _sizes(fresh)


def store(known: Sequence[Run], said: Sequence[Run]) -> tuple[list[Run], Counter[str]]:
    """
    Return *known* with *said*, numbers of entries that are stored, and how many of these were counted as
    refused before, by reason: they ended stored after all.
    """
    left = _without(known, said)
    return _bounded([*left, *said]), _sizes(known) - _sizes(left)


def runs_of(numbers: Iterable[int]) -> list[Run]:
    """
    Return the runs of *numbers*, in any order.
    """
    return [(first, last, "") for first, last in _neighbours(sorted(set(numbers)))]


def ordered(runs: Iterable[Run]) -> list[Run]:
    """
    Return *runs* in order; of numbers said twice the run that begins first counts.
    """
    out: list[Run] = []
    for first, last, why in sorted(runs, key=_first):
        begin = max(first, out[-1][1] + 1) if out else first
        if begin <= last:
            _put(out, (begin, last, why))
    return out


def text_of(runs: Iterable[Run]) -> str:
    """
    Return *runs* as `first-last` or `first-last:outcome/reason`, separated by spaces.
    """
    return " ".join([f"{first}-{last}:{why}" if why else f"{first}-{last}" for first, last, why in runs])


def argument_of(runs: Sequence[Run]) -> str:
    """
    Return *runs* as `commit.lua` reads them behind the largest of them; nothing when there are too many.
    """
    if not runs or len(runs) > TOLD_RUNS:
        return ""
    return ":" + text_of(runs).replace(" ", ",")


def read(text: str) -> list[Run]:
    """
    Return the runs that *text* names.
    """
    runs = []
    for part in text.split():
        span, _, why = part.partition(":")
        first, _, last = span.partition("-")
        runs.append((int(first), int(last), why))
    return runs


def _without(runs: Sequence[Run], others: Sequence[Run]) -> list[Run]:
    """
    Return the parts of *runs* that none of *others* touches.
    """
    out: list[Run] = []
    at = 0
    for first, last, why in runs:
        begin = first
        while at < len(others) and others[at][0] <= last:
            low, high, _ = others[at]
            if high >= begin:
                if low > begin:
                    out.append((begin, low - 1, why))
                begin = high + 1
            if high > last:
                break  # it reaches into the next run, too
            at += 1
        if begin <= last:
            out.append((begin, last, why))
    return out


def _bounded(runs: list[Run]) -> list[Run]:
    runs = _joined(sorted(runs, key=_first))
    if len(runs) <= MOST_RUNS:
        return runs
    named = len(runs) - MOST_RUNS // 2
    runs = _joined([*[(first, last, "") for first, last, _ in runs[:named]], *runs[named:]])
    return runs[-MOST_RUNS:]


def _joined(runs: Iterable[Run]) -> list[Run]:
    out: list[Run] = []
    for run in runs:
        _put(out, run)
    return out


def _put(out: list[Run], run: Run) -> None:
    """
    Append *run*, or let the last one grow by it.
    """
    if out and out[-1][1] + 1 == run[0] and out[-1][2] == run[2]:
        out[-1] = (out[-1][0], run[1], run[2])
    else:
        out.append(run)


def _sizes(runs: Iterable[Run]) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for first, last, why in runs:
        if why:
            sizes[why] += last - first + 1
    return sizes


def _neighbours(numbers: list[int]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] + 1 == number:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans


def _first(run: Run) -> int:
    return run[0]
