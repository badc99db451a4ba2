"""
A report for a terminal: the brief, then the timeline.

    ✗ what failed                                    trace · duration · systems · complete
      cause    …
      then     …
      time     …
      ledger   …

      +0      browser    click Buy                ▏
      +2      browser    POST /checkout           ██████████████  2,166 ms
"""

from collections.abc import Iterator, Sequence
from typing import Final

from tracelog.core.text import short_id
from tracelog.correlation import Report
from tracelog.render.choose import by_worth, with_gaps
from tracelog.render.paint import paint
from tracelog.render.story import Told, headline, sizes, tell
from tracelog.render.text import columns, cut, pad, wrap
from tracelog.render.waterfall import WIDEST_NAME, WIDEST_WHO, draw

ROWS: Final = 80
"""Rows of the timeline that are drawn: two screens. A flood of rows hides what they tell."""

LABEL: Final = 9
"""Columns of the label in front of a line, its space behind it included."""

ROOMY: Final = 80
"""Columns from which on a brief has room for a long name in front of its lines."""

LINES: Final = 3
"""Lines that one text of the brief may take."""


def terminal(report: Report, *, width: int, color: bool, url: str | None = None, rows: int = ROWS) -> str:
    """
    Return *report* as text for a terminal, without a line end behind it.

    Args:
        report: What `correlate` made.
        width: Columns; narrower than 60 is laid out for 60.
        color: Whether the terminal shows colours. Without them the text is the same.
        url: Where the trace can be read, shown at the end of the brief.
        rows: Rows of the timeline at most; what is left out is counted where it was.
    """
    width = max(width, NARROWEST)
    lines = [*_head(report, width, color), *_brief(tell(report, url), width, color)]
    if report.timeline:
        chosen = by_worth(report)[: max(1, rows)]
        lines += ["", *draw(report, with_gaps(report.timeline, chosen), width=width, color=color)]
    return "\n".join(lines)


NARROWEST: Final = 60
"""Below this a table of times and systems cannot be laid out; the terminal wraps it then."""


def _head(report: Report, width: int, color: bool) -> Iterator[str]:
    good, sentence = headline(report)
    mark, style = ("✓", "ok") if good else ("✗", "failure")
    facts = " · ".join([f"trace {short_id(report.trace_id)}", *sizes(report)])
    used = 2 + columns(sentence) + 3 + columns(facts)
    if used <= width:
        tail = " " * (width - used + 3) + paint(facts, "dim", color=color)
        yield paint(mark, style, color=color) + " " + paint(sentence, "bold", color=color) + tail
        return
    for i, line in enumerate(wrap(sentence, width - 2, LINES)):
        yield (paint(mark, style, color=color) if i == 0 else " ") + " " + paint(line, "bold", color=color)
    yield "  " + paint(cut(facts, width - 2), "dim", color=color)


def _brief(told: Sequence[Told], width: int, color: bool) -> Iterator[str]:
    lead = [max((columns(t.lead[i].text) for t in told if t.lead), default=0) for i in range(2)]
    lead[0] = min(lead[0], WIDEST_NAME if width < ROOMY else WIDEST_WHO)
    for line in told:
        start = "  " + paint(line.label.ljust(LABEL), "dim", color=color)
        used = 2 + LABEL
        if line.lead:
            system, moment = line.lead
            start += paint(pad(system.text, lead[0]), system.style, color=color) + "  "
            start += paint(moment.text.rjust(lead[1]), moment.style, color=color) + "  "
            used += sum(lead) + 4
        for i, text in enumerate(wrap(line.says + line.body.text, width - used, LINES)):
            yield (start if i == 0 else " " * used) + paint(text, line.body.style, color=color)
