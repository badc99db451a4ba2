"""
Console calls read in Python as they are in a page: the vectors are those of the browser client.
"""

import json
from pathlib import Path

import pytest

from tracelog.core.console import console_text

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "console.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: ascii(case["args"])[:60])
def test_the_vectors_hold(case):
    """
    Arguments become the text that the shared vectors say.
    """
    assert console_text(case["args"]) == case["text"]
