"""
The timeline for a terminal: a row is a sentence, its bar says from when to when, silence is drawn and
explained.

One row is one line, whatever was logged. Columns: time, system, mark, text, bar, duration. A bar is drawn
beside its text; the text of a row without a duration may run over the place of its bar, since its time is
told already.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, floor
from typing import Final

import msgspec

from tracelog.core.entry import ERROR_RANK, RANK
from tracelog.correlation import Missing, Report, Row
from tracelog.correlation.words import TIMES, duration, milliseconds, number, plural
from tracelog.render.choose import Left
from tracelog.render.paint import LEVEL_STYLE, paint, system_style
from tracelog.render.reasons import in_words, left_out, unplaced
from tracelog.render.row import said, who
from tracelog.render.text import clean, columns, cut, offset, pad

MARKS: Final[Mapping[str, str]] = {"warn": "!", "error": "✗", "fatal": "✗"}
"""What stands before a row of a level, so that no colour is needed to see it."""

BARS: Final = ((140, 48), (100, 26), (80, 16), (0, 0))
"""Columns of the terminal from which on a bar has so many columns."""

WIDEST_NAME: Final = 12
"""Columns of a system's name; the known ones need seven."""

WIDEST_WHO: Final = 20
"""Columns of system and service, as in `backend/checkout`, where the terminal has them to spare."""

LEAST: Final = 20
"""Columns that a text keeps, however narrow the terminal is."""

HALF: Final = 0.5

FULL, LEFT_HALF, RIGHT_HALF, SHADE, POINT, GAP = "▄", "▖", "▗", "░", "▖", "┄"
"""Blocks of half height, so that bars of neighbouring rows stay apart."""


class Sheet(msgspec.Struct, frozen=True):
    """
    The columns of one timeline.

    Attributes:
        times: Columns of the time; *names*, *text*, *bar* and *took* likewise.
        total: Milliseconds that the bar spans.
    """

    width: int
    color: bool
    times: int
    names: int
    text: int
    bar: int
    took: int
    total: float


def draw(report: Report, rows: Iterable[Row | Left], *, width: int, color: bool) -> Iterator[str]:
    """
    Yield the lines of the timeline.

    Args:
        report: What is drawn.
        rows: The rows to show, and what is left out between them.
        width: Columns of the terminal.
        color: Whether it shows colours.
    """
    shown = list(rows)
    sheet = _sheet(report, [row for row in shown if isinstance(row, Row)], width, color)
    silences = {i.entries[-1]: i.summary for i in report.insights if i.kind in {"wait", "silence"}}
    if sheet.bar and report.duration_ms > 0:
        yield _scale(sheet)
    for row in shown:
        if isinstance(row, Left):
            yield _aside(sheet, left_out(row))
            continue
        if row.gap_before_ms is not None:
            yield _silence(sheet, silences.get(row.id) or f"{milliseconds(row.gap_before_ms)} of silence")
        yield _lost(sheet, row) if row.kind == "suppressed" else _row(sheet, row)
    for loss in unplaced(report):
        yield _aside(sheet, f"{plural(loss.count, 'entry', 'entries')} not here: {in_words(loss)}")


def _sheet(report: Report, rows: list[Row], width: int, color: bool) -> Sheet:
    times = max([len(offset(row.at_ms)) for row in rows], default=2)
    took = max([len(_took(row)) for row in rows], default=0)
    bar = next(cells for least, cells in BARS if width >= least) if report.duration_ms > 0 else 0
    sides = 2 + times + 2 + 3 + (2 + bar if bar else 0) + (2 + took if took else 0)
    room = max(WIDEST_NAME, min(WIDEST_WHO, width - sides - LEAST))
    names = min(room, max([columns(who(row)) for row in rows], default=0))
    sides += names
    return Sheet(width, color, times, names, max(LEAST, width - sides), bar, took, report.duration_ms)


def _row(sheet: Sheet, row: Row) -> str:
    style = LEVEL_STYLE.get(row.level, "")
    hue = system_style(row.system)
    is_error = RANK.get(row.level, 1) >= ERROR_RANK
    text = said(row)
    if row.count > 1:
        text = f"{TIMES}{number(row.count)} {text}"
    took = _took(row)
    bar = "  " + _bar(sheet, row) if sheet.bar else ""
    if not took and columns(text) > sheet.text:
        text = cut(text, sheet.width - _indent(sheet))
        hidden = columns(text) - sheet.text
        bar = " " + bar[hidden + 1 :] if hidden + 1 < len(bar) else ""
    elif bar or took:
        text = pad(text, sheet.text)
    parts = (
        ("  " + offset(row.at_ms).rjust(sheet.times), "dim"),
        ("  " + pad(who(row), sheet.names), hue),
        (f" {MARKS.get(row.level, ' ')} ", style),
        (text, style if is_error or row.level == "debug" else ""),
        (bar if took else bar.rstrip(), "error" if is_error else hue),
        ("  " + took.rjust(sheet.took) if took else "", "dim"),
    )
    return "".join(paint(part, name, color=sheet.color) for part, name in parts)


def _bar(sheet: Sheet, row: Row) -> str:
    """
    Return the bar of *row*: half a cell is the finest it shows, a moment is a thin line.
    """
    begin = min(max(row.at_ms / sheet.total, 0.0), 1.0) * sheet.bar
    end = min(max(row.ends_ms / sheet.total, 0.0), 1.0) * sheet.bar
    first = min(floor(begin), sheet.bar - 1)
    if row.duration_ms is None and row.count == 1:
        return " " * first + POINT + " " * (sheet.bar - first - 1)
    last = max(first + 1, ceil(end))
    cells = [SHADE if row.duration_ms is None else FULL] * (last - first)
    if row.duration_ms is not None and len(cells) > 1:
        cells[0] = RIGHT_HALF if begin - first >= HALF else FULL
        cells[-1] = LEFT_HALF if last - end >= HALF else FULL
    return " " * first + "".join(cells) + " " * (sheet.bar - last)


def _scale(sheet: Sheet) -> str:
    total = duration(sheet.total)
    line = "0 " + "─" * max(0, sheet.bar - len(total) - 3) + " " + total
    return paint(" " * (_indent(sheet) + sheet.text + 2) + line, "dim", color=sheet.color)


def _lost(sheet: Sheet, row: Row) -> str:
    why = in_words(Missing(row.system, row.why or "unknown", row.count))
    text = f"{plural(row.count, 'entry', 'entries')} not kept: {why}, such as: {said(row)}"
    start = f"  {offset(row.at_ms).rjust(sheet.times)}  "
    name = paint(pad(who(row), sheet.names), system_style(row.system), color=sheet.color)
    room = sheet.width - _indent(sheet)
    tail = paint(" ⋯ " + cut(text, room), "dim", color=sheet.color)
    return paint(start, "dim", color=sheet.color) + name + tail


def _silence(sheet: Sheet, text: str) -> str:
    drawn = (
        " " * (4 + sheet.times) + GAP * sheet.names + "   " + cut(clean(text), sheet.width - _indent(sheet))
    )
    return paint(drawn, "dim", color=sheet.color)


def _aside(sheet: Sheet, text: str) -> str:
    room = sheet.width - _indent(sheet)
    return paint(" " * (_indent(sheet) - 2) + "⋯ " + cut(clean(text), room), "dim", color=sheet.color)


def _indent(sheet: Sheet) -> int:
    return 2 + sheet.times + 2 + sheet.names + 3


def _took(row: Row) -> str:
    return "" if row.duration_ms is None else milliseconds(row.duration_ms)
