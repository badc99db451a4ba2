"""
The page of stories: everything that it names exists, and no line of a story is without a row.
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from tests.server.running import Running
from tracelog.cli import commands
from tracelog.config import ServerSettings
from tracelog.server.app import create_app
from tracelog.server.log import INGEST_PATHS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/stories.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([AB][\d.]+) ✓ \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
NAMED = sorted({span for _, _, where in ROWS for span in re.findall(r"`([^`]+)`", where)})

LINES = {f"A{n}" for n in range(1, 7)}
LINES |= {f"B{story}.{n}" for story, last in ((1, 3), (2, 3), (3, 7), (4, 4)) for n in range(1, last + 1)}
"""As the stories number their criteria."""

OF_THE_SEARCH = {"trace:", "system:", "since", "until"}
OF_A_ROW = {"count"}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """
    What a real server tells: the status, and beside it the closer look at its store.
    """
    with Running(limits=True, process=True, process_interval=0.05, archive=("none:",)) as running:
        running.post({"message": "m"})
        looked: dict[str, Any] = running.get("/api/v1/health/store").json
        return {**looked, **running.get("/api/v1/status").json}


@cache
def addresses() -> set[str]:
    """
    Return method and path of every route.
    """
    routes = create_app(store="sqlite::memory:", mcp=True)._routes.routes
    found = {f"{method} {route.path}" for route in routes for method in route.methods or {"POST"}}
    return found | {f"POST {path}" for path in INGEST_PATHS}


def is_command(words: list[str]) -> bool:
    """
    Whether the command line takes *words*.
    """
    command: click.Command | None = commands
    for word in words:
        if word.startswith("--"):
            if word not in {option for parameter in command.params for option in parameter.opts}:
                return False
        else:
            command = command.get_command(None, word) if isinstance(command, click.Group) else None
        if command is None:
            return False
    return bool(words)


def is_place(name: str) -> bool:
    """
    Whether *name* is a file here, and what stands behind `::` a test in it.
    """
    path, _, test = name.partition("::")
    if not (ROOT / path).is_file():
        return False
    if not test:
        return True
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return test in {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def is_setting(name: str) -> bool:
    """
    Whether *name* is a setting of the server, or behind a dot one of its parts.
    """
    kind: Any = ServerSettings
    for part in name.split("."):
        if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
            return False
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
        if part not in fields:
            return False
        kind = fields[part]
    return True


def is_field(name: str, told: Any) -> bool:
    """
    Whether *told* has a value at the path *name*.
    """
    for part in name.split("."):
        if not isinstance(told, dict) or part not in told:
            return False
        told = told[part]
    return True


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_exists(name: str, told: dict[str, Any]) -> None:
    """
    An address is a route, a command and its options are taken, a file is here and a test in it, and any other
    word is a setting or a field of what a real server tells.
    """
    if re.match(r"(GET|POST|DELETE) /", name):
        assert name in addresses()
    elif name.startswith("tracelog "):
        assert is_command(name.split()[1:])
    elif "/" in name:
        assert is_place(name)
    else:
        assert name in OF_THE_SEARCH | OF_A_ROW or is_setting(name) or is_field(name, told)


def test_every_line_of_the_stories_has_a_row() -> None:
    """
    No criterion is left out, and each row names something that can be looked up or a page.
    """
    assert {line for line, _, _ in ROWS} == LINES
    assert all("`" in where or "page /" in where for _, _, where in ROWS)
    assert len(NAMED) > 60
