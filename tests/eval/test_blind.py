"""
The analysis knows nothing of the generator: none of its words, and nothing that hangs on them.
"""

import ast
import json
import re
from itertools import chain
from pathlib import Path

import pytest

from tests.eval import speech
from tests.eval.score import KINDS, make
from tracelog.correlation import correlate, suspects

ROOT = Path(__file__).parents[2]
ANALYSIS = [*(ROOT / "tracelog" / "correlation").glob("*.py"), ROOT / "tracelog/core/template.py"]
NAMES = (*speech.SERVICES, *speech.NOUNS, *speech.FIELDS)
COMMON = {"search", "address", "price", "plan", "quote", "media", "upload"}
"""Names that are also words of English, which a sentence of ours may use."""


def literals(source: str) -> list[str]:
    """
    Return every text that *source* can compare with, its documentation apart.
    """
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


def sentences() -> set[str]:
    """
    Return the fixed parts of every sentence and the name of every exception that the generator can say.
    """
    texts = list(
        chain.from_iterable(literals(path.read_text()) for path in Path(__file__).parent.glob("*.py"))
    )
    parts = chain.from_iterable(re.split(r"\{[^}]*\}", text) for text in texts)
    return {part.strip() for part in parts if len(part.strip()) >= 12 and " " in part.strip()} | {
        name for pool in speech.FAILURES.values() for name, _ in pool if len(name) > 5
    }


def test_no_word_of_the_generator_is_in_the_analysis():
    """
    No sentence, exception, service, noun or field that the generator can say stands in a text of the analysis.
    """
    ours = "\n".join(chain.from_iterable(literals(path.read_text()) for path in ANALYSIS))
    said = sentences()
    assert len(said) > 150
    assert not {text for text in said if text in ours}
    words = set(re.findall(r"[\w-]+", ours))
    assert not words & (set(NAMES) - COMMON)


def renamed(incident) -> list[dict]:
    """
    Return the entries of *incident* with every name of the generator replaced by a word of no language.
    """
    names = {name: f"q{chr(97 + n % 26)}x{chr(97 + n // 26)}{name[::-1]}" for n, name in enumerate(NAMES)}
    pattern = re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)))
    rows = json.loads(pattern.sub(lambda found: names[found[0]], json.dumps(incident.entries)))
    kept = ("id", "source", "system", "level", "kind", "why", "span_id", "parent_id", "trace_id")
    return [
        {**row, **{name: was[name] for name in kept if name in was}}
        for row, was in zip(rows, incident.entries, strict=True)
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_other_names_give_the_same_answer(kind):
    """
    With every service, noun and field called otherwise the suspects and chains are the same.
    """
    for seed in (500, 501):
        incident = make(kind, seed, held_out=True)
        one, other = correlate(incident.entries), correlate(renamed(incident))
        assert [suspect.entries for suspect in suspects(one)] == [
            suspect.entries for suspect in suspects(other)
        ]
        assert [chain.entries for chain in one.chains] == [chain.entries for chain in other.chains]
