"""
A difference in the terminal and as Markdown.
"""

import pytest

from tests.correlation.build import log
from tests.render.hostile import HIDDEN, TEXTS, everywhere
from tracelog.correlation import diff
from tracelog.render import difference_markdown, difference_terminal
from tracelog.render.answer import between
from tracelog.render.difference import headline, sizes

NONCE = "0123456789ab"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_is_obeyed(text):
    """
    Whatever programs say, each change is one line, nothing invisible comes through and no fence is left.
    """
    found = diff([], everywhere(text))
    shown = difference_terminal(found, width=80, color=False)
    assert len(shown.split("\n")) <= len(found.changes) + 3
    assert not set(shown.replace("\n", "")) & set(HIDDEN)
    lines = difference_markdown(found, NONCE).split("\n")
    begin, end = lines.index(between([], NONCE)[0]), lines.index(between([], NONCE)[1])
    assert [n for n, line in enumerate(lines) if NONCE in line] == [begin, end]
    assert lines[:begin] == [f"# {headline(found)}", "", sizes(found), ""]
    assert lines[end + 1 :] == [""]
    ticks = lines[begin + 2].removesuffix("text")
    assert [place for place, line in enumerate(lines) if line == ticks] == [end - 2]


@pytest.mark.parametrize("budget", [1, 30, 100, 1_000, 100_000])
def test_a_budget_is_kept(budget):
    """
    Markdown stays within its tokens and counts what it leaves out.
    """
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)} happened" for n in range(150)]
    text = difference_markdown(diff([], [log(word, n, word) for n, word in enumerate(words)]), NONCE, budget)
    assert len(text.encode()) <= 4 * budget
    assert ("over the budget" in text) == (budget in {100, 1_000})
    assert text.count(NONCE) == (2 if " happened" in text else 0)


def test_new_errors_are_red_and_the_words_are_the_same_without():
    """
    Colour marks new errors; without it the same is said.
    """
    found = diff([], [log("a", 0, "it broke", level="error")])
    painted = difference_terminal(found, width=80, color=True)
    assert "\x1b[31mnew    error backend: it broke id=a\x1b[0m" in painted
    assert "  new    error backend: it broke id=a" in difference_terminal(found, width=80, color=False)


def test_nothing_changed_is_said():
    """
    Equal sides are told as such, with how much was compared.
    """
    same = [log("a", 0, "said")]
    assert difference_markdown(diff(same, same), NONCE).startswith("# nothing changed in 1 pattern\n")
