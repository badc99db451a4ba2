"""
The command line as an agent reads it: `--format md`, and what a failed test shows.
"""

import os
import re

import pytest
from click.testing import CliRunner

import tracelog
from tests.mcp.agent import outside
from tests.mcp.conftest import PAGE, READER, SHOP
from tests.mcp.hostile import FORBIDDEN, HIDDEN, LINES, poisoned
from tracelog.cli import commands
from tracelog.testing import capture

ONE, OTHER = f"{1:032x}", f"{2:032x}"


def run(url, folder, *arguments):
    unset = dict.fromkeys(name for name in os.environ if name.startswith("TRACELOG_"))
    settings = {**unset, "TRACELOG_URL": url, "TRACELOG_KEY": READER, "XDG_STATE_HOME": str(folder)}
    return CliRunner(env=settings).invoke(commands, arguments)


def test_no_line_of_a_stranger_leaves_the_fence_of_a_command(guarded, tmp_path):
    """
    Of fifty lines that a public key logged none stands outside the fence of what a command tells an agent, and
    each answer that shows them has a fence of its own.
    """
    asked = [
        *(["show", f"{n + 1:032x}", "--format", "md"] for n in range(len(LINES))),
        ["brief", ONE],
        ["export", OTHER, "--format", "md"],
        ["diff", ONE, OTHER, "--format", "md"],
        ["diff", "mark:before", "--format", "md"],
        ["search", "number", "--format", "md"],
        ["tail", "--since-last", "--format", "md"],
    ]
    assert run(guarded.url, tmp_path, "tail", "--since-last", "--format", "md").exit_code == 0
    assert run(guarded.url, tmp_path, "mark", "before").exit_code == 0
    guarded.post(*(poisoned(n, line) for n, line in enumerate(LINES)), key=PAGE, origin=SHOP)
    fences = set()
    for arguments in asked:
        result = run(guarded.url, tmp_path, *arguments)
        assert result.exit_code == 0, result.stderr
        text = result.stdout
        assert not [word for word in FORBIDDEN if word in outside(text).lower()], outside(text)
        assert not set(text) & set(HIDDEN)
        assert "number" in text
        fences |= set(re.findall(r"^--- ([0-9a-f]{12}) begins: ", text, re.MULTILINE))
    assert len(fences) == len(asked)


@pytest.mark.parametrize("arguments", [["search"], ["tail", "--since-last"]])
def test_an_answer_of_a_command_is_bounded_and_counts(logged, tmp_path, arguments):
    """
    However many entries were found, an agent gets at most 20,000 tokens, the errors among them, and is told how
    many there are.
    """
    rows = [{"trace_id": ONE, "id": f"ab-{n}", "message": f"step {'xyz' * 70} {n}"} for n in range(900)]
    rows[450] |= {"level": "error", "message": "disk is full"}
    run(logged.url, tmp_path, *arguments, "--format", "md")
    logged.post(*rows)
    more = ["-n", "1000"] if arguments == ["search"] else []
    text = run(logged.url, tmp_path, *arguments, *more, "--format", "md").stdout
    assert text.startswith("900 entries\n")
    assert len(text.encode()) <= 4 * 20_000
    assert "disk is full" in text
    assert "left out: " in outside(text)


def test_following_has_no_end_for_an_agent(logged, tmp_path):
    """
    `tail --format md` without --since-last is refused: an answer with a fence must end.
    """
    result = run(logged.url, tmp_path, "tail", "--format", "md")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--since-last" in result.stderr


@pytest.mark.parametrize("line", LINES[:10])
def test_a_failed_expectation_shows_each_entry_on_a_line(line):
    """
    Nothing that a program logged breaks a line of what `expect` says, and nothing invisible stands in it.
    """
    with capture() as logs:
        tracelog.get_logger("shop").error(line)
    with pytest.raises(AssertionError) as failed:
        logs.expect("absent")
    assert len(str(failed.value).split("\n")) == 2
    assert not set(str(failed.value)) & set(HIDDEN)


@pytest.mark.parametrize("line", LINES[:10])
def test_the_brief_of_a_failed_test_is_fenced(line):
    """
    What the program under test was made to log stands inside the fence of the brief, on one line each.
    """
    with capture() as logs:
        tracelog.get_logger("shop").error(line)
    text = logs.brief(2_000)
    assert not [word for word in FORBIDDEN if word in outside(text).lower()], outside(text)
    assert not set(text) & set(HIDDEN)


@pytest.mark.parametrize("budget", [300, 2_000])
def test_the_brief_of_many_traces_keeps_to_one_budget(budget):
    """
    However many traces a test logged, their brief is within its tokens, a failed one first, the others counted.
    """
    log = tracelog.get_logger("shop")
    with capture() as logs:
        for n in range(60):
            with tracelog.trace(f"order {n}"):
                (log.error if n == 50 else log.info)(f"step {n} of the order")
    text = logs.brief(budget)
    assert len(text.encode()) <= 4 * budget
    assert "step 50 of the order" in text.split(" ends ---")[0]
    assert "more traces" in outside(text)
    assert logs.brief().count(" ends ---") == 60
