"""
Templates: messages that differ only in their numbers and paths share one, in every process and language.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core import fold
from tracelog.core.template import WORDS, fingerprint, template

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "fold.json").read_text(encoding="utf-8"))
SPACE = r"[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
"""White space as the vectors tell it to other languages."""


def plain(message):
    """
    The rule as one would say it, word by word.
    """
    words = []
    for word in [word for word in re.split(SPACE, message) if word][:WORDS]:
        key, equals, _ = word.partition("=")
        if not re.search("[0-9/]", word):
            words.append(word)
        elif equals and not re.search("[0-9/]", key):
            words.append(key + "=*")
        else:
            words.append("*")
    return " ".join(words)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: ascii(case["message"][:40]))
def test_the_vectors_hold(case):
    """
    Every shared case gives the template and the fingerprint that other languages are held against.
    """
    assert template(case["message"]) == case["template"]
    assert fingerprint(case["message"]) == case["fingerprint"]


@given(st.text(st.sampled_from("ab1/= \t\n\u00a0\u0663é\x1c"), max_size=60))
def test_it_is_the_rule_said_plainly(message):
    """
    The fast way and the plain way give the same template.
    """
    assert template(message) == plain(message)


@given(st.text(max_size=200))
def test_a_template_is_its_own_template(message):
    """
    Masking twice changes nothing more, whatever the text.
    """
    assert template(template(message)) == template(message)


@given(
    st.lists(st.integers(0, 10**9), min_size=2, max_size=2),
    st.sampled_from(["run {} of x", "n={} a", "/p/{}"]),
)
def test_numbers_do_not_matter(numbers, form):
    """
    Two messages of one form with other numbers share template and fingerprint.
    """
    first, second = (form.format(number) for number in numbers)
    assert template(first) == template(second)
    assert fingerprint(first) == fingerprint(second)


def test_other_words_are_another_template():
    """
    What differs in a word differs in the fingerprint.
    """
    assert fingerprint("took 5 ms") != fingerprint("lost 5 ms")
    assert fingerprint("rows=5") != fingerprint("cols=5")


def test_white_space_is_that_of_the_vectors():
    """
    Python parts words at exactly the characters that the vectors name.
    """
    ours = {chr(code) for code in range(0x110000) if chr(code).isspace()}
    assert ours == {chr(code) for code in range(0x110000) if re.fullmatch(SPACE, chr(code))}


def test_long_messages_are_bounded_work():
    """
    Only the first words count, and a word of any length is one word.
    """
    long = " ".join(["word"] * 10_000)
    assert template(long) == " ".join(["word"] * WORDS)
    assert template("x" * 60_000 + "1") == "*"
    assert template(long + " 5") == template(long + " six")


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_a_fingerprint_does_not_depend_on_the_process(seed):
    """
    Processes with other hash seeds give the same fingerprints.
    """
    messages = [case["message"] for case in VECTORS["cases"]]
    program = f"from tracelog.core.fold import fingerprint; print(*map(fingerprint, {messages!a}))"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [case["fingerprint"] for case in VECTORS["cases"]]


def test_the_promised_name_stands_in_fold():
    """
    `tracelog.core.fold.fingerprint` is the name that others build on.
    """
    assert fold.fingerprint is fingerprint
    assert re.fullmatch("[0-9a-f]{16}", fold.fingerprint("any"))
