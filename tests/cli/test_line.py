"""
One entry as one line: aligned, bounded, safe to show.
"""

import re
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.cli.line import LEAST, LONG, Lines
from tracelog.core.entry import LEVELS, Entry
from tracelog.render.text import clean, columns

MOMENT = 1_795_350_664_123.0
PAINT = re.compile(r"\x1b\[[0-9;]*m")


def entry(message="charging card", **fields):
    given = {"trace_id": "4bf92f3577b34da6", "timestamp": MOMENT, "system": "backend", "level": "info"}
    return Entry(message=message, **{**given, **fields})


def line(one, *, color=False, width=None):
    return Lines(color=color, width=width, zone=UTC)(one)


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        (entry(), "12:31:04.123  info   backend  4bf92f35  charging card"),
        (entry(service="shop"), "12:31:04.123  info   backend shop  4bf92f35  charging card"),
        (entry(trace_id="t1", level="error"), "12:31:04.123  error  backend  t1        charging card"),
        (
            entry("POST /pay", duration_ms=1234.5),
            "12:31:04.123  info   backend  4bf92f35  POST /pay 1,234 ms",
        ),
        (
            entry("tick", count=1090),
            "12:31:04.123  info   backend  4bf92f35  tick \N{MULTIPLICATION SIGN}1,090",
        ),
        (entry("a\nb\x1b[2J"), "12:31:04.123  info   backend  4bf92f35  a\\nb\\x1b[2J"),
        (
            entry("token [REDACTED:jwt:9c41]"),
            "12:31:04.123  info   backend  4bf92f35  token \u2039jwt:9c41\u203a",
        ),
        (entry(timestamp=1e300), "--:--:--.---  info   backend  4bf92f35  charging card"),
    ],
)
def test_a_line_says_when_how_bad_who_which_and_what(one, shown):
    """
    A line is the time, the level, system and service, the reference of the trace, and the message in one
    line.
    """
    assert line(one) == shown


@pytest.mark.parametrize("width", [None, 200, 100, 80])
@pytest.mark.parametrize("character", ["x", "\N{HIRAGANA LETTER A}", "\x1b"])
@pytest.mark.parametrize("more", [{}, {"duration_ms": 1234.5, "count": 7}])
def test_a_huge_message_is_begun_and_counted(width, character, more):
    """
    Of a message that no line can hold, the line shows the beginning, how many characters follow, and still how
    long it took and how often it came.
    """
    text = character * 60_000
    shown = line(entry(text, **more), width=width)
    assert columns(shown) <= (width or LONG + 100)
    tail = " 1,234 ms \N{MULTIPLICATION SIGN}7" if more else ""
    found = re.fullmatch(r".*  4bf92f35  (.*)\u2026 \(\+([\d,]+) characters\)(.*)", shown)
    begun, left, end = found.groups()
    assert clean(text).startswith(begun)
    assert (int(left.replace(",", "")), end) == (len(clean(text)) - len(begun), tail)


def test_a_long_message_is_whole_where_nobody_counts_columns():
    """
    What a line can hold stays as it is in a file or a pipe, up to a thousand characters.
    """
    assert line(entry("x" * LONG)).endswith("  " + "x" * LONG)
    assert line(entry("x" * (LONG + 1))).endswith("x\u2026 (+22 characters)")


def test_lines_shown_together_are_aligned():
    """
    After `fit`, the messages of all lines begin in the same column.
    """
    many = [entry(system="a"), entry(service="a-long-service-name"), entry(service="x" * 80)]
    lines = Lines(color=False, width=None, zone=UTC)
    lines.fit(many)
    assert len({lines(one).index("charging card") for one in many}) == 1


@pytest.mark.parametrize("level", LEVELS)
def test_colour_changes_no_letter(level):
    """
    Painted or not, a line says the same.
    """
    one = entry(level=level)
    assert PAINT.sub("", line(one, color=True)) == line(one)
    assert "\x1b" in line(one, color=True)


@given(st.text(min_size=1), st.text(min_size=1), st.integers(0, 200))
def test_a_line_fits_and_obeys_nothing(message, service, width):
    """
    Whatever stands in an entry, its line is one visible line no wider than asked, but for the least a
    message keeps.
    """
    shown = line(entry(message, service=service), width=width)
    assert len(shown.splitlines()) == 1
    assert columns(shown) <= max(width, columns(line(entry("", service=service))) + LEAST)
