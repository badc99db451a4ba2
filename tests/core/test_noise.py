"""
Noise: what tools and probes say is known by name; errors, failures and other people's words are never noise.
"""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.noise import CHARS, MAX_OWN, Noise, OwnNoise, built_in
from tracelog.core.redact_own import check_bounded
from tracelog.errors import ConfigError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "noise.json").read_text(encoding="utf-8"))
RULES = [*built_in().starts, *built_in().requests]


@pytest.mark.parametrize(
    "case", VECTORS["cases"], ids=lambda case: ascii(case["message"][:50]) + case["level"]
)
def test_the_vectors_hold(case):
    """
    Every shared case is named by the rule that other languages name it by.
    """
    assert Noise().which(case["message"], case["level"]) == case["rule"]


@pytest.mark.parametrize("level", ["error", "fatal"])
def test_an_error_is_never_noise(level):
    """
    No text of the vectors is noise at the levels that matter, nor by an own rule.
    """
    noise = Noise([OwnNoise("all", ".")])
    assert [case["message"] for case in VECTORS["cases"] if noise.which(case["message"], level)] == []


def test_every_rule_is_shown_by_a_vector():
    """
    No built-in rule stands without a text that it names.
    """
    assert {rule.name for rule in RULES} == {case["rule"] for case in VECTORS["cases"]} - {None}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.literals[0])
def test_built_in_rules_are_bounded(rule):
    """
    The built-in patterns pass the check that own ones must pass, and their literals say where to look.
    """
    check_bounded(rule.pattern, linear=True)
    assert all(len(literal) >= 2 for literal in rule.literals)


@pytest.mark.parametrize("rule", built_in().requests, ids=lambda rule: rule.literals[0])
def test_texts_made_to_be_slow_are_not(rule):
    """
    A text of 64 KiB that nearly matches costs next to nothing, whatever it repeats.
    """
    noise = Noise()
    for piece in ('"GET ', "GET /health", '" 200 "', "/x" + rule.literals[0], '"'):
        text = (piece * 65_536)[:65_000] + rule.literals[0] + " /"
        start = time.thread_time()
        noise.which(text, "info")
        assert time.thread_time() - start < 0.05


@given(st.text(max_size=80), st.sampled_from(["debug", "log", "info", "warn", "error", "fatal"]))
def test_any_text_has_an_answer(message, level):
    """
    No text makes it fail; half a surrogate pair is looked at like any other character.
    """
    assert Noise([OwnNoise("zebra", "zebra")]).which(message + "\ud800", level) in {None, "zebra"}


def test_own_rules_are_searched_for():
    """
    An own rule finds its text anywhere near the beginning, and the built-in ones can be left out.
    """
    noise = Noise([OwnNoise("poll", "polling [a-z]{1,20} again")], use_built_in=False)
    assert noise.which("worker: polling jobs again", "info") == "poll"
    assert noise.which("x" * CHARS + "polling jobs again", "info") is None
    assert noise.which("[HMR] connected", "info") is None
    assert Noise([OwnNoise("poll", "polling")]).which("[HMR] connected", "info") == "hmr"


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([OwnNoise("Bad Name", "x")], "needs a name of 1 to 32"),
        ([OwnNoise("a", "(x")], "'a' is no regular expression"),
        ([OwnNoise("a", "(?:x+)+y")], "repeats without an upper bound"),
        ([OwnNoise("a", "x*")], "may match nothing at all"),
        ([OwnNoise("a", "(?=x)y")], "looks ahead"),
        ([OwnNoise("a", "(?:a{1,100}b{0,100}){1,9}c")], "more than 1000 ways"),
        ([OwnNoise("a", "x" * 1_001)], "longer than 1000 characters"),
        ([OwnNoise("a", "x")] * (MAX_OWN + 1), f"more than {MAX_OWN}"),
    ],
)
def test_an_own_rule_that_cannot_be_run_safely_is_refused(rules, told):
    """
    A rule is refused when it is loaded, in a sentence that says why.
    """
    with pytest.raises(ConfigError, match=told):
        Noise(rules)
