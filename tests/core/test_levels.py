"""
Levels: the words and numbers of every logger mean one of ours, or are named as meaning none.
"""

import json
from pathlib import Path

import pytest

from tests.core.corpus import made, told
from tracelog.core.entry import LEVELS
from tracelog.core.levels import level_of

VECTORS = Path(__file__).parents[1] / "vectors"


@pytest.mark.parametrize("case", json.loads((VECTORS / "levels.json").read_text())["cases"], ids=str)
def test_level_vectors(case):
    """
    Words and numbers of other loggers mean the level that the shared vectors say.
    """
    assert level_of(case["field"], case["value"]) == case["level"]


@pytest.mark.parametrize(
    ("value", "level", "fixed"),
    [
        ("warn", "warn", False),
        ("log", "log", False),
        ("trace", "debug", True),
        ("WARNING", "warn", True),
        ("critical", "fatal", True),
        (17, "error", True),
        ("17", "error", True),
        (0, "info", True),
        (None, "info", False),
        ("", "info", False),
    ],
)
def test_levels(value, level, fixed):
    """
    Levels of others are mapped and named as fixed; no level is `info`.
    """
    assert told("level", value) == (level, fixed)


@pytest.mark.parametrize(
    "value", [35, -1, 17.5, "<b>", "loud", True, [], {"a": 1}, 10**400, float("nan"), "\x00"]
)
def test_a_level_that_means_none(value):
    """
    An unknown level is `info`, named as fixed, and what was sent is kept.
    """
    entry = made(message="m", level=value)
    assert entry.level == "info"
    assert "level" in entry.fixed
    assert "original_level" in entry.context


def test_a_level_is_one_of_ours():
    """
    Every level of ours is its own name in the table.
    """
    assert [level_of("level", level) for level in LEVELS] == [*LEVELS]
