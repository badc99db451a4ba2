"""
Patterns printed for bytes: they mean what they meant, in both engines, and their loose form misses nothing.
"""

import functools
import json
import re
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracelog.core.entry import Entry
from tracelog.core.redact import Redactor, RedactSettings
from tracelog.core.redact_engine import every, searcher
from tracelog.core.redact_pattern import read_pattern
from tracelog.core.redact_rules import built_in, levels

PATTERNS = [
    r"ab{1,3}c",
    r"(?:a|bc){2,4}",
    r"a.b",
    r"(?s)a.b",
    r"[^ab]{2}c",
    r"[a-c\d]{2,5}?b",
    r"\w{2}\W\S",
    r"\ba\Bb",
    r"x(?i:y)z",
    r"(?i)aB[c-e]",
    r"a[\s-]b",
    r"c|ca|cab",
    r"[]a\\]{2}",
]
PIECES = st.sampled_from(
    ["a", "b", "c", "B", "C", "x", "y", "Y", "z", "1", "_", "-", "]", "\\", " ", "\n", '"', "/"]
)

PII = RedactSettings(tag_key=b"k", pii=tuple(sorted(levels())))
RE2, RE = Redactor(PII, engine="re2"), Redactor(PII, engine="re")
SHAPES = built_in().shapes


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=st.lists(PIECES, max_size=12).map("".join))
@settings(max_examples=40)
def test_printed_pattern_means_the_same(pattern, text):
    """
    The exact form finds in bytes what the pattern finds in the text, whichever engine runs it.
    """
    expected = [match.span() for match in re.finditer(pattern, text, re.ASCII)]
    exact = read_pattern(pattern).exact
    for engine in ("re2", "re"):
        assert list(every(searcher(engine, exact), text.encode())) == expected


@pytest.mark.parametrize("pattern", [*PATTERNS, "q(?:ä|ö|a)é{2}", "über", "[aß]{2}"])
@given(data=st.data())
@settings(max_examples=30)
def test_loose_pattern_sees_encoded_text(pattern, data):
    """
    The loose form matches whatever the exact form matches, as text, as JSON with and without escapes, as msgpack.
    """
    text = data.draw(holding(pattern))
    printed = read_pattern(pattern)
    if not re.search(printed.exact, text.encode()):
        return  # a letter beyond ASCII that `\w` or a case takes for one of its own
    encoded = [
        text.encode(),
        msgspec.json.encode(text),
        json.dumps(text).encode(),
        msgspec.msgpack.encode(text),
    ]
    for form in [*encoded, json.dumps(text).replace("/", "\\/").encode()]:
        for engine in ("re2", "re"):
            assert searcher(engine, printed.loose)(form, 0)[0] >= 0


def test_a_run_of_backslashes_is_read_in_one_way():
    """
    Backslashes that an encoder may have doubled cost no more ways than there are of them, however often they come.
    """
    loose = read_pattern(r"a\\{1,15}b\\{1,15}c\\{1,15}d\\{1,15}e").loose
    text = b"\\".join([b"a", *14 * [b""], b"b", *14 * [b""], b"c", *14 * [b""], b"d", *28 * [b""], b"x"]) * 50
    start = time.thread_time()
    assert searcher("re", loose)(text, 0)[0] < 0
    assert time.thread_time() - start < 0.5
    assert searcher("re", loose)(text.replace(b"x", b"e"), 0)[0] == 0


NUMBERED = pytest.mark.parametrize(
    "shape", SHAPES, ids=[f"{number}-{shape.name}" for number, shape in enumerate(SHAPES)]
)


@NUMBERED
@given(data=st.data())
@settings(max_examples=10)
def test_every_shape_is_seen(shape, data):
    """
    What a built-in shape matches begins with one of its literals, for no other place is ever tried, is redacted by
    both engines alike, once, and is seen by the detector when encoded.
    """
    lead = shape.lead and f"[{shape.lead.chars}]{{{shape.lead.min},{shape.lead.max}}}"
    before = data.draw(matching(lead)) if lead else ""
    after = data.draw(st.sampled_from(shape.after or ("", " ", "x", "\n", "%20", "\\n", "\x1b[1m")))
    found = data.draw(matching(shape.pattern, flags_of(shape)))
    assert not shape.anchors or literals(shape).match(found)
    text = after + before + found
    clean = RE2.text(text)
    assert RE.text(text) == clean
    assert RE2.text(clean) == clean
    if clean != text:
        entry = Entry(message=text)
        for redactor in (RE2, RE):
            assert redactor.suspect(msgspec.json.encode(entry))
            assert redactor.suspect(msgspec.msgpack.encode(entry))
            assert redactor.suspect(json.dumps(text).replace("/", "\\/").encode())


@functools.cache
def matching(pattern, flags=0):
    """
    Texts that *pattern* matches as a whole. Kept: to read a pattern takes longer than to draw a text.
    """
    return st.from_regex(re.compile(pattern, flags), fullmatch=True)


@functools.cache
def holding(pattern):
    """
    Texts that *pattern* matches somewhere.
    """
    return st.from_regex(pattern, fullmatch=False)


def flags_of(shape):
    return re.IGNORECASE if shape.ignore_case else 0


def literals(shape):
    return re.compile("|".join(map(re.escape, shape.anchors)), flags_of(shape))
