"""
The report as users get it: the values of correlation, and the faces as methods.

Correlation stands below rendering and cannot know it, so the methods are added here. `tracelog.correlate` is
this module's.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tracelog import correlation
from tracelog.core.entry import Entry
from tracelog.correlation import Missing
from tracelog.correlation.account import Reports
from tracelog.render.enclosed import markdown_enclosed
from tracelog.render.html import html
from tracelog.render.markdown import markdown
from tracelog.render.terminal import terminal


class Report(correlation.Report, kw_only=True):
    """
    Everything known about one trace, and the ways to show it.
    """

    def to_markdown(
        self, budget: int | None = None, *, url: str | None = None, nonce: str | None = None
    ) -> str:
        """
        Return the report as Markdown, of at most *budget* tokens; *url* is where the trace can be read.

        For an agent give a *nonce*, random and made for this text alone: it encloses what programs wrote.
        """
        if nonce is None:
            return markdown(self, budget, url=url)
        return markdown_enclosed(self, nonce, budget, url=url)

    def to_html(self, *, url: str | None = None, data: bytes | None = None) -> str:
        """
        Return the report as one HTML page that needs nothing else; with *data*, the JSON export of the trace,
        the page can be imported again.
        """
        return html(self, url=url, data=data)

    def to_terminal(self, *, width: int = 100, color: bool = False, url: str | None = None) -> str:
        """
        Return the report for a terminal of *width* columns.
        """
        return terminal(self, width=width, color=color, url=url)


def correlate(
    entries: Iterable[Entry | Mapping[str, Any]],
    *,
    trace_id: str | None = None,
    reports: Reports | None = None,
    missing: Iterable[Missing] = (),
    evicted: int = 0,
) -> Report:
    """
    Return what the *entries* of one trace tell: one timeline, error chains, insights, and what is not there.

    The same entries in any order give the same report. They are not changed.

    Args:
        entries: Entries of one trace, or the JSON objects of a fetch or an export.
        trace_id: Its id; without it that of the entries.
        reports: Ledgers of the trace by system, in the promised shape: further witnesses of what was not
            kept.
        missing: What the caller knows to be gone, such as `Missing("browser", "expired", 12)`.
        evicted: Entries that the store had and dropped, of no known system.

    Raises:
        InvalidEntryError: When a JSON object cannot be an entry: it has no message or an unusable trace id.
    """
    gone = [*missing, Missing("", "evicted", evicted)]
    made = correlation.correlate(entries, trace_id=trace_id, reports=reports, missing=gone)
    return Report(**{name: getattr(made, name) for name in made.__struct_fields__})
