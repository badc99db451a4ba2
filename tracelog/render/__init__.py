"""
Render: a `Report` shown. Faces show and never compute, so they agree in every number.

    Report → story → terminal, markdown, html; brief (for an agent, within a budget)
    Difference → difference (terminal, markdown)
"""

from tracelog.render.brief import brief
from tracelog.render.difference import difference_markdown, difference_terminal
from tracelog.render.html import html
from tracelog.render.markdown import markdown
from tracelog.render.reported import Report, correlate
from tracelog.render.terminal import terminal

__all__ = [
    "Report",
    "brief",
    "correlate",
    "difference_markdown",
    "difference_terminal",
    "html",
    "markdown",
    "terminal",
]
