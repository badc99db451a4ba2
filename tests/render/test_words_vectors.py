"""
Characters, numbers and times as terminal and pages show them: the vectors are those that `tracelog/web` is held to.
"""

import json
from pathlib import Path

from tracelog.core.text import block, one_line
from tracelog.correlation.words import duration, milliseconds, number, plural
from tracelog.render.text import clean, clock, moment, offset

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "words.json").read_text(encoding="utf-8"))


def test_the_vectors_hold():
    """
    Every text, duration, number and moment is said as the shared vectors say.
    """
    for case in VECTORS["texts"]:
        assert clean(case["text"]) == case["line"]
        if "REDACTED" not in case["text"]:
            assert block(case["text"]) == case["block"]
    for case in VECTORS["durations"]:
        said = duration(case["ms"]), milliseconds(case["ms"]), offset(case["ms"])
        assert said == (case["duration"], case["milliseconds"], case["offset"])
    for case in VECTORS["numbers"]:
        assert number(case["count"]) == case["number"]
        assert plural(case["count"], "entry", "entries") == case["plural"]
    for case in VECTORS["moments"]:
        assert (clock(case["ms"]), moment(case["ms"])) == (case["clock"], case["moment"])


def test_exactly_the_hidden_characters_are_escaped():
    """
    Of all code points those in the ranges of the vectors become escapes, and no others.
    """
    hidden = {point for first, last in VECTORS["hidden"] for point in range(first, last + 1)}
    changed = {point for point in range(0x110000) if one_line(chr(point)) != chr(point)}
    assert changed == hidden
