"""
Why entries are not in the timeline, in words.
"""

from collections.abc import Mapping
from typing import Final

from tracelog.correlation import Missing, Report
from tracelog.correlation.words import plural
from tracelog.render.choose import Left
from tracelog.render.text import clean

WORDS: Final[Mapping[str, str]] = {
    "system_quota": "over the {system} quota",
    "trace_quota": "over the quota of the trace",
    "global_quota": "over the quota of all",
    "budget": "over the budget",
    "rate": "over the rate limit",
    "sampled": "sampled out",
    "sample": "sampled out",
    "loop": "stopped as loops",
    "noise": "known as noise",
    "echo": "said by several systems at once",
    "expired": "expired",
    "evicted": "evicted from the store",
    "unreported": "lost without a report",
    "in_flight": "still on the way",
    "holes": "missing running numbers, lost or of another trace",
    "unknown": "not kept for an unknown reason",
}
"""Reasons that the protection and the stores use; any other is shown as it is."""


def in_words(loss: Missing) -> str:
    """
    Return why the entries of *loss* are missing, as it reads behind their number.
    """
    system = clean(loss.system)
    words = WORDS.get(loss.reason, clean(loss.reason).replace("_", " "))
    if "{system}" in words:
        return words.replace("{system}", system or "system")
    return f"{words} ({system})" if system else words


def plain(reason: str) -> str:
    """
    Return why entries are missing in our own words alone: a reason that we do not know could be a sentence.
    """
    return WORDS.get(reason, WORDS["unknown"]).format(system="system")


def unplaced(report: Report) -> list[Missing]:
    """
    Return the losses that no row of the timeline tells of.
    """
    placed = {(row.system, row.why) for row in report.timeline if row.kind == "suppressed"}
    return [loss for loss in report.missing if (loss.system, loss.reason) not in placed]


def left_out(left: Left) -> str:
    """
    Return how much is left out between two rows.
    """
    rows = plural(left.rows, "more row")
    return rows if left.rows == left.entries else f"{rows}, {plural(left.entries, 'entry', 'entries')}"
