"""
Render: a `Report` shown. Faces show and never compute, so they agree in every number.

    Report → story (the brief) → terminal, markdown, html
"""

from tracelog.render.html import html
from tracelog.render.markdown import markdown
from tracelog.render.reported import Report, correlate
from tracelog.render.terminal import terminal

__all__ = ["Report", "correlate", "html", "markdown", "terminal"]
