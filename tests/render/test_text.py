"""
Text for faces: clean, measured in columns, cut and wrapped without losing its place.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.render.hostile import HIDDEN, TEXTS
from tracelog.correlation.words import duration, listed, milliseconds, plural, shorten
from tracelog.render.text import clean, clock, columns, cut, moment, offset, pad, wrap

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("漢字🎉\u0301 \u0301ab"), max_size=60).map(
    clean
)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_clean_text_is_one_visible_line(text):
    """
    Nothing is left that a terminal obeys, that ends a line or that nobody sees.
    """
    assert not set(clean(text)) & set(HIDDEN)
    assert len(clean(text).splitlines()) <= 1


MARKS = [
    ("token [REDACTED:bearer:9c41ab] ok", "token \u2039bearer:9c41ab\u203a ok"),
    ("[REDACTED:email]", "\u2039email\u203a"),
    ("[REDACTED:a b]", "[REDACTED:a b]"),
    ("[REDACTED:]", "[REDACTED:]"),
]


@pytest.mark.parametrize(("text", "expected"), MARKS)
def test_marks_of_secrets_are_short(text, expected):
    """
    A replaced secret is shown by its rule and tag; what only looks like a mark stays.
    """
    assert clean(text) == expected


@given(TEXT, st.integers(2, 40))
def test_cut_text_fits(text, room):
    """
    Cut text is never wider than its room, and what fits is not cut.
    """
    assert columns(cut(text, room)) <= room
    if columns(text) <= room and len(text) <= room:
        assert cut(text, room) == text


@given(TEXT, st.integers(2, 40))
def test_padded_text_fills_its_column(text, room):
    """
    Padded text is exactly as wide as its column.
    """
    assert columns(pad(text, room)) == room


@given(TEXT, st.integers(4, 40), st.integers(1, 5))
def test_wrapped_text_keeps_its_words(text, room, most):
    """
    Each line fits; without an ellipsis at the end the lines hold every character that is no space.
    """
    lines = wrap(text, room, most)
    assert 1 <= len(lines) <= most
    assert all(columns(line) <= room for line in lines)
    if not lines[-1].endswith("…"):
        assert "".join("".join(lines).split()) == "".join(text.split())


WIDTHS = [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("a" + "\u0301" * 3, 3), ("🎉!", 3), ("", 0)]


@pytest.mark.parametrize(("text", "expected"), WIDTHS)
def test_columns(text, expected):
    """
    Wide characters take two columns, a first combining mark none, a pile of them one each.
    """
    assert columns(text) == expected


WRAPS = [
    ("one two three", 8, 3, ["one two", "three"]),
    ("one two three four", 8, 2, ["one two", "three f…"]),
    ("unbreakable-text", 6, 3, ["unbrea", "kable-", "text"]),
    ("fits", 10, 3, ["fits"]),
    ("", 10, 3, [""]),
]


@pytest.mark.parametrize(("text", "room", "most", "expected"), WRAPS)
def test_wrap(text, room, most, expected):
    """
    Lines break at spaces where there are any in their second half.
    """
    assert wrap(text, room, most) == expected


def test_no_room_at_all():
    """
    Where nothing fits nothing is shown.
    """
    assert cut("abc", 0) == ""


NUMBERS = [
    (offset, 0.0, "+0"),
    (offset, 2081.4, "+2,081"),
    (offset, 99_999.0, "+99,999"),
    (offset, 187_000.0, "+3 min 07 s"),
    (duration, 0.0, "0 ms"),
    (duration, 0.44, "0.4 ms"),
    (duration, 9.0, "9 ms"),
    (duration, 64.2, "64 ms"),
    (duration, 999.7, "1.00 s"),
    (duration, 2170.0, "2.17 s"),
    (duration, 59_999.0, "1 min 00 s"),
    (duration, 187_000.0, "3 min 07 s"),
    (duration, 3_599_999.0, "1 h 00 min"),
    (duration, 7_500_000.0, "2 h 05 min"),
    (milliseconds, 2.5, "2.5 ms"),
    (milliseconds, 2166.0, "2,166 ms"),
    (milliseconds, 187_000.0, "3 min 07 s"),
    (clock, 1_772_635_201_840.0, "14:40:01"),
    (clock, -1.0, "23:59:59"),
    (moment, 1_772_635_201_840.0, "2026-03-04 14:40:01.840 UTC"),
    (moment, 1e300, f"{1e300:.0f} ms of Unix time"),
]


@pytest.mark.parametrize(("show", "ms", "expected"), NUMBERS)
def test_numbers_read_well(show, ms, expected):
    """
    Times are told as people say them, the same everywhere.
    """
    assert show(ms) == expected


def test_words():
    """
    Lists, plurals and shortened texts read as sentences do.
    """
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [plural(1, "entry", "entries"), plural(1_090, "entry", "entries"), plural(2, "error")] == [
        "1 entry",
        "1,090 entries",
        "2 errors",
    ]
    assert [shorten("one\ntwo", 20), shorten("one two", 5), shorten("  fits ", 4), shorten("abc\nd", 4)] == [
        "one …",
        "one…",
        "fits",
        "abc",
    ]
