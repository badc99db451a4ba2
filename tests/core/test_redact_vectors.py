"""
Redaction by the vectors that JavaScript is held to, too: both languages give one answer.
"""

import json
from pathlib import Path

import pytest

from tracelog.core.redact import Redactor

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "redaction.json").read_text(encoding="utf-8"))
RE = Redactor(engine="re")
RE2 = Redactor()


def joined(text):
    return "".join(text)


@pytest.mark.parametrize("redactor", [RE, RE2], ids=["re", "re2"])
@pytest.mark.parametrize(
    "case", VECTORS["texts"] + VECTORS["server"], ids=lambda case: ascii(joined(case["text"]))[:60]
)
def test_texts_become_what_the_vectors_say(case, redactor):
    """
    Each text is redacted as the shared vectors say, and what is clean stays.
    """
    assert redactor.text(joined(case["text"])) == case["clean"]
    assert redactor.text(case["clean"]) == case["clean"]


@pytest.mark.parametrize("case", VECTORS["values"], ids=lambda case: ascii(case["value"])[:60])
def test_values_become_what_the_vectors_say(case):
    """
    Each value is redacted as the shared vectors say.
    """
    assert RE2.value(case["value"]) == case["clean"]


def test_the_server_redacts_what_a_page_leaves():
    """
    Every text that is left to the server has a secret in it.
    """
    assert all(joined(case["text"]) != case["clean"] for case in VECTORS["server"])
