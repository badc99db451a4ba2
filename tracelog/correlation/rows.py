"""
Lines as the rows that every face shows: what is said, and of the rest only what it does not tell itself.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from math import floor
from typing import Final

from tracelog.correlation.lanes import GRAIN, span_ms
from tracelog.correlation.line import Line
from tracelog.correlation.report import Row
from tracelog.correlation.words import shorten

ERROR: Final = 200
"""Characters of an exception's text in a row: enough to recognise it, the entry itself has the rest."""

COMMON: Final = frozenset({"", "Error", "Exception"})
"""Types that tell no more than that it is an error."""

NEAR_MS: Final = 1e9
"""Differences below it are exact to far less than a grain: every way of rounding gives the same, and `round`
takes five times as long as the other."""

PUBLIC: Final = "public"
"""Origin of what anybody may have written (contract §1)."""


def rows_of(lines: Sequence[Line], begin: float, voices: Iterable[tuple[str, str | None]]) -> list[Row]:
    """
    Return a row for each of *lines* that no other stands for.

    Args:
        lines: The timeline, folded.
        begin: When the trace began.
        voices: Each system with each of its services.
    """
    rows = []
    speakers = Counter(system for system, service in voices if service)
    several = {system for system, count in speakers.items() if count > 1}
    shown = [line for line in lines if line.run]
    for line, at in zip(shown, _since(begin, shown), strict=True):
        entry = line.entry
        odd = entry.kind is not None or entry.error is not None or entry.origin == PUBLIC
        if odd or line.run > 1 or line.is_span or several:
            rows.append(_row(line, at, several))
            continue
        rows.append(  # what `_row` makes of a line of which there is nothing more to say, as of nearly all
            Row(
                entry.id,
                at,
                entry.timestamp,
                line.system,
                entry.level,
                line.text,
                line.span,
                line.parent,
                None,
                line.count,
                None,
                line.gap,
                line.last_raw,
            )
        )
    return rows


def _since(begin: float, lines: Sequence[Line]) -> list[float]:
    """
    Return when each of *lines*, which are in order, happened, in ms after *begin*.
    """
    moments = [line.at for line in lines]
    if not begin or not moments:
        return moments
    if moments[-1] - begin < NEAR_MS:
        return [floor((at - begin) * 1000.0 + 0.5) / 1000.0 for at in moments]
    return [round(at - begin, GRAIN) for at in moments]


def _row(line: Line, at: float, several: Container[str]) -> Row:
    """
    Return the row of *line*, *at* ms from the start; its service is named in systems of *several*.
    """
    entry, took = line.entry, None
    if line.is_span:
        took = round(line.end - line.at if line.run > 1 else span_ms(entry) or 0.0, GRAIN)
    is_failure = entry.error is not None
    text = _text(line) if is_failure and line.is_error else entry.message
    return Row(
        entry.id,
        at,
        entry.timestamp,
        line.system,
        entry.level,
        text,
        entry.span_id,
        entry.parent_id,
        took,
        line.count,
        "summary" if line.run > 1 else entry.kind,
        line.gap,
        line.last_raw,
        entry.why if line.is_loss else None,
        entry.service if line.system in several else None,
        _untold(line, text) if is_failure else None,
        PUBLIC if entry.origin == PUBLIC else None,
    )


def _untold(line: Line, text: str) -> str | None:
    """
    Return what the exception of *line* is and says, as far as *text* leaves it out.
    """
    error = line.entry.error
    if error is None or line.count > 1:
        return None
    kind, said = error.get("type") or "", error.get("message") or ""
    named = kind in COMMON or kind.rpartition(".")[2] in text
    if said in text:
        return None if named else kind
    return shorten(f"{kind}: {said}" if kind else said, ERROR)


def _text(line: Line) -> str:
    """
    Return what the row of *line* says; of a span that failed also with what, which its name does not tell.
    """
    error = line.entry.error
    if not line.is_span or not line.is_error or error is None or not error.get("message"):
        return line.entry.message
    return f"{line.entry.message}: {error.get('type', 'Error')}: {error['message']}"
