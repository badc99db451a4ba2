"""
Markdown for an agent: nothing of a program stands outside the lines with the number of the answer.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.correlation.build import traces
from tests.mcp.agent import outside
from tests.render.hostile import HIDDEN, TEXTS, everywhere
from tracelog.correlation import Missing
from tracelog.render.reported import correlate

NONCE = "0123456789ab"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_only_our_own_words_stand_outside(text):
    """
    Whatever stands in any field, outside are the sizes alone, and inside is the document as people get it.
    """
    report = correlate(everywhere(text), trace_id=text, missing=[Missing(text, text, 3)])
    made = report.to_markdown(nonce=NONCE, url=text)
    lines = made.split("\n")
    assert outside(made).strip() == lines[0]
    assert set(lines[0]) <= set("0123456789.,· mshdyteincorlpa")
    assert made.count(NONCE) == 2
    assert not set(made.replace("\n", "")) & set(HIDDEN)
    assert "\n".join(lines[4:-3]) == report.to_markdown(url=text).rstrip("\n")


@given(traces(most=8), st.integers(0, 600))
def test_a_budget_is_kept_and_the_fence_is_closed(entries, budget):
    """
    Any trace fits any budget; where no document fits there is no fence and nothing of a program.
    """
    made = correlate(entries).to_markdown(budget, nonce=NONCE)
    assert len(made.encode()) <= 4 * budget
    assert made.count(NONCE) in {0, 2}
    assert outside(made).strip() == made.split("\n")[0]
