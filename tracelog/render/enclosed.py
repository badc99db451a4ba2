"""
Markdown for an agent: the same document, what programs wrote between two lines with a number of this answer.

Code spans and fences of Markdown keep text from becoming markup, but whoever logs knows how they look. The
number cannot be known, so nothing that was logged can pretend to be behind the text of programs.
"""

from typing import Final

from tracelog.correlation import Report
from tracelog.render.answer import BYTES_PER_TOKEN, between, size
from tracelog.render.answer import cut as cut_to
from tracelog.render.markdown import markdown
from tracelog.render.story import sizes

LEAST: Final = 24
"""Tokens of a document below which it says nothing: then only our own line stands."""


def enclosed(facts: str, text: str, nonce: str) -> str:
    """
    Return the Markdown *text* behind our own *facts*, enclosed by *nonce*, each a paragraph of its own.
    """
    return "\n\n".join([facts, *between([text.rstrip("\n")], nonce)]) + "\n"


def markdown_enclosed(
    report: Report, nonce: str, budget: int | None = None, *, url: str | None = None
) -> str:
    """
    Return *report* as Markdown of at most *budget* tokens, of which only our own words stand outside.
    """
    facts = " · ".join(sizes(report))
    if budget is None:
        return enclosed(facts, markdown(report, url=url), nonce)
    left = budget - -(-size(enclosed(facts, "", nonce)) // BYTES_PER_TOKEN)
    if left < LEAST:
        return cut_to(facts, max(0, budget) * BYTES_PER_TOKEN)
    return enclosed(facts, markdown(report, left, url=url), nonce)
