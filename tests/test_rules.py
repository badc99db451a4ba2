"""
The table of rules in the documents names tests that exist.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "protection.md").read_text(encoding="utf-8")
RULES = re.findall(
    r"^\| ([A-Z][^|]+) \| (`[^|]+) \|$", PAGE.partition("## What always holds")[2], re.MULTILINE
)


@pytest.mark.parametrize(("rule", "tests"), RULES, ids=[rule[:40] for rule, _ in RULES])
def test_each_rule_has_its_tests(rule: str, tests: str) -> None:
    """
    Every file and every name of a test that stands beside a rule is there.
    """
    for part in tests.split("; "):
        file, *names = re.findall(r"`([^`]+)`", part)
        code = (ROOT / "tests" / file).read_text(encoding="utf-8")
        for name in names:
            assert len(re.findall(rf"def test_\w*{name}\w*\(", code)) == 1, (rule, file, name)


def test_all_rules_were_read() -> None:
    """
    The table has nineteen rules.
    """
    assert len(RULES) == 19
