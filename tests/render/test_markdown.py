"""
Markdown: the same story as the terminal, in which no text can become markup, within any budget.
"""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.correlation.build import log, traces
from tests.correlation.incident import incident
from tests.render.hostile import HIDDEN, TEXTS, everywhere
from tracelog.correlation import Missing, correlate
from tracelog.render.markdown import code, escape, fence, markdown
from tracelog.render.story import headline, tell
from tracelog.render.text import clean


def outside_code(text: str) -> str:
    """
    Return what a CommonMark reader sees as Markdown: *text* without fences and code spans, or fail if one is left open.
    """
    lines, opened = [], ""
    for line in text.split("\n"):
        ticks = re.match(r" {0,3}(`{3,})([^`]*)$", line)
        if not opened and ticks:
            opened = ticks[1]
        elif opened and ticks and len(ticks[1]) >= len(opened) and not ticks[2].strip():
            opened = ""
        elif not opened:
            lines.append(line)
    assert not opened
    return "\n".join(re.sub(r"(?<![`\\])(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", line) for line in lines)


def tokens(text: str) -> float:
    return len(text.encode()) / 4


def test_the_incident_reads_like_this():
    """
    The brief says what the terminal says, in its order and with its numbers, and names ids to ask for more.
    """
    text = markdown(correlate(incident()), url="http://127.0.0.1:8787/debug/4bf92f35")
    assert text == Path(__file__).with_name("incident.md").read_text(encoding="utf-8")


def test_both_faces_tell_the_same():
    """
    Every line of the brief and every row of the timeline is in the Markdown.
    """
    report = correlate(incident())
    text = markdown(report)
    assert escape(headline(report)[1]) in text
    assert all(told.body.text in text or escape(told.body.text) in text for told in tell(report))
    assert all(clean(row.message) in text for row in report.timeline)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_becomes_markup(text):
    """
    Fences and spans hold whatever stands in a field; outside them nothing of it is obeyed.
    """
    made = markdown(correlate(everywhere(text), trace_id=text, missing=[Missing(text, text, 3)]), url=text)
    assert not set(made.replace("\n", "")) & set(HIDDEN)
    visible = re.sub(r"\\[\\`*_\[\]<>|~&#]", "", outside_code(made))
    assert "`" not in visible
    assert not re.search(r"<(?!http)|!\[|\]\(", visible)
    assert [line for line in visible.split("\n") if line.startswith("#")] == [
        visible.split("\n")[0],
        "## Timeline",
    ]


@given(st.text("` ~a\\", min_size=0, max_size=30))
def test_a_code_span_holds_any_text(text):
    """
    A span ends where we end it.
    """
    span = code(text)
    if text.strip():
        ticks = re.match(r"`+", span)[0]
        assert span.endswith(ticks)
        inner = span[len(ticks) : -len(ticks)]
        assert text in inner
        assert not re.search(rf"(?<!`){ticks}(?!`)", inner)
        assert inner[0] != "`"
        assert inner[-1] != "`"
    else:
        assert span == "(empty)"


@given(st.lists(st.text("`~ab ", max_size=12), max_size=6))
def test_a_fence_holds_any_lines(lines):
    """
    A fence ends where we end it, however many ticks are inside.
    """
    made = fence(lines)
    assert made[0].endswith("text")
    closing = made[-1]
    assert len(closing) >= 3
    assert all(closing not in line for line in lines)


@pytest.mark.parametrize("budget", [0, 1, 5, 25, 60, 120, 200, 350, 500, 700, 5_000])
def test_a_budget_is_kept(budget):
    """
    The text never costs more tokens than asked for, and says first what happened.
    """
    report = correlate(incident())
    text = markdown(report, budget)
    assert tokens(text) <= budget
    assert markdown(report).startswith(text[: min(len(text), 60)].rstrip("\n"))
    if budget >= 120:
        assert "37 entries not here" in text.split("\n")[2]


def test_a_generous_budget_changes_nothing_that_matters():
    """
    Where all fits all is there.
    """
    report = correlate(incident())
    assert markdown(report, 100_000) == markdown(report)


def test_a_small_budget_does_not_lose_the_cause():
    """
    Of 10,000 entries with the cause third, a thousand tokens hold the cause, the symptom and a count of the rest.
    """
    entries = [
        log(f"e{n}", n, f"{chr(97 + n % 26)}{chr(97 + n % 7)} {'lorem ipsum ' * 5}", source="s", seq=n)
        for n in range(10_000)
    ]
    entries[3] = log("cause", 3, "disk full", level="error", source="s", seq=3)
    entries[400] = log("symptom", 400, "cannot write", level="error", source="s", seq=400)
    text = markdown(correlate(entries), 1_000)
    assert 800 < tokens(text) <= 1_000
    rows = [line for line in text.split("\n") if line.startswith("+")]
    assert any("error disk full" in line for line in rows)
    assert any("error cannot write" in line for line in rows)
    left = [
        int(found.replace(",", "")) for found in re.findall(r"^\.\.\. ([\d,]+) more row", text, re.MULTILINE)
    ]
    assert sum(left) + len(rows) == 10_000
    assert f"{len(rows)} of 10,000 rows below" in text


@given(traces(most=8), st.integers(0, 600))
def test_any_trace_fits_any_budget(entries, budget):
    """
    Whatever comes in, the budget holds and no fence is left open.
    """
    text = markdown(correlate(entries), budget)
    assert tokens(text) <= budget
    outside_code(text)


def test_an_empty_trace():
    """
    Nothing is told as nothing, with what is known of why.
    """
    text = markdown(correlate([], trace_id="abc", missing=[Missing("browser", "expired", 12)]))
    assert text == (
        "# ✗ nothing is here of this trace\n\n"
        "trace `abc` · 0 ms · 0 systems · 12 entries not here · 0 of 0 rows below\n\n"
        "- **ledger** 12 logged = 0 kept + 0 folded + 12 expired (browser)\n"
    )
