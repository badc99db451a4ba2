"""
Explaining a redaction: the same text, and places that hold exactly what is gone.
"""

import re

import pytest
from hypothesis import given, settings

from tests.core.test_redact_properties import TEXTS
from tracelog.core.redact import Hit, OwnRule, Redactor, RedactSettings
from tracelog.core.redact_replace import Span
from tracelog.core.redact_rules import OWN, built_in
from tracelog.core.redact_trail import Trail

KEY = "ghp_" + 3 * "0a1B2c3D4e5F"
ENGINES = {engine: Redactor(engine=engine) for engine in ("re2", "re")}


@pytest.mark.parametrize("engine", ENGINES)
@given(text=TEXTS)
@settings(max_examples=150)
def test_explanation_fits_the_text(engine, text):
    """
    The text is that of `text`; between the hits nothing changed, in their places stand the marks of their rules.
    """
    redactor = ENGINES[engine]
    explained = redactor.explain(text)
    assert explained.text == redactor.text(text)
    rest, at = explained.text, 0
    for hit in explained.hits:
        assert at <= hit.start <= hit.end <= len(text)
        kept = text[at : hit.start]
        assert rest.startswith(kept)
        mark = re.match(rf"(\\*[\"'`]|)\[REDACTED:{hit.rule}\]\1", rest[len(kept) :])
        rest, at = rest[len(kept) + mark.end() :], hit.end
    assert rest == text[at:]


def test_hits_name_rule_and_category():
    """
    A hit says its rule, what kind of secret that finds, and where in characters; own rules are of their own kind.
    """
    redactor = Redactor(RedactSettings(rules=(OwnRule("employee", "EMP-[0-9]{6}"),)))
    text = f"ä {KEY} EMP-123456 password=hunter2"
    assert redactor.explain(text).hits == [
        Hit("github", "vendor key", 2, 42),
        Hit("employee", OWN, 43, 53),
        Hit("password", "named value", 63, 70),
    ]


def test_nothing_to_explain():
    """
    A clean text, and one that is not redacted, has no hits.
    """
    assert Redactor().explain("all is well").hits == []
    off = Redactor(RedactSettings(enabled=False)).explain("password=hunter2")
    assert (off.text, off.hits) == ("password=hunter2", [])


def test_counts_are_those_of_the_hits():
    """
    Explaining counts as redacting does, rule by rule, and a clean text leaves the counts alone.
    """
    redactor = Redactor()
    redactor.text("all is well")
    assert redactor.counts == {}
    hits = redactor.explain(f"password=hunter2 {KEY} password=hunter3").hits
    assert redactor.counts == {"password": 2, "github": 1}
    assert len(hits) == sum(redactor.counts.values())


def test_every_rule_has_a_category():
    """
    No built-in rule is told as an own one, and none is in two categories.
    """
    rules = built_in()
    named = [rule for names in rules.categories.values() for rule in names]
    assert len(named) == len(set(named))
    used = {shape.name for shape in rules.shapes} | {group.name for group in rules.keys.groups}
    assert used - set(named) == set()
    assert set(named) - used == {"flood", "depth"}


def test_marks_within_later_marks():
    """
    What a later pass replaces together with earlier marks is one hit over all that they stood for.
    """
    data = b"0123456789"
    trail = Trail()
    trail.add([Span(1, 3, 0, "a"), Span(5, 6, 0, "b"), Span(8, 9, 0, "d")], [10, 10, 10])
    # now: 0 [a 1-11] 34 [b 13-23] 67 [d 25-35] 9
    trail.add([Span(5, 14, 0, "c")], [4])
    places = [(hit.rule, hit.start, hit.end) for hit in trail.hits(data, lambda rule: rule)]
    assert places == [("c", 1, 6), ("d", 8, 9)]
