"""
Text that is safe to show: hostile text in, one visible line out.
"""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.text import block, one_line, safe_json

LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""Everything that `str.splitlines` breaks a line at."""

ANY_TEXT = st.text(st.characters(), max_size=200)
"""Half characters included, which `st.text()` alone leaves out."""

VISIBLE_FORMAT = {chr(n) for n in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)}
"""Signs of Arabic, Syriac and Kaithi that Unicode calls format characters although they are drawn."""

HOSTILE = [
    ("colour", "\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
    ("OSC 8 link", "\x1b]8;;http://evil\x1b\\click", "\\x1b]8;;http://evil\\x1b\\click"),
    ("OSC 52 clipboard", "\x1b]52;c;cm0gLXJm\x07", "\\x1b]52;c;cm0gLXJm\\x07"),
    ("window title", "\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
    ("cursor moves", "\x1b[2J\x1b[1;1H", "\\x1b[2J\\x1b[1;1H"),
    ("8-bit CSI", "\x9b31mred", "\\x9b31mred"),
    ("carriage return", "paid 12\rpaid 99", "paid 12\\rpaid 99"),
    ("backspaces", "yes\b\b\bno", "yes\\x08\\x08\\x08no"),
    ("bell, NUL and DEL", "\x07\x00\x7f", "\\x07\\x00\\x7f"),
    ("CR LF forging an entry", "in\r\n12:00 info all good", "in\\r\\n12:00 info all good"),
    ("tab", "a\tb", "a\\tb"),
    ("next line", "a\x85b", "a\\u0085b"),
    ("line and paragraph separator", "a\u2028b\u2029c", "a\\u2028b\\u2029c"),
    ("bidi override", "user\u202egnp.exe\u202c", "user\\u202egnp.exe\\u202c"),
    ("bidi isolate", "a\u2066b\u2069", "a\\u2066b\\u2069"),
    ("direction marks", "a\u200eb\u200fc\u061cd", "a\\u200eb\\u200fc\\u061cd"),
    ("zero width", "ad\u200bmin\u200c\u200d\u2060\ufeff", "ad\\u200bmin\\u200c\\u200d\\u2060\\ufeff"),
    ("soft hyphen", "pass\u00adword", "pass\\xadword"),
    ("tag characters", "hi\U000e0041\U000e0042", "hi\\U000e0041\\U000e0042"),
    ("variation selectors", "a\U000e0100b\ufe00", "a\\U000e0100b\\ufe00"),
    ("invisible letters", "a\u3164b\uffa0c\u115fd", "a\\u3164b\\uffa0c\\u115fd"),
    ("half a character", "a\ud800b\udfff", "a\\ud800b\\udfff"),
    ("no character", "a\uffffb\ufffe", "a\\uffffb\\ufffe"),
]

HARMLESS = [
    "",
    "charging card",
    'C:\\temp\\new "quoted" = 1',
    "Größe 12 €, 東京, العربية, हिन्दी, עברית",
    "naïve cafe\u0301 e\u0301",
    "\N{PARTY POPPER} \N{HEAVY BLACK HEART}\ufe0f \N{THUMBS UP SIGN}\U0001f3fd \U0001f1e9\U0001f1ea",
    "%s %n {0} {x.__class__} ${7*7} <script>",
]


@pytest.mark.parametrize(("text", "shown"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_text_is_shown(text, shown):
    """
    What a terminal would obey or a reader would not see stands there as its escape, all else as it was.
    """
    assert one_line(text) == shown


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text):
    """
    Text of any script, with its punctuation, accents and emoji, is returned unchanged by every function.
    """
    assert (one_line(text), block(text), safe_json(text)) == (text, text, text)


@given(ANY_TEXT)
def test_one_line_is_one_visible_line(text):
    """
    For any text the result is one line without controls, marks or half characters, and can be written anywhere.
    """
    shown = one_line(text)

    assert len(shown.splitlines()) <= 1
    assert [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}] == [
        c for c in text if c in VISIBLE_FORMAT
    ]
    shown.encode()


@given(ANY_TEXT)
def test_showing_twice_is_showing_once(text):
    """
    What is safe already is not escaped again.
    """
    assert one_line(one_line(text)) == one_line(text)
    assert block(block(text)) == block(text)


@given(st.lists(ANY_TEXT.map(lambda text: text.replace("\t", "").replace("\n", "").replace("\r", ""))))
def test_block_keeps_lines(parts):
    """
    A block is its lines made safe one by one: line ends and tabs stay, nothing else that is hostile does.
    """
    assert block("\n".join(parts)) == "\n".join(map(one_line, parts))
    assert block("\t".join(parts)) == "\t".join(map(one_line, parts))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb\r\n", "a\nb\n"),
        ("a\rb", "a\\rb"),
        ("a\n\tb\x1b[2J\n", "a\n\tb\\x1b[2J\n"),
        ("a\r\r\n", "a\\r\n"),
    ],
)
def test_block_and_carriage_returns(text, shown):
    """
    The line ends of Windows are line ends; a carriage return that would overwrite its line is shown.
    """
    assert block(text) == shown


@given(
    st.recursive(
        ANY_TEXT.map(lambda text: text.encode(errors="replace").decode()),
        lambda inner: (
            st.dictionaries(ANY_TEXT.map(one_line), inner, max_size=3) | st.lists(inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_safe_json_means_the_same(value):
    """
    A JSON document keeps its meaning and becomes one line that is safe to show.
    """
    shown = safe_json(json.dumps(value, ensure_ascii=False))

    assert json.loads(shown) == value
    assert one_line(shown) == shown


def test_only_line_ends_break_lines():
    """
    Every character that ends a line for Python is shown by `one_line`.
    """
    assert one_line(LINE_ENDS) == "\\n\\r\\x0b\\x0c\\x1c\\x1d\\x1e\\u0085\\u2028\\u2029"
